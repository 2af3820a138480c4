//! What the heartbeat says of a server, in numbers.
//!
//! Values; the calls that give them out are in `heartbeat`.

use super::options::fits;
use crate::Error;
use crate::engine::PeerStatus;
use crate::heartbeat::mark::Vouched;
use crate::heartbeat::{Doubt, FedBy, Pulse, TakeOver, Verdict};
use std::mem::{offset_of, size_of};
use std::time::Duration;

/// What a BMC's words mean for its server.
#[repr(C)]
pub enum bmcn_verdict {
    /// Nothing can be said; bmcn_peer.doubt says why.
    BMCN_UNKNOWN = 0,
    /// The power is on; whether the services run is not known.
    BMCN_POWERED = 1,
    /// The power is off: read twice, over a session, from the right BMC.
    BMCN_OFF = 2,
    /// The power is on, and the server's own software feeds the watchdog in time.
    BMCN_ALIVE = 3,
    /// Firmware or a loader runs the watchdog: the server boots.
    BMCN_BOOTING = 4,
    /// The watchdog was fed, but late.
    BMCN_DELAYED = 5,
    /// The power is on, and the watchdog was not fed for longer than the time-out.
    BMCN_SILENT = 6,
    /// The power is on, and the feeder said goodbye.
    BMCN_LEFT = 7,
}

/// Why nothing can be said of a server.
#[repr(C)]
pub enum bmcn_doubt {
    /// Something can be said.
    BMCN_NO_DOUBT = 0,
    /// Nothing was asked yet.
    BMCN_DOUBT_NOT_ASKED = 1,
    /// The BMC is silent.
    BMCN_DOUBT_SILENT = 2,
    /// It refused our login.
    BMCN_DOUBT_LOGIN = 3,
    /// It has no session left for us.
    BMCN_DOUBT_NO_SLOT = 4,
    /// Another BMC answers at its address.
    BMCN_DOUBT_IDENTITY = 5,
    /// It answers, but no login is configured.
    BMCN_DOUBT_NO_LOGIN = 6,
    /// It answers what we do not understand.
    BMCN_DOUBT_MALFORMED = 7,
    /// It says that the power is off, but whose BMC it is was not proven: no GUID is pinned.
    BMCN_DOUBT_UNPROVEN = 8,
    /// It answers; two other servers hold the sessions that a cluster may have on it.
    BMCN_DOUBT_ELSEWHERE = 9,
}

/// What a server's watchdog shows, as its BMC told last.
#[repr(C)]
pub enum bmcn_pulse {
    /// Nothing that can be used: not asked, refused, or nonsense.
    BMCN_PULSE_UNREAD = 0,
    /// It was never started, or it was stopped.
    BMCN_PULSE_STOPPED = 1,
    /// It was stopped by a library like this one that ended cleanly.
    BMCN_PULSE_GOODBYE = 2,
    /// Firmware or a loader runs it.
    BMCN_PULSE_BOOT = 3,
    /// It counts, and is fed: bmcn_peer.fed_by, bmcn_peer.fed_ms_ago.
    BMCN_PULSE_FED = 4,
    /// It ran out while it was watched: nobody has fed it.
    BMCN_PULSE_EXPIRED = 5,
}

/// Who feeds a watchdog.
#[repr(C)]
pub enum bmcn_fed_by {
    /// Nobody, as far as is known.
    BMCN_FED_BY_NOBODY = 0,
    /// A library like this one, whose thread, or loop, lives.
    BMCN_FED_BY_LIBRARY = 1,
    /// A library like this one, as long as its application vouches: see bmcn_ctx_vouch().
    BMCN_FED_BY_APPLICATION = 2,
    /// The kernel's ipmi_watchdog, bmc-watchdog, or whoever else.
    BMCN_FED_BY_ANOTHER = 3,
}

/// May I take over what a server runs?  Only BMCN_TAKE_OVER_YES is a yes, so compare with it.
#[repr(C)]
pub enum bmcn_take_over {
    /// No: it lives, or may come to life any moment.
    BMCN_TAKE_OVER_NO = 0,
    /// Yes: it has no power.
    BMCN_TAKE_OVER_YES = 1,
    /// After it has been fenced: its feeder is dead, its services may not be.
    BMCN_TAKE_OVER_FENCE_FIRST = 2,
    /// The BMC does not know: ask the cluster's other witnesses.
    BMCN_TAKE_OVER_NO_ANSWER = 3,
}

/// What the heartbeat says of one server.  Zero everything, then set `size`, before it is handed in.
///
/// Times are CLOCK_BOOTTIME milliseconds.  Later versions append members; a shorter struct is filled as far
/// as it goes.
#[repr(C)]
pub struct bmcn_peer {
    /// sizeof(bmcn_peer) of the caller.
    pub size: usize,
    /// One of bmcn_verdict.
    pub verdict: i32,
    /// One of bmcn_doubt.
    pub doubt: i32,
    /// Since when the verdict holds.
    pub since_ms: u64,
    /// When the BMC last answered; 0: never.
    pub heard_ms: u64,
    /// How often the server was seen to restart.
    pub restarts: u32,
    /// Zero.
    pub reserved: u32,
    /// The power, as the BMC told last: 1 on, 0 off, -1 not known.
    pub power: i32,
    /// One of bmcn_pulse.
    pub pulse: i32,
    /// One of bmcn_fed_by.
    pub fed_by: i32,
    /// 1 if it is this server.
    pub own: i32,
    /// How long ago the watchdog was fed, in milliseconds, when it was read last; -1: it is not fed.
    pub fed_ms_ago: i64,
    /// How long the BMC's last answer took, in microseconds; 0: there was none.
    pub round_trip_us: u64,
    /// Rounds of questions without an answer since the last answer.
    pub misses: u32,
    /// One of bmcn_take_over, for the moment of this call: a yes does not keep.
    pub take_over: i32,
}

/// The size of the first version, for ever; it ended with `reserved`, and each later one ends without padding.
const FIRST_SIZE: usize = 40;
const _: () = assert!(offset_of!(bmcn_peer, reserved) + size_of::<u32>() == FIRST_SIZE);
const _: () = assert!(size_of::<bmcn_peer>() == 80);
const _: () = assert!(offset_of!(bmcn_peer, take_over) + size_of::<i32>() == size_of::<bmcn_peer>());

/// `now` in boottime.
///
/// # Safety
/// `out` is NULL or points to `out->size` writable octets.
pub(super) unsafe fn write(status: &PeerStatus, now: Duration, out: *mut bmcn_peer) -> Result<(), Error> {
    if out.is_null() {
        return Err(Error::invalid("out is NULL"));
    }
    // SAFETY: by contract.
    unsafe { fits(out.cast_const().cast(), FIRST_SIZE, size_of::<bmcn_peer>())? };
    // SAFETY: at least the first version is there.
    let size = unsafe { (*out).size };
    let (verdict, doubt) = verdict(status.verdict);
    let (pulse, fed_by, fed_ago) = pulse(status.pulse);
    let full = bmcn_peer {
        size,
        verdict: verdict as i32,
        doubt: doubt as i32,
        since_ms: milliseconds(status.since),
        heard_ms: status.heard.map_or(0, |heard| milliseconds(heard.boottime)),
        restarts: status.restarts,
        reserved: 0,
        power: status.power.map_or(-1, i32::from),
        pulse: pulse as i32,
        fed_by: fed_by as i32,
        own: i32::from(status.own),
        fed_ms_ago: fed_ago.map_or(-1, |ago| i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
        // An answer in less than a microsecond is one all the same.
        round_trip_us: status.round_trip.map_or(0, |took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1)),
        misses: status.misses,
        take_over: take_over(status.take_over(now).0) as i32,
    };
    // SAFETY: a caller of an older version has room for the beginning only.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const full).cast(), size.min(size_of::<bmcn_peer>())) };
    Ok(())
}

fn milliseconds(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

fn pulse(pulse: Pulse) -> (bmcn_pulse, bmcn_fed_by, Option<Duration>) {
    use bmcn_fed_by::*;
    use bmcn_pulse::*;
    match pulse {
        Pulse::Unread => (BMCN_PULSE_UNREAD, BMCN_FED_BY_NOBODY, None),
        Pulse::Stopped => (BMCN_PULSE_STOPPED, BMCN_FED_BY_NOBODY, None),
        Pulse::Goodbye => (BMCN_PULSE_GOODBYE, BMCN_FED_BY_NOBODY, None),
        Pulse::Boot => (BMCN_PULSE_BOOT, BMCN_FED_BY_NOBODY, None),
        Pulse::Expired => (BMCN_PULSE_EXPIRED, BMCN_FED_BY_NOBODY, None),
        Pulse::Fed { ago, by, good_for: _ } => {
            let by = match by {
                FedBy::Ours(Vouched::Library) => BMCN_FED_BY_LIBRARY,
                FedBy::Ours(Vouched::Application) => BMCN_FED_BY_APPLICATION,
                FedBy::Another => BMCN_FED_BY_ANOTHER,
            };
            (BMCN_PULSE_FED, by, Some(ago))
        }
    }
}

/// An answer as its number.
pub(super) fn take_over(answer: TakeOver) -> bmcn_take_over {
    match answer {
        TakeOver::No => bmcn_take_over::BMCN_TAKE_OVER_NO,
        TakeOver::Yes => bmcn_take_over::BMCN_TAKE_OVER_YES,
        TakeOver::FenceFirst => bmcn_take_over::BMCN_TAKE_OVER_FENCE_FIRST,
        TakeOver::NoAnswer => bmcn_take_over::BMCN_TAKE_OVER_NO_ANSWER,
    }
}

/// A verdict as its two numbers.
pub(super) fn verdict(verdict: Verdict) -> (bmcn_verdict, bmcn_doubt) {
    use bmcn_doubt::*;
    use bmcn_verdict::*;
    match verdict {
        Verdict::Alive => (BMCN_ALIVE, BMCN_NO_DOUBT),
        Verdict::Powered => (BMCN_POWERED, BMCN_NO_DOUBT),
        Verdict::Booting => (BMCN_BOOTING, BMCN_NO_DOUBT),
        Verdict::Delayed => (BMCN_DELAYED, BMCN_NO_DOUBT),
        Verdict::Silent => (BMCN_SILENT, BMCN_NO_DOUBT),
        Verdict::Left => (BMCN_LEFT, BMCN_NO_DOUBT),
        Verdict::Off => (BMCN_OFF, BMCN_NO_DOUBT),
        Verdict::Unknown(doubt) => (
            BMCN_UNKNOWN,
            match doubt {
                Doubt::NotAsked => BMCN_DOUBT_NOT_ASKED,
                Doubt::Silent => BMCN_DOUBT_SILENT,
                Doubt::Login => BMCN_DOUBT_LOGIN,
                Doubt::NoSlot => BMCN_DOUBT_NO_SLOT,
                Doubt::Identity => BMCN_DOUBT_IDENTITY,
                Doubt::NoLogin => BMCN_DOUBT_NO_LOGIN,
                Doubt::Malformed => BMCN_DOUBT_MALFORMED,
                Doubt::Unproven => BMCN_DOUBT_UNPROVEN,
                Doubt::Elsewhere => BMCN_DOUBT_ELSEWHERE,
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::now::Now;
    use crate::words::ServerId;

    fn numbers(status: &PeerStatus, now: u64) -> bmcn_peer {
        // SAFETY: numbers, all of which may be zero.
        let mut peer = bmcn_peer { size: size_of::<bmcn_peer>(), ..unsafe { std::mem::zeroed() } };
        // SAFETY: as long as it says.
        unsafe { write(status, Duration::from_secs(now), &raw mut peer) }.expect("it fits");
        peer
    }

    #[test]
    fn a_yes_grows_old_in_a_struct_that_was_kept() {
        let at = Duration::from_secs(10);
        let off = PeerStatus {
            verdict: Verdict::Off,
            heard: Some(Now { boottime: at, wall: at }),
            power: Some(false),
            current_for: Duration::from_secs(5),
            ..PeerStatus::unheard(ServerId(0), "server1")
        };
        let (young, old) = (numbers(&off, 12), numbers(&off, 16));
        assert_eq!((young.take_over, old.take_over), (1, 3));
        assert_eq!((young.power, young.heard_ms, young.fed_ms_ago), (0, 10_000, -1));
    }

    #[test]
    fn numbers_mean_what_they_meant() {
        let fed = |by| Pulse::Fed { ago: Duration::from_millis(1500), by, good_for: Duration::ZERO };
        let pulses = [
            (Pulse::Unread, (0, 0, -1)),
            (Pulse::Stopped, (1, 0, -1)),
            (Pulse::Goodbye, (2, 0, -1)),
            (Pulse::Boot, (3, 0, -1)),
            (fed(FedBy::Ours(Vouched::Library)), (4, 1, 1500)),
            (fed(FedBy::Ours(Vouched::Application)), (4, 2, 1500)),
            (fed(FedBy::Another), (4, 3, 1500)),
            (Pulse::Expired, (5, 0, -1)),
        ];
        for (pulse, wanted) in pulses {
            let peer = numbers(&PeerStatus { pulse, ..PeerStatus::unheard(ServerId(0), "server1") }, 0);
            assert_eq!((peer.pulse, peer.fed_by, peer.fed_ms_ago), wanted, "{pulse:?}");
        }
        let answers = [TakeOver::No, TakeOver::Yes, TakeOver::FenceFirst, TakeOver::NoAnswer];
        assert_eq!(answers.map(|answer| take_over(answer) as i32), [0, 1, 2, 3]);
        let verdicts = [
            Verdict::Unknown(Doubt::Silent),
            Verdict::Powered,
            Verdict::Off,
            Verdict::Alive,
            Verdict::Booting,
            Verdict::Delayed,
            Verdict::Silent,
            Verdict::Left,
        ];
        assert_eq!(verdicts.map(|given| verdict(given).0 as i32), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
