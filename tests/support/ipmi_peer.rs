//! Starts the real BMCs that tests talk to, each in a process of its own.

#[path = "ports.rs"]
pub mod ports;

use bmcnotice::wire::rmcp::{Datagram, emit_ping};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Whether the test may go on. Says on stderr that it is skipped, or fails where peers are required.
pub fn peer(what: &str, installed: bool) -> bool {
    if !installed {
        assert!(env::var_os("BMCNOTICE_REQUIRE_PEERS").is_none(), "required: {what} is not installed");
        eprintln!("skipped: {what} is not installed");
    }
    installed
}

fn on_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Whether `ipmi_sim` and what its module is built with are here.
pub fn has_ipmi_sim() -> bool {
    peer("ipmi_sim", on_path("ipmi_sim"))
        && peer("the header of libopenipmi-dev", Path::new("/usr/include/OpenIPMI/lanserv.h").is_file())
}

fn python() -> PathBuf {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
    env::var_os("BMCNOTICE_PYTHON").map_or_else(|| venv.into(), PathBuf::from)
}

/// Whether a Python with pyghmi is here.
pub fn has_pyghmi() -> bool {
    let import = Command::new(python()).args(["-c", "import pyghmi"]).stderr(Stdio::null()).status();
    peer("pyghmi", import.is_ok_and(|status| status.success()))
}

/// An address of loopback that nobody listens on.
pub fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, ports::free()).into()
}

/// A BMC in a process of its own; it ends with this value.
pub struct Peer {
    pub address: SocketAddr,
    pub folder: PathBuf,
    guid: [u8; 16],
    log: &'static str,
    child: Child,
}

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/ipmi");

/// The GUID of the `ipmi_sim` that the tests start.
pub const GUID: [u8; 16] = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

/// A folder of that name, and nothing in it.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ipmi").join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

impl Peer {
    /// `ipmi_sim` with our module. `name` must be the test's own.
    pub fn ipmi_sim(name: &str, address: SocketAddr) -> Self {
        Self::ipmi_sim_in(fresh(name), address, GUID, true)
    }

    /// One of several: with a GUID of its own, and with our module or as it comes.
    #[allow(dead_code, reason = "not every suite needs it")]
    pub fn another_ipmi_sim(name: &str, address: SocketAddr, guid: [u8; 16], module: bool) -> Self {
        Self::ipmi_sim_in(fresh(name), address, guid, module)
    }

    fn ipmi_sim_in(folder: PathBuf, address: SocketAddr, guid: [u8; 16], with_module: bool) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let module = folder.join("bmcmod.so");
        if with_module && !module.exists() {
            let built = Command::new(format!("{PEERS}/build.sh")).arg(&module).status().unwrap();
            assert!(built.success(), "the module does not build");
        }
        let mut command = Command::new(format!("{PEERS}/ipmi_sim.sh"));
        command.arg(&folder).args([address.ip().to_string(), address.port().to_string()]);
        command.arg(format!("{:032x}", u128::from_be_bytes(guid)));
        if with_module {
            command.env("MODULE", &module);
        }
        let child = command.spawn().unwrap();
        Self { address, folder, guid, log: "module.log", child }.ready()
    }

    /// The pyghmi peer.
    pub fn pypeer(name: &str, address: SocketAddr) -> Self {
        let folder = fresh(name);
        fs::create_dir_all(&folder).unwrap();
        let child = Command::new(python())
            .arg(format!("{PEERS}/pypeer.py"))
            .args([address.ip().to_string(), address.port().to_string()])
            .arg(folder.join("log"))
            .spawn()
            .unwrap();
        Self { address, folder, guid: GUID, log: "log", child }.ready()
    }

    fn ready(mut self) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let _ = socket.send_to(&emit_ping(1), self.address);
            let mut bytes = [0; 64];
            if let Ok(length) = socket.recv(&mut bytes) {
                assert!(matches!(Datagram::parse(&bytes[..length]), Ok(Datagram::Pong { .. })));
                return self;
            }
            assert_eq!(self.child.try_wait().unwrap(), None, "the peer ended; see {}", self.folder.display());
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the peer does not answer; see {}", self.folder.display());
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the killed one again, with what it had written down.
    pub fn restart(&mut self) {
        self.kill();
        *self = Self::ipmi_sim_in(self.folder.clone(), self.address, self.guid, self.folder.join("bmcmod.so").exists());
    }

    /// How many lines of its own log have this word.
    pub fn logged(&self, word: &str) -> usize {
        let log = fs::read_to_string(self.folder.join(self.log)).unwrap_or_default();
        log.lines().filter(|line| line.contains(word)).count()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}
