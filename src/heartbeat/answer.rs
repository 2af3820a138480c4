//! What is asked of a BMC, and what its answer says: from the octets of a response, or from why there is none.
//!
//! Uses `bmc` for failures, `wire` for the octets, which are a BMC's, hostile. Read by `watch`.

use super::evidence::{Doubt, Power};
use crate::bmc::failure::Failure;
use crate::wire::command::{ChassisStatus, Watchdog};
use crate::wire::ipmi::Response;

/// What is asked of a BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// A sign of life, outside any session.
    Ping,
    /// Get Watchdog Timer.
    Pulse,
    /// Get Chassis Status.
    Power,
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Ping`].
    Alive,
    /// To [`Question::Pulse`].
    Timer(Watchdog),
    /// To [`Question::Power`].
    Power(Power),
    /// The BMC answered something else: that it cannot, or nonsense.
    Refused,
    /// Nothing, and why.
    None(Doubt),
}

impl Answer {
    /// What a BMC's answer says. `proven`: the BMC has proven to be this server's.
    pub fn of(question: Question, result: Result<Response, Failure>, proven: bool) -> Self {
        let response = match result {
            Ok(response) => response,
            Err(failure) => return Self::None(doubt(failure)),
        };
        match question {
            Question::Ping => Self::Alive,
            Question::Pulse | Question::Power if response.completion != 0 => Self::Refused,
            Question::Pulse => Watchdog::parse(&response.data).map_or(Self::Refused, Self::Timer),
            Question::Power => match ChassisStatus::parse(&response.data) {
                Ok(status) => Self::Power(Power { on: status.power, proven }),
                Err(_) => Self::Refused,
            },
        }
    }
}

fn doubt(failure: Failure) -> Doubt {
    match failure {
        Failure::Silent | Failure::SessionLost | Failure::QueueFull | Failure::Stopped | Failure::InBand(_) => {
            Doubt::Silent
        }
        Failure::WrongUser
        | Failure::WrongPassword
        | Failure::PrivilegeTooHigh
        | Failure::SuiteNotOffered
        | Failure::Refused(_)
        | Failure::Rejected(_) => Doubt::Login,
        Failure::NoFreeSlot | Failure::Crowded => Doubt::NoSlot,
        Failure::Malformed => Doubt::Malformed,
        Failure::WrongIdentity => Doubt::Identity,
        Failure::NoLogin => Doubt::NoLogin,
    }
}
