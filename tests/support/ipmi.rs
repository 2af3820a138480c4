//! Drives links and sessions over a real UDP socket, blocking, and starts the peers they talk to.

use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::handshake::{self, Telling, Untold};
use bmcnotice::bmc::link::{Identity, Link, Login, Output, Status, Ticket, Urgency};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::{Random, Secret};
use bmcnotice::now::Now;
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::rmcp::{Datagram, emit_ping};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
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
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/venv/bin/python");
    env::var_os("BMCNOTICE_PEER_PYTHON").map_or_else(|| venv.into(), PathBuf::from)
}

/// Whether a Python with pyghmi is here.
pub fn has_pyghmi() -> bool {
    let import = Command::new(python()).args(["-c", "import pyghmi"]).stderr(Stdio::null()).status();
    peer("pyghmi", import.is_ok_and(|status| status.success()))
}

/// An address of loopback that nobody listens on.
pub fn free_address() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A BMC in a process of its own; it ends with this value.
pub struct Peer {
    pub address: SocketAddr,
    pub folder: PathBuf,
    log: &'static str,
    child: Child,
}

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/ipmi");

/// The GUID of the `ipmi_sim` that the tests start.
pub const GUID: [u8; 16] = *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";

impl Peer {
    /// `ipmi_sim` with our module. `name` must be the test's own.
    pub fn ipmi_sim(name: &str, address: SocketAddr) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ipmi").join(name);
        let _ = fs::remove_dir_all(&folder);
        Self::ipmi_sim_in(folder, address)
    }

    fn ipmi_sim_in(folder: PathBuf, address: SocketAddr) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let module = folder.join("bmcmod.so");
        if !module.exists() {
            let built = Command::new(format!("{PEERS}/build.sh")).arg(&module).status().unwrap();
            assert!(built.success(), "the module does not build");
        }
        let child = Command::new(format!("{PEERS}/ipmi_sim.sh"))
            .arg(&folder)
            .args([address.ip().to_string(), address.port().to_string()])
            .arg("00112233445566778899aabbccddeeff")
            .env("MODULE", &module)
            .spawn()
            .unwrap();
        Self { address, folder, log: "module.log", child }.ready()
    }

    /// The pyghmi peer.
    pub fn pypeer(name: &str, address: SocketAddr) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ipmi").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let child = Command::new(python())
            .arg(format!("{PEERS}/pypeer.py"))
            .args([address.ip().to_string(), address.port().to_string()])
            .arg(folder.join("log"))
            .spawn()
            .unwrap();
        Self { address, folder, log: "log", child }.ready()
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
    pub fn restart(mut self) -> Self {
        self.kill();
        Self::ipmi_sim_in(self.folder.clone(), self.address)
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

pub fn login(user: &str, password: &str, suites: &[Suite], privilege: Privilege) -> Login {
    Login { user: user.into(), password: Secret::new(password), kg: None, suites: suites.to_vec(), privilege }
}

/// The administrator of `ipmi_sim`.
pub fn administrator() -> Login {
    login("ipmiusr", "test", &[Suite::Seventeen, Suite::Three], Privilege::Administrator)
}

/// A link on a socket.
pub struct Wire {
    pub link: Link,
    pub answers: HashMap<Ticket, Result<Response, Failure>>,
    pub changes: Vec<Status>,
    pub sent: usize,
    socket: UdpSocket,
    begun: Instant,
    tickets: u64,
}

impl Wire {
    pub fn new(address: SocketAddr, login: Login, identity: Identity) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(address).unwrap();
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&socket.local_addr().unwrap().port().to_le_bytes());
        seed[2..18].copy_from_slice(
            &SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().to_le_bytes(),
        );
        let mut wire = Self {
            link: Link::new(login, identity, Random::from_seed(seed)),
            answers: HashMap::new(),
            changes: Vec::new(),
            sent: 0,
            socket,
            begun: Instant::now(),
            tickets: 0,
        };
        wire.link.start(wire.now());
        wire.drain();
        wire
    }

    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Now { boottime: self.begun.elapsed(), wall }
    }

    fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Send(datagram) => {
                    self.sent += 1;
                    let _ = self.socket.send(&datagram); // refused while the peer is down
                }
                Output::Answer { ticket, result } => {
                    assert_eq!(self.answers.insert(ticket, result), None, "{ticket:?} was answered twice");
                }
                Output::Changed => self.changes.push(*self.link.status()),
            }
        }
    }

    /// Until `done` says so; fails after `patience`.
    pub fn run(&mut self, patience: Duration, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + patience;
        while !done(self) {
            assert!(Instant::now() < end, "not within {patience:?}: {:?}", self.link.status());
            let now = self.now();
            let due = self.link.next_deadline().map(|due| due.saturating_sub(now.boottime));
            let wait =
                due.unwrap_or(Duration::from_millis(50)).clamp(Duration::from_millis(1), Duration::from_millis(50));
            self.socket.set_read_timeout(Some(wait)).unwrap();
            let mut bytes = [0; 2048];
            if let Ok(length) = self.socket.recv(&mut bytes) {
                self.link.handle_datagram(self.now(), &bytes[..length]);
            }
            self.link.handle_timeout(self.now());
            self.drain();
        }
    }

    pub fn up(&mut self) {
        self.run(Duration::from_secs(10), |wire| matches!(wire.link.status(), Status::Up { .. }));
    }

    pub fn submit(&mut self, urgency: Urgency, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.link.submit(self.now(), ticket, urgency, request);
        self.drain();
        ticket
    }

    /// Submits and waits for the answer.
    pub fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        let ticket = self.submit(Urgency::Normal, request);
        self.run(Duration::from_secs(20), |wire| wire.answers.contains_key(&ticket));
        self.answers.remove(&ticket).unwrap()
    }

    /// Tells a word to its end.
    pub fn tell(&mut self, mut telling: Telling) -> Result<(), Untold> {
        loop {
            match telling.poll(self.now()) {
                handshake::Step::Submit(request) => {
                    let result = self.ask(request);
                    telling.handle_answer(self.now(), result);
                }
                handshake::Step::Wait(until) => {
                    let until = until.unwrap_or_default();
                    self.run(Duration::from_secs(20), |wire| wire.now().boottime >= until);
                }
                handshake::Step::Over(result) => return result,
            }
        }
    }

    pub fn stop(&mut self) {
        self.link.stop(self.now());
        self.drain();
    }
}
