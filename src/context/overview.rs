//! Everything that the context knows, at once, for people who look.

use super::Context;
use crate::engine::explain::Explainer;
use crate::model::Error;
use crate::notice::recorder::Recorded;
pub use crate::plant::{Overview, Watched};

impl Context {
    /// Everything at once. Any thread, a callback included; delays nobody, whatever the number of servers.
    pub fn overview(&self) -> Result<Overview, Error> {
        self.usable().map(|()| self.feed.plant.overview())
    }

    /// The flight recorder: the last datagrams at the trap socket, oldest first, and who says what becomes of each by the
    /// configuration of now. Any thread, a callback included.
    pub fn flight(&self) -> Result<(Explainer, Vec<Recorded>), Error> {
        self.usable().map(|()| self.feed.plant.flight())
    }
}
