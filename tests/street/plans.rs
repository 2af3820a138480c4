//! Attempts, the script before them, and final actions, with real commands. What is final here writes to a file.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_FAILED, Simulated, Word};
use crate::host::Host;
use crate::pets;
use crate::site::{Site, quoted};
use bmcnotice::words::{Attempt, Level, RecoveryAction};
use bmcnotice::{Answer, Mode};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

fn shell(site: &Site, script: &str) -> String {
    let script = script.replace("FOLDER", &site.folder.path().display().to_string());
    format!("[\"/bin/sh\", \"-c\", '''{script}''']")
}

fn file(site: &Site, name: &str) -> PathBuf {
    site.folder.path().join(name)
}

fn fault(site: &Site, bmc: &Simulated, host: &Host) {
    host.armed();
    pets::send(site.listen, bmc.guid(), 1);
}

#[test]
fn a_callback_is_told_which_attempt_it_is() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.monitor("restart", "1").monitor("failover", "2").monitor("deadline", quoted("5s"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let host = Host::with(&site, mode, move |recover| {
            kept.lock().unwrap().push(recover.attempt);
            if recover.attempt.number < 3 { Answer::Failed } else { Answer::Done }
        });
        fault(&site, &bmc, &host);
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let attempt = |action, number| Attempt { action, number };
        let expected = [
            attempt(RecoveryAction::Restart, 1),
            attempt(RecoveryAction::Failover, 2),
            attempt(RecoveryAction::Failover, 3),
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
        host.hear(Level::Error, "that failed: the target is moved");
    }
}

#[test]
fn attempts_scripts_and_the_service_stop_in_their_order() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        let note = "echo $BMCNOTICE_ACTION $BMCNOTICE_ATTEMPT >> FOLDER/order; exit 1";
        let recovery = format!("{{ command = {} }}", shell(&site, note));
        let before = "echo before $BMCNOTICE_ACTION >> FOLDER/order; exit 1";
        let script = shell(&site, before);
        let stop = shell(&site, "echo stopped >> FOLDER/order");
        site.monitor("recovery", recovery)
            .monitor("restart", "1")
            .monitor("deadline", quoted("5s"))
            .monitor(
                "script",
                format!("{{ command = {script}, timeout = \"5s\", before = [\"failover\", \"final\"] }}"),
            )
            .monitor("final_action", quoted("stop_service"))
            .monitor("final_action_on_address", "true")
            .more(&format!("[commands]\nstop_service = {stop}\n"));
        let host = Host::start(&site, mode);
        fault(&site, &bmc, &host);
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let order = fs::read_to_string(file(&site, "order")).unwrap();
        let expected = ["restart 1", "before failover", "failover 2", "before stop_service", "stopped"];
        assert_eq!(order.lines().collect::<Vec<_>>(), expected);
    }
}

/// The operating system goes down because of us, asks us to end, and the BMC hears *ended* before we are gone.
#[test]
fn a_shutdown_ends_us_and_the_bmc_hears_of_it() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        let recovery = format!("{{ command = {} }}", shell(&site, "exit 1"));
        let shutdown = shell(&site, "echo down >> FOLDER/order");
        site.monitor("recovery", recovery)
            .monitor("final_action", quoted("shutdown"))
            .monitor("final_action_on_address", "true")
            .more(&format!("[commands]\nshutdown = {shutdown}\n"));
        let host = Host::start(&site, mode);
        fault(&site, &bmc, &host);
        host.until("shut down", || file(&site, "order").exists());
        host.hear(Level::Info, "command exited with status 0");
        assert_eq!(bmc.recoveries(), [Word::Started], "the BMC waits while the operating system ends");
        drop(host);
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        assert_eq!(fs::read_to_string(file(&site, "order")).unwrap(), "down\n");
        // The next life finds the end told, and does nothing.
        let host = Host::start(&site, mode);
        host.armed();
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        assert_eq!(fs::read_to_string(file(&site, "order")).unwrap(), "down\n");
    }
}

#[test]
fn a_panic_comes_after_ended() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    let trigger = file(&site, "sysrq-trigger");
    fs::write(&trigger, "").unwrap();
    let recovery = format!("{{ command = {} }}", shell(&site, "exit 1"));
    site.monitor("recovery", recovery)
        .monitor("final_action", quoted("sysrq_panic"))
        .monitor("final_action_on_address", "true")
        .more(&format!("[commands]\nsysrq_trigger = \"{}\"\n", trigger.display()));
    let host = Host::start(&site, Mode::Loop);
    fault(&site, &bmc, &host);
    host.until("panicked", || fs::read_to_string(&trigger).unwrap() == "c");
    bmc.hears(&[Word::Started, ENDED_FAILED]);
}
