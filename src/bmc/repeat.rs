//! Which commands may be given to a BMC twice.
//!
//! Uses `wire`. Its input is our own requests.

use crate::wire::command::{ADD_SEL_ENTRY, CHASSIS_CONTROL};
use crate::wire::ipmi::Request;

/// Whether the command may be given again, or over a second road, when no answer comes. What acts on the
/// chassis or adds a record is given once; its effect must be looked at before anybody says it again.
pub(super) fn may_repeat(request: &Request) -> bool {
    !request.is(CHASSIS_CONTROL) && !request.is(ADD_SEL_ENTRY)
}
