//! How a command is asked, and what an answer is: shared by all who carry commands out.

use super::log::Caller;
use crate::config::model::Privilege;
use crate::now::Now;
use crate::wire::ipmi::Completion;

/// The circumstances of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub now: Now,
    pub caller: &'a Caller,
    /// Of the session; none outside one.
    pub privilege: Option<Privilege>,
}

pub(super) type Answer = Result<Vec<u8>, Completion>;

/// The data must have exactly `N` octets.
pub(super) fn exactly<const N: usize>(data: &[u8]) -> Result<&[u8; N], Completion> {
    data.try_into().map_err(|_| Completion::LENGTH)
}

pub(super) fn none(data: &[u8]) -> Result<(), Completion> {
    exactly::<0>(data).map(|_| ())
}
