//! `bmcnotice send`: a PET as a BMC would send it, and what comes back, in words.

use crate::arguments::{duration, guid, octet};
use crate::exit::{Exit, complain};
use crate::out::Out;
use bmcnotice::config::model::Meanings;
use bmcnotice::io::{sys, sys::Epoll, udp};
use bmcnotice::notice::meaning;
use bmcnotice::sim::{Fault, Options};
use bmcnotice::wire::ber;
use bmcnotice::wire::command::{PET_ACKNOWLEDGE, PetAcknowledge};
use bmcnotice::wire::ipmi::{self, Response};
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::{ENTERPRISE, Pet, TRAP_OID_PREFIX, VARIABLE};
use bmcnotice::wire::rmcp::{self, Datagram};
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_inform, emit_trap_v1, emit_trap_v2c};
use bmcnotice::words::Guid;
use clap::ValueEnum;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// 1998-01-01 in Unix seconds: where the time of a PET begins.
const PET_EPOCH: u64 = 883_612_800;
/// A Response-PDU (RFC 3416 section 3).
const RESPONSE: u8 = 0xA2;
/// Limit: octets of an answer; more are cut off, and no answer of ours has more.
const ANSWER_BYTES: usize = 4096;

/// Send a trap as a BMC would, and say what comes back
///
/// The trap is an IPMI Platform Event Trap (PET). It goes out as often as --repeat says, each time
/// the same, as a BMC does that was not heard. The receiver believes an address: send from where
/// its configuration expects the BMC, with --from if need be.
///
///   bmcnotice send 127.0.0.1:1162 --fault uncorrectable-memory --repeat 3 --wait 2s
///
/// Ends with 0 when all was sent (with --wait: and acknowledged), with 3 when --wait heard no
/// acknowledgement.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The receiver: <IP>:<port>
    #[arg(value_name = "ADDRESS")]
    to: SocketAddr,
    /// What happened
    #[arg(long, value_name = "NAME", default_value = "uncorrectable-memory", value_parser = fault_names())]
    fault: String,
    /// The fault is over
    #[arg(long)]
    deassert: bool,
    /// The community
    #[arg(long, value_name = "TEXT", default_value = "public")]
    community: String,
    /// SNMPv2c instead of SNMPv1
    #[arg(long, conflicts_with = "inform")]
    v2c: bool,
    /// An SNMPv2c Inform, which is answered
    #[arg(long)]
    inform: bool,
    /// The system's GUID, in wire order [default: the simulated BMC's]
    #[arg(long, value_name = "GUID", value_parser = guid)]
    guid: Option<Guid>,
    /// The sequence number; the same one is the same notice [default: from the clock]
    #[arg(long, value_name = "N")]
    sequence: Option<u16>,
    /// Seconds since 1998-01-01, as a PET counts [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u32>,
    /// Sensor number instead of the fault's own
    #[arg(long, value_name = "N", value_parser = octet)]
    sensor: Option<u8>,
    /// Sensor type instead of the fault's own
    #[arg(long, value_name = "N", value_parser = octet)]
    sensor_type: Option<u8>,
    /// Event type instead of the fault's own
    #[arg(long, value_name = "N", value_parser = octet)]
    event_type: Option<u8>,
    /// Event offset instead of the fault's own
    #[arg(long, value_name = "0..15", value_parser = clap::value_parser!(u8).range(0..16))]
    offset: Option<u8>,
    /// Severity instead of the fault's own: unspecified, monitor, information, ok, non-critical,
    /// critical or non-recoverable
    #[arg(long, value_name = "NAME", hide_possible_values = true, verbatim_doc_comment)]
    severity: Option<Severity>,
    /// The address that the BMC gives as its own in an SNMPv1 trap; a relay names the BMC so
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    agent: Ipv4Addr,
    /// Send from this address [default: any]
    #[arg(long, value_name = "IP[:PORT]", value_parser = from)]
    from: Option<SocketAddr>,
    /// How often it is sent in all
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Between two sendings
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = duration)]
    interval: Duration,
    /// After the last, wait so long for an acknowledgement; without a value 2s
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "2s", value_parser = duration)]
    wait: Option<Duration>,
    /// Print JSON, one object a line: what was sent, what came back, how it ended
    #[arg(long)]
    json: bool,
}

/// A severity by its name in the PET specification.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Severity {
    Unspecified,
    Monitor,
    Information,
    Ok,
    NonCritical,
    Critical,
    NonRecoverable,
}

impl Severity {
    fn octet(self) -> u8 {
        match self {
            Self::Unspecified => 0x00,
            Self::Monitor => 0x01,
            Self::Information => 0x02,
            Self::Ok => 0x04,
            Self::NonCritical => 0x08,
            Self::Critical => 0x10,
            Self::NonRecoverable => 0x20,
        }
    }
}

/// The names of the faults, for clap: it lists them when another is given.
pub fn fault_names() -> clap::builder::PossibleValuesParser {
    Fault::PRESETS.map(|fault| clap::builder::PossibleValue::new(fault.name).help(fault.sentence)).into()
}

fn from(text: &str) -> Result<SocketAddr, String> {
    let bare = || text.parse().map(|ip| SocketAddr::new(ip, 0));
    text.parse().or_else(|_| bare()).map_err(|_: std::net::AddrParseError| "write <IP> or <IP>:<port>".into())
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match send(arguments, out) {
        Ok(exit) => exit,
        Err((what, error)) => {
            complain(format_args!("{what}: {error}"), "");
            Exit::Failed
        }
    }
}

type Refused = (String, std::io::Error);

fn send(arguments: &Arguments, out: &Out) -> Result<Exit, Refused> {
    let to = arguments.to;
    let pet = pet(arguments);
    let bytes = datagram(arguments, &pet);
    let socket = match arguments.from {
        Some(address) => udp::bind_traps(address).map_err(|error| (format!("cannot send from {address}"), error))?,
        None => udp::bind_client(to.is_ipv6()).map_err(|error| ("cannot open a socket".into(), error))?,
    };
    let mut ear = Ear::new(socket, &pet).map_err(|error| ("cannot wait for answers".into(), error))?;
    let kind = match (arguments.inform, arguments.v2c) {
        (true, _) => "SNMPv2c Inform",
        (_, true) => "SNMPv2c trap",
        _ => "SNMPv1 trap",
    };
    if !arguments.json {
        let over = if pet.deasserted { ", and is over" } else { "" };
        out.line(format_args!(
            "{kind}, sequence {}, {} octets: {}, sensor {:02X}h, class {}{over}",
            pet.sequence,
            bytes.len(),
            meaning::event_text(&pet),
            pet.sensor_number,
            meaning::class(&pet, &Meanings::default())
        ));
    }
    for nth in 1..=arguments.repeat {
        let at = sys::now().boottime;
        udp::send(&ear.socket, &bytes, to).map_err(|error| (format!("cannot send to {to}"), error))?;
        ear.began.get_or_insert(at);
        if arguments.json {
            out.json(&json!({
                "event": "sent", "to": to.to_string(), "kind": kind, "nth": nth, "of": arguments.repeat,
                "sequence": pet.sequence, "octets": crate::arguments::digits(&bytes),
            }));
        } else {
            out.line(format_args!("sent to {to} ({nth} of {})", arguments.repeat));
        }
        if nth < arguments.repeat {
            ear.listen(arguments.interval, false, arguments.json, out);
        }
    }
    let heard = match arguments.wait {
        Some(patience) => ear.heard > 0 || ear.listen(patience, true, arguments.json, out),
        None => ear.listen(Duration::ZERO, false, arguments.json, out),
    };
    let exit = if arguments.wait.is_some() && !heard { Exit::No } else { Exit::Done };
    if arguments.json {
        out.json(&json!({ "event": "end", "sent": arguments.repeat, "acknowledged": ear.heard }));
    } else if exit == Exit::No {
        let waited = arguments.wait.unwrap_or_default();
        out.line(format_args!(
            "no acknowledgement within {waited:?}: nobody listens there, or the trap was not accepted"
        ));
    }
    Ok(exit)
}

fn pet(arguments: &Arguments) -> Pet {
    let wall = sys::now().wall;
    let fault = Fault::preset(&arguments.fault).unwrap_or(Fault::PRESETS[0]); // clap knows the names
    let offset = arguments.offset.unwrap_or(fault.offset);
    let [kind, data @ ..] = fault.event_data();
    let mut event_data = [0; 8];
    event_data[0] = kind & 0xF0 | offset;
    event_data[1..3].copy_from_slice(&data);
    Pet {
        sensor_type: arguments.sensor_type.unwrap_or(fault.sensor_type),
        event_type: arguments.event_type.unwrap_or(fault.event_type),
        offset,
        deasserted: arguments.deassert,
        guid: arguments.guid.unwrap_or(Options::default().guid),
        // Never zero, which is "not numbered"; another one in every millisecond, so that every call is news.
        sequence: arguments.sequence.unwrap_or((wall.as_millis() % 0xFFFF) as u16 + 1),
        timestamp: arguments.timestamp.unwrap_or(wall.as_secs().saturating_sub(PET_EPOCH) as u32),
        utc_offset: Some(0),
        trap_source: 0x20, // IPMI
        event_source: 0x20,
        severity: arguments.severity.map_or(fault.severity, Severity::octet),
        sensor_device: 0x20, // the BMC
        sensor_number: arguments.sensor.unwrap_or(fault.sensor),
        entity: fault.entity,
        entity_instance: fault.entity_instance,
        event_data,
        language: 0x19, // English
        manufacturer: 0,
        system_id: 0,
    }
}

fn datagram(arguments: &Arguments, pet: &Pet) -> Vec<u8> {
    let now = sys::now();
    let uptime = (now.boottime.as_millis() / 10) as u32; // TimeTicks wrap after 497 days
    let community = arguments.community.as_bytes();
    let mut octets = Vec::new();
    pet.emit(&mut octets);
    let varbinds = [Varbind { name: VARIABLE, value: Value::OctetString(&octets) }];
    let mut bytes = Vec::new();
    if !arguments.inform && !arguments.v2c {
        let head = TrapV1 {
            enterprise: ENTERPRISE,
            agent: arguments.agent,
            generic: ENTERPRISE_SPECIFIC,
            specific: pet.specific_trap(),
            uptime,
        };
        emit_trap_v1(community, &head, &varbinds, &mut bytes);
        return bytes;
    }
    let arcs: Vec<u32> = TRAP_OID_PREFIX.arcs().chain([pet.specific_trap()]).collect();
    let request_id = i32::from(pet.sequence);
    if let Ok(oid) = OidBuf::from_arcs(&arcs) {
        let emit = if arguments.inform { emit_inform } else { emit_trap_v2c };
        emit(community, request_id, uptime, oid.as_oid(), &varbinds, &mut bytes);
    }
    bytes
}

/// Listens for what comes back.
struct Ear {
    socket: UdpSocket,
    epoll: Epoll,
    pet: Pet,
    began: Option<Duration>,
    heard: u32,
}

impl Ear {
    fn new(socket: UdpSocket, pet: &Pet) -> std::io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.add(&socket)?;
        Ok(Self { socket, epoll, pet: pet.clone(), began: None, heard: 0 })
    }

    /// For `patience`, or until the first acknowledgement; whether there was one.
    fn listen(&mut self, patience: Duration, once: bool, json: bool, out: &Out) -> bool {
        let end = sys::now().boottime.saturating_add(patience);
        let before = self.heard;
        let mut buffer = [0; ANSWER_BYTES];
        loop {
            while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
                self.take(&buffer[..length], from, json, out);
            }
            let left = end.saturating_sub(sys::now().boottime);
            if once && self.heard > before || left.is_zero() {
                return self.heard > before;
            }
            // Milliseconds are the grain of poll(2): never wait for none of them.
            self.epoll.wait(Some(left.max(Duration::from_millis(1))));
        }
    }

    fn take(&mut self, bytes: &[u8], from: SocketAddr, json: bool, out: &Out) {
        let now = sys::now().boottime;
        let after = now.saturating_sub(self.began.unwrap_or(now)).as_micros();
        let (what, acknowledges) = match answer(bytes, &self.pet) {
            Some(Answer::Acknowledged(reply)) => {
                if let Some(reply) = reply {
                    let _ = udp::send(&self.socket, &reply, from); // as a BMC does
                }
                ("PET Acknowledge", true)
            }
            Some(Answer::AcknowledgedAnother) => ("PET Acknowledge of another trap", false),
            Some(Answer::Response(id)) if id == i32::from(self.pet.sequence) => ("response to the Inform", true),
            Some(Answer::Response(_)) => ("response to another Inform", false),
            None => ("a datagram that is no answer", false),
        };
        self.heard += u32::from(acknowledges);
        if json {
            out.json(&json!({
                "event": "heard", "from": from.to_string(), "what": what, "acknowledges": acknowledges,
                "after_us": after as u64, "octets": crate::arguments::digits(bytes),
            }));
        } else {
            let word = if acknowledges { "acknowledged" } else { "heard" };
            out.line(format_args!("{word}: {what} from {from}, {after} us after the first sending"));
        }
    }
}

enum Answer {
    /// Of our trap; with what a BMC answers.
    Acknowledged(Option<Vec<u8>>),
    AcknowledgedAnother,
    /// To the Inform of this request-id.
    Response(i32),
}

fn answer(bytes: &[u8], pet: &Pet) -> Option<Answer> {
    if let Some(id) = response_id(bytes) {
        return Some(Answer::Response(id));
    }
    let Ok(Datagram::Sessionless(message)) = Datagram::parse(bytes) else { return None };
    let message = ipmi::Message::parse(message).ok()?;
    let request = message.to_request().ok().filter(|request| request.is(PET_ACKNOWLEDGE))?;
    PetAcknowledge::parse(&request.data).ok()?;
    if request.data != pet.acknowledge() {
        return Some(Answer::AcknowledgedAnother);
    }
    Some(Answer::Acknowledged(rmcp::emit_sessionless(&message.answer(&Response::ok([]))).ok()))
}

/// The request-id of an SNMP response.
fn response_id(bytes: &[u8]) -> Option<i32> {
    let (_, message) = ber::expect(ber::SEQUENCE, bytes).ok()?;
    let (message, _version) = ber::integer(message).ok()?;
    let (message, _community) = ber::expect(ber::OCTET_STRING, message).ok()?;
    let (_, body) = ber::expect(RESPONSE, message).ok()?;
    let (_, id) = ber::integer(body).ok()?;
    i32::try_from(id).ok()
}
