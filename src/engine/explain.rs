//! Explains a datagram: step by step what this server's configuration makes of it, in words.
//!
//! Judges nothing itself: the datagram goes through a reception of its own, and its one verdict says at which step it
//! ended. So an explanation and what the engine does cannot differ, but for what the engine knows of earlier datagrams.
//! Its input is hostile; what it says of a datagram is for people and for JSON.

use super::version3::reader;
use crate::config::model::{Cluster, Recovery, StartsOn, WhenUnverifiable};
use crate::crypto::Random;
use crate::notice::usm::{User, Usm};
use crate::notice::{DropReason, Notice, Received, Reception};
use crate::now::Now;
use crate::recovery::monitor::{Match, Purpose, WhyNot, matches};
use crate::wire::pet::{self, Pet};
use crate::wire::snmp::{Message, Pdu};
use crate::wire::usm::Version3;
use crate::words::{Class, Trust};
use alloc::sync::Arc;
use core::fmt::Write;
use core::net::{IpAddr, SocketAddr};

/// Limit: octets of a wrong community that are shown.
const COMMUNITY_SHOWN: usize = 64;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was passed.
    Passed,
    /// The datagram ended here.
    Ended,
    /// Something to know; it decides nothing.
    Told,
}

/// One step of a datagram's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What it is about: sender, message, relay, community, event, guid, notice, a monitor's name, acknowledgement.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words.
    pub why: String,
}

/// What is asked of every datagram, in the order in which `notice` asks. Each has a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Sender,
    Message,
    Protection,
    Relay,
    Community,
    Event,
    Guid,
}

impl Step {
    const ALL: [Self; 7] =
        [Self::Sender, Self::Message, Self::Protection, Self::Relay, Self::Community, Self::Event, Self::Guid];

    fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Message => "message",
            Self::Protection => "protection",
            Self::Relay => "relay",
            Self::Community => "community",
            Self::Event => "event",
            Self::Guid => "guid",
        }
    }

    /// Where a datagram ends that is dropped for this; another server's BMC may be found out by a relay's word.
    fn of(reason: DropReason, direct: bool) -> Self {
        match reason {
            DropReason::ForeignSource => Self::Sender,
            DropReason::OtherServersBmc if direct => Self::Sender,
            DropReason::OtherServersBmc | DropReason::RelayNamesNobody => Self::Relay,
            DropReason::WrongCommunity => Self::Community,
            DropReason::PetMalformed => Self::Event,
            DropReason::WrongGuid => Self::Guid,
            DropReason::Version3NotConfigured
            | DropReason::UnknownUser
            | DropReason::UnknownEngine
            | DropReason::EngineAwaitsApproval
            | DropReason::WrongDigest
            | DropReason::NotInTimeWindow
            | DropReason::DecryptionError
            | DropReason::UnsupportedLevel
            | DropReason::TooWeak => Self::Protection,
            DropReason::UnknownVersion
            | DropReason::NotANotification
            | DropReason::V1TrapInV2c
            | DropReason::V2PduInV1
            | DropReason::NotSnmp
            | DropReason::Truncated
            | DropReason::TrailingBytes
            | DropReason::BadLength
            | DropReason::BadTag
            | DropReason::BadInteger
            | DropReason::BadOid
            | DropReason::TooManyArcs
            | DropReason::BadValue
            | DropReason::TooManyVarbinds
            | DropReason::UnknownSecurityModel => Self::Message,
        }
    }
}

/// Explains datagrams: a configuration, and the users of SNMPv3 with their keys.
#[derive(Debug, Clone)]
pub struct Explainer {
    cluster: Arc<Cluster>,
    usm: Option<Usm>,
}

impl Explainer {
    /// By this configuration; `users` are those of it that may write to this server.
    pub fn new(now: Now, cluster: Arc<Cluster>, users: Vec<User>) -> Self {
        let usm = reader(now, &cluster, users, &[], &mut Random::from_seed([0; 32]));
        Self { cluster, usm }
    }

    pub(super) fn with(cluster: Arc<Cluster>, usm: Option<Usm>) -> Self {
        Self { cluster, usm }
    }

    /// The configuration.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What this server makes of a datagram from this address, had it never received anything before.
    pub fn explain(&self, now: Now, from: SocketAddr, octets: &[u8]) -> Vec<Passage> {
        let cluster = &*self.cluster;
        let mut plain = Vec::new();
        let version3 = Version3::parse(octets).ok();
        let message = match (Message::parse(octets), self.usm.clone()) {
            (Ok(message), _) => Some(message),
            (Err(_), Some(mut usm)) => usm.open(now, octets, &mut plain).ok().map(|opened| opened.message),
            (Err(_), None) => None,
        };
        let from_ip = from.ip().to_canonical();
        let case = Case { cluster, from: from_ip, octets, message, version3, usm: self.usm.as_ref() };
        let mut reception = Reception::new(cluster);
        reception.read_version3(self.usm.clone());
        let mut way = Vec::new();
        match reception.handle_datagram(now, from, octets) {
            Err(reason) => {
                let end = Step::of(reason, !case.is_relay());
                for step in Step::ALL.into_iter().filter(|step| *step < end) {
                    way.extend(case.passed(step));
                }
                way.push(Passage { step: end.name().into(), outcome: Outcome::Ended, why: case.refused(reason) });
            }
            Ok(received) => {
                Step::ALL.into_iter().for_each(|step| way.extend(case.passed(step)));
                case.noticed(&received, &mut way);
            }
        }
        way
    }
}

/// What is asked about.
struct Case<'a> {
    cluster: &'a Cluster,
    from: IpAddr,
    octets: &'a [u8],
    /// What is in it, opened if need be.
    message: Option<Message<'a>>,
    /// Around it, if it is one of v3.
    version3: Option<Version3<'a>>,
    usm: Option<&'a Usm>,
}

impl Case<'_> {
    fn own(&self) -> (&[IpAddr], &[IpAddr]) {
        let bmc = self.cluster.this_server().bmc.as_ref();
        bmc.map_or((&[], &[]), |bmc| (&bmc.trap_sources, &bmc.relays))
    }

    fn is_relay(&self) -> bool {
        let (sources, relays) = self.own();
        let is = |all: &[IpAddr]| all.iter().any(|one| one.to_canonical() == self.from);
        !is(sources) && is(relays)
    }

    fn server(&self) -> &str {
        &self.cluster.this_server().name
    }

    /// Whose BMC has this address, or whose relay.
    fn whose(&self, address: IpAddr) -> Option<&str> {
        let speaks = |all: &[IpAddr]| all.iter().any(|one| one.to_canonical() == address);
        let servers = self.cluster.servers.iter().filter(|server| server.name != self.server());
        let mut whose = servers
            .filter(|server| server.bmc.as_ref().is_some_and(|bmc| speaks(&bmc.trap_sources) || speaks(&bmc.relays)));
        whose.next().map(|server| server.name.as_str())
    }

    fn event(&self) -> Option<Pet> {
        let (specific, octets) = self.message.as_ref().and_then(pet::find)?;
        Pet::parse(specific, octets).ok()
    }

    fn passed(&self, step: Step) -> Option<Passage> {
        let why = match step {
            Step::Sender if self.is_relay() => format!("{} is a relay that may speak for {}", self.from, self.server()),
            Step::Sender => format!("{} is the BMC of {}", self.from, self.server()),
            Step::Message => {
                let octets = self.octets.len();
                let Some(message) = &self.message else {
                    let why = self.version3.as_ref().map(|_| format!("SNMPv3, {octets} octets"))?;
                    return Some(Passage { step: step.name().into(), outcome: Outcome::Passed, why });
                };
                let mut why = format!("{}, {octets} octets", self.kind(&message.pdu));
                if let Some(oid) = message.trap_oid() {
                    let _ = write!(why, ", trap {oid}");
                }
                why
            }
            Step::Protection => self.usm?.describe(self.version3.as_ref()?),
            Step::Relay if !self.is_relay() => return None,
            Step::Relay => format!("it names {}", self.message.as_ref()?.speaks_for()?),
            Step::Community if self.version3.is_some() => return None, // its user stands for it
            Step::Community => "as configured".into(),
            Step::Event => match self.message.as_ref().and_then(pet::find) {
                Some((specific, octets)) => format!("an IPMI event (PET) {specific:08X}h of {} octets", octets.len()),
                None => "no IPMI event (PET) in it".into(),
            },
            Step::Guid => {
                let pinned = self.cluster.this_server().bmc.as_ref()?.guid.filter(|guid| !guid.is_unspecified())?;
                match self.event()?.guid {
                    guid if guid.is_unspecified() => format!("the event bears none; {pinned} is pinned"),
                    _ => format!("it is the pinned one, {pinned}"),
                }
            }
        };
        Some(Passage { step: step.name().into(), outcome: Outcome::Passed, why })
    }

    /// Why it was dropped, and what to look at.
    fn refused(&self, reason: DropReason) -> String {
        let list = |all: &[IpAddr]| {
            let all: Vec<String> = all.iter().map(IpAddr::to_string).collect();
            if all.is_empty() { "none".into() } else { all.join(", ") }
        };
        let (sources, relays) = self.own();
        let named = self.message.as_ref().and_then(Message::speaks_for);
        let why = match reason {
            DropReason::ForeignSource => format!(
                "{} may not speak for {}; who may: {}; relays: {}",
                self.from,
                self.server(),
                list(sources),
                list(relays)
            ),
            DropReason::OtherServersBmc => {
                let address = if self.is_relay() { named.map_or(self.from, IpAddr::V4) } else { self.from };
                let whose = self.whose(address).unwrap_or("another server");
                format!("{address} is the BMC of {whose}: it never fails {} over", self.server())
            }
            DropReason::RelayNamesNobody => match named {
                Some(named) => format!("the relay names {named}, which is no address of {}'s BMC", self.server()),
                None => "the relay does not say for whom it speaks: no agent-addr, no snmpTrapAddress, or two".into(),
            },
            DropReason::WrongCommunity => {
                let theirs = self.message.as_ref().map_or(&[][..], |message| message.community);
                let (shown, more) = match theirs.get(..COMMUNITY_SHOWN) {
                    Some(head) if head.len() < theirs.len() => (head, "..."),
                    Some(_) | None => (theirs, ""),
                };
                format!("\"{}{more}\" is not the configured one", shown.escape_ascii())
            }
            DropReason::WrongGuid => {
                let theirs = self.event().map_or_else(|| "another".into(), |pet| pet.guid.to_string());
                let ours = self.cluster.this_server().bmc.as_ref().and_then(|bmc| bmc.guid);
                format!(
                    "the event bears {theirs}, the pinned one is {}",
                    ours.map_or_else(String::new, |g| g.to_string())
                )
            }
            DropReason::PetMalformed => {
                "the IPMI event (PET) in it is too short, or bears a number that none has".into()
            }
            DropReason::Version3NotConfigured => "SNMPv3, and no user is configured".into(),
            DropReason::UnknownSecurityModel => "SNMPv3 with a security model other than USM".into(),
            DropReason::UnknownUser => "SNMPv3 of a user who is not configured for this server".into(),
            DropReason::UnknownEngine => "SNMPv3 of an engine that this server's BMC does not have".into(),
            DropReason::EngineAwaitsApproval => "authentic SNMPv3 of an engine that is not in engine_ids".into(),
            DropReason::WrongDigest => "the SNMPv3 code is wrong".into(),
            DropReason::NotInTimeWindow => "authentic SNMPv3 that is too old: a replay, or a BMC that was reset".into(),
            DropReason::DecryptionError => "SNMPv3 that cannot be opened".into(),
            DropReason::UnsupportedLevel => "SNMPv3 with privacy, and its user has none here".into(),
            DropReason::TooWeak => "less protected than minimum_level".into(),
            DropReason::UnknownVersion
            | DropReason::NotANotification
            | DropReason::V1TrapInV2c
            | DropReason::V2PduInV1
            | DropReason::NotSnmp
            | DropReason::Truncated
            | DropReason::TrailingBytes
            | DropReason::BadLength
            | DropReason::BadTag
            | DropReason::BadInteger
            | DropReason::BadOid
            | DropReason::TooManyArcs
            | DropReason::BadValue
            | DropReason::TooManyVarbinds => match Message::parse(self.octets) {
                Err(error) => error.to_string(),
                Ok(_) => "its trap's name is no object identifier".into(),
            },
        };
        let diagnosed = match (self.usm, &self.version3) {
            (Some(usm), Some(message)) => usm.diagnose(reason, message, self.octets),
            (_, _) => None,
        };
        match diagnosed {
            Some(fit) => format!("{why}; {fit} ({reason})"),
            None => format!("{why} ({reason})"),
        }
    }

    fn kind(&self, pdu: &Pdu<'_>) -> &'static str {
        match pdu {
            Pdu::TrapV2 { .. } if self.version3.is_some() => "SNMPv3 Trap",
            Pdu::Inform { .. } if self.version3.is_some() => "SNMPv3 Inform",
            Pdu::TrapV1(_) | Pdu::TrapV2 { .. } | Pdu::Inform { .. } => pdu.name(),
        }
    }

    fn noticed(&self, received: &Received, way: &mut Vec<Passage>) {
        let (notice, cluster) = (&received.notice, self.cluster);
        let told = |step: &str, why: String| Passage { step: step.into(), outcome: Outcome::Told, why };
        way.push(told("trust", trust(notice.trust).into()));
        let why = format!("{}: {}; {}", notice.class, notice.sentence, notice.region);
        way.push(Passage { step: "notice".into(), outcome: Outcome::Passed, why });
        if cluster.observe {
            way.push(told("observe", "only observing: it is written down, and nothing else is done".into()));
        }
        for found in matches(cluster, notice) {
            let (outcome, why) = monitor(&found, notice);
            way.push(Passage { step: format!("monitor {}", found.monitor.name), outcome, why });
        }
        let wanted = match (&received.reply.inform, &received.reply.pet) {
            (Some(_), Some(_)) => "Inform response and PET Acknowledge",
            (Some(_), None) => "Inform response",
            (None, Some(_)) => "PET Acknowledge, to the port it came from and to 623",
            (None, None) => "none: nobody waits for one",
        };
        way.push(told("acknowledgement", wanted.into()));
    }
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Address => "address: its source alone speaks for it, which anyone on the network can forge",
        Trust::Corroborated => "corroborated: the BMC's log shows it",
        Trust::Authenticated => "authenticated: the trap itself was signed",
    }
}

fn monitor(found: &Match<'_>, notice: &Notice) -> (Outcome, String) {
    let (monitor, class) = (found.monitor, notice.class);
    let by = match &monitor.recovery {
        Recovery::Callback => "the program's callback".to_owned(),
        Recovery::Command(words) => words.join(" "),
        Recovery::Pacemaker(_) => "Pacemaker".into(),
        Recovery::Clusterpro(_) => "CLUSTERPRO".into(),
    };
    let asked = match monitor.when_unverifiable {
        _ if found.proven => "",
        WhenUnverifiable::Hold => ", once the BMC's log shows the event; held when it cannot be asked",
        WhenUnverifiable::Recover => ", once the BMC's log shows the event, or when it cannot be asked",
    };
    match found.answer {
        Ok(Purpose::Recover) => (Outcome::Passed, format!("recovers by {by}{asked}")),
        Ok(Purpose::Clear) => (Outcome::Passed, format!("closes what waits for the end of this fault{asked}")),
        Err(WhyNot::OtherServer) => (Outcome::Ended, "it is about another server".into()),
        Err(WhyNot::NotHere) => (Outcome::Ended, "it has no keyword for this server".into()),
        Err(WhyNot::ClassTooLow) => {
            let wants = match (monitor.starts_on, class) {
                (StartsOn::Fatal, Class::Recoverable { .. }) => "it starts on fatal notices alone",
                (StartsOn::Fatal | StartsOn::Recoverable, _) => "such a notice starts nothing",
            };
            (Outcome::Ended, wants.into())
        }
        Err(WhyNot::TrustTooLow) => {
            let wants = "it wants an authenticated trap (SNMPv3), and no log of the BMC's makes up for that";
            (Outcome::Ended, wants.into())
        }
    }
}
