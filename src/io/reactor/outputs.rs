//! What the engine wants done, done: written, sent, started, handed on, each in its order.
//!
//! Part of [`Reactor`], apart because it is the other half of it: the rest takes inputs. Its input is the engine's outputs.

use super::Reactor;
use crate::engine::{Delivery, Output};
use crate::io::host;
use crate::io::sys::now;
use crate::now::Now;
use crate::words::Class;
use std::sync::atomic::Ordering::SeqCst;

impl Reactor {
    /// Performs all output of what happened at `moment`, in order.
    pub(super) fn drain(&mut self, moment: Now, out: &mut dyn FnMut(Delivery)) {
        self.perform(moment, out);
        self.send_asks();
    }

    /// The same, but for questions to BMCs: they may wait for others that follow at once. What our own BMC is told does
    /// not wait, and nothing that takes its time goes before them.
    pub(super) fn perform(&mut self, moment: Now, out: &mut dyn FnMut(Delivery)) {
        while let Some(output) = self.engine.poll_output() {
            match &output {
                Output::Ask { .. } | Output::Reply { .. } => {}
                Output::InBand(_)
                | Output::Append(_)
                | Output::Compact(_)
                | Output::KeepNames(_)
                | Output::Filter(_)
                | Output::Run(_)
                | Output::Signal { .. }
                | Output::LookForDump(_)
                | Output::Panic(_)
                | Output::Deliver(_) => self.send_asks(),
            }
            match output {
                Output::Reply { to, bytes } => _ = self.replies.push(to, bytes),
                Output::Ask { to, bytes } => {
                    let full = self.asks[usize::from(to.is_ipv6())].push(to, bytes);
                    if full || self.engine.own_bmc() == Some(to) {
                        self.send_asks();
                    }
                }
                Output::InBand(order) => {
                    let heard = self.device.perform(order);
                    self.numbers[4].store(self.device.raw().unwrap_or(-1), SeqCst);
                    if let Some(event) = heard {
                        self.engine.handle_in_band(moment, event);
                    }
                }
                Output::Append(bytes) => {
                    let stored = self.store.append(&bytes).is_ok();
                    self.engine.handle_appended(moment, stored);
                }
                Output::Compact(bytes) => {
                    let stored = self.store.replace(&bytes).is_ok();
                    self.engine.handle_compacted(stored);
                }
                Output::KeepNames(octets) => self.store.keep_names(octets),
                Output::Filter(wanted) => {
                    let done = self.intake.filter(self.sockets.traps.as_ref(), wanted);
                    self.engine.handle_filter(moment, done.map_err(|error| error.to_string()));
                }
                Output::Run(command) => {
                    if let Some(failed) = self.actions.run(command) {
                        self.engine.handle_command(now(), failed.token, failed.event);
                    }
                }
                Output::Signal { token, urgency } => self.actions.signal(token, urgency),
                Output::LookForDump(markers) => {
                    let found = markers.into_iter().find(|marker| host::exists(marker));
                    self.engine.handle_dump(moment, found);
                }
                Output::Panic(trigger) => {
                    if let Err(why) = host::panic(&trigger) {
                        self.engine.handle_no_panic(moment, &format!("{trigger}: {why}"));
                    }
                }
                Output::Deliver(delivery) if self.sheds(&delivery) => {}
                Output::Deliver(delivery) => out(delivery),
            }
        }
    }

    pub(super) fn send_asks(&mut self) {
        for (asks, socket) in self.asks.iter_mut().zip([&self.sockets.bmc4, &self.sockets.bmc6]) {
            self.unsent += match socket {
                Some(socket) => asks.send(socket),
                None => asks.lose(),
            };
        }
    }

    /// Whether a delivery is not to be handed on now.
    fn sheds(&mut self, delivery: &Delivery) -> bool {
        let small = match delivery {
            Delivery::Notice(heard) => self.crowded && heard.notice.class != Class::Fatal,
            Delivery::Echo(_) => self.shed_last, // it says that the notice before it was delivered
            Delivery::Recover(_) | Delivery::Peer(_) | Delivery::Progress(_) | Delivery::Log(_) => false,
        };
        self.shed += u64::from(small && matches!(delivery, Delivery::Notice(_)));
        self.shed_last = small;
        small
    }
}
