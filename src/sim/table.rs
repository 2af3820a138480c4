//! What a table of commands has in its rows.
//!
//! Each module that carries commands out has a table of its own; `command` looks through all of them.

use super::ask::{Answer, Context};
use super::board::Board;
use crate::config::model::Privilege;
use crate::wire::command::Command;

/// The least that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Not even a session.
    Nothing,
    /// A session at USER level.
    User,
    /// OPERATOR.
    Operator,
    /// ADMINISTRATOR.
    Administrator,
}

impl core::fmt::Display for Needs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no session",
            Self::User => "USER",
            Self::Operator => "OPERATOR",
            Self::Administrator => "ADMINISTRATOR",
        })
    }
}

impl Needs {
    /// Whether a session of this privilege has it; none: no session.
    pub(super) fn met_by(self, privilege: Option<Privilege>) -> bool {
        match self {
            Self::Nothing => true,
            Self::User => privilege >= Some(Privilege::User),
            Self::Operator => privilege >= Some(Privilege::Operator),
            Self::Administrator => privilege >= Some(Privilege::Administrator),
        }
    }
}

/// What a command does.
pub(super) type Handler = fn(&mut Board, Context<'_>, &[u8]) -> Answer;

/// A command, who may give it, and what it does.
pub(super) type Row = (Command, Needs, Handler);
