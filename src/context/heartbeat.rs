//! What an application asks of the heartbeat, and its word that it lives.
//!
//! Part of [`Context`]. Nothing here asks a BMC: what is shown is what was learnt last, and how old that is counts.

use super::Context;
use crate::engine::PeerStatus;
use crate::heartbeat::TakeOver;
use crate::io::sys;
use crate::model::Error;

impl Context {
    /// What the heartbeat says of every server that has a BMC, in the configuration's order.
    pub fn peers(&self) -> Result<Vec<PeerStatus>, Error> {
        self.usable().map(|()| self.feed.plant.peers())
    }

    /// What the heartbeat says of one server.
    pub fn peer(&self, server: &str) -> Result<PeerStatus, Error> {
        let mut peers = self.peers()?.into_iter();
        peers
            .find(|peer| &*peer.server == server)
            .ok_or_else(|| Error::invalid(format!("no server \"{server}\" with a BMC is configured")))
    }

    /// May I take over what a server runs, now? And why, or why not. Any thread, a callback included; so with those below.
    pub fn take_over(&self, server: &str) -> Result<(TakeOver, &'static str), Error> {
        Ok(self.peer(server)?.take_over(sys::now().boottime))
    }

    /// The application lives: its word, where the configuration says `vouch = "application"`, lets this server's pulse be
    /// fed for a while. [`Error::Invalid`]: nobody asks for it.
    pub fn vouch(&self) -> Result<(), Error> {
        self.usable()?;
        let mut asked = false;
        self.feed.order(|engine, now| {
            asked = engine.vouch(now);
            Ok(())
        })?;
        if asked {
            return Ok(());
        }
        Err(Error::invalid(
            "nobody asks the application for its word: [heartbeat] does not say vouch = \"application\"",
        ))
    }

    /// What has become of this server's own pulse, in words; none: it is not fed, or nothing is known yet.
    pub fn pulse(&self) -> Result<Option<String>, Error> {
        self.usable().map(|()| self.feed.plant.pulse())
    }
}
