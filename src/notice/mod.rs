//! From a datagram to a notice, or to a counted reason: source, meaning, duplicates.
//!
//! `source` accepts the sender, `meaning` says what the trap means for the server, `dedup` knows
//! repetitions. Uses `config`, `wire`, `crypto`; its input is datagrams that `engine` hands in.

pub mod deadly;
pub mod dedup;
pub mod event_data;
mod event_words;
mod fault;
pub mod meaning;
mod reason;
pub mod recorder;
pub mod sensors;
pub mod source;
mod told;
mod vendor;

pub use fault::Fault;
pub use reason::DropReason;
pub use told::{Meaning, Notice, NoticeId};

use crate::config::model::{Cluster, Meanings};
use crate::now::Now;
use crate::wire::pet::Pet;
use crate::wire::snmp::inform_response;
use core::net::SocketAddr;
use core::time::Duration;
use dedup::{Identity, NUMBERED_SPAN, Seen};
use source::Speakers;

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

/// Receives for this server. Sans-IO; owns the memory of what was seen.
#[derive(Debug)]
pub struct Reception {
    speakers: Speakers,
    seen: Seen,
    server_name: String,
    meanings: Meanings,
    /// For how long a numbered notice may be repeated.
    span: Duration,
}

impl Reception {
    /// Receives for `cluster.this`, from those who are configured to speak for it.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            speakers: Speakers::new(cluster),
            seen: Seen::default(),
            server_name: cluster.this_server().name.clone(),
            meanings: cluster.meanings.clone(),
            span: cluster.this_server().bmc.as_ref().and_then(|bmc| bmc.retry_span).unwrap_or(NUMBERED_SPAN),
        }
    }

    /// Takes over a reloaded configuration; what was seen stays seen.
    pub fn reload(&mut self, cluster: &Cluster) {
        let seen = core::mem::take(&mut self.seen);
        *self = Self { seen, ..Self::new(cluster) };
    }

    /// A notice that a former process wrote down: to be taken for a repetition when it comes again.
    pub fn remember(&mut self, now: Now, id: NoticeId) {
        self.seen.remember(now, id);
    }

    /// One datagram, of any content, from any address.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) -> Result<Received, DropReason> {
        let trap = self.speakers.verify(from, bytes)?;
        let identity = Identity::of(&trap, &self.server_name);
        let (id, repeated) = self.seen.note(now, trap.source().ip(), identity, self.span);
        let meaning = meaning::of(&trap, &self.server_name, &self.meanings);

        let mut response = Vec::new();
        let reply = Reply {
            inform: inform_response(trap.message(), &mut response).then_some(response),
            pet: trap.pet().map(Pet::acknowledge),
        };
        let notice = Notice {
            id,
            server: trap.server(),
            class: meaning.class,
            trust: trap.trust(),
            source: trap.source(),
            received: now,
            trap_oid: trap.message().trap_oid().map(|oid| oid.dotted()).unwrap_or_default(),
            fault: meaning.fault,
            region: meaning.region,
            sentence: meaning.sentence,
            pet: trap.into_pet(),
        };
        Ok(Received { notice, repeated, reply })
    }
}
