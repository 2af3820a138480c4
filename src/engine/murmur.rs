//! Keeps refusals from flooding the log: the first of each reason is said, then one line a minute.

use super::output::Line;
use crate::notice::DropReason;
use crate::now::Now;
use core::net::SocketAddr;
use core::time::Duration;

/// Between two lines about the same reason.
const PAUSE: Duration = Duration::from_secs(60);

/// What was said about one reason.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    at: Option<Duration>,
    since: u64,
    /// Not each of them was seen.
    estimated: bool,
}

/// What was said about every reason.
#[derive(Debug, Default)]
pub(super) struct Murmur([Said; DropReason::ALL.len()]);

impl Murmur {
    /// The line that is due about a drop, if any.
    pub(super) fn about(&mut self, now: Now, reason: DropReason, from: SocketAddr, stands_for: u64) -> Option<Line> {
        let place = DropReason::ALL.iter().position(|&other| other == reason)?;
        let said = &mut self.0[place];
        said.since = said.since.saturating_add(stands_for);
        said.estimated |= stands_for > 1;
        if said.at.is_some_and(|at| now.boottime < at + PAUSE) {
            return None;
        }
        let text = match said.at {
            None => format!("datagram from {from} dropped: {reason}"),
            Some(_) => {
                let about = if said.estimated { "about " } else { "" };
                format!("{about}{} more datagrams dropped, the last from {from}: {reason}", said.since)
            }
        };
        *said = Said { at: Some(now.boottime), since: 0, estimated: false };
        Some(Line::warning(text))
    }
}
