//! One simulated BMC on loopback with a monitor for its traps, and the programs that talk to it.

use bmcnotice::config::model::Privilege;
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::sim::{Alert, Event, Fault, Options, User};
use bmcnotice::wire::ipmi::Request;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::Message;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{env, fs, process, thread};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
pub const ADMIN: (&str, &str) = ("admin", "password");
/// Twenty octets, as long as a password may be.
pub const OBSERVER: (&str, &str) = ("observer", "watch20charpasswd0ab");

/// How a client does an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// By a function of its own.
    Yes,
    /// In another way than one would think.
    By(&'static str),
    /// By octets that the test gives: the client is only the road, and its session is what is judged. And why.
    Raw(&'static str),
    /// Not at all, or not rightly.
    No(&'static str),
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::By(how) => write!(f, "yes, {how}"),
            Self::Raw("") => f.write_str("raw"),
            Self::Raw(why) => write!(f, "raw: {why}"),
            Self::No(why) => write!(f, "no: {why}"),
        }
    }
}

pub const RAW: Cell = Cell::Raw("");

pub struct Bench {
    pub bmc: SimulatedBmc,
    pub monitor: UdpSocket,
    pub folder: PathBuf,
}

impl Bench {
    /// A BMC that offers these suites; `name` is that of its folder.
    pub fn new(name: &str, suites: &[u8]) -> Self {
        let monitor = UdpSocket::bind("127.0.0.1:0").unwrap();
        monitor.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut options = Options {
            suites: suites.to_vec(),
            alert: Some(Alert::to(monitor.local_addr().unwrap())),
            ..Options::default()
        };
        options.users.push(User::new(OBSERVER.0, OBSERVER.1, Privilege::User));
        let bmc = SimulatedBmc::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options, None).unwrap();
        let folder = env::temp_dir().join(format!("bmcnotice-clients-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { bmc, monitor, folder }
    }

    pub fn port(&self) -> String {
        self.bmc.address().port().to_string()
    }

    pub fn raise(&self, name: &str) {
        self.bmc.raise(&Fault::preset(name).unwrap());
    }

    /// Three events in the log, and no trap left over.
    pub fn happen(&self) {
        self.bmc.with(|bmc, now| bmc.erase_sel(now));
        self.raise("psu-lost");
        self.raise("correctable-memory");
        self.bmc.clear(&Fault::preset("psu-lost").unwrap());
        for _ in 0..3 {
            let acknowledge = self.trap().acknowledge();
            self.host(0x04, 0x17, &acknowledge);
        }
    }

    pub fn trap(&self) -> Pet {
        let mut buffer = [0; 2048];
        let length = self.monitor.recv(&mut buffer).expect("a trap");
        let message = Message::parse(&buffer[..length]).unwrap();
        let (specific, octets) = pet::find(&message).unwrap();
        Pet::parse(specific, octets).unwrap()
    }

    /// What the host itself reads, in-band: the data after a good completion code.
    pub fn host(&self, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        let request = Request { netfn, lun: 0, command, data: data.to_vec() };
        let response = self.bmc.with(|bmc, now| bmc.command(now, &request));
        assert_eq!(response.completion, 0, "{netfn:02X}h/{command:02X}h {data:02x?}");
        response.data
    }

    /// A LAN parameter.
    pub fn lan(&self, number: u8, set: u8) -> Vec<u8> {
        self.host(0x0C, 0x02, &[1, number, set, 0])[1..].to_vec()
    }

    pub fn sel_words(&self) -> Vec<(u16, u8, u8)> {
        let words = |record: &[u8; 16]| (u16::from_le_bytes([record[0], record[1]]), record[11], record[12]);
        self.bmc.with(|bmc, _| bmc.sel().iter().map(words).collect())
    }

    /// The cipher suite of the newest session, and how many there have been.
    pub fn sessions(&self) -> (usize, Option<u8>) {
        let suites: Vec<u8> = self
            .bmc
            .events()
            .into_iter()
            .filter_map(|happened| match happened.event {
                Event::SessionOpened { suite, .. } => Some(suite),
                _ => None,
            })
            .collect();
        (suites.len(), suites.last().copied())
    }

    pub fn open_sessions(&self) -> usize {
        self.bmc.with(|bmc, _| bmc.sessions().0)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs a program to its end: whether it was content, and everything that it said.
pub fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// The text has all these parts.
pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

pub fn python() -> PathBuf {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
    env::var_os("BMCNOTICE_PYTHON").map_or_else(|| venv.into(), PathBuf::from)
}

/// A session of one of the Python libraries.
pub struct Console {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    pub opened: Value,
}

impl Console {
    pub fn open(bench: &Bench, library: &str, (user, password): (&str, &str), suite: u8, privilege: u8) -> Self {
        let mut child = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ipmi_clients/console.py"))
            .args([library, "127.0.0.1", &bench.port(), user, &suite.to_string(), &privilege.to_string()])
            .env("IPMI_PASSWORD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        let mut console = Self { child, input, lines, opened: Value::Null };
        console.opened = console.line();
        console
    }

    fn line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("an answer of the Python client");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    /// What the expression is worth; an exception is `{"error": …}`.
    pub fn ask(&mut self, expression: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{expression}").unwrap();
        self.line()
    }

    /// The same, and it is no exception.
    pub fn value(&mut self, expression: &str) -> Value {
        let value = self.ask(expression);
        assert!(value.get("error").is_none(), "{expression}: {value}");
        value
    }

    pub fn close(mut self) {
        let _ = writeln!(self.input.as_mut().unwrap(), "close");
        let _ = self.child.wait();
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.input = None; // it ends with its input
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
