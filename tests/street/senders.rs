//! Real senders, real BMCs: the fatal trap, sent three times, leads to *started*, the recovery, *ended*, in
//! this order and once, in the BMC's own log.

use crate::bmcs::{Bmc, ENDED_DONE, Real, Simulated, Word};
use crate::drivers::{Driver, PROGRAMS};
use crate::pets::Sender;
use crate::site::{Site, quoted};
use crate::{peers, wait};
use std::sync::Arc;

fn thrice(driver: Driver, sender: Sender, bmc: Arc<dyn Bmc>) {
    let mut site = Site::of(&*bmc);
    // So that the order is certain, and not only likely.
    site.monitor("wait_for_started", quoted("10s"));
    let running = driver.start(&mut site, &bmc);
    let story = || format!("{driver:?}, {sender:?}\n{}\n{}", running.story(), bmc.story());
    wait::until("armed", story, || bmc.words().contains(&Word::Armed));
    sender.send_thrice(site.listen, bmc.guid());
    wait::until("ended", story, || bmc.recoveries().contains(&ENDED_DONE));
    wait::a_while();
    assert_eq!(bmc.recoveries(), [Word::Started, ENDED_DONE], "{}", story());
    assert_eq!(running.calls(), 1, "{}", story());
    assert!(running.heard_before().is_none_or(|heard| heard == [Word::Started]), "{}", story());
    assert!(bmc.chassis().is_empty(), "{:?}", bmc.chassis());
}

fn in_process(bmc: impl Fn(&str) -> Option<Arc<dyn Bmc>>) {
    for driver in Driver::IN_PROCESS {
        for sender in Sender::ALL {
            let name = format!("{driver:?}-{sender:?}").replace(['(', ')'], "-");
            if !peers::have("real senders", &[sender.program()]) {
                return;
            }
            match bmc(&name) {
                Some(bmc) => thrice(driver, sender, bmc),
                None => return,
            }
        }
    }
}

#[test]
fn to_the_simulated_bmc() {
    in_process(|_| Some(Arc::new(Simulated::new())));
}

#[test]
fn to_ipmi_sim_by_suite_3() {
    in_process(|name| Some(Arc::new(Real::ipmi_sim(&format!("street-{name}"))?)));
}

#[test]
fn to_the_pyghmi_peer_by_suite_17() {
    in_process(|name| Some(Arc::new(Real::pypeer(&format!("street-py-{name}"))?)));
}

/// Every program, with both kinds of BMC that keep their log in a file.
#[test]
fn run_by_programs() {
    for (place, program) in PROGRAMS.iter().enumerate() {
        for sender in [Sender::TrapV1, Sender::TrapV2c] {
            if !program.is_there("real senders") || !peers::have("real senders", &[sender.program()]) {
                break;
            }
            let name = format!("street-program-{place}-{sender:?}");
            let bmc: Option<Arc<dyn Bmc>> = match sender {
                Sender::TrapV1 => Real::ipmi_sim(&name).map(|bmc| Arc::new(bmc) as _),
                Sender::TrapV2c | Sender::InformV2c => Real::pypeer(&name).map(|bmc| Arc::new(bmc) as _),
            };
            if let Some(bmc) = bmc {
                thrice(Driver::Program(program), sender, bmc);
            }
        }
    }
}
