//! `[handshake.NAME]`: what armed, started, ended and disarmed are on the wire.
//!
//! Uses `reader` and `draft`. Numbers are as in the vendor's manual: network function, command, data, completion codes.

use crate::config::draft::{Field, HandshakeDraft, HandshakeKind, RawDraft};
use crate::config::model::{RawMessage, RawOctet};
use crate::config::reader::{Reader, text};
use crate::config::report::{Report, cut};
use crate::config::tree::{Node, Table, Value};
use crate::config::{rules, values};
use core::ops::RangeInclusive;
use core::time::Duration;

/// How often a keep-alive may be repeated.
const EVERY: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(3600);
/// Limit: the highest network function of a request.
const MAX_NETFN: i64 = 0x3E;
/// What a data octet may stand for, besides a number.
const WORDS: &[(&str, RawOctet)] = &[
    ("outcome", RawOctet::Outcome),
    ("record0", RawOctet::Record(0)),
    ("record1", RawOctet::Record(1)),
    ("record2", RawOctet::Record(2)),
    ("record3", RawOctet::Record(3)),
    ("record4", RawOctet::Record(4)),
    ("record5", RawOctet::Record(5)),
    ("record6", RawOctet::Record(6)),
    ("record7", RawOctet::Record(7)),
    ("address0", RawOctet::ListenAddress(0)),
    ("address1", RawOctet::ListenAddress(1)),
    ("address2", RawOctet::ListenAddress(2)),
    ("address3", RawOctet::ListenAddress(3)),
    ("port0", RawOctet::ListenPort(0)),
    ("port1", RawOctet::ListenPort(1)),
];

pub(super) fn read(table: Table<'_>, report: &mut Report<'_>) -> Vec<HandshakeDraft> {
    let mut table = Reader::new(table, "[handshake]", report);
    let mut handshakes = Vec::new();
    for entry in table.rest() {
        let name = entry.key.into_owned();
        if name == "none" || !values::is_name(&name) {
            let subject = format!("a handshake cannot be called \"{}\"", cut(&name));
            table.add(&rules::NAME, entry.at, &subject, "give it the vendor's name, or one of your own");
        }
        let at = entry.node.at;
        let Field::Given(_, inner) = table.as_table(&format!("handshake.{}", cut(&name)), entry.node) else { continue };
        let inner = Reader::new(inner, format!("handshake {}", cut(&name)), table.report);
        let kind = if name == "sel" { sel(inner) } else { raw(inner) };
        handshakes.push(HandshakeDraft { at, name, kind });
    }
    handshakes
}

fn sel(mut table: Reader<'_, '_, '_>) -> HandshakeKind {
    let record_type = table.integer("record_type", 0xC0..=0xDF);
    let manufacturer = table.integer("manufacturer", 0..=0xFF_FFFF);
    table.finish();
    HandshakeKind::Sel { record_type, manufacturer }
}

fn raw(mut table: Reader<'_, '_, '_>) -> HandshakeKind {
    let armed = message(&mut table, "armed");
    let started = message(&mut table, "started");
    let ended = message(&mut table, "ended");
    let disarmed = message(&mut table, "disarmed");
    let keepalive = match table.table("keepalive") {
        Field::Given(at, inner) => {
            let mut inner = Reader::new(inner, format!("{}, keepalive", table.who), table.report);
            let every = inner.duration("every", EVERY);
            let every = inner.required("every", every, "write every = \"30s\" or the like");
            match (read_message(inner), every.ok()) {
                (Some(message), Some(every)) => Field::Given(at, (message, *every)),
                (None, _) | (_, None) => Field::Bad(at),
            }
        }
        Field::Absent(at) => Field::Absent(at),
        Field::Bad(at) => Field::Bad(at),
    };
    table.finish();
    HandshakeKind::Raw(Box::new(RawDraft { armed, started, ended, disarmed, keepalive }))
}

fn message(table: &mut Reader<'_, '_, '_>, key: &'static str) -> Field<RawMessage> {
    match table.table(key) {
        Field::Given(at, inner) => {
            let inner = Reader::new(inner, format!("{}, {key}", table.who), table.report);
            read_message(inner).map_or(Field::Bad(at), |message| Field::Given(at, message))
        }
        Field::Absent(at) => Field::Absent(at),
        Field::Bad(at) => Field::Bad(at),
    }
}

fn read_message(mut table: Reader<'_, '_, '_>) -> Option<RawMessage> {
    let netfn = table.integer::<u8>("netfn", 0..=MAX_NETFN);
    let netfn = table.required("netfn", netfn, "write netfn = 0x30 or the like, as the vendor's manual has it");
    let netfn = netfn.and_then(|at, netfn| {
        if netfn % 2 == 0 {
            return Some(netfn);
        }
        table.add(&rules::ODD_NETFN, at, &format!("netfn is {netfn:#04x}"), format!("write {:#04x}", netfn - 1));
        None
    });
    let command = table.integer::<u8>("command", 0..=0xFF);
    let command = table.required("command", command, "write command = 0x70 or the like");
    let lun = table.integer::<u8>("lun", 0..=3);
    let data = table.list("data", "a list such as [1, \"record0\"]", octet);
    let accept = table.octets("accept");
    table.finish();
    let accept = accept.or(vec![(Default::default(), 0)])?;
    Some(RawMessage {
        netfn: *netfn.ok()?,
        lun: lun.or(0)?,
        command: *command.ok()?,
        data: data.or(Vec::new())?,
        accept: accept.into_iter().map(|(_, code)| code).collect(),
    })
}

fn octet<'a>(table: &mut Reader<'_, '_, 'a>, item: Node<'a>) -> Option<RawOctet> {
    let Node { at, value } = item;
    let word = match text(value) {
        Ok(word) => word,
        Err(
            value @ (Value::Integer(_)
            | Value::Boolean(_)
            | Value::List(_)
            | Value::Table(_)
            | Value::Other(_)
            | Value::Broken),
        ) => {
            return table.octet("data", Node { at, value }).map(RawOctet::Literal);
        }
        Err(Value::Text(word)) => word,
    };
    if let Some((_, octet)) = WORDS.iter().find(|(known, _)| *known == word) {
        return Some(*octet);
    }
    let remedy = "write a number from 0 to 255, or outcome, record0 to record7, address0 to address3, port0 or port1 in \"quotes\"";
    table.add(&rules::WORD, at, &format!("data holds \"{}\"", cut(&word)), remedy);
    None
}
