//! `bmcnotice check --live`: asks every BMC on every road that the configuration gives, and says what works.
//!
//! Asks here, all BMCs at once, one thread each; `judge` says what it means. Reads only: opens a session, asks who it
//! is and where it listens, and leaves.

pub mod judge;

use bmcnotice::Error;
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::inband::GIVE_UP;
use bmcnotice::bmc::link::{Checked, Identity};
use bmcnotice::bmc::ping::{self, Probe};
use bmcnotice::crypto::Random;
use bmcnotice::io::sys::{self, Epoll, now};
use bmcnotice::io::udp::{self, Batch};
use bmcnotice::io::visit::{Shut, Visit};
use bmcnotice::setup::{Config, Way};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::GET_DEVICE_ID;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::wire::lan::{self, parameter};
use judge::{Bmc, InBand, Session};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// How often a BMC is pinged before it counts as silent; each takes a second at most.
const PINGS: u32 = 3;
/// How long a session may take to open; some BMCs need seconds.
const SESSION: Duration = Duration::from_secs(10);
/// The same for a BMC that said nothing without one; some answer in a session alone.
const SESSION_OF_THE_SILENT: Duration = Duration::from_secs(3);
/// The channels that may be LAN channels.
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;

/// What every BMC of the configuration says.
pub fn ask(config: &Config) -> Result<Vec<Bmc>, Error> {
    let ways = config.ways()?;
    std::thread::scope(|scope| {
        let asked: Vec<_> = ways.iter().map(|way| scope.spawn(move || visit(way))).collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(Error::invalid("asking a BMC panicked"))))
            .collect()
    })
}

fn visit(way: &Way) -> Result<Bmc, Error> {
    let in_band = way.cluster.in_band(way.server).map(|(_, device)| inside(way, device)).transpose()?;
    let identity = match (&way.identity, &in_band) {
        // What is on the board is this server's; SMBIOS may disagree.
        (Identity::Expected(guids), Some(Ok(found))) if way.bmc().is_some_and(|bmc| bmc.guid.is_none()) => {
            Identity::Expected(guids.iter().copied().chain(found.guid).collect())
        }
        (Identity::Unknown, Some(Ok(InBand { guid: Some(guid), .. }))) => Identity::Expected(vec![*guid]),
        (identity, _) => identity.clone(),
    };
    let ping = ping(way.address)?;
    let patience = if ping.is_some() { SESSION } else { SESSION_OF_THE_SILENT };
    Ok(Bmc {
        server: way.server().name.clone(),
        own: way.is_own(),
        address: way.address,
        in_band,
        ping,
        session: session(way, identity, patience)?,
    })
}

fn inside(way: &Way, device: &str) -> Result<Result<InBand, judge::Shut>, Error> {
    let mut visit = Visit::in_band(device, way.bmc().and_then(|bmc| bmc.guid), None)?;
    let guid = match visit.meet(GIVE_UP) {
        Ok(met) => Some(met.guid).filter(|guid| !guid.is_unspecified()),
        Err(Shut::Another { found }) => return Ok(Err(judge::Shut::Another { found })),
        Err(Shut::Failed(why)) => return Ok(Err(judge::Shut::Failed(why))),
        Err(Shut::Unsent(error)) => return Err(error.into()),
        Err(Shut::Interrupted(_)) => return Ok(Err(judge::Shut::Failed(Failure::Stopped))),
    };
    // Longer than the road takes to give up.
    let mut ask = |request| visit.ask(request, now().boottime + 2 * GIVE_UP);
    let begun = Instant::now();
    if let Err(why) = ask(Request::new(GET_DEVICE_ID, [])) {
        return Ok(Err(judge::Shut::Failed(why)));
    }
    let took = begun.elapsed();
    let mut addresses: Option<Vec<Ipv4Addr>> = None;
    for channel in CHANNELS {
        match ask(lan::get(channel, parameter::ADDRESS, 0)) {
            Ok(response) if response.completion == 0 => {
                let address = lan::answered(&response.data).and_then(lan::parse_address);
                if let Ok(address) = address {
                    let told = addresses.get_or_insert_default();
                    told.extend(Some(address).filter(|address| !address.is_unspecified()));
                }
            }
            Ok(_) => {} // no LAN channel
            Err(_) => break,
        }
    }
    Ok(Ok(InBand { took, guid, addresses }))
}

/// How long the BMC took to answer without a session.
fn ping(to: SocketAddr) -> Result<Option<Duration>, Error> {
    let socket = udp::bind_client(to.is_ipv6())?;
    let epoll = Epoll::new()?;
    epoll.add(&socket)?;
    let mut probe = Probe::new(&mut Random::from_seed(sys::random()?));
    let mut batch = Batch::default();
    for _ in 0..PINGS {
        let begun = Instant::now();
        probe.ask(now());
        loop {
            match probe.poll_output() {
                // What cannot be sent is not answered.
                Some(ping::Output::Send(bytes)) => drop(udp::send(&socket, &bytes, to)),
                Some(ping::Output::Alive { .. }) => return Ok(Some(begun.elapsed())),
                Some(ping::Output::Silent) => break,
                None => {
                    let due = probe.next_deadline().unwrap_or_default().saturating_sub(now().boottime);
                    epoll.wait(Some(due + Duration::from_millis(1)));
                    batch.refill(&socket);
                    while let Some((from, bytes)) = batch.read() {
                        if from == to {
                            probe.handle_datagram(now(), bytes);
                        }
                    }
                    probe.handle_timeout(now());
                }
            }
        }
    }
    Ok(None)
}

fn session(way: &Way, identity: Identity, patience: Duration) -> Result<Option<Session>, Error> {
    let Some(login) = &way.login else { return Ok(None) };
    let mut visit = Visit::new(way.address, login.clone(), identity, None)?;
    let begun = Instant::now();
    Ok(Some(match visit.meet(patience) {
        Ok(met) => Session::Open {
            took: begun.elapsed(),
            suite: met.suite.map_or(0, Suite::number),
            guid: met.guid,
            proven: met.identity == Checked::Matched,
        },
        Err(Shut::Another { found }) => Session::Another { found },
        Err(Shut::Failed(why)) => Session::Failed { why },
        Err(Shut::Unsent(error)) => Session::Unsent { why: error.to_string() },
        Err(Shut::Interrupted(_)) => Session::Failed { why: Failure::Stopped },
    }))
}
