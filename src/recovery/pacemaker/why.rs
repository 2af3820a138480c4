//! What keeps a move from being done, in sentences that name the remedy.
//!
//! Uses nothing; `docs/pacemaker.md` lists the sentences.

use super::claim::CLAIM;
use core::fmt;

/// Why a move failed, was put off, or is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// One of the tools is missing or cannot be run.
    NoTool {
        /// Which.
        tool: &'static str,
        /// What the system said.
        how: String,
    },
    /// Pacemaker refuses us.
    NotPermitted(&'static str),
    /// Pacemaker does not answer.
    Down(Down),
    /// A tool ended in a way that has no meaning here.
    Tool {
        /// Which.
        tool: &'static str,
        /// Its exit status.
        status: i32,
    },
    /// A tool's status was taken by someone else.
    Lost(&'static str),
    /// A tool's output cannot be read.
    Unreadable {
        /// Which.
        tool: &'static str,
        /// What is wrong with it.
        how: &'static str,
    },
    /// The cluster has no coordinator: nobody would move anything.
    NoCoordinator,
    /// This part of the cluster has no quorum.
    NoQuorum,
    /// The cluster is in maintenance.
    MaintenanceMode,
    /// This node is.
    NodeInMaintenance(String),
    /// All resources are told to stop.
    StopAll,
    /// Pacemaker does not know this node.
    UnknownNode(String),
    /// A resource that should move is not managed.
    Unmanaged(String),
    /// There is no such resource.
    UnknownTarget(String),
    /// Red would do nothing.
    StrategyIgnoresRed(Option<String>),
    /// No node could take the services; each with the reason.
    NoHealthyPeer(Vec<(String, Unfit)>),
    /// Another server of the cluster goes first.
    PeerGoesFirst(String),
    /// Another server claims and does not go on.
    PeerIsSilent(String),
    /// Our claim does not stay: another process of this server claims too.
    OwnClaimReplaced,
    /// Our claim does not appear.
    OwnClaimInvisible,
    /// Something does not run elsewhere yet.
    NotYet(NotYet),
}

/// How Pacemaker does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// The connection is refused.
    NotRunning(&'static str),
    /// The tool had to be killed.
    NoAnswer(&'static str),
}

/// Why a node cannot take services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// Not part of the cluster now.
    Offline,
    /// Its state is unknown; it awaits fencing.
    Unclean,
    /// On its way in.
    Pending,
    /// On its way out.
    ShuttingDown,
    /// In standby.
    Standby,
    /// In maintenance.
    Maintenance,
    /// Its health is red, or yellow where the strategy wants green.
    Ill,
    /// It moves its own services away.
    Claims,
}

/// What does not run elsewhere yet. Ordered: what needs a person comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotYet {
    /// Its stop failed, and nothing fences: it blocks for ever.
    Blocked(String),
    /// It failed elsewhere.
    Failed {
        /// The resource.
        resource: String,
        /// Where.
        node: String,
    },
    /// It runs nowhere.
    Stopped(String),
    /// It is not in the cluster's list any more.
    Gone(String),
    /// It is on its way up.
    Starting {
        /// The resource.
        resource: String,
        /// Where.
        node: String,
    },
    /// It runs elsewhere, but not promoted, as it was here.
    NotPromoted(String),
    /// It runs on a node that is not online.
    OnLostNode {
        /// The resource.
        resource: String,
        /// The node.
        node: String,
    },
    /// It still runs here.
    StillHere(String),
    /// Nothing has been seen yet.
    Unseen,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTool { tool, how } => {
                write!(f, "{tool} cannot be run ({how}); install Pacemaker's command line tools or set `tools`")
            }
            Self::NotPermitted(tool) => write!(
                f,
                "Pacemaker does not permit {tool} to this user; run as root or hacluster, or join group haclient and \
                 grant an ACL that may write node attributes"
            ),
            Self::Down(Down::NotRunning(tool)) => {
                write!(f, "Pacemaker does not run on this server ({tool} cannot connect); start it")
            }
            Self::Down(Down::NoAnswer(tool)) => {
                write!(f, "Pacemaker does not answer to {tool}; look at its log and the load")
            }
            Self::Tool { tool, status } => {
                write!(f, "{tool} ended with status {status} (`crm_error --exit {status}` names it)")
            }
            Self::Lost(tool) => {
                write!(f, "the result of {tool} was taken by another part of this process, which waits for all children")
            }
            Self::Unreadable { tool, how } => write!(f, "what {tool} printed cannot be read: {how}"),
            Self::NoCoordinator => {
                f.write_str("the cluster has no designated coordinator, nobody would move the services; see `crm_mon -1`")
            }
            Self::NoQuorum => f.write_str(
                "this part of the cluster has no quorum, it starts nothing; bring the other nodes or their network back",
            ),
            Self::MaintenanceMode => {
                f.write_str("the cluster is in maintenance-mode, nothing would move; end it or move the services by hand")
            }
            Self::NodeInMaintenance(node) => {
                write!(f, "{node} is in maintenance, nothing would leave it; end it or move the services by hand")
            }
            Self::StopAll => f.write_str("stop-all-resources is set, nothing would be started; unset it"),
            Self::UnknownNode(node) => write!(f, "crm_mon does not list {node}, which is this server; see `crm_mon -1`"),
            Self::Unmanaged(resource) => {
                write!(f, "{resource} is unmanaged and would not move; `crm_resource -r {resource} --meta -p is-managed -v true`")
            }
            Self::UnknownTarget(target) => {
                write!(f, "the cluster has no resource {target}, which is the target; correct `target` or create it")
            }
            Self::StrategyIgnoresRed(strategy) => write!(
                f,
                "node-health-strategy is {}, the cluster would ignore red; set it to migrate-on-red, or trigger = \"auto\"",
                strategy.as_deref().unwrap_or("unset")
            ),
            Self::NoHealthyPeer(peers) if peers.is_empty() => {
                f.write_str("no healthy peer: this server is the cluster's only node; nothing was triggered")
            }
            Self::NoHealthyPeer(peers) => {
                f.write_str("no healthy peer (")?;
                for (i, (node, unfit)) in peers.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{node} {unfit}", if i == 0 { "" } else { ", " })?;
                }
                if peers.len() > SHOWN {
                    write!(f, ", and {} more", peers.len() - SHOWN)?;
                }
                f.write_str("): everything would stop, so nothing was triggered; bring one back")
            }
            Self::PeerGoesFirst(node) => {
                write!(f, "{node} moves its services at this moment; this server goes on once it is healthy again")
            }
            Self::PeerIsSilent(node) => write!(
                f,
                "{node} claims to move its services and does not go on; if it never does: `attrd_updater -N {node} -n {} -D`",
                CLAIM
            ),
            Self::OwnClaimReplaced => f.write_str("another process on this server claims too; let only one watch the BMC"),
            Self::OwnClaimInvisible => {
                f.write_str("the cluster does not show our claim; see the log of pacemaker-attrd")
            }
            Self::NotYet(what) => what.fmt(f),
        }
    }
}

/// Limit: nodes that one sentence names.
const SHOWN: usize = 8;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offline => "is offline",
            Self::Unclean => "is unclean",
            Self::Pending => "is still joining",
            Self::ShuttingDown => "is shutting down",
            Self::Standby => "is in standby",
            Self::Maintenance => "is in maintenance",
            Self::Ill => "is not in good health",
            Self::Claims => "moves its own services",
        })
    }
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked(resource) => write!(
                f,
                "{resource} failed to stop and is blocked, only fencing this server would free it; stop it by hand and \
                 `crm_resource --cleanup -r {resource}`"
            ),
            Self::Failed { resource, node } => {
                write!(
                    f,
                    "{resource} has failed on {node}; see its log there, then `crm_resource --cleanup -r {resource}`"
                )
            }
            Self::Stopped(resource) => {
                write!(f, "{resource} runs nowhere; see the constraints: `crm_simulate -sL` shows the scores")
            }
            Self::Gone(resource) => write!(f, "{resource} is not in the cluster's configuration any more"),
            Self::Starting { resource, node } => write!(f, "{resource} is still starting on {node}"),
            Self::NotPromoted(resource) => write!(f, "{resource} is promoted on no other node"),
            Self::OnLostNode { resource, node } => {
                write!(f, "{resource} is said to run on {node}, which is not online")
            }
            Self::StillHere(resource) => write!(f, "{resource} still runs here"),
            Self::Unseen => f.write_str("the cluster's state has not been seen since the trigger"),
        }
    }
}
