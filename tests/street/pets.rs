//! The fatal trap: an uncorrectable memory error, as octets, as a datagram, and from net-snmp's senders.

#[path = "../support/traps.rs"]
mod traps;

use bmcnotice::wire::pet::Pet;
use bmcnotice::words::Guid;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Output};

/// Memory (0Ch), sensor-specific (6Fh), uncorrectable (offset 1).
pub const SPECIFIC: u32 = 814_849;

pub fn fatal(guid: Guid, sequence: u16) -> Pet {
    Pet {
        sensor_type: 0x0C,
        event_type: 0x6F,
        offset: 1,
        deasserted: false,
        guid,
        sequence,
        timestamp: 0x1234_5678,
        utc_offset: None,
        trap_source: 0x20,
        event_source: 0x20,
        severity: 0x20,
        sensor_device: 0x20,
        sensor_number: 0x20,
        entity: 0x20,
        entity_instance: 1,
        event_data: [0x31, 0xFF, 0x01, 0, 0, 0, 0, 0],
        language: 0x19,
        manufacturer: 343,
        system_id: 1,
    }
}

/// A v1 trap.
pub fn datagram(pet: &Pet, community: &[u8]) -> Vec<u8> {
    traps::v1(pet, community, Ipv4Addr::LOCALHOST)
}

/// The genuine one, from the address of the listener.
pub fn send(listen: SocketAddr, guid: Guid, sequence: u16) {
    let socket = UdpSocket::bind((listen.ip(), 0)).unwrap();
    socket.send_to(&datagram(&fatal(guid, sequence), b"public"), listen).unwrap();
}

/// How a program sends it.
#[derive(Debug, Clone, Copy)]
pub enum Sender {
    TrapV1,
    TrapV2c,
    InformV2c,
}

impl Sender {
    pub const ALL: [Self; 3] = [Self::TrapV1, Self::TrapV2c, Self::InformV2c];

    pub fn program(self) -> &'static str {
        match self {
            Self::TrapV1 | Self::TrapV2c => "snmptrap",
            Self::InformV2c => "snmpinform",
        }
    }

    /// Sends it once; an Inform waits for its response, 3 s and twice at most.
    pub fn send(self, listen: SocketAddr, guid: Guid, sequence: u16) -> Output {
        let mut octets = Vec::new();
        fatal(guid, sequence).emit(&mut octets);
        let hex = octets.iter().fold(String::new(), |mut text, octet| {
            write!(text, "{octet:02X}").unwrap();
            text
        });
        let to = if listen.is_ipv6() { format!("udp6:{listen}") } else { listen.to_string() };
        let mut command = Command::new(self.program());
        command.args(["-m", "", "-r", "1", "-t", "3", "-c", "public"]);
        match self {
            Self::TrapV1 => command
                .args(["-v", "1", &to, "1.3.6.1.4.1.3183.1.1", "127.0.0.1", "6"])
                .args([&SPECIFIC.to_string(), ""]),
            Self::TrapV2c | Self::InformV2c => {
                command.args(["-v", "2c", &to, "", &format!("1.3.6.1.4.1.3183.1.1.0.{SPECIFIC}")])
            }
        };
        command.args(["1.3.6.1.4.1.3183.1.1.1", "x", &hex]).output().unwrap()
    }

    /// Sends it three times, as ASF does, and each time with success.
    pub fn send_thrice(self, listen: SocketAddr, guid: Guid) {
        for _ in 0..3 {
            let output = self.send(listen, guid, 1);
            assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
