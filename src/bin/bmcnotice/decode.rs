//! `bmcnotice decode`: what a datagram says, and what the library would make of it.
//!
//! Nothing here judges: every datagram goes through the library's own reception, as if it came from this
//! server's BMC with the right community.

use crate::arguments::digits;
use crate::exit::Exit;
use crate::input::Source;
use crate::out::{Look, Out};
use bmcnotice::Notice;
use bmcnotice::config::model::{
    AfterEnded, Bmc, Cluster, Commands, Handshake, Heartbeat, Journal, LinkChoice, Meanings, Probes, Server,
};
use bmcnotice::config::native::shipped_profiles;
use bmcnotice::crypto::Secret;
use bmcnotice::io::sys;
use bmcnotice::notice::event_data::EventData;
use bmcnotice::notice::{DropReason, Reception, meaning, sensors};
use bmcnotice::wire::pet::Pet;
use bmcnotice::wire::snmp::{Message, Pdu, Value};
use bmcnotice::words::ServerId;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Limit: octets of a value that is no text, as shown; JSON has all of them.
const SHOWN_OCTETS: usize = 64;
/// Where the datagram is said to come from.
const BMC: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Print what a trap says, from its octets in hexadecimal or from a capture
///
/// The octets stand on the command line, in a file, or on standard input: one datagram a line,
/// blanks and colons between the digits or not; lines that begin with # are comments. A capture
/// (pcap, pcapng) is read, too: what went to UDP port 162, or to --port.
///
///   bmcnotice decode 30 82 00 29 ...
///   bmcnotice decode --file tests/vectors/traps/eipmi-pet.hex
///   tcpdump -i any -w - -c 1 udp port 162 | bmcnotice decode -
///
/// Prints the message, the fields of the IPMI event (PET) and the sentence that an operator would
/// read. A datagram that would be dropped is refused with the name that the statistics count it
/// under.
///
/// Ends with 0 when every datagram was read, with 3 when one was refused, with 2 when the text is
/// no hexadecimal.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// The server's name in the sentence
    #[arg(long, value_name = "NAME", default_value = "this server")]
    server: String,
    /// Print JSON, one object a datagram
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let (name, datagrams) = match arguments.source.read() {
        Ok(input) => input,
        Err(exit) => return exit,
    };
    let (count, mut refused) = (datagrams.len(), 0);
    for (number, datagram) in datagrams.iter().enumerate() {
        if number > 0 && !arguments.json {
            out.line("");
        }
        let octets = &datagram.octets;
        let outcome = receive(octets, &arguments.server);
        refused += usize::from(outcome.is_err());
        if arguments.json {
            out.json(&as_json(&name, datagram.place, octets, &outcome));
        } else {
            show(octets, &outcome, out);
        }
        if out.is_closed() {
            break;
        }
    }
    if count > 1 && !arguments.json {
        out.line(format_args!("\n{count} datagrams, {refused} refused"));
    }
    if refused > 0 { Exit::No } else { Exit::Done }
}

/// Through the library's own reception.
fn receive<'a>(octets: &'a [u8], server: &str) -> Result<(Message<'a>, Notice), Refusal> {
    let refusal = |reason, why: String| Refusal { reason, why };
    let message = Message::parse(octets).map_err(|error| refusal(error.into(), error.to_string()))?;
    let mut reception = Reception::new(&cluster(server, message.community));
    match reception.handle_datagram(sys::now(), SocketAddr::new(BMC, 0), octets) {
        Ok(received) => Ok((message, received.notice)),
        // The message itself is fine, so it is the event in it.
        Err(reason) => Err(refusal(reason, "its event is malformed".into())),
    }
}

struct Refusal {
    reason: DropReason,
    why: String,
}

/// A cluster whose only BMC is believed to have sent the datagram.
fn cluster(server: &str, community: &[u8]) -> Cluster {
    let bmc = Bmc {
        address: SocketAddr::new(BMC, 0),
        trap_sources: vec![BMC],
        relays: Vec::new(),
        retry_span: None,
        community: Secret::new(community),
        lan: None,
        link: LinkChoice::Lan,
        device: String::new(),
        guid: None,
        by_address: false,
        handshake: Handshake::None,
        after_ended: AfterEnded::None,
        patience: None,
        in_sel: true,
        sel_catch_up: true,
        dump: None,
        probes: Probes::default(),
        version3: Default::default(),
    };
    Cluster {
        clusterpro: None,
        observe: false,
        name: "decode".into(),
        this: ServerId(0),
        users: Vec::new(),
        servers: vec![Server { name: server.into(), addresses: Vec::new(), bmc: Some(bmc) }],
        monitors: Vec::new(),
        heartbeat: Heartbeat { enabled: false, ..Heartbeat::default() },
        journal: Journal { hot: None, disk: None },
        commands: Commands::default(),
        meanings: Meanings { profiles: shipped_profiles(), ..Meanings::default() }.into(),
    }
}

fn show(octets: &[u8], outcome: &Result<(Message<'_>, Notice), Refusal>, out: &Out) {
    let (message, notice) = match outcome {
        Ok(read) => read,
        Err(Refusal { reason, why }) => {
            let word = out.paint(Look::Bad, "refused");
            return out.line(format_args!("{word}: {reason}: {why} ({} octets)", octets.len()));
        }
    };
    let row = |name: &str, value: &dyn std::fmt::Display| {
        out.line(format_args!("  {} {value}", out.paint(Look::Faint, format_args!("{name:<13}"))));
    };
    out.line(format_args!("{}, {} octets", out.paint(Look::Strong, message.pdu.name()), octets.len()));
    row("community", &quoted(message.community));
    row("trap", &notice.trap_oid);
    if let Pdu::TrapV1(trap) = &message.pdu {
        row("enterprise", &trap.enterprise);
        row("agent", &trap.agent);
        row("generic", &trap.generic);
        row("specific", &format_args!("{} ({:08X}h)", trap.specific, trap.specific));
    }
    if let Pdu::Inform { request_id } | Pdu::TrapV2 { request_id } = &message.pdu {
        row("request id", request_id);
    }
    if let Some(ticks) = message.uptime() {
        row("uptime", &format_args!("{}.{:02} s", ticks / 100, ticks % 100));
    }
    for varbind in message.varbinds.iter() {
        out.line(format_args!("  {} = {}", varbind.name, value(&varbind.value)));
    }
    match &notice.pet {
        Some(pet) => {
            out.line(out.paint(Look::Strong, "IPMI event (PET)"));
            pet_fields(pet).iter().for_each(|(name, value)| row(name, value));
        }
        None => out.line("No IPMI event (PET) in it."),
    }
    out.line(out.paint(Look::Strong, "Notice"));
    row("class", &notice.class);
    row("region", &notice.region);
    if let Some(fault) = notice.fault {
        row("fault", &format_args!("{:016x}", fault.0));
    }
    row("sentence", &out.paint(Look::Strong, &notice.sentence));
}

fn pet_fields(pet: &Pet) -> Vec<(&'static str, String)> {
    let named = |number: u8, name: &str| format!("{number:02X}h {name}");
    vec![
        ("event", meaning::event_text(pet)),
        ("direction", if pet.deasserted { "deasserted: it is over" } else { "asserted" }.into()),
        ("severity", named(pet.severity, sensors::severity_name(pet.severity))),
        ("sensor type", named(pet.sensor_type, sensors::type_name(pet.sensor_type))),
        ("sensor", format!("{:02X}h of device {:02X}h", pet.sensor_number, pet.sensor_device)),
        ("event type", format!("{:02X}h, offset {:02X}h", pet.event_type, pet.offset)),
        ("event data", digits(&pet.event_data)),
        ("in words", in_words(pet)),
        (
            "entity",
            format!(
                "{} instance {}",
                named(pet.entity, sensors::entity_name(pet.entity).unwrap_or("(no common name)")),
                pet.entity_instance
            ),
        ),
        ("guid", pet.guid.to_string()),
        ("sequence", if pet.sequence == 0 { "0, not numbered".into() } else { pet.sequence.to_string() }),
        ("timestamp", timestamp(pet)),
        ("sources", format!("trap {:02X}h, event {:02X}h", pet.trap_source, pet.event_source)),
        ("manufacturer", format!("{} system {}", pet.manufacturer, pet.system_id)),
    ]
}

fn in_words(pet: &Pet) -> String {
    let words = EventData(pet).to_string();
    if words.is_empty() { "nothing".into() } else { words }
}

fn timestamp(pet: &Pet) -> String {
    /// Unix seconds of 1998-01-01.
    const PET_EPOCH: u64 = 883_612_800;
    if pet.timestamp == 0 {
        return "0, unspecified".into();
    }
    let civil = crate::clock::date_and_time(Duration::from_secs(PET_EPOCH + u64::from(pet.timestamp)));
    match pet.utc_offset {
        Some(minutes) => format!("{} ({civil} on the BMC's clock, {minutes:+} min to UTC)", pet.timestamp),
        None => format!("{} ({civil} on the BMC's clock)", pet.timestamp),
    }
}

fn quoted(octets: &[u8]) -> String {
    format!("\"{}\"", octets.escape_ascii())
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::OctetString(octets) | Value::Opaque(octets) => {
            let text = octets.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ');
            match (text, octets.get(..SHOWN_OCTETS)) {
                (true, _) => quoted(octets),
                (false, Some(head)) if octets.len() > SHOWN_OCTETS => {
                    format!("{}... ({} octets)", digits(head), octets.len())
                }
                (false, _) => digits(octets),
            }
        }
        Value::Oid(oid) => oid.to_string(),
        Value::IpAddress(address) => address.to_string(),
        Value::Counter32(number) | Value::Gauge32(number) | Value::TimeTicks(number) => number.to_string(),
        Value::Counter64(number) => number.to_string(),
        Value::Null => "null".into(),
        Value::NoSuchObject => "noSuchObject".into(),
        Value::NoSuchInstance => "noSuchInstance".into(),
        Value::EndOfMibView => "endOfMibView".into(),
    }
}

fn as_json(
    name: &str,
    line: usize,
    octets: &[u8],
    outcome: &Result<(Message<'_>, Notice), Refusal>,
) -> serde_json::Value {
    let (message, notice) = match outcome {
        Ok(read) => read,
        Err(Refusal { reason, why }) => {
            return json!({
                "input": name, "line": line, "octets": octets.len(),
                "refused": reason.name(), "why": why,
            });
        }
    };
    let varbinds: Vec<_> =
        message.varbinds.iter().map(|varbind| varbind_json(&varbind.name.to_string(), &varbind.value)).collect();
    json!({
        "input": name,
        "line": line,
        "octets": octets.len(),
        "refused": null,
        "kind": message.pdu.name(),
        "community": String::from_utf8_lossy(message.community),
        "trap_oid": &*notice.trap_oid,
        "agent": match &message.pdu { Pdu::TrapV1(trap) => json!(trap.agent.to_string()), _ => json!(null) },
        "uptime_ticks": message.uptime(),
        "varbinds": varbinds,
        "pet": notice.pet.as_ref().map(pet_json),
        "class": notice.class.to_string(),
        "region": &*notice.region,
        "fault": notice.fault.map(|fault| format!("{:016x}", fault.0)),
        "sentence": &*notice.sentence,
    })
}

fn varbind_json(name: &str, value: &Value<'_>) -> serde_json::Value {
    let (kind, value) = match value {
        Value::Integer(number) => ("integer", json!(number)),
        Value::OctetString(octets) => ("octets", json!(digits(octets))),
        Value::Opaque(octets) => ("opaque", json!(digits(octets))),
        Value::Oid(oid) => ("oid", json!(oid.to_string())),
        Value::IpAddress(address) => ("address", json!(address.to_string())),
        Value::Counter32(number) => ("counter32", json!(number)),
        Value::Gauge32(number) => ("gauge32", json!(number)),
        Value::TimeTicks(number) => ("timeticks", json!(number)),
        Value::Counter64(number) => ("counter64", json!(number)),
        Value::Null => ("null", json!(null)),
        Value::NoSuchObject => ("noSuchObject", json!(null)),
        Value::NoSuchInstance => ("noSuchInstance", json!(null)),
        Value::EndOfMibView => ("endOfMibView", json!(null)),
    };
    json!({ "name": name, "type": kind, "value": value })
}

fn pet_json(pet: &Pet) -> serde_json::Value {
    json!({
        "event": meaning::event_text(pet),
        "sensor_type": pet.sensor_type,
        "sensor_type_name": sensors::type_name(pet.sensor_type),
        "event_type": pet.event_type,
        "offset": pet.offset,
        "deasserted": pet.deasserted,
        "severity": pet.severity,
        "severity_name": sensors::severity_name(pet.severity),
        "sensor": pet.sensor_number,
        "sensor_device": pet.sensor_device,
        "entity": pet.entity,
        "entity_name": sensors::entity_name(pet.entity),
        "entity_instance": pet.entity_instance,
        "event_data": digits(&pet.event_data),
        "event_data_words": EventData(pet).to_string(),
        "guid": pet.guid.to_string(),
        "sequence": pet.sequence,
        "timestamp": pet.timestamp,
        "utc_offset_minutes": pet.utc_offset,
        "trap_source": pet.trap_source,
        "event_source": pet.event_source,
        "manufacturer": pet.manufacturer,
        "system_id": pet.system_id,
    })
}
