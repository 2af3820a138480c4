//! From a datagram to a notice, or to a counted reason: source, meaning, duplicates.
//!
//! `source` accepts the sender, `usm` opens what comes in v3, `meaning` says what the trap means for the server,
//! `dedup` knows repetitions. Uses `config`, `wire`, `crypto`; its input is datagrams that `engine` hands in.

pub mod deadly;
pub mod dedup;
pub mod event_data;
mod event_words;
mod fault;
pub mod filter;
pub mod guard;
pub mod meaning;
mod reason;
pub mod recorder;
pub mod sensors;
pub mod source;
mod told;
pub mod usm;
mod vendor;

pub use fault::Fault;
pub use reason::DropReason;
pub use told::{Meaning, Notice, NoticeId};

use crate::config::model::{Cluster, Meanings, StartsOn};
use crate::now::Now;
use crate::wire;
use crate::wire::pet::Pet;
use crate::wire::snmp::{Message, inform_response};
use crate::words::{Class, Text};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use dedup::{Identity, NUMBERED_SPAN, Seen};
use source::{Admitted, Speakers, VerifiedTrap};
use usm::{Clock, EngineId, Usm};

/// A datagram that became a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What it means.
    pub notice: Notice,
    /// Whether the same notice was received before; it is to be acknowledged again and counted once.
    pub repeated: bool,
    /// What its sender waits for.
    pub reply: Reply,
}

/// What the sender of an accepted trap waits for; both for a PET that comes as an Inform. Who sends it,
/// and when (not before the record is journaled), is the engine's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The SNMP response to an Inform, a whole datagram for the trap's source.
    pub inform: Option<Vec<u8>>,
    /// The data of PET Acknowledge, NetFn 04h, command 17h.
    pub pet: Option<[u8; 12]>,
}

/// The least that starts a recovery of any monitor.
fn least(cluster: &Cluster) -> StartsOn {
    let any = cluster.monitors.iter().any(|monitor| monitor.starts_on == StartsOn::Recoverable);
    if any { StartsOn::Recoverable } else { StartsOn::Fatal }
}

/// Limit: the longest message of an engine with a lost clock that is kept until its BMC was asked, in octets.
pub const MAX_HELD_OCTETS: usize = 2048;

/// An authentic v3 trap from before what is known of its engine: a replay, or the BMC was reset. Its log can tell.
#[derive(Debug)]
struct Held {
    from: SocketAddr,
    octets: Vec<u8>,
    clock: Clock,
    notice: u64,
    /// Not handed out yet.
    pet: Option<Pet>,
}

/// Receives for this server. Sans-IO; owns the memory of what was seen.
#[derive(Debug)]
pub struct Reception {
    speakers: Speakers,
    seen: Seen,
    server_name: String,
    meanings: Arc<Meanings>,
    /// The least that starts a recovery here.
    starts_on: StartsOn,
    /// For how long a numbered notice may be repeated.
    span: Duration,
    /// For SNMPv3, if it has users.
    usm: Option<Usm>,
    /// What was sealed and is open now.
    plain: Vec<u8>,
    report: Option<Vec<u8>>,
    held: Option<Held>,
    /// Where a notice's texts are written before they are its own.
    draft: String,
}

impl Reception {
    /// Receives for `cluster.this`, from those who are configured to speak for it.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            speakers: Speakers::new(cluster),
            seen: Seen::default(),
            server_name: cluster.this_server().name.clone(),
            meanings: cluster.meanings.clone(),
            starts_on: least(cluster),
            span: cluster.this_server().bmc.as_ref().and_then(|bmc| bmc.retry_span).unwrap_or(NUMBERED_SPAN),
            usm: None,
            plain: Vec::new(),
            report: None,
            held: None,
            draft: String::new(),
        }
    }

    /// From now on v3 is read by this; without users it is not.
    pub fn read_version3(&mut self, usm: Option<Usm>) {
        self.usm = usm;
    }

    /// What reads v3, as if it had never heard anybody; for explanations.
    pub fn unheard(&self) -> Option<Usm> {
        self.usm.as_ref().map(Usm::unheard)
    }

    /// What reads v3.
    pub fn usm(&mut self) -> Option<&mut Usm> {
        self.usm.as_mut()
    }

    /// Takes over a reloaded configuration; what was seen stays seen.
    pub fn reload(&mut self, cluster: &Cluster) {
        let (seen, usm) = (core::mem::take(&mut self.seen), self.usm.take());
        *self = Self { seen, usm, ..Self::new(cluster) };
    }

    /// A notice that a former process wrote down: to be taken for a repetition when it comes again.
    pub fn remember(&mut self, now: Now, id: NoticeId) {
        self.seen.remember(now, id);
    }

    fn may_start(&self, class: Class) -> bool {
        match (class, self.starts_on) {
            (Class::Fatal, StartsOn::Fatal | StartsOn::Recoverable) => true,
            (Class::Recoverable { .. }, StartsOn::Recoverable) => true,
            (Class::Recoverable { .. }, StartsOn::Fatal) => false,
            (Class::Cleared | Class::Info, StartsOn::Fatal | StartsOn::Recoverable) => false,
        }
    }

    /// One datagram, of any content, from any address.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) -> Result<Received, DropReason> {
        self.report = None;
        let by = self.speakers.admit(from)?;
        match Message::parse(bytes) {
            Err(wire::Error::Version3) if self.usm.as_ref().is_some_and(Usm::has_users) => {
                // Taken out while it is written into, so that its memory is used again.
                let mut plain = core::mem::take(&mut self.plain);
                let received = self.version3(now, (from, by), bytes, &mut plain);
                self.plain = plain;
                received
            }
            Err(error) => Err(error.into()),
            Ok(_) if self.usm.as_ref().is_some_and(|usm| !usm.takes_communities()) => Err(DropReason::TooWeak),
            Ok(message) => {
                let trap = self.speakers.verify(by, message)?;
                let mut response = Vec::new();
                let inform = inform_response(trap.message(), &mut response).then_some(response);
                Ok(self.receive(now, trap, inform))
            }
        }
    }

    fn version3(
        &mut self,
        now: Now,
        (from, by): (SocketAddr, Admitted),
        bytes: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<Received, DropReason> {
        let usm = self.usm.as_mut().ok_or(DropReason::Version3NotConfigured)?;
        let opened = match usm.open(now, bytes, plain) {
            Ok(opened) => opened,
            Err(refused) => {
                self.report = refused.report;
                return Err(refused.reason);
            }
        };
        let trap = self.speakers.verify_opened(by, opened.message, opened.authenticated)?;
        if let Some(clock) = opened.lost {
            if let Some(pet) = trap.pet().filter(|_| bytes.len() <= MAX_HELD_OCTETS) {
                let identity = Identity::of(&trap, &self.server_name);
                let notice = identity.id(now).0;
                // One at a time, the newest: whoever replays has seen the BMC's own go by.
                self.held = Some(Held { from, octets: bytes.to_vec(), clock, notice, pet: Some(pet.clone()) });
            }
            return Err(DropReason::NotInTimeWindow);
        }
        if let Some(news) = opened.news {
            let engine = usm.commit(now, news)?;
            // A clock that goes on was not lost.
            self.held.take_if(|held| Some(held.clock.engine) == engine);
        }
        let response = match &opened.answer {
            Some(answer) => usm.respond(now, answer, trap.message()),
            None => None,
        };
        Ok(self.receive(now, trap, response))
    }

    /// An accepted trap.
    fn receive(&mut self, now: Now, trap: VerifiedTrap<'_>, inform: Option<Vec<u8>>) -> Received {
        let identity = Identity::of(&trap, &self.server_name);
        let (id, repeated) = self.seen.note(now, trap.source().ip(), identity, self.span);
        let (name, draft) = (trap.message().trap_oid(), &mut self.draft);
        let trap_oid = Text::drafted(draft, |draft| name.into_iter().for_each(|name| name.write_dotted(draft)));
        let meaning = meaning::of(&trap, &trap_oid, &self.server_name, &self.meanings, draft);
        let reply = Reply { inform, pet: trap.pet().map(Pet::acknowledge) };
        if !repeated && self.may_start(meaning.class) {
            self.seen.keep(trap.source().ip());
        }
        let notice = Notice {
            id,
            server: trap.server(),
            class: meaning.class,
            trust: trap.trust(),
            source: trap.source(),
            received: now,
            trap_oid,
            fault: meaning.fault,
            region: meaning.region,
            sentence: meaning.sentence,
            pet: trap.into_pet(),
        };
        Received { notice, repeated, reply }
    }

    /// What the sender of the last datagram is to hear, if that was dropped: a Report of v3.
    pub fn poll_report(&mut self) -> Option<Vec<u8>> {
        self.report.take()
    }

    /// A clock that is to be written down.
    pub fn poll_clock(&mut self) -> Option<Clock> {
        self.usm.as_mut()?.poll_clock()
    }

    /// An engine that waits for the operator's approval; told once.
    pub fn poll_awaiting(&mut self) -> Option<EngineId> {
        self.usm.as_mut()?.poll_awaiting()
    }

    /// What a trap tells that is authentic and too old: does the BMC's log show it, fresh? Told once.
    pub fn poll_held(&mut self) -> Option<(u64, Pet)> {
        let held = self.held.as_mut()?;
        Some((held.notice, held.pet.take()?))
    }

    /// The BMC's log shows, fresh, what the trap tells: its engine has lost its clock. The datagram is to be handed in
    /// again.
    pub fn believe_held(&mut self, now: Now, notice: u64) -> Option<(SocketAddr, Vec<u8>)> {
        let held = self.held.take_if(|held| held.notice == notice)?;
        self.usm.as_mut()?.set_clock(now, held.clock);
        Some((held.from, held.octets))
    }
}
