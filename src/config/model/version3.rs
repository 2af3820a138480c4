//! What is known of the SNMPv3 of a BMC: its engines, and how well its traps are protected.
//!
//! Part of the model; its values are as valid as the rest of it. Uses `wire`.

use crate::wire::usm::{EngineId, Level};

/// What an engine must do to be believed for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Learning {
    /// Its messages are authentic: that is enough.
    #[default]
    Learn,
    /// They are authentic, and the operator has written its id into the configuration.
    Approve,
    /// As with `Approve`, but nobody is told of the others.
    Never,
}

/// The least that a trap must be protected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Least {
    /// A community: v1 and v2c are taken.
    Community,
    /// v3 of this level.
    Version3(Level),
}

/// What is known of one BMC's SNMPv3.
#[derive(Debug, Clone, Default)]
pub struct Version3 {
    /// Its engines.
    pub engine_ids: Vec<EngineId>,
    /// What becomes of others, if that is written.
    pub learning: Option<Learning>,
    /// The least that its traps must be protected by, if that is written.
    pub least: Option<Least>,
}

impl Version3 {
    /// What becomes of engines that are not named: where one is, others are told of and not learned.
    pub fn learning(&self) -> Learning {
        let usual = if self.engine_ids.is_empty() { Learning::Learn } else { Learning::Approve };
        self.learning.unwrap_or(usual)
    }

    /// The least that its v3 traps must be protected by, and whether v1 and v2c are not taken at all. Where nothing is
    /// written they are: the events of IPMI's own filters come in v1 whatever else is set, and are corroborated.
    pub fn least(&self, has_users: bool) -> (Level, bool) {
        match self.least {
            None if has_users => (Level::Auth, false),
            None | Some(Least::Community) => (Level::NoAuth, false),
            Some(Least::Version3(level)) => (level, true),
        }
    }
}
