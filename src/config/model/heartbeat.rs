//! What the operator wrote of the BMC heartbeat: how others are watched, and how this server shows that it lives.
//!
//! Part of the model; its values are as valid as the rest of it. Uses `words`.

use crate::words::ServerId;
use core::time::Duration;

/// The BMC heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whether it runs.
    pub enabled: bool,
    /// Between two rounds of questions to one BMC.
    pub interval: Duration,
    /// A pulse that is older is silent; a BMC that does not answer for so long is unknown.
    pub timeout: Duration,
    /// A pulse that is older is delayed, and people are warned; less than `timeout`.
    pub warning: Duration,
    /// How this server's own watchdog is fed; none: it is not touched.
    pub pulse: Option<OwnPulse>,
    /// The servers that watch; none named: all. Among them the sessions on each BMC are shared out.
    pub watchers: Vec<ServerId>,
    /// Whether each verdict becomes a node attribute of Pacemaker's.
    pub node_attributes: bool,
}

impl Default for Heartbeat {
    /// CLUSTERPRO's figures; a warning at four fifths of the time-out; no pulse of our own.
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(3),
            timeout: Duration::from_secs(90),
            warning: Duration::from_secs(72),
            pulse: None,
            watchers: Vec::new(),
            node_attributes: false,
        }
    }
}

/// How this server's pulse is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPulse {
    /// Between two feedings.
    pub period: Duration,
    /// Who lives, if it is fed.
    pub vouch: Vouch,
}

/// Who vouches for this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouch {
    /// The library: its thread, or its loop, lives.
    Library,
    /// The application, whose word is good for so long.
    Application(Duration),
}

/// What is asked of a BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// ASF presence ping, outside any session.
    pub asf: bool,
    /// Get Channel Authentication Capabilities, outside any session.
    pub capabilities: bool,
    /// Get Chassis Status, over a session.
    pub power: bool,
    /// Get Watchdog Timer, over a session; the power is asked, too.
    pub pulse: bool,
}

impl Default for Probes {
    /// Over a session power and pulse; without one the capabilities.
    fn default() -> Self {
        Self { asf: false, capabilities: true, power: true, pulse: true }
    }
}

impl Probes {
    /// Whether any of them needs a session.
    pub fn needs_session(self) -> bool {
        self.power || self.pulse
    }
}
