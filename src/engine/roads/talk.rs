//! What is being said to a BMC, and what its end means to the engine.
//!
//! One arm a kind of [`Dialogue`]. Used by `roads` alone; the answers are BMCs', hostile.

use super::news::{News, Owner};
use crate::bmc::chassis::Order;
use crate::bmc::dialogue::{Dialogue, Step};
use crate::bmc::failure::{Failure, Untold};
use crate::bmc::fill::Filling;
use crate::bmc::handshake::Telling;
use crate::bmc::immediate::{Asking, Looking};
use crate::bmc::link::Urgency;
use crate::bmc::sel_reading::Reading;
use crate::bmc::sensor_names::NameReading;
use crate::now::Now;
use crate::wire::ipmi::Response;
use crate::words::Phase;

/// What to say, and how.
#[derive(Debug)]
pub(super) enum Talk {
    Telling(Telling, Phase),
    Order(Order),
    Asking(Asking),
    Looking(Looking),
    Reading(Box<Reading>, Urgency),
    Filling(Filling),
    Names(Box<NameReading>),
}

impl Talk {
    /// The next step; its end is news for `owner`.
    pub(super) fn poll(&mut self, now: Now, owner: Owner) -> Step<News> {
        match self {
            Self::Telling(telling, phase) => telling.poll(now).map(|end| match end {
                Ok(()) => News::Told(owner, *phase),
                Err(why) => News::Untold(owner, *phase, why),
            }),
            Self::Order(order) => order.poll(now).map(|end| News::Ordered(owner, end)),
            Self::Asking(asking) => asking.poll(now).map(News::DrillAsked),
            Self::Looking(looking) => looking.poll(now).map(News::DrillFate),
            Self::Reading(reading, _) => reading.poll(now).map(News::Read),
            Self::Filling(filling) => filling.poll(now).map(News::Filled),
            Self::Names(reading) => reading.poll(now).map(News::Names),
        }
    }

    pub(super) fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        match self {
            Self::Telling(telling, _) => telling.handle_answer(now, result),
            Self::Order(order) => order.handle_answer(now, result),
            Self::Asking(asking) => asking.handle_answer(now, result),
            Self::Looking(looking) => looking.handle_answer(now, result),
            Self::Reading(reading, _) => reading.handle_answer(now, result),
            Self::Filling(filling) => filling.handle_answer(now, result),
            Self::Names(reading) => reading.handle_answer(now, result),
        }
    }

    /// Which commands at the same link go before it.
    pub(super) fn urgency(&self) -> Urgency {
        match self {
            Self::Telling(..) | Self::Order(_) => Urgency::Urgent,
            Self::Asking(_) | Self::Looking(_) | Self::Filling(_) => Urgency::Normal,
            Self::Reading(_, urgency) => *urgency,
            Self::Names(_) => Urgency::Normal,
        }
    }

    /// What its owner hears when it is cut short.
    pub(super) fn cut(&self, owner: Owner) -> Option<News> {
        match self {
            Self::Telling(telling, phase) => {
                Some(News::Untold(owner, *phase, telling.so_far().unwrap_or(Untold::Late)))
            }
            Self::Order(_)
            | Self::Asking(_)
            | Self::Looking(_)
            | Self::Filling(_)
            | Self::Reading(..)
            | Self::Names(_) => None,
        }
    }
}
