//! A link on a socket of its own, and the tools that ask the same of a BMC.

#[path = "../../tests/support/logins.rs"]
mod logins;

use super::thread::cpu;
use bmcnotice::bmc::link::{Identity, Link, Login, Output, Status, Ticket, Urgency};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::sim::Options;
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::CHASSIS_STATUS;
use bmcnotice::wire::ipmi::Request;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Any port of this host.
pub const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

pub fn login(privilege: Privilege) -> Login {
    logins::login("admin", "password", &[Suite::Seventeen, Suite::Three], privilege)
}

pub fn identity() -> Identity {
    Identity::Expected(vec![Options::default().guid])
}

/// A link on a socket of its own.
pub struct Wire {
    pub link: Link,
    pub socket: UdpSocket,
    begun: Instant,
    tickets: u64,
    answered: u64,
}

impl Wire {
    pub fn new(to: SocketAddr, privilege: Privilege) -> Self {
        let socket = UdpSocket::bind(LOCAL).expect("a socket");
        socket.connect(to).expect("connected");
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time-out");
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&socket.local_addr().expect("its address").port().to_le_bytes());
        let link = Link::new(login(privilege), identity(), Random::from_seed(seed));
        let mut wire = Self { link, socket, begun: Instant::now(), tickets: 0, answered: 0 };
        wire.link.start(wire.now());
        wire.drain();
        wire
    }

    pub fn now(&self) -> Now {
        Now { boottime: self.begun.elapsed(), wall: Duration::ZERO }
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Send(bytes) => drop(self.socket.send(&bytes).expect("sent")),
                Output::Answer { result, .. } => {
                    assert!(result.is_ok(), "{result:?}");
                    self.answered += 1;
                }
                Output::Changed => {}
            }
        }
    }

    fn turn(&mut self) {
        let mut bytes = [0; 512];
        let length = self.socket.recv(&mut bytes).expect("the BMC answers");
        self.link.handle_datagram(self.now(), &bytes[..length]);
        self.drain();
    }

    /// Sleeps until the BMC has answered.
    fn wait(&self) {
        let mut set = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, valid to write.
        assert_eq!(unsafe { libc::poll(&raw mut set, 1, 1000) }, 1, "the BMC answers");
    }

    pub fn up(&mut self) {
        while !matches!(self.link.status(), Status::Up { .. }) {
            self.turn();
        }
    }

    /// One exchange; what it took without the wait, which a reactor shares among all its BMCs.
    pub fn ask(&mut self) -> f64 {
        let begun = cpu();
        self.tickets += 1;
        self.link.submit(self.now(), Ticket(self.tickets), Urgency::Urgent, Request::new(CHASSIS_STATUS, []));
        self.drain();
        let mut took = cpu() - begun;
        while self.answered < self.tickets {
            self.wait();
            let begun = cpu();
            self.turn();
            took += cpu() - begun;
        }
        took
    }
}

/// The command with which a tool asks a BMC for its chassis status, if it is installed.
pub fn tool(name: &str, to: SocketAddr, what: &str) -> Option<Command> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&paths).any(|folder| folder.join(name).exists()) {
        println!("skipped: {what} beside {name}: it is not installed");
        return None;
    }
    let mut command = Command::new(name);
    let (ip, port) = (to.ip().to_string(), to.port().to_string());
    match name {
        "ipmitool" => command
            .env("IPMI_PASSWORD", "password")
            .args(["-E", "-I", "lanplus", "-C", "17", "-U", "admin", "-L", "OPERATOR", "-H", &ip, "-p", &port])
            .args(["chassis", "status"]),
        _ => command.args(["-D", "LAN_2_0", "-I", "17", "-u", "admin", "-p", "password", "-l", "OPERATOR"]).args([
            "-h",
            &to.to_string(),
            "--get-chassis-status",
        ]),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command)
}
