//! We as the authoritative engine of Informs: our id, our clock, our Reports and Responses.
//!
//! RFC 3414 section 3.2 and RFC 3412 section 7. A Report answers only what may be answered, goes to an address that
//! may speak for this server, and only so often: nobody is flooded through us.

use super::engines::WINDOW;
use super::users::KeyRing;
use crate::crypto::Digest;
use crate::now::Now;
use crate::wire::usm::{self, EngineId, Head, Level, MAX_COUNT, Parameters, SALT_OCTETS, Scoped, Stat, Version3};
use core::time::Duration;

/// Limit: Reports that go out at once. An Inform of a sender that remembers nothing takes two, and a failing board says
/// much at once.
pub const MAX_REPORTS: u32 = 128;
/// After so long one more may go out. None is much larger than what it answers.
const REPORT_EVERY: Duration = Duration::from_millis(10);
/// 2020-01-01: before it nobody has run us.
const EPOCH: Duration = Duration::from_secs(1_577_836_800);

/// Our id (RFC 3411, section 5, format 5): of the cluster's and the server's names, so that it stays the same whatever
/// is lost. No enterprise: we have no number of our own.
pub fn own_id(cluster: &str, server: &str) -> EngineId {
    let mut digest = Digest::new("snmpEngineID");
    digest.part(cluster.as_bytes());
    digest.part(server.as_bytes());
    let name = digest.finish().to_be_bytes();
    let mut octets = [0x80, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    octets[5..].copy_from_slice(&name[..12]);
    EngineId::new(&octets).unwrap_or_else(|| unreachable!("17 octets are an engine id"))
}

/// How often we have started: more often than is written down, and, should that be lost, more often than any process
/// of ours before: nobody starts us more than once a minute for years.
pub fn own_boots(now: Now, before: Option<u32>) -> u32 {
    let minutes = now.wall.saturating_sub(EPOCH).as_secs() / 60;
    let least = u32::try_from(minutes).unwrap_or(MAX_COUNT);
    before.map_or(0, |before| before.saturating_add(1)).max(least).clamp(1, MAX_COUNT)
}

/// Us.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) id: EngineId,
    pub(super) boots: u32,
    pub(super) keys: KeyRing,
    since: Duration,
    salt: u64,
    counts: [u32; 6],
    /// When the last Report that was allowed had its turn.
    reported: Duration,
}

impl Own {
    pub(super) fn new(now: Now, id: EngineId, boots: u32, salt: u64) -> Self {
        let reported = Duration::ZERO;
        Self { id, boots, keys: KeyRing::default(), since: now.boottime, salt, counts: [0; 6], reported }
    }

    /// Seconds since our start.
    pub(super) fn time(&self, now: Now) -> u32 {
        u32::try_from(now.boottime.saturating_sub(self.since).as_secs()).unwrap_or(MAX_COUNT).min(MAX_COUNT)
    }

    /// Whether a message to us is fresh (RFC 3414 section 3.2, step 7a).
    pub(super) fn is_timely(&self, now: Now, boots: u32, time: u32) -> bool {
        let off = u64::from(self.time(now).abs_diff(time));
        self.boots < MAX_COUNT && boots == self.boots && off <= WINDOW.as_secs()
    }

    /// Counts, and writes the Report if one may go out. `keys`: it is to be authenticated for this user.
    pub(super) fn report(
        &mut self,
        now: Now,
        message: &Version3<'_>,
        stat: Stat,
        mac: Option<&crate::crypto::usm::Mac>,
    ) -> Option<Vec<u8>> {
        let count = &mut self.counts[stat as usize - 1];
        *count = count.wrapping_add(1);
        let count = *count;
        if !message.may_be_reported() || !self.may_report(now) {
            return None;
        }
        let request_id = match message.data {
            usm::Data::Plain(scoped) => Scoped::parse(scoped).ok().and_then(|scoped| scoped.request_id()),
            usm::Data::Sealed(_) => None,
        };
        let (mut pdu, mut scoped) = (Vec::new(), Vec::new());
        usm::emit_report(request_id.unwrap_or(0), stat, count, &mut pdu);
        usm::emit_scoped(self.id.octets(), &[], &pdu, &mut scoped);
        let zeros = [0; 48];
        let code = mac.map_or(0, |mac| mac.auth().code_octets());
        let parameters = Parameters {
            engine: self.id.octets(),
            boots: self.boots,
            time: self.time(now),
            user: message.parameters.user,
            code: &zeros[..code],
            salt: &[],
        };
        let level = if mac.is_some() { Level::Auth } else { Level::NoAuth };
        let head = Head { id: message.id, level, reportable: false, parameters };
        let mut out = Vec::new();
        let at = usm::emit(&head, &scoped, &mut out);
        if let Some(mac) = mac {
            mac.sign(&mut out, at);
        }
        Some(out)
    }

    /// A bucket of [`MAX_REPORTS`], kept as the moment to which it is spent.
    fn may_report(&mut self, now: Now) -> bool {
        let full = REPORT_EVERY.saturating_mul(MAX_REPORTS);
        let spent = self.reported.max(now.boottime.saturating_sub(full));
        if spent.saturating_add(REPORT_EVERY) > now.boottime {
            return false;
        }
        self.reported = spent.saturating_add(REPORT_EVERY);
        true
    }

    /// A salt that was never used before under any of our keys: boots are in the vector, too, but not in DES's.
    pub(super) fn salt(&mut self) -> [u8; SALT_OCTETS] {
        self.salt = self.salt.wrapping_add(1);
        let counted = self.salt.to_be_bytes();
        let boots = self.boots.to_be_bytes();
        core::array::from_fn(|at| if at < 4 { counted[at] ^ boots[at] } else { counted[at] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { boottime: Duration::from_secs(seconds), wall: EPOCH + Duration::from_secs(seconds) }
    }

    #[test]
    fn boots_only_grow() {
        assert_eq!(own_boots(at(0), None), 1);
        assert_eq!(own_boots(at(600), None), 10, "what was lost is outrun");
        assert_eq!(own_boots(at(600), Some(100)), 101);
        assert_eq!(own_boots(at(600), Some(MAX_COUNT)), MAX_COUNT);
        assert_ne!(own_id("cluster", "server1"), own_id("cluster", "server2"));
    }

    #[test]
    fn our_window_has_two_sides() {
        let own = Own::new(at(100), own_id("a", "b"), 5, 0);
        let fresh = |boots, time| own.is_timely(at(500), boots, time);
        assert!(fresh(5, 250) && fresh(5, 550));
        assert!(!fresh(5, 249) && !fresh(5, 551) && !fresh(4, 400) && !fresh(6, 400));
        assert!(!Own::new(at(0), own_id("a", "b"), MAX_COUNT, 0).is_timely(at(0), MAX_COUNT, 0));
    }

    #[test]
    fn reports_are_few() {
        let mut own = Own::new(at(100), own_id("a", "b"), 5, 0);
        let allowed = (0..1000).filter(|_| own.may_report(at(1000))).count();
        assert_eq!(allowed, MAX_REPORTS as usize);
        assert_eq!((0..1000).filter(|_| own.may_report(at(1001))).count(), 100);
        assert_ne!(own.salt(), own.salt());
    }
}
