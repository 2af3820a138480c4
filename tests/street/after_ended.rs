//! What follows *ended*: one chassis command where the operator declared it, to a BMC that has proven to be
//! this server's; none otherwise. By the BMC's own log.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_FAILED, Real, Simulated, Word};
use crate::host::Host;
use crate::pets;
use crate::site::{Site, quoted};
use crate::wait;
use bmcnotice::words::Level;
use bmcnotice::{Answer, Error, Mode};

/// Action and its Chassis Control (IPMI 2.0 table 28-4).
const ACTIONS: [(&str, u8); 5] = [("power-cycle", 2), ("hard-reset", 3), ("power-off", 0), ("nmi", 4), ("soft-off", 5)];

fn site(bmc: &dyn Bmc, action: &str) -> Site {
    let mut site = Site::of(bmc);
    site.bmc("after_ended", quoted(action)).monitor("chassis_on_address", "true");
    site
}

fn recover(site: &Site, bmc: &dyn Bmc, answer: Answer) -> Host {
    let host = Host::with(site, Mode::Thread, move |_| answer);
    host.armed();
    pets::send(site.listen, bmc.guid(), 1);
    host
}

#[test]
fn a_declared_chassis_command_is_sent_once_after_ended() {
    for (action, control) in ACTIONS {
        let bmc = Simulated::new();
        let site = site(&bmc, action);
        let host = recover(&site, &bmc, Answer::Done);
        host.hear(Level::Info, "chassis command sent");
        wait::a_while();
        assert_eq!(bmc.chassis(), [format!("{:?}", [control])], "{action}");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let story = bmc.story();
        let (ended, order) = (story.find("recovery ended (done)").unwrap(), story.find("command 00h/02h").unwrap());
        assert!(ended < order, "{action}: {story}");
    }
}

#[test]
fn ipmi_sim_is_power_cycled_once() {
    let Some(bmc) = Real::ipmi_sim("street-power-cycle") else { return };
    let site = site(&bmc, "power-cycle");
    let _host = recover(&site, &bmc, Answer::Done);
    let lines = || bmc.chassis();
    wait::until("power cycle", || bmc.story(), || !lines().is_empty());
    wait::a_while();
    assert_eq!(lines().len(), 1, "{:#?}", lines());
    assert!(lines()[0].ends_with("data=02"), "{:#?}", lines());
    assert_eq!(bmc.peer.logged("recovery-ended"), 1);
    bmc.hears(&[Word::Started, ENDED_DONE]);
}

#[test]
fn a_failed_recovery_is_followed_by_nothing() {
    for (action, _) in ACTIONS {
        let bmc = Simulated::new();
        let site = site(&bmc, action);
        let _host = recover(&site, &bmc, Answer::Failed);
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        wait::a_while();
        assert!(bmc.chassis().is_empty(), "{action}: {:?}", bmc.chassis());
    }
}

/// Both are refused before anything runs: a command that anyone could cause by a forged address, and one to a BMC
/// that cannot prove whose it is. (That a context withholds them all the same is the machine's and the link's test.)
#[test]
fn a_chassis_command_must_be_declared_whole() {
    let bmc = Simulated::new();
    let refusal = |site: &Site| match Host::of(&site.config(), Mode::Loop, |_| Answer::Done) {
        Err(Error::Config(findings)) => findings.iter().map(|finding| format!("{finding}\n")).collect::<String>(),
        Err(other) => panic!("{other}"),
        Ok(_) => String::new(),
    };
    let mut forged = site(&bmc, "power-cycle");
    forged.monitor("chassis_on_address", "false");
    assert!(refusal(&forged).contains("error BMCN-C314"), "{}", refusal(&forged));

    let mut unpinned = Site::at(bmc.address());
    unpinned.bmc("user", quoted("admin")).bmc("password", quoted("password"));
    unpinned.bmc("after_ended", quoted("power-cycle")).monitor("chassis_on_address", "true");
    unpinned.monitor("tell_deadline", quoted("1s"));
    if refusal(&unpinned).is_empty() {
        // This host's own GUID can be read, and is another: nothing is said to that BMC.
        let host = Host::start(&unpinned, Mode::Thread);
        pets::send(unpinned.listen, bmc.guid(), 1);
        host.until("the end", || host.said(Level::Info, "may reset the server now"));
        wait::a_while();
        assert!(bmc.chassis().is_empty());
    } else {
        assert!(refusal(&unpinned).contains("error BMCN-C211"), "{}", refusal(&unpinned));
    }
}
