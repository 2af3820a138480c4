//! The Pacemaker action: the services of this server move to a healthy node, proved by the cluster itself.
//!
//! `attempt` is one try, sans-IO: it says which of Pacemaker's tools to run (`tool`, `runs`) and is told what
//! they answered. `cluster` reads `crm_mon`, `members` says what has to move and whether it runs elsewhere,
//! `claim` sees to it that two servers which are struck at once do not both give everything away,
//! `why` says in a sentence what went wrong. `docs/pacemaker.md` tells it to people who run clusters.
//! Uses `now` and `words`; its input comes from `engine`, which runs the tools.

pub mod attempt;
pub mod claim;
pub mod cluster;
pub mod members;
mod runs;
pub mod tool;
pub mod why;

pub use attempt::{Attempt, Ending};
pub use runs::{Output, Remark};
pub use tool::{Ask, AskId, Reply, Settings, Trigger, forget_claim, withdraw};
pub use why::Why;
