//! What people should know of the two roads to the own BMC, in sentences.
//!
//! Values; made by `auto`, read by the engine.

use crate::bmc::failure::{Failure, Obstacle};
use crate::words::Level;
use core::fmt;

/// What people should know of the two roads. Said once each time it becomes true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The device cannot be used, and why; whether there is a LAN road.
    NoDevice(Obstacle, bool),
    /// In-band is silent; LAN is used.
    OverLan,
    /// In-band is used again.
    Back,
    /// LAN works beside in-band.
    LanBeside,
    /// LAN does not work, and in-band does.
    LanFails(Failure),
}

impl Remark {
    /// How loud it is.
    pub fn level(self) -> Level {
        match self {
            Self::NoDevice(_, false) | Self::LanFails(Failure::WrongIdentity) => Level::Error,
            Self::NoDevice(Obstacle::NoDriver | Obstacle::NoInterface, true)
            | Self::Back
            | Self::LanBeside
            | Self::LanFails(_) => Level::Info,
            Self::NoDevice(_, true) | Self::OverLan => Level::Warning,
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice(obstacle, true) => {
                write!(f, "not in-band, over LAN alone: {obstacle}; {}", obstacle.remedy())
            }
            Self::NoDevice(obstacle, false) => {
                write!(f, "not in-band, and there is no other road: {obstacle}; {}", obstacle.remedy())
            }
            Self::OverLan => f.write_str("in-band it does not answer within 1 s: LAN is used"),
            Self::Back => f.write_str("in-band it answers, and is used again"),
            Self::LanBeside => f.write_str("LAN works beside in-band"),
            Self::LanFails(Failure::Silent) => f.write_str(
                "in-band is used; over LAN it does not answer this host (normal where they share a network port)",
            ),
            Self::LanFails(Failure::WrongIdentity) => f.write_str(
                "in-band is used; over LAN another system answers at its configured address, and nothing is said to it",
            ),
            Self::LanFails(why) => write!(f, "in-band is used; LAN beside it does not work: {why}"),
        }
    }
}
