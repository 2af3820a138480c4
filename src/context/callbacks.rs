//! The application's callbacks: what they are, and where they are kept.
//!
//! They are cloned before they are called, so that one may replace itself, and no lock is held while it runs. Its input
//! is deliveries. Uses `engine` and `words`.

use crate::engine::{Heard, Line, PeerStatus, Progress, Recover};
use crate::words::Answer;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Runs the recovery, and says how it went, or `Later`.
pub type OnRecovery = dyn Fn(&Recover) -> Answer + Send + Sync;
/// Is told of every new notice, whether it starts a recovery or not.
pub type OnNotice = dyn Fn(&Heard) + Send + Sync;
/// Is told what the library would write into a log.
pub type OnLog = dyn Fn(&Line) + Send + Sync;
/// Is told when what the heartbeat says of a server changes, and when a server was seen to restart.
pub type OnPeer = dyn Fn(&PeerStatus) + Send + Sync;
/// Is told every step of a recovery.
pub type OnProgress = dyn Fn(&Progress) + Send + Sync;

/// A callback, or none.
type Slot<F> = Mutex<Option<Arc<F>>>;

/// All of them.
#[derive(Default)]
pub(super) struct Callbacks {
    /// By monitor; the empty name is for every monitor without its own.
    recovery: Mutex<HashMap<String, Arc<OnRecovery>>>,
    pub notice: Slot<OnNotice>,
    pub log: Slot<OnLog>,
    pub peer: Slot<OnPeer>,
    pub progress: Slot<OnProgress>,
}

/// Takes the place of what was there, which is dropped after its last call, with no lock held: that runs foreign code.
pub(super) fn put<F: ?Sized>(slot: &Slot<F>, callback: Arc<F>) {
    let old = slot.lock().replace(callback);
    drop(old);
}

/// Tells it, if there is one.
pub(super) fn tell<T>(slot: &Slot<dyn Fn(&T) + Send + Sync>, what: &T) {
    let callback = slot.lock().clone();
    if let Some(callback) = callback {
        callback(what);
    }
}

impl Callbacks {
    /// As [`put`].
    pub fn put_recovery(&self, monitor: Option<&str>, callback: Arc<OnRecovery>) {
        let old = self.recovery.lock().insert(monitor.unwrap_or_default().to_owned(), callback);
        drop(old);
    }

    /// What runs a monitor's recoveries.
    pub fn recovery(&self, monitor: &str) -> Option<Arc<OnRecovery>> {
        let all = self.recovery.lock();
        all.get(monitor).or_else(|| all.get("")).cloned()
    }
}
