//! What the engine does around Pacemaker's attempts: what is taken back is gone before it is set anew, and a clearing
//! notice is not lost with the process that was about to heed it.

use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::native;
use bmcnotice::engine::{CommandEvent, Engine, Output, Setup};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::wire::pet::{ENTERPRISE, Pet, VARIABLE};
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use bmcnotice::words::Guid;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_800_000_000) };
const SITE: &str = r#"
[cluster]
name = "one"
this_server = "server1"
[[server]]
name = "server1"
addresses = ["10.0.0.1"]
[server.bmc]
address = "10.0.1.1"
handshake = "none"
[[monitor]]
name = "mrw1"
trust = "address"
recovery = "pacemaker"
cool_down = "0s"
[monitor.keywords]
server1 = "10.0.0.1"
[heartbeat]
lan = true
bmc = false
"#;

struct Site {
    engine: Engine,
    journal: Vec<u8>,
    /// Tools that were started: token and words.
    runs: Vec<(u64, String)>,
}

impl Site {
    fn start(journal: Vec<u8>) -> Self {
        let outcome = native::parse(SITE, "site.toml", &[], &Facts::default());
        let setup = Setup {
            cluster: Arc::new(outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))),
            users: Vec::new(),
            logins: vec![None],
            identity: Identity::Unknown,
            boot: BootId([1; 16]),
            replay: replay(&journal),
            seed: [7; 32],
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        };
        let mut site = Self { engine: Engine::new(NOW, setup), journal, runs: Vec::new() };
        site.drain(usize::MAX);
        site
    }

    /// Performs outputs until so many appends were done; then we are killed.
    fn drain(&mut self, mut appends: usize) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Append(octets) => {
                    self.journal.extend(octets);
                    appends -= 1;
                    if appends == 0 {
                        return;
                    }
                    self.engine.handle_appended(NOW, true);
                }
                Output::Compact(octets) => {
                    self.journal = octets;
                    self.engine.handle_compacted(true);
                }
                Output::Run(command) => self.runs.push((command.token, command.argv.join(" "))),
                _ => {}
            }
        }
    }

    fn trap(&mut self, sequence: u16, deasserted: bool, appends: usize) {
        let mut octets = vec![7; 16];
        octets.extend(sequence.to_be_bytes());
        octets.extend([0, 0, 0, 9, 0, 0, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 1]);
        octets.extend([0x31, 0xFF, 1, 0, 0, 0, 0, 0, 0x19, 0, 0, 0, 0, 0, 0, 0xC1]);
        let specific = 0x000C_6F01 | if deasserted { 0x80 } else { 0 };
        assert_eq!(Pet::parse(specific, &octets).unwrap().guid, Guid([7; 16]));
        let (enterprise, agent, generic) = (ENTERPRISE, Ipv4Addr::new(10, 0, 1, 1), ENTERPRISE_SPECIFIC);
        let head = TrapV1 { enterprise, agent, generic, specific, uptime: 1 };
        let mut bytes = Vec::new();
        emit_trap_v1(b"public", &head, &[Varbind { name: VARIABLE, value: Value::OctetString(&octets) }], &mut bytes);
        self.engine.handle_datagram(NOW, "10.0.1.1:623".parse().unwrap(), &bytes);
        self.drain(appends);
    }

    /// A recovery that has begun and was broken off: what it may have set is to be taken back some day.
    fn broken_off() -> Self {
        let mut site = Self::start(Vec::new());
        site.trap(1, false, usize::MAX);
        assert!(site.started("bmcnotice-claim -U"), "{:?}", site.runs);
        let mut site = Self::start(site.journal);
        site.engine.cancel(NOW, 1).unwrap();
        site.drain(usize::MAX);
        site.runs.clear();
        site
    }

    fn started(&self, part: &str) -> bool {
        self.runs.iter().any(|(_, words)| words.contains(part))
    }
}

#[test]
fn what_is_taken_back_is_gone_before_it_is_set_anew() {
    let mut site = Site::broken_off();
    site.trap(2, true, usize::MAX);
    let taken: Vec<u64> =
        site.runs.iter().filter(|(_, words)| words.contains(" -D")).map(|(token, _)| *token).collect();
    assert_eq!(taken.len(), 3, "{:?}", site.runs);
    site.trap(3, false, usize::MAX);
    for token in taken {
        assert!(!site.started("bmcnotice-claim -U"), "it would be deleted again: {:?}", site.runs);
        site.engine.handle_command(NOW, token, CommandEvent::Exited(0));
        site.drain(usize::MAX);
    }
    assert!(site.started("bmcnotice-claim -U"), "{:?}", site.runs);
}

#[test]
fn a_clearing_notice_outlives_the_process_that_wrote_it_down() {
    let mut site = Site::broken_off();
    site.trap(2, true, 1);
    assert!(!site.started(" -D"), "killed before: {:?}", site.runs);
    let again = Site::start(site.journal);
    assert!(again.started("#health-bmc -D"), "{:?}", again.runs);
}
