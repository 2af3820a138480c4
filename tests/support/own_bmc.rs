//! A simulated BMC with both its entrances, under virtual time: the driver's device, and its LAN port.

use bmcnotice::bmc::inband::{Event, Order};
use bmcnotice::now::Now;
use bmcnotice::sim::{self, Bmc};
use bmcnotice::wire::command::GET_SYSTEM_GUID;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::{Guid, Obstacle};
use core::net::SocketAddr;
use core::time::Duration;

/// What reaches us.
#[derive(Debug)]
pub enum Arrival {
    InBand(Event),
    Datagram(Vec<u8>),
}

/// A BMC, the driver before it, and the network around it.
pub struct Board {
    pub bmc: Bmc,
    /// What opening the device brings.
    pub device: Result<(), Obstacle>,
    /// Why the driver takes no command, if it does not.
    pub refuses: Option<Obstacle>,
    /// How long an answer takes through the driver.
    pub latency: Duration,
    /// The driver takes everything and says nothing more; the BMC never sees it.
    pub hangs: bool,
    /// The BMC does what it is told, and its answers are lost.
    pub mute: bool,
    /// What the driver answers instead of the BMC.
    pub code: Option<u8>,
    /// Get System GUID is unknown to the BMC.
    pub no_guid: bool,
    /// What it is in-band, if that is another BMC than the one at the LAN address.
    pub inside_guid: Option<Guid>,
    /// Nothing passes over LAN.
    pub lan_cut: bool,
    open: bool,
    /// Every attempt to open the device, when.
    pub opened: Vec<Duration>,
    /// What the driver took, when.
    pub taken: Vec<(Duration, Request)>,
    /// Datagrams to the BMC.
    pub datagrams: usize,
    flying: Vec<(Duration, Flight)>,
}

#[derive(Debug)]
enum Flight {
    ToBmc(Vec<u8>),
    ToUs(Arrival),
}

const WIRE: Duration = Duration::from_millis(1);

impl Board {
    pub fn new(bmc: Bmc) -> Self {
        Self {
            bmc,
            device: Ok(()),
            refuses: None,
            latency: Duration::from_millis(2),
            hangs: false,
            mute: false,
            code: None,
            no_guid: false,
            inside_guid: None,
            lan_cut: false,
            open: false,
            opened: Vec::new(),
            taken: Vec::new(),
            datagrams: 0,
            flying: Vec::new(),
        }
    }

    /// How often the driver took this command.
    pub fn took(&self, request: &Request) -> usize {
        self.taken.iter().filter(|(_, taken)| taken == request).count()
    }

    /// Does what was ordered; what is heard at once.
    pub fn perform(&mut self, now: Now, order: Order) -> Option<Event> {
        match order {
            Order::Open(_) => {
                self.opened.push(now.boottime);
                self.open = self.device.is_ok();
                self.forget();
                Some(self.device.map_or_else(Event::NotOpened, |()| Event::Opened))
            }
            Order::Close => {
                self.open = false;
                self.forget();
                None
            }
            Order::Send { id, request } => {
                assert!(self.open, "a command for a device that is not open");
                if let Some(why) = self.refuses {
                    return Some(Event::NotTaken(id, why));
                }
                self.taken.push((now.boottime, request.clone()));
                if self.hangs {
                    return None;
                }
                let mut response = self.bmc.command(now, &request);
                if self.no_guid && request.is(GET_SYSTEM_GUID) {
                    (response.completion, response.data) = (0xC1, Vec::new());
                }
                if let Some(Guid(octets)) = self.inside_guid.filter(|_| request.is(GET_SYSTEM_GUID)) {
                    response.data = octets.to_vec();
                }
                if let Some(code) = self.code {
                    (response.completion, response.data) = (code, Vec::new());
                }
                if self.mute {
                    return None;
                }
                let data = [vec![response.completion], response.data].concat();
                let answer = Event::Answer { id, netfn: request.netfn | 1, command: request.command, data };
                self.flying.push((now.boottime + self.latency, Flight::ToUs(Arrival::InBand(answer))));
                None
            }
        }
    }

    /// A closed device says nothing more.
    fn forget(&mut self) {
        self.flying.retain(|(_, flight)| !matches!(flight, Flight::ToUs(Arrival::InBand(_))));
    }

    /// A datagram to its LAN port.
    pub fn datagram(&mut self, now: Now, bytes: Vec<u8>) {
        self.datagrams += 1;
        if !self.lan_cut {
            self.flying.push((now.boottime + WIRE, Flight::ToBmc(bytes)));
        }
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Duration> {
        self.flying.iter().map(|(at, _)| *at).chain(self.bmc.next_deadline()).min()
    }

    /// What has arrived by now; traps and the BMC's story go to `other`.
    pub fn turn(&mut self, now: Now, us: SocketAddr, mut other: impl FnMut(sim::Output)) -> Vec<Arrival> {
        if self.bmc.next_deadline().is_some_and(|at| at <= now.boottime) {
            self.bmc.handle_timeout(now);
        }
        let mut arrived = Vec::new();
        while let Some(place) = self.flying.iter().position(|(at, _)| *at <= now.boottime) {
            match self.flying.remove(place).1 {
                Flight::ToBmc(bytes) => self.bmc.handle_datagram(now, us, &bytes),
                Flight::ToUs(arrival) => arrived.push(arrival),
            }
        }
        while let Some(output) = self.bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } if to == us => {
                    if !self.lan_cut {
                        self.flying.push((now.boottime + WIRE, Flight::ToUs(Arrival::Datagram(bytes))));
                    }
                }
                output => other(output),
            }
        }
        arrived
    }
}
