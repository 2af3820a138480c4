//! One road to one BMC: to our own in-band, with LAN beside it; to another a link where there is a login, else a ping.
//!
//! Used by `roads` alone; hides which of them it is. Its input is datagrams from BMCs, and what the kernel's driver
//! says.

use crate::bmc::auto::{self, Auto, Remark};
use crate::bmc::inband::{Event, Order};
use crate::bmc::link::{self, Identity, Link, Login, Status, Ticket, Urgency};
use crate::bmc::ping::{self, Kinds, Probe};
use crate::crypto::Random;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use crate::words::Guid;
use core::time::Duration;

/// How a BMC is talked to in-band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InBand {
    pub(super) device: String,
    pub(super) pinned: Option<Guid>,
    /// Without LAN beside it.
    pub(super) alone: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) enum Road {
    Link(Box<Link>),
    Ping(Box<Probe>),
    /// In-band, and what is beside it without a login.
    Own(Box<Auto>, Option<Box<Probe>>),
}

/// What a road says.
#[derive(Debug)]
pub(super) enum Said {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// Do this with the device.
    Order(Order),
    /// What became of a command.
    Answer(Ticket, Result<Response, link::Failure>),
    /// The link's status is another.
    Changed,
    /// People should know this.
    Remark(Remark),
    /// A ping was answered, or not.
    Ping(bool),
}

impl Road {
    /// Opens at once, if it is this server's own; a link to another one waits for [`Road::begin`].
    pub(super) fn new(
        now: Now,
        login: Option<&Login>,
        identity: &Identity,
        in_band: Option<&InBand>,
        kinds: Kinds,
        random: &mut Random,
    ) -> Self {
        let beside = in_band.is_none_or(|in_band| !in_band.alone);
        let link = login.filter(|_| beside).map(|login| Link::new(login.clone(), identity.clone(), random.split()));
        match (in_band, link) {
            (Some(InBand { device, pinned, .. }), link) => {
                let ping = (beside && link.is_none()).then(|| Box::new(Probe::of(random, kinds)));
                let mut auto = Box::new(Auto::new(device.clone(), *pinned, identity.clone(), link));
                auto.start(now);
                Self::Own(auto, ping)
            }
            (None, Some(link)) => {
                let mut link = Box::new(link);
                if link.is_own() {
                    link.start(now);
                } else {
                    link.hold();
                }
                Self::Link(link)
            }
            (None, None) => Self::Ping(Box::new(Probe::of(random, kinds))),
        }
    }

    /// Whether it waits for [`Road::begin`].
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Link(link) if link.is_held())
    }

    /// Opens a link that was held.
    pub(super) fn begin(&mut self, now: Now) {
        match self {
            Self::Link(link) => link.begin(now),
            Self::Ping(_) | Self::Own(..) => {}
        }
    }

    pub(super) fn status(&self) -> Option<&Status> {
        match self {
            Self::Link(link) => Some(link.status()),
            Self::Ping(_) => None,
            Self::Own(auto, _) => Some(auto.status()),
        }
    }

    /// Whether the command was taken: its ticket will be answered.
    pub(super) fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) -> bool {
        match self {
            Self::Link(link) => link.submit(now, ticket, urgency, request),
            Self::Ping(_) => return false,
            Self::Own(auto, _) => auto.submit(now, ticket, urgency, request),
        }
        true
    }

    /// Whether the command was still with us, and will not be sent.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> bool {
        match self {
            Self::Link(link) => link.withdraw(ticket),
            Self::Ping(_) => false,
            Self::Own(auto, _) => auto.withdraw(ticket),
        }
    }

    /// Asks for a sign of life where nothing else can be asked; whether it did.
    pub(super) fn ping(&mut self, now: Now) -> bool {
        match self {
            Self::Ping(ping) => ping.ask(now),
            Self::Own(auto, Some(ping)) if auto.is_in_band_down() => ping.ask(now),
            Self::Link(_) | Self::Own(..) => return false,
        }
        true
    }

    /// We slept for so long.
    pub(super) fn slept(&mut self, for_so_long: Duration) {
        match self {
            Self::Link(link) => link.slept(for_so_long),
            Self::Ping(_) => {}
            Self::Own(auto, _) => auto.slept(for_so_long),
        }
    }

    pub(super) fn handle_datagram(&mut self, now: Now, bytes: &[u8]) {
        match self {
            Self::Link(link) => link.handle_datagram(now, bytes),
            Self::Ping(ping) | Self::Own(_, Some(ping)) => drop(ping.handle_datagram(now, bytes)),
            Self::Own(auto, None) => auto.handle_datagram(now, bytes),
        }
    }

    /// The shell has heard something of the device.
    pub(super) fn handle_in_band(&mut self, now: Now, event: Event) {
        match self {
            Self::Link(_) | Self::Ping(_) => {}
            Self::Own(auto, _) => auto.handle_in_band(now, event),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Link(link) => link.handle_timeout(now),
            Self::Ping(ping) => ping.handle_timeout(now),
            Self::Own(auto, ping) => {
                auto.handle_timeout(now);
                if let Some(ping) = ping {
                    ping.handle_timeout(now);
                }
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        match self {
            Self::Link(link) => link.next_deadline(),
            Self::Ping(ping) => ping.next_deadline(),
            Self::Own(auto, ping) => {
                [auto.next_deadline(), ping.as_ref().and_then(|ping| ping.next_deadline())].into_iter().flatten().min()
            }
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Said> {
        match self {
            Self::Link(link) => link.poll_output().map(|output| match output {
                link::Output::Send(bytes) => Said::Send(bytes),
                link::Output::Answer { ticket, result } => Said::Answer(ticket, result),
                link::Output::Changed => Said::Changed,
            }),
            Self::Ping(ping) => ping.poll_output().map(pinged),
            Self::Own(auto, ping) => match auto.poll_output() {
                Some(auto::Output::Order(order)) => Some(Said::Order(order)),
                Some(auto::Output::Send(bytes)) => Some(Said::Send(bytes)),
                Some(auto::Output::Answer { ticket, result }) => Some(Said::Answer(ticket, result)),
                Some(auto::Output::Changed) => Some(Said::Changed),
                Some(auto::Output::Remark(remark)) => Some(Said::Remark(remark)),
                None => ping.as_mut().and_then(|ping| ping.poll_output()).map(pinged),
            },
        }
    }

    /// Whether its pings, if it has any, are of these kinds.
    pub(super) fn asks_like(&self, kinds: Kinds) -> bool {
        match self {
            Self::Ping(ping) | Self::Own(_, Some(ping)) => ping.is_of(kinds),
            Self::Link(_) | Self::Own(_, None) => true,
        }
    }

    /// Closes the session and the device, where there are any; whoever waits hears so.
    pub(super) fn stop(&mut self, now: Now) {
        match self {
            Self::Link(link) => link.stop(now),
            Self::Ping(ping) => ping.stop(),
            Self::Own(auto, ping) => {
                auto.stop(now);
                if let Some(ping) = ping {
                    ping.stop();
                }
            }
        }
    }
}

fn pinged(output: ping::Output) -> Said {
    match output {
        ping::Output::Send(bytes) => Said::Send(bytes),
        ping::Output::Alive { .. } => Said::Ping(true),
        ping::Output::Silent => Said::Ping(false),
    }
}
