//! What is counted.

use super::result::bmcn_result::BMCN_EINVAL;
use crate::engine::Statistics;
use crate::notice::DropReason;
use std::ffi::{CString, c_char, c_int};
use std::ptr::null;
use std::sync::OnceLock;

/// What bmcn_ctx_count() can count, since the context was made, or repaired after BMCN_EPANIC.
#[repr(C)]
pub enum bmcn_counter {
    /// Datagrams at the trap socket; each is a new notice, a repetition, or a drop.
    BMCN_COUNT_DATAGRAMS = 0,
    /// New notices.
    BMCN_COUNT_NOTICES = 1,
    /// Repetitions of a notice.
    BMCN_COUNT_REPEATS = 2,
    /// Drops, whatever the reason; bmcn_ctx_drops() tells them apart.
    BMCN_COUNT_DROPS = 3,
    /// Acknowledgements and Inform responses sent.
    BMCN_COUNT_ACKNOWLEDGED = 4,
    /// Recoveries begun.
    BMCN_COUNT_RECOVERIES = 5,
    /// Recoveries done.
    BMCN_COUNT_DONE = 6,
    /// Recoveries failed.
    BMCN_COUNT_FAILED = 7,
    /// Phases that a BMC understood.
    BMCN_COUNT_TOLD = 8,
    /// Phases that it did not, within the deadline.
    BMCN_COUNT_UNTOLD = 9,
    /// Appends to the journal that failed.
    BMCN_COUNT_JOURNAL_FAILURES = 10,
    /// Deliveries dropped because dispatch was too slow; thread mode only.
    BMCN_COUNT_UNDELIVERED = 11,
    /// Keep-alives that this server's BMC took.
    BMCN_COUNT_KEEPALIVES = 12,
    /// Those that it did not.
    BMCN_COUNT_KEEPALIVES_LOST = 13,
    /// Notices that the BMC's log has proven (trust corroborated).
    BMCN_COUNT_SUPPORTED = 14,
    /// Notices that it shows to be none of the BMC's: forged, or of a BMC that does not log what it reports.
    BMCN_COUNT_CONTRADICTED = 15,
    /// Notices about which the BMC could not be asked, or about which its log says neither.
    BMCN_COUNT_UNANSWERABLE = 16,
    /// Questions of the heartbeat's.
    BMCN_COUNT_PROBES = 17,
    /// Rounds of them that nobody answered.
    BMCN_COUNT_PROBES_MISSED = 18,
    /// Watchdogs that showed nonsense: a countdown above its start, or one that stands still.
    BMCN_COUNT_PULSES_ABSURD = 19,
    /// How often this process, or its host, stood still.
    BMCN_COUNT_SLEEPS = 20,
    /// Drops of datagrams that nobody saw: while a flood of strangers is kept away by a filter in the kernel, each of its
    /// samples stands for 64.  Part of BMCN_COUNT_DROPS, but not of BMCN_COUNT_DATAGRAMS.
    BMCN_COUNT_ESTIMATED = 21,
    /// Datagrams that the filter kept away, as the kernel counts.
    BMCN_COUNT_FILTERED = 22,
    /// Datagrams that the kernel lost because the trap socket's queue was full; at most so many while the filter is there.
    BMCN_COUNT_OVERFLOWED = 23,
    /// Notices, none of them fatal, that were written down but not handed on: dispatch was too slow, and a fatal
    /// one behind them would have come late.
    BMCN_COUNT_SHED = 24,
    /// No count: octets of the trap socket's queue that were asked for.
    BMCN_COUNT_QUEUE_ASKED = 25,
    /// No count: octets of it that the kernel granted; 0 without a socket.
    BMCN_COUNT_QUEUE_GRANTED = 26,
}

pub(super) fn count(statistics: &Statistics, counter: c_int) -> i64 {
    let count = match counter {
        0 => statistics.datagrams,
        1 => statistics.notices,
        2 => statistics.repeats,
        3 => statistics.dropped_in_all(),
        4 => statistics.acknowledged,
        5 => statistics.recoveries,
        6 => statistics.done,
        7 => statistics.failed,
        8 => statistics.told,
        9 => statistics.untold,
        10 => statistics.journal_failures,
        11 => statistics.undelivered,
        12 => statistics.keepalives,
        13 => statistics.keepalives_lost,
        14 => statistics.supported,
        15 => statistics.contradicted,
        16 => statistics.unanswerable,
        17 => statistics.probes,
        18 => statistics.probes_missed,
        19 => statistics.pulses_absurd,
        20 => statistics.sleeps,
        21 => statistics.estimated,
        22 => statistics.filtered,
        23 => statistics.overflowed,
        24 => statistics.shed,
        25 => statistics.queue_asked,
        26 => statistics.queue_granted,
        _ => return BMCN_EINVAL as i64,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The drops for one reason, by its number.
pub(super) fn drops(statistics: &Statistics, reason: c_int) -> i64 {
    match usize::try_from(reason).ok().and_then(|place| statistics.drops.get(place)) {
        Some(&count) => i64::try_from(count).unwrap_or(i64::MAX),
        None => BMCN_EINVAL as i64,
    }
}

/// Return the name of a reason for dropping a datagram, or NULL if there is none of that number.
///
/// Reasons are numbered from 0 without a gap; a number keeps its meaning.  The string is static.  Any
/// thread.  Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn bmcn_drop_name(reason: c_int) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    let names = NAMES.get_or_init(|| DropReason::ALL.iter().map(|reason| super::text::owned(reason.name())).collect());
    usize::try_from(reason).ok().and_then(|place| names.get(place)).map_or(null(), |name| name.as_ptr())
}
