//! The simulated BMC as the field's own clients see it: ipmitool and FreeIPMI over a loopback socket.
//!
//! Without the tools: skipped, aloud. With BMCNOTICE_REQUIRE_PEERS set: failed.
#![cfg(feature = "sim")]

use bmcnotice::config::model::Privilege;
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Fault, Options, Output, Power, User};
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A BMC behind a real socket, driven by a thread.
struct Served {
    address: SocketAddr,
    bmc: Arc<Mutex<Bmc>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    start: Instant,
}

fn now(start: Instant) -> Now {
    Now { boottime: start.elapsed(), wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap() }
}

impl Served {
    fn new() -> Self {
        let mut options = Options::default();
        options.users.push(User::new("observer", "watch20charpasswd0ab", Privilege::User));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (address, start) = (socket.local_addr().unwrap(), Instant::now());
        let bmc = Arc::new(Mutex::new(Bmc::new(options, [7; 32])));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (bmc.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stopped.load(Ordering::Relaxed) {
                let received = socket.recv_from(&mut buffer);
                let mut bmc = shared.lock().unwrap();
                match received {
                    Ok((length, from)) => bmc.handle_datagram(now(start), from, &buffer[..length]),
                    Err(_) => bmc.handle_timeout(now(start)),
                }
                while let Some(output) = bmc.poll_output() {
                    if let Output::Send { to, bytes } = output {
                        let _ = socket.send_to(&bytes, to);
                    }
                }
            }
        });
        Self { address, bmc, stop, thread: Some(thread), start }
    }

    fn raise(&self, name: &str) {
        self.bmc.lock().unwrap().raise(now(self.start), &Fault::preset(name).unwrap());
    }

    /// ipmitool's answer as administrator; panics with everything it said if it failed.
    fn ipmitool(&self, suite: &str, arguments: &[&str]) -> String {
        let (ok, text) = self.ipmitool_as("admin", "password", suite, arguments);
        assert!(ok, "ipmitool -C {suite} {arguments:?}: {text}");
        text
    }

    fn ipmitool_as(&self, user: &str, password: &str, suite: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new("ipmitool");
        command.args(["-I", "lanplus", "-H", "127.0.0.1", "-p", &self.address.port().to_string()]);
        command.args(["-R", "1", "-N", "2", "-U", user, "-C", suite]).args(arguments);
        run(command.env("IPMI_PASSWORD", password).arg("-E"))
    }

    fn freeipmi(&self, tool: &str, suite: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(tool);
        command.args(["-D", "LAN_2_0", "-h", &self.address.to_string(), "-u", "admin", "-p", "password"]);
        command.args(["-l", "ADMIN", "-I", suite, "--session-timeout", "4000"]).args(arguments);
        run(&mut command)
    }

    /// The data of every command seen with these numbers.
    fn seen(&self, netfn: u8, number: u8) -> Vec<(Vec<u8>, u8)> {
        let bmc = self.bmc.lock().unwrap();
        let these = bmc.log().filter(|entry| (entry.netfn, entry.command) == (netfn, number));
        these.map(|entry| (entry.data.clone(), entry.completion)).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Whether the tool is there; says so if not, and fails where peers are required.
fn have(tool: &str) -> bool {
    let have = Command::new(tool).arg("-V").output().is_ok();
    if !have {
        eprintln!("skipped: {tool} is not installed");
        assert!(std::env::var_os("BMCNOTICE_REQUIRE_PEERS").is_none(), "{tool} is required");
    }
    have
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn ipmitool_reads_the_bmc() {
    if !have("ipmitool") {
        return;
    }
    for suite in ["17", "3"] {
        let served = Served::new();
        contains(&served.ipmitool(suite, &["chassis", "status"]), &["System Power         : on"]);
        contains(&served.ipmitool(suite, &["mc", "info"]), &["IPMI Version              : 2.0", "Chassis Device"]);
        contains(&served.ipmitool(suite, &["mc", "selftest"]), &["Selftest: passed"]);
        let guid = served.ipmitool(suite, &["mc", "guid"]);
        contains(&guid, &["System GUID"]);
        contains(&served.ipmitool(suite, &["mc", "watchdog", "get"]), &["Stopped"]);
        contains(&served.ipmitool(suite, &["session", "info", "active"]), &["user id                       : 2"]);
        contains(&served.ipmitool(suite, &["chassis", "restart_cause"]), &["power-up via pushbutton"]);
        contains(&served.ipmitool(suite, &["sdr", "elist", "all"]), &["DIMM A1", "Watchdog"]);
        let opened = served.bmc.lock().unwrap().sessions();
        assert_eq!(opened, (0, 0), "ipmitool closes its sessions");
        assert_eq!(served.bmc.lock().unwrap().drops(), Default::default());
    }
}

#[test]
fn ipmitool_reads_the_sel() {
    if !have("ipmitool") {
        return;
    }
    let served = Served::new();
    served.raise("fan-failure");
    served.raise("psu-lost");
    served.raise("correctable-memory");
    served.raise("uncorrectable-memory");
    let list = served.ipmitool("17", &["sel", "elist"]);
    contains(&list, &["Fan Fan 1 | Transition to Critical from less severe | Asserted"]);
    contains(&list, &["Power Supply PSU 1 | Power Supply AC lost | Asserted"]);
    contains(&list, &["Memory DIMM A1 | Uncorrectable ECC", "Memory DIMM A1 | Correctable ECC"]);
    contains(&served.ipmitool("17", &["sel", "info"]), &["Entries          : 4", "Overflow         : false"]);
    contains(&served.ipmitool("3", &["sel", "clear"]), &["Clearing SEL"]);
    assert!(served.bmc.lock().unwrap().sel().is_empty());
}

#[test]
fn ipmitool_speaks_the_handshake_and_resets() {
    if !have("ipmitool") {
        return;
    }
    let served = Served::new();
    served.ipmitool("17", &["raw", "0x30", "0x70", "0x00"]);
    served.raise("cpu-ierr");
    assert_eq!(served.bmc.lock().unwrap().resets(), 0, "armed: held");
    served.ipmitool("17", &["raw", "0x30", "0x70", "0x01"]);
    served.ipmitool("17", &["raw", "0x30", "0x70", "0x02", "0x00"]);
    assert_eq!(served.bmc.lock().unwrap().resets(), 1);
    assert_eq!(served.seen(0x30, 0x70), [(vec![0], 0), (vec![1], 0), (vec![2, 0], 0)]);
    let (ok, text) = served.ipmitool_as("admin", "password", "17", &["raw", "0x30", "0x70", "0x07"]);
    assert!(!ok && text.contains("rsp=0xcc"), "{text}");
    contains(&served.ipmitool("17", &["chassis", "restart_cause"]), &["PEF"]);
    served.ipmitool("17", &["chassis", "power", "off"]);
    assert_eq!(served.bmc.lock().unwrap().power(), Power::Off);
    contains(&served.ipmitool("17", &["chassis", "power", "status"]), &["Chassis Power is off"]);
}

#[test]
fn ipmitool_is_refused_where_it_should_be() {
    if !have("ipmitool") {
        return;
    }
    let served = Served::new();
    for suite in ["17", "3"] {
        let (ok, text) = served.ipmitool_as("admin", "wrong", suite, &["-v", "chassis", "status"]);
        assert!(!ok && text.contains("HMAC is invalid"), "{text}");
        let (ok, text) = served.ipmitool_as("nobody", "password", suite, &["-v", "chassis", "status"]);
        assert!(!ok && text.contains("unauthorized name"), "{text}");
        let (ok, text) = served.ipmitool_as("observer", "watch20charpasswd0ab", suite, &["chassis", "status"]);
        assert!(!ok, "{text}");
        let user = ["-L", "USER", "chassis", "status"];
        let (ok, text) = served.ipmitool_as("observer", "watch20charpasswd0ab", suite, &user);
        assert!(ok, "{text}");
        let control = ["-L", "USER", "chassis", "power", "reset"];
        let (ok, text) = served.ipmitool_as("observer", "watch20charpasswd0ab", suite, &control);
        assert!(!ok && text.contains("privilege"), "{text}");
    }
    let none = "invalid authentication algorithm";
    let plain = "invalid integrity algorithm";
    let clear = "invalid confidentiality algorithm";
    for (suite, why) in [("0", none), ("6", none), ("1", plain), ("15", plain), ("2", clear), ("16", clear)] {
        let (ok, text) = served.ipmitool_as("admin", "password", suite, &["-v", "chassis", "status"]);
        assert!(!ok && text.contains(why), "suite {suite}: {text}");
    }
    assert_eq!(served.bmc.lock().unwrap().resets(), 0);
}

#[test]
fn freeipmi_reads_the_bmc() {
    if !have("ipmi-chassis") || !have("ipmi-sel") || !have("bmc-info") {
        return;
    }
    let cache = std::env::temp_dir().join(format!("bmcnotice-sdr-{}", std::process::id()));
    std::fs::create_dir_all(&cache).unwrap();
    for suite in ["17", "3"] {
        let served = Served::new();
        served.raise("uncorrectable-memory");
        let (ok, text) = served.freeipmi("ipmi-chassis", suite, &["--get-chassis-status"]);
        assert!(ok, "{text}");
        contains(&text, &["System Power                        : on"]);
        let (ok, text) = served.freeipmi("bmc-info", suite, &["--get-device-id"]);
        assert!(ok, "{text}");
        contains(&text, &["IPMI Version          : 2.0"]);
        let (ok, text) = served.freeipmi(
            "ipmi-sel",
            suite,
            &["--output-event-state", "--sdr-cache-directory", cache.to_str().unwrap()],
        );
        assert!(ok, "{text}");
        contains(&text, &["DIMM A1", "Memory", "Critical", "Uncorrectable memory error"]);
        let (ok, text) = served.freeipmi("ipmi-chassis", suite, &["-p", "wrong", "--get-chassis-status"]);
        assert!(!ok && text.contains("password"), "{text}");
        assert_eq!(served.bmc.lock().unwrap().sessions().0, 0, "FreeIPMI closes its sessions");
    }
    std::fs::remove_dir_all(&cache).unwrap();
}
