//! Evidence into a verdict on one server.
//!
//! First form: the BMC answers, and says whether the power is on. Silence is never a verdict on the
//! server: BMCs often die with their host.

use crate::now::Now;
use core::fmt;
use core::time::Duration;

/// Power off is believed when it was read so often in a row.
const OFF_READINGS: u8 = 2;

/// What one question to a BMC brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Get Chassis Status over a session of the right BMC.
    Power {
        /// Whether the server's power is on.
        on: bool,
        /// Whether the BMC has proven to be this server's. Only then its *off* counts.
        proven: bool,
    },
    /// It answered without a session, which tells nothing of the server.
    Answers,
    /// It did not answer as it should.
    None(Doubt),
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Nothing was asked yet.
    NotAsked,
    /// The BMC is silent.
    Silent,
    /// It refused our login.
    Login,
    /// It has no session left for us.
    NoSlot,
    /// Another BMC answers at its address.
    Identity,
    /// It answers, but no login is configured.
    NoLogin,
    /// It answers what we do not understand.
    Malformed,
    /// It says that the power is off, but whose BMC it is was not proven: no GUID is pinned.
    Unproven,
}

/// What the BMC's words mean for its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The power is on; whether the services run is not known.
    Powered,
    /// The power is off: read twice, over a session, from the right BMC.
    Off,
    /// Nothing can be said.
    Unknown(Doubt),
}

/// What is known of one server.
#[derive(Debug, Clone)]
pub struct Peer {
    verdict: Verdict,
    since: Duration,
    heard: Option<Now>,
    off_readings: u8,
    restarts: u32,
}

impl Peer {
    /// Nothing is known yet.
    pub fn new(now: Now) -> Self {
        Self {
            verdict: Verdict::Unknown(Doubt::NotAsked),
            since: now.boottime,
            heard: None,
            off_readings: 0,
            restarts: 0,
        }
    }

    /// The present verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Since when (boottime) it holds.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// When the BMC last answered.
    pub fn heard(&self) -> Option<Now> {
        self.heard
    }

    /// How often the power was seen to come back.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The host was reset although its power stayed on, as the BMC that was told to do it says.
    pub fn restarted(&mut self) {
        self.restarts = self.restarts.saturating_add(1);
    }

    /// Weighs one answer; true when the verdict changed. Within `timeout` of the last answer, silence
    /// changes nothing: one lost datagram is no news.
    pub fn weigh(&mut self, now: Now, evidence: Evidence, timeout: Duration) -> bool {
        let verdict = match evidence {
            Evidence::Power { on: true, .. } => {
                self.off_readings = 0;
                if self.verdict == Verdict::Off {
                    self.restarted();
                }
                Verdict::Powered
            }
            Evidence::Power { on: false, proven: false } => Verdict::Unknown(Doubt::Unproven),
            Evidence::Power { on: false, proven: true } => {
                self.off_readings = self.off_readings.saturating_add(1);
                if self.off_readings < OFF_READINGS { self.verdict } else { Verdict::Off }
            }
            Evidence::Answers => Verdict::Unknown(Doubt::NoLogin),
            Evidence::None(doubt) => {
                self.off_readings = 0;
                match self.heard {
                    Some(heard) if doubt == Doubt::Silent && now.boottime < heard.boottime + timeout => self.verdict,
                    _ => Verdict::Unknown(doubt),
                }
            }
        };
        if !matches!(evidence, Evidence::None(_)) {
            self.heard = Some(now);
        }
        if verdict == self.verdict {
            return false;
        }
        self.verdict = verdict;
        self.since = now.boottime;
        true
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Powered => f.write_str("powered"),
            Self::Off => f.write_str("off"),
            Self::Unknown(doubt) => write!(f, "unknown ({doubt})"),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "not asked yet",
            Self::Silent => "BMC silent",
            Self::Login => "login refused",
            Self::NoSlot => "no session left on the BMC",
            Self::Identity => "another BMC answers",
            Self::NoLogin => "BMC answers, no login configured",
            Self::Malformed => "answer not understood",
            Self::Unproven => "off, says a BMC whose guid is not pinned",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(90);

    fn at(seconds: u64) -> Now {
        Now { boottime: Duration::from_secs(seconds), wall: Duration::from_secs(1_700_000_000 + seconds) }
    }

    #[test]
    fn off_is_believed_at_the_second_reading() {
        let mut peer = Peer::new(at(0));
        assert!(peer.weigh(at(1), Evidence::Power { on: true, proven: true }, TIMEOUT));
        assert!(!peer.weigh(at(4), Evidence::Power { on: false, proven: true }, TIMEOUT));
        assert_eq!(peer.verdict(), Verdict::Powered);
        assert!(peer.weigh(at(7), Evidence::Power { on: false, proven: true }, TIMEOUT));
        assert_eq!(peer.verdict(), Verdict::Off);
        assert!(peer.weigh(at(10), Evidence::Power { on: true, proven: true }, TIMEOUT));
        assert_eq!((peer.verdict(), peer.restarts()), (Verdict::Powered, 1));
    }

    #[test]
    fn off_on_off_is_not_off() {
        let mut peer = Peer::new(at(0));
        for (second, on) in [(1, true), (2, false), (3, true), (4, false)] {
            peer.weigh(at(second), Evidence::Power { on, proven: true }, TIMEOUT);
        }
        assert_eq!((peer.verdict(), peer.restarts()), (Verdict::Powered, 0));
    }

    #[test]
    fn off_from_an_unproven_bmc_is_no_word_on_the_server() {
        let mut peer = Peer::new(at(0));
        for second in 1..9 {
            peer.weigh(at(second), Evidence::Power { on: false, proven: false }, TIMEOUT);
            assert_eq!(peer.verdict(), Verdict::Unknown(Doubt::Unproven));
        }
    }

    #[test]
    fn silence_becomes_unknown_after_the_timeout_and_never_off() {
        let mut peer = Peer::new(at(0));
        peer.weigh(at(1), Evidence::Power { on: true, proven: true }, TIMEOUT);
        assert!(!peer.weigh(at(90), Evidence::None(Doubt::Silent), TIMEOUT));
        assert!(peer.weigh(at(91), Evidence::None(Doubt::Silent), TIMEOUT));
        assert_eq!(peer.verdict(), Verdict::Unknown(Doubt::Silent));
        assert_eq!(peer.heard(), Some(at(1)));
    }

    #[test]
    fn a_refused_login_is_said_at_once() {
        let mut peer = Peer::new(at(0));
        peer.weigh(at(1), Evidence::Power { on: true, proven: true }, TIMEOUT);
        assert!(peer.weigh(at(2), Evidence::None(Doubt::Login), TIMEOUT));
        assert_eq!(peer.verdict(), Verdict::Unknown(Doubt::Login));
    }
}
