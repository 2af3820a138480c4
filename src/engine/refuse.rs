//! What becomes of datagrams that are refused: counted by their reason, and kept away by the kernel when strangers flood.
//!
//! Part of [`Engine`]. Its inputs are drops, and what came of attaching the filter; `notice::guard` decides.

use super::Engine;
use super::output::{Line, Output};
use crate::notice::DropReason;
use crate::notice::filter::{Allowed, SAMPLE_ONE_IN};
use crate::notice::guard::{ARM_ABOVE, Wish};
use crate::now::Now;
use core::net::SocketAddr;

impl Engine {
    /// The filter was attached or taken off, as [`Output::Filter`] had it, or why not.
    pub fn handle_filter(&mut self, now: Now, done: Result<(), String>) {
        if let Err(why) = done {
            self.cannot_filter(now, &why);
        }
    }

    /// What lay in the trap socket when the filter was attached has been read: what comes now has passed it.
    pub fn handle_queue_read(&mut self, now: Now) {
        self.flood.guard.settled(now.boottime);
    }

    /// A datagram at the trap socket was refused.
    pub(super) fn refuse(&mut self, now: Now, reason: DropReason, from: SocketAddr) {
        let (stands_for, wish) = match self.flood.may_speak(from) {
            true => (1, None),
            false => self.flood.guard.foreign(now.boottime),
        };
        self.statistics.count_drops(reason, stands_for);
        if let Some(line) = self.murmur.about(now, reason, from, stands_for) {
            self.log(line);
        }
        if let Some(wish) = wish {
            self.wish_filter(now, wish, Some(from));
        }
    }

    pub(super) fn flood_times_out(&mut self, now: Now) {
        if let Some(wish) = self.flood.guard.timeout(now.boottime) {
            self.wish_filter(now, wish, None);
        }
    }

    /// Other addresses may speak now.
    pub(super) fn filter_anew(&mut self, now: Now) {
        self.flood.allowed = Allowed::of(&self.cluster);
        if self.flood.guard.is_armed() {
            self.attach(now);
        }
    }

    fn wish_filter(&mut self, now: Now, wish: Wish, last: Option<SocketAddr>) {
        match wish {
            Wish::Arm => {
                let last = last.map_or_else(String::new, |from| format!(", the last from {from}"));
                self.log(Line::warning(format!(
                    "more than {ARM_ABOVE} foreign datagrams in a second{last}: the kernel is to refuse them, but for one \
                     in {SAMPLE_ONE_IN}; their numbers are estimates from now on"
                )));
                self.attach(now);
            }
            Wish::Disarm => {
                self.log(Line::info("the flood of foreign datagrams is over: they are looked at one by one again"));
                self.outputs.push_back(Output::Filter(None));
            }
        }
    }

    fn attach(&mut self, now: Now) {
        match self.flood.allowed.program() {
            Some(program) => self.outputs.push_back(Output::Filter(Some((program, self.flood.allowed.clone())))),
            None => {
                self.outputs.push_back(Output::Filter(None)); // an older one would be wrong now
                self.cannot_filter(now, "too many addresses are configured");
            }
        }
    }

    fn cannot_filter(&mut self, now: Now, why: &str) {
        self.flood.guard.unable(now.boottime);
        self.log(Line::warning(format!(
            "the kernel does not keep foreign datagrams away, every one is looked at: {why}"
        )));
    }
}
