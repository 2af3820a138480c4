//! Knows repetitions: the same notice told again is counted once.
//!
//! Uses `crypto` (a hash) and `wire`. Its input is verified traps. A sender that numbers its PETs is
//! taken by its numbers; one that does not, by what it says within a minute. The table is bounded and
//! fair: every sender has its own part, so that a chatty one forgets only itself, oldest first; and what may start a
//! recovery is not put out by what may not.

use super::source::VerifiedTrap;
use super::told::NoticeId;
use crate::crypto::Digest;
use crate::now::Now;
use crate::wire::pet::Pet;
use crate::wire::snmp::{SYS_UP_TIME, TrapOid};
use core::hash::{BuildHasherDefault, Hasher};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};

/// How long a numbered PET may be repeated, from its first sight, where nobody says how long its BMC does: longer
/// than any BMC's retries.
pub const NUMBERED_SPAN: Duration = Duration::from_secs(30 * 60);

/// How long an equal trap without numbers is taken for a repetition; PETs are sent three times a minute.
pub const UNNUMBERED_SPAN: Duration = Duration::from_secs(60);

/// Notices remembered of one sender. Senders are those of the configuration, so the table is bounded.
pub const NOTICES_PER_SENDER: usize = 256;

/// Limit: of these, apart from the others, those that may start a recovery.
pub const GRAVE_PER_SENDER: usize = 256;

/// Notices of a former process that are remembered.
pub const NOTICES_REMEMBERED: usize = 1024;

/// What makes a notice the same as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    key: u128,
    numbered: bool,
}

impl Identity {
    /// The identity of a trap of the server of this name.
    pub fn of(trap: &VerifiedTrap<'_>, server: &str) -> Self {
        match trap.pet() {
            Some(pet) if pet.sequence != 0 || pet.timestamp != 0 => Self { key: numbered(pet, server), numbered: true },
            Some(_) | None => Self { key: unnumbered(trap, server), numbered: false },
        }
    }

    /// The id of the notice that comes now, and was not seen before.
    pub fn id(&self, now: Now) -> NoticeId {
        match self.numbered {
            true => NoticeId((self.key >> 64) as u64),
            // One half of a digest, changed by a number that the other half and the second make: as different as digests.
            false => NoticeId((self.key >> 64) as u64 ^ scatter(self.key as u64 ^ now.wall.as_secs())),
        }
    }
}

/// Every bit of what comes out depends on every bit of what goes in (the finish of SplitMix64).
fn scatter(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ number >> 31
}

/// Server, GUID, sequence, timestamp and event; not the way it came, so that a relay's copy is one too.
fn numbered(pet: &Pet, server: &str) -> u128 {
    let mut digest = Digest::new("numbered");
    digest.part(server.as_bytes());
    event(pet, &mut digest);
    digest.finish()
}

/// Source and content; without the uptime, which goes on between a trap and its repetition.
fn unnumbered(trap: &VerifiedTrap<'_>, server: &str) -> u128 {
    let mut digest = Digest::new("unnumbered");
    digest.part(server.as_bytes());
    match trap.source().ip() {
        IpAddr::V4(address) => digest.part(&address.octets()),
        IpAddr::V6(address) => digest.part(&address.octets()),
    }
    match trap.pet() {
        Some(pet) => event(pet, &mut digest),
        None => {
            let (base, tail) = trap.message().trap_oid().map(TrapOid::octets).unwrap_or_default();
            digest.part(base);
            digest.part(&tail);
            trap.message().varbinds.octets_without(SYS_UP_TIME, |octets| digest.part(octets));
        }
    }
    digest.finish()
}

/// One part for all, because a hash is paid by its blocks.
fn event(pet: &Pet, digest: &mut Digest) {
    let mut fields = [0; 38];
    fields[0..16].copy_from_slice(&pet.guid.0);
    fields[16..18].copy_from_slice(&pet.sequence.to_be_bytes());
    fields[18..22].copy_from_slice(&pet.timestamp.to_be_bytes());
    fields[22..26].copy_from_slice(&pet.specific_trap().to_be_bytes());
    fields[26..30].copy_from_slice(&[pet.sensor_device, pet.sensor_number, pet.entity, pet.entity_instance]);
    fields[30..38].copy_from_slice(&pet.event_data);
    digest.part(&fields);
}

/// The notices seen lately.
#[derive(Debug, Default)]
pub struct Seen {
    senders: Vec<(IpAddr, Part)>,
    /// By a former process, since when we know.
    remembered: VecDeque<(NoticeId, Duration)>,
}

/// What one sender said. A storm of small things puts out small things alone.
#[derive(Debug, Default)]
struct Part {
    sights: HashMap<u128, Sight, BuildHasherDefault<Key>>,
    /// In the order in which they came, with when: an entry counts only if its sight is still of that moment.
    small: VecDeque<(u128, Duration)>,
    /// Those that may start a recovery.
    grave: VecDeque<(u128, Duration)>,
}

/// The keys are digests: any part of them is as good as a hash. A sender who looks for keys that meet only slows
/// down its own part, which is bounded.
#[derive(Debug, Default)]
struct Key(u64);

impl Hasher for Key {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[derive(Debug, Clone, Copy)]
struct Sight {
    numbered: bool,
    id: NoticeId,
    first: Duration,
}

impl Sight {
    fn covers(&self, boottime: Duration, numbered_span: Duration) -> bool {
        let span = if self.numbered { numbered_span } else { UNNUMBERED_SPAN };
        boottime.saturating_sub(self.first) <= span
    }
}

impl Part {
    fn add(&mut self, key: u128, sight: Sight) {
        if self.small.len() >= NOTICES_PER_SENDER {
            let oldest = self.small.pop_front();
            self.forget(oldest);
        }
        self.small.push_back((key, sight.first));
        self.sights.insert(key, sight);
    }

    /// What was added last may start a recovery.
    fn keep(&mut self) {
        let Some(last) = self.small.pop_back() else { return };
        if self.grave.len() >= GRAVE_PER_SENDER {
            let oldest = self.grave.pop_front();
            self.forget(oldest);
        }
        self.grave.push_back(last);
    }

    fn forget(&mut self, entry: Option<(u128, Duration)>) {
        if let Some((key, first)) = entry
            && self.sights.get(&key).is_some_and(|sight| sight.first == first)
        {
            self.sights.remove(&key);
        }
    }
}

impl Seen {
    /// A notice that a former process has seen: only a numbered PET is known again by its id, for the id
    /// of another holds the second in which it came.
    pub fn remember(&mut self, now: Now, id: NoticeId) {
        if self.remembered.len() == NOTICES_REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((id, now.boottime));
    }

    /// The notice's id, and whether it was seen before.
    ///
    /// The id of a numbered PET follows from its fields alone, so that every node names it alike. Equal
    /// traps without numbers are told apart by the second in which the first of them came. `span`: for how
    /// long the BMC may repeat a numbered one.
    pub fn note(&mut self, now: Now, sender: IpAddr, identity: Identity, span: Duration) -> (NoticeId, bool) {
        let mut found = self.senders.iter().filter_map(|(_, part)| part.sights.get(&identity.key));
        if let Some(sight) = found.find(|sight| sight.covers(now.boottime, span)) {
            return (sight.id, true);
        }
        let id = identity.id(now);
        let known = |&(other, since): &(NoticeId, Duration)| other == id && now.boottime.saturating_sub(since) <= span;
        if identity.numbered && self.remembered.iter().any(known) {
            return (id, true);
        }
        let sight = Sight { numbered: identity.numbered, id, first: now.boottime };
        self.part_of(sender).add(identity.key, sight);
        (id, false)
    }

    /// What was noted last, and was new, may start a recovery: no storm of smaller things puts it out.
    pub fn keep(&mut self, sender: IpAddr) {
        self.part_of(sender).keep();
    }

    fn part_of(&mut self, sender: IpAddr) -> &mut Part {
        let place = self.senders.iter().position(|(address, _)| *address == sender).unwrap_or_else(|| {
            self.senders.push((sender, Part::default()));
            self.senders.len() - 1
        });
        &mut self.senders[place].1
    }
}
