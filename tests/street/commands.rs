//! The recovery is a command of the operator: what it is told, and how its ending counts.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_FAILED, Simulated, Word};
use crate::host::Host;
use crate::ipmi_peer::free_address;
use crate::pets;
use crate::site::{Site, quoted};
use crate::wait;
use bmcnotice::Mode;
use bmcnotice::words::{Guid, Level};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

/// A site whose recovery is this script, and a fatal trap to it.
fn run(mode: Mode, script: &str, deadline: &str) -> (Simulated, Site, Host) {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    let script = script.replace("FOLDER", &site.folder.path().display().to_string());
    site.script(&script).monitor("deadline", quoted(deadline));
    let host = Host::start(&site, mode);
    host.armed();
    pets::send(site.listen, bmc.guid(), 1);
    (bmc, site, host)
}

fn file(site: &Site, name: &str) -> PathBuf {
    site.folder.path().join(name)
}

fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ") // who reaps orphans is init's business
}

#[test]
fn a_command_is_told_what_it_is_about() {
    for mode in MODES {
        let (bmc, site, host) = run(mode, "env > FOLDER/env; echo moving; echo moved >&2", "20s");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let env = fs::read_to_string(file(&site, "env")).unwrap();
        let has = |line: &str| assert!(env.lines().any(|other| other == line), "{line} is not in\n{env}");
        has("BMCNOTICE_MONITOR=mrw1");
        has("BMCNOTICE_SERVER=server1");
        has("BMCNOTICE_TARGET=failover1");
        has("BMCNOTICE_CLASS=fatal");
        has("BMCNOTICE_TRUST=address");
        has("BMCNOTICE_RECORD=1");
        has("BMCNOTICE_DEADLINE_MS=20000");
        has("BMCNOTICE_ACTION=failover");
        has("BMCNOTICE_ATTEMPT=1");
        has("BMCNOTICE_TRAP_OID=1.3.6.1.4.1.3183.1.1.0.814849");
        has("BMCNOTICE_SENSOR_TYPE=0x0c");
        has("BMCNOTICE_SENSOR_NUMBER=0x20");
        has("BMCNOTICE_EVENT_TYPE=0x6f");
        has("BMCNOTICE_EVENT_OFFSET=1");
        has("BMCNOTICE_EVENT_DATA=0x31 0xff 0x01 0x00 0x00 0x00 0x00 0x00");
        let value = |name: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix(&format!("BMCNOTICE_{name}=")));
            line.unwrap_or_else(|| panic!("no {name} in\n{env}")).to_owned()
        };
        assert!(value("NOTICE").to_lowercase().contains("memory"), "{env}");
        assert!(value("REGION").contains("memory"), "{env}");
        assert_eq!(value("NOTICE_ID").len(), 16);
        assert_ne!(value("TOKEN"), "0");
        assert!(!env.contains("CARGO"), "it inherits nothing of ours:\n{env}");
        for line in ["moving", "moved"] {
            host.hear(Level::Info, &format!("mrw1: command: {line}"));
        }
        assert_eq!(host.calls(), 0, "no callback for it");
    }
}

#[test]
fn how_it_ends_is_how_the_recovery_ended() {
    for mode in MODES {
        let (bmc, _site, host) = run(mode, "exit 3", "20s");
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        host.hear(Level::Error, "command exited with status 3");
        for status in [1, 127, 255] {
            let (bmc, _site, host) = run(mode, &format!("exit {status}"), "20s");
            bmc.hears(&[Word::Started, ENDED_FAILED]);
            host.hear(Level::Error, &format!("command exited with status {status}"));
        }

        let (bmc, _site, host) = run(mode, "kill -KILL $$", "20s");
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        host.hear(Level::Error, "command killed by signal 9");

        let (bmc, _site, host) = run(mode, "exit 0", "20s");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        host.hear(Level::Info, "command exited with status 0");
    }
}

/// With nothing else going on that would wake us: its failure is known at once.
#[test]
fn a_command_that_cannot_be_started_has_failed_at_once() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interpreterless");
    fs::write(&program, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for mode in MODES {
        let mut site = Site::at(free_address());
        site.bmc("handshake", quoted("none")).monitor("deadline", quoted("15s"));
        site.monitor("recovery", format!("{{ command = [\"{}\"] }}", program.display()));
        let host = Host::start(&site, mode);
        let begun = Instant::now();
        pets::send(site.listen, Guid([0; 16]), 1);
        host.hear(Level::Error, "command could not be started: No such file");
        host.hear(Level::Error, "the recovery FAILED");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        assert_eq!(host.statistics().failed, 1);
    }
}

/// The command and its child ignore SIGTERM: they are killed.
#[test]
fn a_command_that_overruns_is_killed_with_all_it_started() {
    let script = "trap '' TERM; sh -c \"trap '' TERM; sleep 60; :\" & echo $! > FOLDER/grandchild; \
                  echo $$ > FOLDER/child; sleep 60; sleep 60";
    let (bmc, site, host) = run(Mode::Thread, script, "500ms");
    bmc.hears(&[Word::Started, ENDED_FAILED]);
    host.hear(Level::Error, "overran its deadline");
    for name in ["child", "grandchild"] {
        let pid = fs::read_to_string(file(&site, name)).unwrap();
        host.until("killed", || !is_alive(&pid));
    }
    host.hear(Level::Error, "command killed by signal 9");
    wait::a_while();
    bmc.hears(&[Word::Started, ENDED_FAILED]);
}

/// The command cleans up when asked to end; what it left behind, deaf to SIGTERM, does not outlive it.
#[test]
fn a_command_that_overruns_is_asked_first() {
    let script = "sh -c \"trap '' TERM; while :; do sleep 1; done\" & echo $! > FOLDER/grandchild; \
                  trap 'echo clean > FOLDER/cleaned; exit 0' TERM; while :; do sleep 0.1; done";
    let (bmc, site, host) = run(Mode::Loop, script, "500ms");
    bmc.hears(&[Word::Started, ENDED_FAILED]);
    host.until("cleaned", || file(&site, "cleaned").exists());
    let pid = fs::read_to_string(file(&site, "grandchild")).unwrap();
    host.until("the grandchild is killed", || !is_alive(&pid));
    wait::a_while();
    bmc.hears(&[Word::Started, ENDED_FAILED]);
    assert_eq!(host.statistics().done, 0, "its late exit 0 is no answer");
}

/// A host that is blocked in its own work, in loop mode: the command's time is over all the same.
#[test]
fn a_stuck_host_does_not_let_it_run_for_ever() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    let begun = site.folder.path().join("begun");
    site.script(&format!("echo $$ > {}; sleep 60", begun.display())).monitor("deadline", quoted("500ms"));
    let context = bmcnotice::Context::new(&site.config(), Mode::Loop).unwrap();
    pets::send(site.listen, bmc.guid(), 1);
    let turn = || context.dispatch(100).map(drop).unwrap();
    wait::until("begun", String::new, || {
        turn();
        fs::read_to_string(&begun).is_ok_and(|text| text.ends_with('\n'))
    });
    // Nobody calls dispatch any more.
    let pid = fs::read_to_string(&begun).unwrap();
    wait::until("its keeper ends it", String::new, || !is_alive(&pid));
}

/// What a daemon of the recovery prints later is nobody's business, and does not kill it.
#[test]
fn a_daemon_that_it_starts_delays_nothing_and_lives_on() {
    for mode in MODES {
        let script = "(sleep 2; echo tick; echo tick && echo lives > FOLDER/lives) & echo moved";
        let begun = Instant::now();
        let (bmc, site, host) = run(mode, script, "20s");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        assert!(begun.elapsed().as_millis() < 1800, "{:?}", begun.elapsed());
        host.hear(Level::Info, "still runs and holds its output");
        host.until("the daemon lives on", || file(&site, "lives").exists());
    }
}

#[test]
fn output_does_not_flood_the_log() {
    for script in [
        "yes | head -n 100000",
        "yes '' | head -c 200000",
        "head -c 1000000 /dev/zero",
        "head -c 1000000000 /dev/zero",
        "head -c 1000000 /dev/urandom",
        "printf 'no newline'",
    ] {
        let (bmc, _site, host) = run(Mode::Thread, script, "20s");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let lines: Vec<String> = host.log();
        let printed: Vec<&String> = lines.iter().filter(|line| line.contains("mrw1: command:")).collect();
        assert!((1..=300).contains(&printed.len()), "{script}: {} lines", printed.len());
        let octets: usize = printed.iter().map(|line| line.len()).sum();
        assert!(octets < 40_000, "{script}: {octets} octets");
        assert_eq!(host.statistics().undelivered, 0, "{script}");
    }
}

/// A child that the host forks in the middle, holding a copy of every descriptor, delays nothing.
#[test]
fn a_fork_of_the_host_delays_nothing() {
    for mode in MODES {
        let (bmc, site, host) = run(mode, "echo begun > FOLDER/begun; sleep 0.4; echo moved", "20s");
        host.until("begun", || file(&site, "begun").exists());
        // SAFETY: the child makes one system call, again and again.
        let child = unsafe {
            match libc::fork() {
                0 => loop {
                    libc::pause();
                },
                child => child,
            }
        };
        let begun = Instant::now();
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let took = begun.elapsed();
        drop(host);
        // SAFETY: our child, not waited for yet.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
        assert!(took.as_millis() < 2000, "{took:?}");
    }
}
