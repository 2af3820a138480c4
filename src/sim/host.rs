//! The host that the BMC governs: its power, its boots, why it last restarted.
//!
//! A pure state machine over boottime; the caller tells its story.

use core::time::Duration;

/// How long a power cycle keeps the host off.
pub const CYCLE_OFF: Duration = Duration::from_secs(1);

/// Whether the host has power, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// No power.
    Off,
    /// No power for a moment: a power cycle.
    Cycling {
        /// When it comes back, in boottime.
        until: Duration,
    },
    /// Power, and the operating system is not up yet.
    Booting {
        /// When it is up, in boottime.
        until: Duration,
    },
    /// The operating system runs.
    Up,
}

impl Power {
    /// As Chassis Status tells it.
    pub fn is_on(self) -> bool {
        match self {
            Self::Off | Self::Cycling { .. } => false,
            Self::Booting { .. } | Self::Up => true,
        }
    }
}

/// Why the host last restarted (Get System Restart Cause, IPMI 2.0 table 28-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RestartCause {
    /// Nobody knows.
    Unknown = 0,
    /// Chassis Control.
    ChassisControl = 1,
    /// The reset button.
    ResetButton = 2,
    /// The power button switched it on: how the simulation begins.
    PowerButton = 3,
    /// The watchdog timer.
    Watchdog = 4,
    /// An event filter's reset.
    Pef = 8,
}

/// What is done to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Do {
    /// Take its power.
    Off,
    /// Give it power.
    On,
    /// Take it and give it again.
    Cycle,
    /// Hard reset: power stays.
    Reset,
}

/// What happened to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It lost its power.
    PoweredOff,
    /// It has power again and boots.
    PoweredOn,
    /// It was reset and boots.
    WasReset,
    /// Its operating system is up.
    Booted,
}

/// Not in this power state: completion code D5h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

/// The host.
#[derive(Debug, Clone)]
pub struct Host {
    power: Power,
    cause: RestartCause,
    boot_time: Duration,
    resets: u64,
}

impl Host {
    /// A host that is up.
    pub fn new(boot_time: Duration) -> Self {
        Self { power: Power::Up, cause: RestartCause::PowerButton, boot_time, resets: 0 }
    }

    /// Its power.
    pub fn power(&self) -> Power {
        self.power
    }

    /// Why it last restarted.
    pub fn cause(&self) -> RestartCause {
        self.cause
    }

    /// How often it was reset or power-cycled.
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Does something to it. Off when off and on when on are fine and change nothing.
    pub fn act(&mut self, now: Duration, what: Do, cause: RestartCause) -> Result<Option<Happened>, NotNow> {
        match (what, self.power.is_on()) {
            (Do::Off, true) => {
                self.power = Power::Off;
                Ok(Some(Happened::PoweredOff))
            }
            (Do::Off, false) => {
                self.power = Power::Off; // ends a power cycle, too
                Ok(None)
            }
            (Do::On, true) => Ok(None),
            (Do::On, false) => {
                self.cause = cause;
                self.power = Power::Booting { until: now.saturating_add(self.boot_time) };
                Ok(Some(Happened::PoweredOn))
            }
            (Do::Cycle, true) => {
                self.cause = cause;
                self.resets += 1;
                self.power = Power::Cycling { until: now + CYCLE_OFF };
                Ok(Some(Happened::PoweredOff))
            }
            (Do::Reset, true) => {
                self.cause = cause;
                self.resets += 1;
                self.power = Power::Booting { until: now.saturating_add(self.boot_time) };
                Ok(Some(Happened::WasReset))
            }
            (Do::Cycle | Do::Reset, false) => Err(NotNow),
        }
    }

    /// When it goes on by itself.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.power {
            Power::Cycling { until } | Power::Booting { until } => Some(until),
            Power::Off | Power::Up => None,
        }
    }

    /// Goes on by itself if it is time.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Happened> {
        match self.power {
            Power::Cycling { until } if until <= now => {
                self.power = Power::Booting { until: until.saturating_add(self.boot_time) };
                Some(Happened::PoweredOn)
            }
            Power::Booting { until } if until <= now => {
                self.power = Power::Up;
                Some(Happened::Booted)
            }
            Power::Cycling { .. } | Power::Booting { .. } | Power::Off | Power::Up => None,
        }
    }
}
