//! The journal: what cannot be written down is recovered all the same, and acknowledged later.

use crate::bmcs::{Bmc, ENDED_DONE, Simulated, Word};
use crate::host::Host;
use crate::pets::{datagram, fatal};
use crate::site::{Site, quoted};
use bmcnotice::sim::{Options, Quirks};
use bmcnotice::wire::rmcp::Datagram;
use bmcnotice::words::Level;
use bmcnotice::{Answer, Mode};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A BMC's trap socket: sends the fatal PET and waits for its acknowledge.
struct TrapSocket(UdpSocket);

impl TrapSocket {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        Self(socket)
    }

    fn send(&self, site: &Site, bmc: &Simulated, sequence: u16) {
        self.0.send_to(&datagram(&fatal(bmc.guid(), sequence), b"public"), site.listen).unwrap();
    }

    fn acknowledged(&self) -> bool {
        let mut bytes = [0; 1024];
        let Ok(length) = self.0.recv(&mut bytes) else { return false };
        assert!(matches!(Datagram::parse(&bytes[..length]), Ok(Datagram::Sessionless(_))));
        true
    }
}

/// A BMC that does not answer, and a recovery that waits two seconds for its answer to *started*.
fn slow() -> (Simulated, Site) {
    let quirks = Quirks { silent: true, ..Quirks::default() };
    let bmc = Simulated::with(Options { quirks, ..Options::default() });
    let mut site = Site::of(&bmc);
    site.monitor("wait_for_started", quoted("2s"));
    (bmc, site)
}

#[test]
fn a_written_record_is_acknowledged_at_once() {
    let (bmc, site) = slow();
    let host = Host::start(&site, Mode::Thread);
    let traps = TrapSocket::new();
    traps.send(&site, &bmc, 1);
    host.until("acknowledged", || traps.acknowledged());
    assert_eq!(host.calls(), 0, "before the recovery");
    traps.send(&site, &bmc, 1);
    host.until("acknowledged again", || traps.acknowledged());
    host.until("the recovery", || host.calls() == 1);
}

/// The journal's folder is another context's: nothing can be written.
#[test]
fn a_volatile_record_is_acknowledged_when_its_recovery_has_begun() {
    for mode in [Mode::Loop, Mode::Thread] {
        let (bmc, site) = slow();
        let other = Simulated::new();
        let mut holder = Site::of(&other);
        holder.share_journal(&site);
        let _holder = Host::start(&holder, Mode::Thread);

        let begun = Arc::new(AtomicBool::new(false));
        let seen = begun.clone();
        let host = Host::with(&site, mode, move |_| {
            seen.store(true, SeqCst);
            Answer::Done
        });
        host.hear(Level::Warning, "records are volatile");
        let traps = TrapSocket::new();
        let sent = Instant::now();
        traps.send(&site, &bmc, 1);
        host.hear(Level::Error, "NOT in the journal");
        traps.send(&site, &bmc, 1); // a repetition does not change it
        while !begun.load(SeqCst) && sent.elapsed() < Duration::from_millis(1800) {
            assert!(!traps.acknowledged(), "before the recovery began");
        }
        host.until("acknowledged", || traps.acknowledged());
        assert!(sent.elapsed() >= Duration::from_millis(1900), "{:?}", sent.elapsed());
        host.until("the recovery", || host.calls() == 1);
        assert!(host.statistics().journal_failures > 0);

        // A further notice joins a recovery that has begun: there is nothing to wait for.
        traps.send(&site, &bmc, 2);
        host.until("the other is acknowledged", || traps.acknowledged());
        assert_eq!(host.calls(), 1);
    }
}

#[test]
fn what_the_journal_holds_is_no_news() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let traps = TrapSocket::new();
    for run in 0..3 {
        let host = Host::start(&site, Mode::Thread);
        host.armed();
        traps.send(&site, &bmc, 1);
        host.until("acknowledged", || traps.acknowledged());
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let statistics = host.statistics();
        assert_eq!((statistics.notices, statistics.repeats), if run == 0 { (1, 0) } else { (0, 1) });
    }
}
