//! Everything that the context knows, at once, for people who look.

use super::Context;
use crate::model::Error;
pub use crate::plant::{Overview, Watched};

impl Context {
    /// Everything at once. Any thread, a callback included; delays nobody, whatever the number of servers.
    pub fn overview(&self) -> Result<Overview, Error> {
        self.usable().map(|()| self.feed.plant.overview())
    }
}
