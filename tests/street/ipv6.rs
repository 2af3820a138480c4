//! All of it over IPv6.

use crate::bmcs::{Bmc, ENDED_DONE, Simulated, Word};
use crate::host::Host;
use crate::peers;
use crate::pets::Sender;
use crate::site::Site;
use bmcnotice::Mode;
use bmcnotice::sim::{Fault, Options};
use std::net::Ipv6Addr;

#[test]
fn the_street_over_ipv6() {
    for mode in [Mode::Loop, Mode::Thread] {
        let bmc = Simulated::at(Ipv6Addr::LOCALHOST.into(), Options::default());
        let site = Site::of(&bmc);
        assert!(site.text().contains(&format!("\"[::1]:{}\"", site.listen.port())));
        let host = Host::start(&site, mode);
        host.armed();
        bmc.alert(site.listen);
        bmc.0.raise(&Fault::preset("uncorrectable-memory").unwrap());
        bmc.hears(&[Word::Started, ENDED_DONE]);
        host.until("reset", || bmc.resets() == 1);
        assert_eq!(host.calls(), 1);
        assert!(bmc.story().contains("trap 1 acknowledged"), "{}", bmc.story());
    }
}

#[test]
fn real_senders_over_ipv6() {
    for sender in Sender::ALL {
        if !peers::have("real senders over IPv6", &[sender.program()]) {
            return;
        }
        let bmc = Simulated::at(Ipv6Addr::LOCALHOST.into(), Options::default());
        let site = Site::of(&bmc);
        let host = Host::start(&site, Mode::Thread);
        host.armed();
        sender.send_thrice(site.listen, bmc.guid());
        bmc.hears(&[Word::Started, ENDED_DONE]);
        host.until("repetitions", || host.statistics().repeats == 2);
        assert_eq!(host.calls(), 1);
    }
}
