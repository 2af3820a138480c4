//! Which commands may be given to a BMC twice, and which only to one that has proven to be the right one.
//!
//! Uses `wire`. Its input is our own requests.

use crate::wire::command::{ADD_SEL_ENTRY, CHASSIS_CONTROL, GET_SEL_ENTRY, SEL_INFO};
use crate::wire::ipmi::Request;

/// Whether the command may be given again, or over a second road, when no answer comes. What acts on the
/// chassis or adds a record is given once; its effect must be looked at before anybody says it again.
pub(super) fn may_repeat(request: &Request) -> bool {
    !request.is(CHASSIS_CONTROL) && !request.is(ADD_SEL_ENTRY)
}

/// Whether the command is for a BMC alone that has proven to be the right one: what acts on the chassis, and what
/// shows the log, for another one's log proves nothing.
pub(super) fn needs_proof(request: &Request) -> bool {
    request.is(CHASSIS_CONTROL) || request.is(GET_SEL_ENTRY) || request.is(SEL_INFO)
}
