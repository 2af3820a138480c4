//! Somebody at the server presses a button: power off and on, reset.
//!
//! No command is logged, nobody is asked, and a handshake that holds a reset is over like with any other restart. Uses
//! `host` through `board`.

use super::Bmc;
use super::host::{Do, NotNow, RestartCause};
use crate::now::Now;

impl Bmc {
    /// The power button is held down until the host is off. If it is off already, it stays so.
    pub fn power_off(&mut self, now: Now) {
        self.press(now, Do::Off);
    }

    /// The power button is pressed: the host boots. If it is on already, it stays so.
    pub fn power_on(&mut self, now: Now) {
        self.press(now, Do::On);
    }

    /// The reset button is pressed: the host boots again. False: it has no power, and nothing happens.
    pub fn reset(&mut self, now: Now) -> bool {
        self.press(now, Do::Reset)
    }

    fn press(&mut self, now: Now, what: Do) -> bool {
        self.catch_up(now);
        let cause = match what {
            Do::Reset => RestartCause::ResetButton,
            Do::Off | Do::On | Do::Cycle => RestartCause::PowerButton,
        };
        match self.board.act(now, what, cause) {
            Ok(()) => true,
            Err(NotNow) => false,
        }
    }
}
