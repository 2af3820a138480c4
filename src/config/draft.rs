//! What was read, value by value with its place, before it is judged as a whole.
//!
//! Uses `model`, `report` and `words`. `native` fills it, `check` judges it, `build` makes the `Cluster` of it.

use super::clusterpro::Template;
use super::model::{
    AfterEnded, AfterFailure, FinalAction, Learning, Least, LinkChoice, Meanings, Privilege, Probes, RawMessage,
    Recovery, Script, SecretSource, StartsOn, WhenUnverifiable,
};
use super::report::At;
use crate::crypto::Secret;
use crate::crypto::usm::{Auth, Extension, Privacy};
use crate::wire::usm::EngineId;
use crate::words::{Guid, Trust};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// One key's value.
#[derive(Debug, Clone)]
pub(super) enum Field<T> {
    /// Not written; the key would have stood in the table at this place.
    Absent(At),
    /// Written, and wrong: a finding says so already.
    Bad(At),
    /// Written and right in itself.
    Given(At, T),
}

impl<T> Field<T> {
    pub(super) fn ok(&self) -> Option<&T> {
        match self {
            Self::Given(_, value) => Some(value),
            Self::Absent(_) | Self::Bad(_) => None,
        }
    }

    pub(super) fn at(&self) -> At {
        match self {
            Self::Absent(at) | Self::Bad(at) | Self::Given(at, _) => *at,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_))
    }

    /// The value, its default if it is not written, `None` if it is wrong.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent(_) => Some(default),
            Self::Bad(_) => None,
            Self::Given(_, value) => Some(value),
        }
    }

    /// The value if it is right, the default otherwise; for rules that judge what will be used.
    pub(super) fn get_or(&self, default: T) -> T
    where
        T: Clone,
    {
        self.ok().cloned().unwrap_or(default)
    }

    pub(super) fn and_then<U>(self, step: impl FnOnce(At, T) -> Option<U>) -> Field<U> {
        match self {
            Self::Absent(at) => Field::Absent(at),
            Self::Bad(at) => Field::Bad(at),
            Self::Given(at, value) => step(at, value).map_or(Field::Bad(at), |value| Field::Given(at, value)),
        }
    }
}

/// A value of a list, with its place.
pub(super) type Placed<T> = (At, T);

#[derive(Debug)]
pub(super) struct Draft {
    /// The table `[cluster]`, or the start of the text.
    pub(super) at: At,
    pub(super) name: Field<String>,
    pub(super) this_server: Field<String>,
    pub(super) servers: Vec<ServerDraft>,
    pub(super) handshakes: Vec<HandshakeDraft>,
    pub(super) users: Vec<UserDraft>,
    pub(super) monitors: Vec<MonitorDraft>,
    pub(super) heartbeat: HeartbeatDraft,
    pub(super) hot: Field<Option<String>>,
    pub(super) disk: Field<Option<String>>,
    pub(super) commands: CommandsDraft,
    pub(super) clusterpro: ClusterproDraft,
    pub(super) observe: Field<bool>,
    /// What could be read of it; what could not was said.
    pub(super) meanings: Meanings,
}

#[derive(Debug)]
pub(super) struct CommandsDraft {
    pub(super) stop_service: Field<Vec<String>>,
    pub(super) shutdown: Field<Vec<String>>,
    pub(super) reboot: Field<Vec<String>>,
    pub(super) sysrq_trigger: Field<String>,
}

#[derive(Debug)]
pub(super) struct ClusterproDraft {
    /// Whether there is a table `[clusterpro]`.
    pub(super) given: bool,
    pub(super) bin: Field<String>,
    pub(super) alert: Field<Option<Template>>,
    pub(super) levels: Field<[String; 3]>,
    pub(super) ids: Field<bool>,
    pub(super) mrw_suspended: Field<bool>,
    pub(super) conf: Field<String>,
}

#[derive(Debug)]
pub(super) struct ServerDraft {
    pub(super) at: At,
    pub(super) name: Field<String>,
    pub(super) addresses: Field<Vec<Placed<IpAddr>>>,
    pub(super) bmc: Field<BmcDraft>,
}

#[derive(Debug)]
pub(super) struct BmcDraft {
    pub(super) address: Field<SocketAddr>,
    pub(super) trap_sources: Field<Vec<Placed<IpAddr>>>,
    pub(super) relays: Field<Vec<Placed<IpAddr>>>,
    pub(super) retry_span: Field<Duration>,
    pub(super) community: Field<Secret>,
    pub(super) user: Field<String>,
    pub(super) password: Field<SecretSource>,
    pub(super) kg: Field<SecretSource>,
    pub(super) suites: Field<Vec<Placed<u8>>>,
    pub(super) privilege: Field<Privilege>,
    pub(super) link: Field<LinkChoice>,
    pub(super) device: Field<String>,
    pub(super) guid: Field<Guid>,
    pub(super) handshake: Field<String>,
    pub(super) after_ended: Field<AfterEnded>,
    pub(super) patience: Field<Duration>,
    pub(super) in_sel: Field<bool>,
    pub(super) sel_catch_up: Field<bool>,
    /// `identity = "address"`.
    pub(super) by_address: Field<bool>,
    pub(super) dump_hold: Field<Duration>,
    pub(super) dump_markers: Field<Vec<String>>,
    pub(super) drill_max_age: Field<Duration>,
    pub(super) probes: Field<Probes>,
    pub(super) version3: Version3Draft,
}

/// What of a BMC is about SNMPv3.
#[derive(Debug)]
pub(super) struct Version3Draft {
    pub(super) engine_ids: Field<Vec<Placed<EngineId>>>,
    pub(super) learning: Field<Learning>,
    pub(super) least: Field<Least>,
}

#[derive(Debug)]
pub(super) struct UserDraft {
    pub(super) at: At,
    pub(super) name: Field<String>,
    pub(super) servers: Field<Vec<Placed<String>>>,
    /// `None`: the operator wrote that there is none.
    pub(super) auth: Field<Option<Auth>>,
    pub(super) auth_key: KeyDraft,
    pub(super) privacy: Field<Option<Privacy>>,
    pub(super) privacy_key: KeyDraft,
    pub(super) extension: Field<Extension>,
}

/// Where a key comes from; one of the two.
#[derive(Debug)]
pub(super) struct KeyDraft {
    pub(super) passphrase: Field<SecretSource>,
    pub(super) localized: Field<SecretSource>,
}

#[derive(Debug)]
pub(super) struct HandshakeDraft {
    pub(super) at: At,
    pub(super) name: String,
    pub(super) kind: HandshakeKind,
}

#[derive(Debug)]
pub(super) enum HandshakeKind {
    /// `[handshake.sel]`: other numbers for the OEM record.
    Sel {
        record_type: Field<u8>,
        manufacturer: Field<u32>,
    },
    Raw(Box<RawDraft>),
}

#[derive(Debug)]
pub(super) struct RawDraft {
    pub(super) armed: Field<RawMessage>,
    pub(super) started: Field<RawMessage>,
    pub(super) ended: Field<RawMessage>,
    pub(super) disarmed: Field<RawMessage>,
    pub(super) keepalive: Field<(RawMessage, Duration)>,
}

#[derive(Debug)]
pub(super) struct MonitorDraft {
    pub(super) name: Field<String>,
    pub(super) keywords_at: At,
    pub(super) keywords: Vec<(At, String, Field<SocketAddr>)>,
    pub(super) trust: Field<Trust>,
    pub(super) when_unverifiable: Field<WhenUnverifiable>,
    pub(super) starts_on: Field<StartsOn>,
    pub(super) recovery: Field<Recovery>,
    pub(super) target: Field<String>,
    pub(super) deadline: Field<Duration>,
    pub(super) tell_deadline: Field<Duration>,
    pub(super) wait_for_started: Field<Duration>,
    pub(super) reset_deadline: Field<Duration>,
    pub(super) plan: PlanDraft,
    pub(super) rerun: Field<bool>,
    pub(super) chassis_on_address: Field<bool>,
}

/// What a monitor says of attempts, holds and the final action.
#[derive(Debug)]
pub(super) struct PlanDraft {
    pub(super) restart: Field<u8>,
    pub(super) failover: Field<u8>,
    pub(super) script: Field<Script>,
    pub(super) final_action: Field<FinalAction>,
    pub(super) final_action_on_address: Field<bool>,
    pub(super) after_failure: Field<AfterFailure>,
    pub(super) cool_down: Field<Duration>,
    pub(super) budget: Field<u8>,
    pub(super) budget_window: Field<Duration>,
}

#[derive(Debug)]
pub(super) struct HeartbeatDraft {
    /// Whether one beside the BMC's is declared.
    pub(super) lan: Field<bool>,
    pub(super) bmc: Field<bool>,
    pub(super) interval: Field<Duration>,
    pub(super) timeout: Field<Duration>,
    /// Percent of the time-out.
    pub(super) warning: Field<u32>,
    pub(super) pulse: Field<bool>,
    pub(super) pulse_period: Field<Duration>,
    /// Whether it is the application that vouches.
    pub(super) by_application: Field<bool>,
    pub(super) vouch_within: Field<Duration>,
    pub(super) watchers: Field<Vec<Placed<String>>>,
    pub(super) node_attributes: Field<bool>,
}

impl HeartbeatDraft {
    /// Between two feedings of the pulse.
    pub(super) fn period(&self) -> Duration {
        let usual = self.interval.get_or(default::INTERVAL).max(default::SHORTEST_PERIOD);
        self.pulse_period.get_or(usual.min(self.timeout.get_or(default::TIMEOUT) / 4))
    }

    /// For how long an application's word is good.
    pub(super) fn word(&self) -> Duration {
        self.vouch_within.get_or(self.timeout.get_or(default::TIMEOUT) / 3)
    }
}

/// What a key means that is not written. `docs/configuration.md` repeats them.
pub(super) mod default {
    use super::{Duration, Trust};

    pub(in crate::config) const BMC_PORT: u16 = 623;
    pub(in crate::config) const TRAP_PORT: u16 = 162;
    pub(in crate::config) const TRUST: Trust = Trust::Corroborated;
    pub(in crate::config) const COMMUNITY: &str = "public";
    pub(in crate::config) const SUITES: [u8; 2] = [17, 3];
    pub(in crate::config) const DEVICE: &str = "/dev/ipmi0";
    /// The first OEM record type that the BMC dates by itself.
    pub(in crate::config) const RECORD_TYPE: u8 = 0xC0;
    /// No enterprise: the record is for people, and nobody's tool should claim it.
    pub(in crate::config) const MANUFACTURER: u32 = 0;
    pub(in crate::config) const DEADLINE: Duration = Duration::from_secs(60);
    pub(in crate::config) const TELL_DEADLINE: Duration = Duration::from_secs(30);
    pub(in crate::config) const WAIT_FOR_STARTED: Duration = Duration::ZERO;
    pub(in crate::config) const RESET_DEADLINE: Duration = Duration::from_secs(600);
    pub(in crate::config) const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);
    /// CLUSTERPRO's preset "failover": no restart, one failover.
    pub(in crate::config) const RESTART: u8 = 0;
    /// See `RESTART`.
    pub(in crate::config) const FAILOVER: u8 = 1;
    pub(in crate::config) const COOL_DOWN: Duration = Duration::from_secs(60);
    pub(in crate::config) const BUDGET: u8 = 3;
    pub(in crate::config) const BUDGET_WINDOW: Duration = Duration::from_secs(3600);
    /// CLUSTERPRO's.
    pub(in crate::config) const INTERVAL: Duration = Duration::from_secs(3);
    /// CLUSTERPRO's.
    pub(in crate::config) const TIMEOUT: Duration = Duration::from_secs(90);
    /// Percent of the time-out; CLUSTERPRO, too, warns before it judges, at a share that is not public.
    pub(in crate::config) const WARNING: u32 = 80;
    /// A countdown is counted in tenths of a second: a pulse that is fed more often is hard to read.
    pub(in crate::config) const SHORTEST_PERIOD: Duration = Duration::from_secs(1);
    /// What a site's dump script makes and takes away.
    pub(in crate::config) const DUMP_MARKER: &str = "/run/bmcnotice/dump";
    /// Thirty days.
    pub(in crate::config) const DRILL_MAX_AGE: Duration = Duration::from_secs(30 * 86_400);
    pub(in crate::config) const HOT: &str = "/run/bmcnotice";
    pub(in crate::config) const DISK: &str = "/var/lib/bmcnotice";
}
