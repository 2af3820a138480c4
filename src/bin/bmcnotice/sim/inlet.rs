//! What comes to the main thread of `sim`: what happened, signals, and lines from standard input.

use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::Happened;
use std::io::{BufRead, stdin};
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Limit: events that wait to be printed; more are lost, for the BMC does not wait for its reader.
const QUEUE_EVENTS: usize = 4096;

/// What comes.
pub enum Input {
    /// Something at a BMC; of a fleet, at this one.
    Happened(Option<Ipv4Addr>, Happened),
    /// A signal.
    Signal(Signal),
    /// A line from standard input.
    Command(String),
}

/// The two ends.
pub fn queue() -> (SyncSender<Input>, Receiver<Input>) {
    sync_channel(QUEUE_EVENTS)
}

/// Hands on what the signals say, on a thread of its own.
pub fn listen_to_signals(signals: Signals, inlet: SyncSender<Input>) {
    thread::spawn(move || {
        while let Some(signal) = signals.wait(None) {
            if inlet.send(Input::Signal(signal)).is_err() {
                return;
            }
        }
    });
}

/// Hands on the lines of standard input until it ends; what runs goes on.
pub fn listen_to_commands(inlet: SyncSender<Input>) {
    thread::spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { return };
            if inlet.send(Input::Command(line)).is_err() {
                return;
            }
        }
    });
}
