//! The timetable: which BMC is asked when.
//!
//! Questions to different BMCs are spread over the interval, so that many of them do not answer in one
//! burst; a BMC that still owes an answer is not asked again.

use crate::config::model::Cluster;
use crate::now::Now;
use crate::words::ServerId;
use core::time::Duration;

/// A question that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// About which server.
    pub server: ServerId,
}

#[derive(Debug, Clone)]
struct Row {
    server: ServerId,
    due: Duration,
    asked: bool,
}

/// When to ask whom.
#[derive(Debug, Clone)]
pub struct Timetable {
    interval: Duration,
    rows: Vec<Row>,
}

impl Timetable {
    /// As the cluster wants it: every server that has a BMC, or nobody.
    pub fn of(now: Now, cluster: &Cluster) -> Self {
        let with_bmc = (0..).map(ServerId).zip(&cluster.servers).filter(|(_, server)| server.bmc.is_some());
        let asked = with_bmc.filter(|_| cluster.heartbeat.enabled).map(|(id, _)| id);
        Self::new(now, cluster.heartbeat.interval, asked)
    }

    /// Asks every one of `servers` once an `interval`, the first of them at once.
    pub fn new(now: Now, interval: Duration, servers: impl IntoIterator<Item = ServerId>) -> Self {
        let mut rows: Vec<Row> =
            servers.into_iter().map(|server| Row { server, due: now.boottime, asked: false }).collect();
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
        for (place, row) in (0..).zip(&mut rows) {
            row.due += interval / count * place;
        }
        Self { interval, rows }
    }

    /// The next question that is due, if any; call until there is none.
    pub fn poll(&mut self, now: Now) -> Option<Ask> {
        let row = self.rows.iter_mut().find(|row| !row.asked && row.due <= now.boottime)?;
        row.asked = true;
        // From the planned moment, so that the rhythm does not drift; a missed round is not made up.
        row.due += self.interval;
        if row.due <= now.boottime {
            row.due = now.boottime + self.interval;
        }
        Some(Ask { server: row.server })
    }

    /// The answer, or its absence, has come in.
    pub fn answered(&mut self, server: ServerId) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.server == server) {
            row.asked = false;
        }
    }

    /// When `poll` will have something; `None` while every BMC owes an answer.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.rows.iter().filter(|row| !row.asked).map(|row| row.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { boottime: Duration::from_millis(ms), wall: Duration::ZERO }
    }

    #[test]
    fn questions_are_spread_and_do_not_pile_up() {
        let mut table = Timetable::new(at(0), Duration::from_secs(3), [ServerId(0), ServerId(1)]);
        assert_eq!(table.poll(at(0)), Some(Ask { server: ServerId(0) }));
        assert_eq!(table.poll(at(0)), None);
        assert_eq!(table.next_deadline(), Some(Duration::from_millis(1500)));
        assert_eq!(table.poll(at(1500)), Some(Ask { server: ServerId(1) }));
        assert_eq!(table.next_deadline(), None, "both owe an answer");
        table.answered(ServerId(0));
        assert_eq!(table.next_deadline(), Some(Duration::from_secs(3)));
        assert_eq!(table.poll(at(3000)), Some(Ask { server: ServerId(0) }));
    }

    #[test]
    fn after_a_pause_a_missed_round_is_not_made_up() {
        let mut table = Timetable::new(at(0), Duration::from_secs(3), [ServerId(0)]);
        table.poll(at(0));
        table.answered(ServerId(0));
        assert!(table.poll(at(60_000)).is_some());
        table.answered(ServerId(0));
        assert_eq!(table.next_deadline(), Some(Duration::from_secs(63)));
    }
}
