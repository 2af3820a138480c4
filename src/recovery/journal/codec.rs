//! Records to octets and back; `docs/journal.md` shows them octet by octet.
//!
//! Input is a file that may be torn, damaged or hostile: a frame counts only with its magic, a length
//! within the limit, its checksum and its end mark. Numbers are little-endian.

mod octet;

use super::record::{BootId, MAX_TEXT_OCTETS, Proof, Record, RecordId, Step, Summary, Taken};
use crate::bmc::evidence::{CLAIM_OCTETS, Claim, Mark};
use crate::bmc::sel_reading::Place;
use crate::config::model::FinalAction;
use crate::notice::NoticeId;
use crate::notice::usm::{Clock, EngineId};
use crate::now::Now;
use crate::wire::sel;
use crate::words::{Answer, Attempt, Guid, Text, Trust};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::time::Duration;
use octet::{
    action_octet, chassis_octet, class_octet, closed_octet, doubt_octet, hold_octet, outcome_octet, parse_action,
    parse_chassis, parse_class, parse_closed, parse_doubt, parse_hold, parse_outcome,
};

/// The size of the hot file, in octets; preallocated.
pub const HOT_OCTETS: usize = 1024 * 1024;
/// Every frame begins with it; after damage the next one is searched by it.
pub(super) const MAGIC: [u8; 4] = *b"bmcJ";
/// The version of all frames that we write.
pub(super) const VERSION: u8 = 1;
/// Never zero, so that the end of the last frame is found in a preallocated file.
const END: u8 = b'\n';
/// Octets before the body.
pub(super) const HEADER_OCTETS: usize = 52;
/// Limit: the longest body, in octets, in all versions.
pub(super) const MAX_BODY_OCTETS: usize = 2048;
/// Limit: the longest frame, in octets.
pub(super) const MAX_FRAME_OCTETS: usize = HEADER_OCTETS + MAX_BODY_OCTETS + 1;
/// Limit: the longest frame that opens a record, in octets: 34 fixed ones, five texts with their lengths.
pub(super) const MAX_OPENED_OCTETS: usize = HEADER_OCTETS + 34 + 5 * (1 + MAX_TEXT_OCTETS) + 1;
/// Limit: the longest frame of a step, in octets.
pub(super) const MAX_STEP_OCTETS: usize = HEADER_OCTETS + 16 + 1;
/// Octets of a mark.
const MARK_OCTETS: usize = 16 + 1 + 2 * 16 + 2;
/// Limit: the longest frame of a mark, in octets.
pub(super) const MAX_MARK_OCTETS: usize = HEADER_OCTETS + MARK_OCTETS + 1;
/// Limit: the longest frame of an SNMP engine's clock, in octets.
pub(super) const MAX_CLOCK_OCTETS: usize = HEADER_OCTETS + 1 + 32 + 8 + 1;
/// Limit: serials beyond it are not believed: one record a nanosecond reaches it after 292 years.
const MAX_SERIAL: u64 = i64::MAX as u64;

const OPENED: u8 = 0x01;
const MARK: u8 = 0x70;
const CLOCK: u8 = 0x71;

/// A frame whose checksum is right.
pub(super) struct Frame<'a> {
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) serial: u64,
    pub(super) at: Now,
    pub(super) boot: BootId,
    pub(super) body: &'a [u8],
    /// The whole frame as it stands.
    pub(super) octets: &'a [u8],
}

/// What a frame says.
pub(super) enum Content {
    Opened(Box<Record>),
    Step(Taken),
    /// Where we are in the log of this server's BMC; its serial is nobody's.
    Mark(Mark),
    /// Where an SNMP engine's clock stood; its serial is nobody's.
    Clock(Clock),
    /// A version or kind of a later release.
    Unknown,
}

/// The octets of a frame.
fn frame(kind: u8, serial: u64, at: Now, boot: BootId, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_OCTETS + body.len() + 1);
    head(kind, serial, at, boot, &mut out);
    out.extend_from_slice(body);
    seal(out)
}

/// The header; what is not known yet is empty.
fn head(kind: u8, serial: u64, at: Now, boot: BootId, out: &mut Vec<u8>) {
    out.extend(MAGIC);
    out.extend([VERSION, kind]);
    out.extend([0; 2]); // the length's place
    out.extend([0; 4]); // the checksum's place
    out.extend(serial.to_le_bytes());
    out.extend(milliseconds(at.wall).to_le_bytes());
    out.extend(milliseconds(at.boottime).to_le_bytes());
    out.extend(boot.0);
}

/// Behind a header and its body: the end, and what the header could not know.
fn seal(mut out: Vec<u8>) -> Vec<u8> {
    let length = out.len().saturating_sub(HEADER_OCTETS) as u16; // at most MAX_OPENED_OCTETS
    out[6..8].copy_from_slice(&length.to_le_bytes());
    out.push(END);
    let sum = checksum(&out);
    out[8..12].copy_from_slice(&sum.to_le_bytes());
    out
}

/// Over everything but the magic and the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[4..8]);
    hasher.update(&frame[12..]);
    hasher.finalize()
}

/// The frame at the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    let mut header = Reader(bytes);
    if header.array()? != MAGIC {
        return None;
    }
    let [version, kind] = header.array()?;
    let length = usize::from(header.u16()?);
    if length > MAX_BODY_OCTETS {
        return None;
    }
    let sum = header.u32()?;
    let serial = header.u64()?;
    let wall = Duration::from_millis(header.u64()?);
    let boottime = Duration::from_millis(header.u64()?);
    let boot = BootId(header.array()?);
    let octets = bytes.get(..HEADER_OCTETS + length + 1)?;
    if octets.last() != Some(&END) || checksum(octets) != sum || serial == 0 || serial > MAX_SERIAL {
        return None;
    }
    let body = &octets[HEADER_OCTETS..HEADER_OCTETS + length];
    Some(Frame { version, kind, serial, at: Now { boottime, wall }, boot, body, octets })
}

/// What the frame says; `None` if its body is not what its kind demands.
pub(super) fn content(frame: &Frame<'_>) -> Option<Content> {
    if frame.version != VERSION {
        return Some(Content::Unknown);
    }
    let mut body = Reader(frame.body);
    let content = if frame.kind == OPENED {
        Content::Opened(Box::new(parse_opened(frame, &mut body)?))
    } else if frame.kind == MARK {
        Content::Mark(parse_mark(&mut body)?)
    } else if frame.kind == CLOCK {
        Content::Clock(parse_clock(&mut body)?)
    } else {
        match parse_step(frame.kind, &mut body)? {
            Some(step) => Content::Step(Taken { step, at: frame.at, boot: frame.boot }),
            None => return Some(Content::Unknown),
        }
    };
    body.0.is_empty().then_some(content)
}

/// The frame that opens a record.
pub(super) fn emit_opened(record: &Record) -> Vec<u8> {
    let notice = &record.notice;
    let mut body = Vec::with_capacity(HEADER_OCTETS + 384);
    head(OPENED, record.id.serial(), record.at, record.boot, &mut body);
    body.extend(notice.id.0.to_le_bytes());
    body.push(class_octet(notice.class));
    body.push(match notice.trust {
        Trust::Address => 0,
        Trust::Corroborated => 1,
        Trust::Authenticated => 2,
    });
    let (family, address) = match notice.source.ip() {
        IpAddr::V4(v4) => (4, v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => (6, v6.octets()),
    };
    let scope = match notice.source {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    };
    body.push(family);
    body.extend(address);
    body.extend(notice.source.port().to_le_bytes());
    body.extend(scope.to_le_bytes());
    body.push(u8::from(record.monitor.is_some()));
    let monitor = record.monitor.as_deref().unwrap_or("");
    for text in [&record.server, monitor, &notice.trap_oid, &notice.region, &notice.sentence] {
        body.push(text.len() as u8); // Record and Summary cut them to MAX_TEXT_OCTETS
        body.extend_from_slice(text.as_bytes());
    }
    seal(body)
}

fn parse_opened(frame: &Frame<'_>, body: &mut Reader<'_>) -> Option<Record> {
    let id = NoticeId(body.u64()?);
    let class = parse_class(body.u8()?)?;
    let trust = match body.u8()? {
        0 => Trust::Address,
        1 => Trust::Corroborated,
        2 => Trust::Authenticated,
        _ => return None,
    };
    let family = body.u8()?;
    let address = Ipv6Addr::from(body.array::<16>()?);
    let port = body.u16()?;
    let scope = body.u32()?;
    let source = match family {
        4 => SocketAddr::from((address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED), port)),
        6 => SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope)),
        _ => return None,
    };
    let monitored = match body.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let server = body.text()?;
    let monitor = Some(body.text()?).filter(|_| monitored);
    let [trap_oid, region, sentence] = [body.text()?, body.text()?, body.text()?].map(Text::from);
    let notice = Summary { id, class, trust, source, trap_oid, region, sentence };
    Some(Record::new(
        RecordId::mint(frame.serial, true),
        frame.boot,
        frame.at,
        (server.into(), monitor.map(Text::from)),
        notice,
    ))
}

/// The frame of a mark; `serial` is one that was given already.
pub(super) fn emit_mark(serial: u64, at: Now, boot: BootId, mark: &Mark) -> Vec<u8> {
    let Mark { guid, place: Place { first, last, entries } } = mark;
    let mut body = Vec::with_capacity(MARK_OCTETS);
    body.extend(guid.0);
    body.push(u8::from(first.is_some()) | u8::from(last.is_some()) << 1);
    for record in [first, last] {
        body.extend(record.map_or([0; 16], |record| record.0));
    }
    body.extend(entries.to_le_bytes());
    frame(MARK, serial, at, boot, &body)
}

fn parse_mark(body: &mut Reader<'_>) -> Option<Mark> {
    let guid = Guid(body.array()?);
    let flags = body.u8()?;
    let [first, last] = [sel::Record(body.array()?), sel::Record(body.array()?)];
    let (first, last) = (Some(first).filter(|_| flags & 1 != 0), Some(last).filter(|_| flags & 2 != 0));
    Some(Mark { guid, place: Place { first, last, entries: body.u16()? } })
}

/// The frame of an SNMP engine's clock; `serial` is one that was given already.
pub(super) fn emit_clock(serial: u64, at: Now, boot: BootId, clock: &Clock) -> Vec<u8> {
    let engine = clock.engine.octets();
    let mut body = Vec::with_capacity(MAX_CLOCK_OCTETS);
    body.push(engine.len() as u8); // at most 32
    body.extend(engine);
    body.extend(clock.boots.to_le_bytes());
    body.extend(clock.time.to_le_bytes());
    frame(CLOCK, serial, at, boot, &body)
}

fn parse_clock(body: &mut Reader<'_>) -> Option<Clock> {
    let length = usize::from(body.u8()?);
    let (engine, rest) = body.0.split_at_checked(length)?;
    body.0 = rest;
    Some(Clock { engine: EngineId::new(engine)?, boots: body.u32()?, time: body.u32()? })
}

/// The frame of a step.
pub(super) fn emit_step(id: RecordId, taken: &Taken) -> Vec<u8> {
    let one = |octet: u8| vec![octet];
    let (kind, body) = match taken.step {
        Step::StartedSent => (0x10, vec![]),
        Step::StartedTold => (0x11, vec![]),
        Step::StartedGivenUp => (0x12, vec![]),
        Step::Asked(claim) => (0x13, claim.octets().to_vec()),
        Step::Supported(record) => (0x14, record.0.to_vec()),
        Step::Unsupported(doubt) => (0x15, one(doubt_octet(doubt))),
        Step::Begun { run } => (0x20, one(run)),
        Step::Answered(Answer::Done) => (0x21, one(0)),
        Step::Answered(Answer::Failed) => (0x21, one(1)),
        Step::Answered(Answer::Later) => (0x21, one(2)),
        Step::Abandoned => (0x22, vec![]),
        Step::Attempt(attempt) => (0x23, vec![action_octet(attempt.action), attempt.number]),
        Step::Ending(outcome) => (0x30, one(outcome_octet(outcome))),
        Step::EndedTold(outcome) => (0x31, one(outcome_octet(outcome))),
        Step::EndedGivenUp(outcome) => (0x32, one(outcome_octet(outcome))),
        Step::Chassis(command) => (0x33, one(chassis_octet(command))),
        Step::AwaitingReset => (0x34, vec![]),
        Step::Final(action) => (0x35, one(action.number())),
        Step::Withdrawn => (0x36, vec![]),
        Step::Held(why) => (0x40, one(hold_octet(why))),
        Step::Released => (0x41, vec![]),
        Step::Joined { other, count } => (0x50, [&other.to_le_bytes()[..], &count.to_le_bytes()].concat()),
        Step::Acknowledged => (0x51, vec![]),
        Step::Proven(proof) => (0x52, [&proof.took_ms.to_le_bytes()[..], &[u8::from(proof.own_event)]].concat()),
        Step::Closed(reason) => (0x60, one(closed_octet(reason))),
    };
    frame(kind, id.serial(), taken.at, taken.boot, &body)
}

/// `Some(None)`: a kind that we do not know. `None`: a body that is wrong.
fn parse_step(kind: u8, body: &mut Reader<'_>) -> Option<Option<Step>> {
    Some(Some(match kind {
        0x10 => Step::StartedSent,
        0x11 => Step::StartedTold,
        0x12 => Step::StartedGivenUp,
        0x13 => Step::Asked(Claim::from_octets(body.array::<CLAIM_OCTETS>()?)),
        0x14 => Step::Supported(sel::Record(body.array()?)),
        0x15 => Step::Unsupported(parse_doubt(body.u8()?)?),
        0x20 => Step::Begun { run: body.u8()? },
        0x21 => Step::Answered(match body.u8()? {
            0 => Answer::Done,
            1 => Answer::Failed,
            2 => Answer::Later,
            _ => return None,
        }),
        0x22 => Step::Abandoned,
        0x23 => Step::Attempt(Attempt { action: parse_action(body.u8()?)?, number: body.u8()? }),
        0x30 => Step::Ending(parse_outcome(body.u8()?)?),
        0x31 => Step::EndedTold(parse_outcome(body.u8()?)?),
        0x32 => Step::EndedGivenUp(parse_outcome(body.u8()?)?),
        0x33 => Step::Chassis(parse_chassis(body.u8()?)?),
        0x34 => Step::AwaitingReset,
        0x35 => Step::Final(FinalAction::from_number(body.u8()?)?),
        0x36 => Step::Withdrawn,
        0x40 => Step::Held(parse_hold(body.u8()?)?),
        0x41 => Step::Released,
        0x50 => Step::Joined { other: body.u64()?, count: body.u32()? },
        0x51 => Step::Acknowledged,
        0x52 => Step::Proven(Proof {
            took_ms: body.u32()?,
            own_event: match body.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        }),
        0x60 => Step::Closed(parse_closed(body.u8()?)?),
        _ => return Some(None),
    }))
}

/// Whole milliseconds; the end of time when there are too many.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Takes octets from the front; `None` when there are too few.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.u8()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        core::str::from_utf8(text).ok()
    }
}
