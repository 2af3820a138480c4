//! How an application registers its callbacks.
//!
//! Part of [`Context`]. The old callback is dropped after its last call, with no lock held. What is registered inside the
//! crate cannot fail, so that a caller who has looked first knows who owns the callback.

use super::Context;
use super::callbacks::{OnLog, OnNotice, OnPeer, OnProgress, OnRecovery, put};
use crate::model::Error;
use std::sync::Arc;

impl Context {
    /// Registers the recovery of one monitor, or of every monitor that has none of its own, in place of
    /// what was there. The old one is dropped after its last call, with no lock held.
    pub fn on_recovery(&self, monitor: Option<&str>, callback: Arc<OnRecovery>) -> Result<(), Error> {
        self.registrable(monitor)?;
        self.register_recovery(monitor, callback);
        Ok(())
    }

    /// Registers what is told of notices, in place of what was there.
    pub fn on_notice(&self, callback: Arc<OnNotice>) -> Result<(), Error> {
        self.usable().map(|()| self.register_notice(callback))
    }

    /// Registers what is told the log's lines, in place of what was there.
    pub fn on_log(&self, callback: Arc<OnLog>) -> Result<(), Error> {
        self.usable().map(|()| self.register_log(callback))
    }

    /// Registers what is told of the heartbeat's changes, in place of what was there.
    pub fn on_peer(&self, callback: Arc<OnPeer>) -> Result<(), Error> {
        self.usable().map(|()| self.register_peer(callback))
    }

    /// Registers what is told of a recovery's steps, in place of what was there.
    pub fn on_progress(&self, callback: Arc<OnProgress>) -> Result<(), Error> {
        self.usable().map(|()| self.register_progress(callback))
    }

    /// Whether [`Context::on_recovery`] would succeed.
    pub(crate) fn registrable(&self, monitor: Option<&str>) -> Result<(), Error> {
        self.usable()?;
        match monitor {
            Some(name) if !self.feed.plant.cluster().monitors.iter().any(|monitor| monitor.name == name) => {
                Err(Error::invalid(format!("no monitor \"{name}\" is configured")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn register_recovery(&self, monitor: Option<&str>, callback: Arc<OnRecovery>) {
        self.callbacks.put_recovery(monitor, callback);
    }

    pub(crate) fn register_notice(&self, callback: Arc<OnNotice>) {
        put(&self.callbacks.notice, callback);
    }

    pub(crate) fn register_log(&self, callback: Arc<OnLog>) {
        put(&self.callbacks.log, callback);
    }

    pub(crate) fn register_peer(&self, callback: Arc<OnPeer>) {
        put(&self.callbacks.peer, callback);
    }

    pub(crate) fn register_progress(&self, callback: Arc<OnProgress>) {
        put(&self.callbacks.progress, callback);
    }
}
