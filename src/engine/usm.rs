//! SNMPv3 beside the notices: clocks to the journal, Reports out, and what becomes of a BMC that has lost its clock.
//!
//! Part of [`Engine`], like `perform`. A lost clock is believed when the BMC's own log shows, fresh, what the trap tells;
//! never on the trap's word, and the check is never switched off.

use super::output::{Line, Output};
use super::version3::{reader, table};
use super::{Awaited, Engine};
use crate::bmc::evidence::{Asker, Claim, Verdict};
use crate::crypto::Random;
use crate::notice::usm::{Clock, User, own_id};
use crate::now::Now;
use core::net::SocketAddr;

impl Engine {
    /// We have started once more, and that is written down before anybody hears of it.
    pub(super) fn start_clock(&mut self, now: Now) {
        if let Some((engine, boots)) = self.reception.usm().map(|usm| usm.own()) {
            let octets = self.journal.clock(now, Clock { engine, boots, time: 0 });
            self.append(octets, Awaited::Step);
        }
    }

    /// Other users: clocks go on, unless there was none.
    pub(super) fn reread_version3(&mut self, now: Now, users: Vec<User>, random: &mut Random) {
        let new = table(&self.cluster, users.clone());
        let id = own_id(&self.cluster.name, &self.cluster.this_server().name);
        match self.reception.usm() {
            Some(usm) if usm.own().0 == id => usm.reload(now, new),
            Some(_) | None => {
                let clocks = self.journal.clocks().to_vec();
                let usm = reader(now, &self.cluster, users, &clocks, random);
                self.reception.read_version3(usm);
                self.start_clock(now);
            }
        }
    }

    /// After a datagram: what v3 wants beside the notice.
    pub(super) fn settle_version3(&mut self, now: Now, from: SocketAddr) {
        if let Some(bytes) = self.reception.poll_report()
            && !self.cluster.observe
        {
            self.outputs.push_back(Output::Reply { to: from, bytes });
        }
        while let Some(clock) = self.reception.poll_clock() {
            let octets = self.journal.clock(now, clock);
            self.append(octets, Awaited::Step);
        }
        while let Some(engine) = self.reception.poll_awaiting() {
            self.log(Line::warning(format!(
                "an authentic SNMPv3 trap came from {from}, of engine {engine}, which is not approved: if it is the \
                 BMC's, write engine_ids = [\"{engine}\"] into its [server.bmc]"
            )));
        }
        if let Some((notice, pet)) = self.reception.poll_held() {
            let asked = self.witness.as_mut().map(|witness| witness.ask(now, Asker::CLOCK, notice, Claim::of(&pet)));
            self.log(Line::warning(match asked {
                Some(()) => format!(
                    "an authentic SNMPv3 trap from {from} is older than what came before: a replay, or the BMC was reset \
                     and has lost its clock; its log is asked"
                ),
                None => format!(
                    "an authentic SNMPv3 trap from {from} is older than what came before: a replay, or the BMC was reset \
                     and has lost its clock; there is no link to ask it"
                ),
            }));
        }
    }

    /// What the BMC's log says of a trap that is authentic and too old.
    pub(super) fn clock_was_lost(&mut self, now: Now, notice: u64, verdict: Verdict) {
        match verdict {
            Verdict::Supported(record) => {
                if let Some((from, bytes)) = self.reception.believe_held(now, notice) {
                    self.log(Line::info(format!(
                        "the BMC means it (record {:04x}h of its log): it was reset, and its SNMP clock is taken over",
                        record.id()
                    )));
                    // It was counted as a drop, and has another fate now.
                    self.statistics.datagrams += 1;
                    self.take_datagram(now, from, &bytes);
                }
            }
            Verdict::Contradicted => {
                self.log(Line::warning("the BMC's log shows no such event: the SNMPv3 trap was a replay"));
            }
            Verdict::Unanswerable(doubt) => {
                self.log(Line::warning(format!("whether the BMC has lost its SNMP clock is not known: {doubt}")));
            }
        }
    }
}
