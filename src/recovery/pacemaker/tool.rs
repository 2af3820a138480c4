//! Which of Pacemaker's tools is run with which words, and what its answer means.
//!
//! Uses nothing but its neighbours; the answers come from programs of this host. No secret is ever in these words.

use super::claim::CLAIM;
use super::why::{Down, Why};

/// The attribute by which Pacemaker's own IPMI health agent used to speak, and now we do.
pub const HEALTH: &str = "#health-bmc";
/// Where Pacemaker's tools are, unless the operator says otherwise.
pub const TOOLS: &str = "/usr/sbin";

/// How this server is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// Red where the cluster's `node-health-strategy` makes red move everything, standby otherwise.
    #[default]
    Auto,
    /// A health attribute that says red; refused where the cluster ignores it.
    Health,
    /// Standby until reboot.
    Standby,
}

/// What the operator says, and what an attempt is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The resource, group, clone or bundle that must run elsewhere; without it, all that runs here.
    pub target: Option<String>,
    /// How this server is emptied.
    pub trigger: Trigger,
    /// The health attribute, usually [`HEALTH`].
    pub health: String,
    /// The folder of Pacemaker's tools, usually [`TOOLS`].
    pub tools: String,
    /// Fresh and random for each attempt: tells this attempt's claim from every other.
    pub nonce: u64,
    /// This recovery was put off before: whoever went first may be away to be reset, and comes back.
    pub put_off: bool,
}

/// Which run of a tool an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u32);

/// A tool to run: no shell, standard output kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// For the answer.
    pub id: AskId,
    /// Program and words.
    pub argv: Vec<String>,
}

/// How a tool's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal, ours or another's.
    Killed,
    /// It never ran.
    NotStarted(String),
    /// It ended, but someone else took its status.
    Lost,
}

/// `CRM_EX_INSUFFICIENT_PRIV`.
const NOT_PERMITTED: i32 = 4;
/// `CRM_EX_UNAVAILABLE` and `CRM_EX_DISCONNECT`: the daemon that was asked does not answer.
const NOT_RUNNING: [i32; 2] = [69, 102];
/// `CRM_EX_NOSUCH` of `crm_attribute`, and what `attrd_updater` of 2.1.5 says of an attribute that no
/// node has: `CRM_EX_CONFIG`.
const NOT_SET: [i32; 2] = [105, 78];

/// What a reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Its output can be read.
    Fine,
    /// What was asked for is not set.
    NotSet,
    /// Neither: in a sentence.
    Bad(Why),
}

impl Reply {
    /// What this reply of `tool` means.
    pub fn meaning(&self, tool: &'static str) -> Meaning {
        Meaning::Bad(match self {
            Self::Exited(0) => return Meaning::Fine,
            Self::Exited(status) if NOT_SET.contains(status) => return Meaning::NotSet,
            Self::Exited(NOT_PERMITTED) => Why::NotPermitted(tool),
            Self::Exited(status) if NOT_RUNNING.contains(status) => Why::Down(Down::NotRunning(tool)),
            Self::Exited(status) => Why::Tool { tool, status: *status },
            Self::Killed => Why::Down(Down::NoAnswer(tool)),
            Self::NotStarted(how) => Why::NoTool { tool, how: how.clone() },
            Self::Lost => Why::Lost(tool),
        })
    }
}

pub(super) const CRM_MON: &str = "crm_mon";
pub(super) const CRM_ATTRIBUTE: &str = "crm_attribute";
pub(super) const ATTRD_UPDATER: &str = "attrd_updater";

impl Settings {
    fn argv(&self, tool: &str, words: &[&str]) -> Vec<String> {
        let program = format!("{}/{tool}", self.tools.trim_end_matches('/'));
        core::iter::once(program).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// Everything `crm_mon` knows, resources that run nowhere included.
    pub(super) fn look(&self) -> Vec<String> {
        self.argv(CRM_MON, &["-1", "-r", "--output-as=xml"])
    }

    pub(super) fn strategy(&self) -> Vec<String> {
        self.argv(CRM_ATTRIBUTE, &["-t", "crm_config", "-n", "node-health-strategy", "-G", "-q"])
    }

    /// Private: kept by the attribute daemons alone, so it starts no run of the scheduler and has no part
    /// in the CIB. This server's own value, so no node is named.
    pub(super) fn publish(&self, value: &str) -> Vec<String> {
        self.argv(ATTRD_UPDATER, &["-p", "-n", CLAIM, "-U", value])
    }

    /// All nodes' claims, as the local attribute daemon has them.
    pub(super) fn claims(&self) -> Vec<String> {
        self.argv(ATTRD_UPDATER, &["-n", CLAIM, "-Q", "-A"])
    }

    pub(super) fn red(&self) -> Vec<String> {
        self.argv(ATTRD_UPDATER, &["-n", &self.health, "-U", "red"])
    }

    pub(super) fn standby(&self, node: &str) -> Vec<String> {
        self.argv(CRM_ATTRIBUTE, &["-N", node, "-n", "standby", "-v", "on", "-l", "reboot"])
    }
}

/// The commands that take everything of ours away from this server again, for a clearing notice or the
/// operator: services may come back. Each is harmless where its attribute is not set. `node` is this
/// server's name in the cluster, if an attempt has learnt it; without it, standby stays.
pub fn withdraw(settings: &Settings, node: Option<&str>) -> Vec<Vec<String>> {
    let standby = node
        .filter(|_| settings.trigger != Trigger::Health)
        .map(|node| settings.argv(CRM_ATTRIBUTE, &["-N", node, "-n", "standby", "-D", "-l", "reboot"]));
    let red =
        (settings.trigger != Trigger::Standby).then(|| settings.argv(ATTRD_UPDATER, &["-n", &settings.health, "-D"]));
    red.into_iter().chain(standby).chain([forget_claim(settings)]).collect()
}

/// The command that takes this server's claim away. Beside a trigger that stands it is not needed any more: the
/// trigger is to be seen by then.
pub fn forget_claim(settings: &Settings) -> Vec<String> {
    settings.argv(ATTRD_UPDATER, &["-n", CLAIM, "-D"])
}
