//! Reads the small file of `bmcnotice sim --fleet`: which simulated BMCs there are, range by range.
//!
//! Feature `sim` only. Uses `reader`; its input is text that the caller read, and what the simulation knows of itself
//! ([`Known`]), for it is built above this. What is not written is as the options of `sim` have it.

use super::draft::{Field, default};
use super::finding::{Finding, Severity};
use super::model::SecretSource;
use super::reader::Reader;
use super::report::{At, Report, cut};
use super::tree::Table;
use super::{rules, tree, values};
use crate::crypto::Secret;
use crate::words::Guid;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::ops::RangeInclusive;
use core::time::Duration;

/// Limit: simulated BMCs of one fleet.
pub const FLEET_MAX: usize = 65_536;
/// Limit: the longest text of a login or an address in a fleet's file, in bytes.
const TEXT_MAX: usize = 255;
/// How long anything of a simulated BMC may take.
const TIMES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
/// Between two sendings of a trap.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

/// A fleet as it is written.
#[derive(Debug)]
pub struct Fleet {
    /// Of every BMC.
    pub port: u16,
    /// In the order of the text.
    pub ranges: Vec<Range>,
}

/// BMCs that are alike, at addresses that follow one another. None: as the options of `sim` have it.
#[derive(Debug)]
pub struct Range {
    /// The first address.
    pub first: Ipv4Addr,
    /// How many there are.
    pub count: u32,
    /// The first one's GUID; each next one counts on, as a number of 128 bits in wire order.
    pub guid: Guid,
    /// Who may log in.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretSource>,
    /// As `sim --quirk` takes them.
    pub quirks: Vec<String>,
    /// Where traps go.
    pub alert: Option<SocketAddr>,
    /// The port of destinations that are set over IPMI.
    pub trap_port: Option<u16>,
    /// The community of traps.
    pub community: Option<Secret>,
    /// How often a trap goes out.
    pub repeat: Option<u8>,
    /// Between two sendings of a trap.
    pub interval: Option<Duration>,
    /// How long a reset is held.
    pub patience: Option<Duration>,
    /// Whether the handshake is heard by the raw command, and by records.
    pub handshake: Option<(bool, bool)>,
    /// What a fatal fault does: true: it takes the power for a moment.
    pub power_cycle: Option<bool>,
    /// How long the host takes to boot.
    pub boot_time: Option<Duration>,
    /// Whether firmware uses the watchdog meanwhile.
    pub boot_timers: Option<bool>,
}

impl Range {
    /// The last address.
    pub fn last(&self) -> Ipv4Addr {
        self.address(self.count.saturating_sub(1))
    }

    /// The address of the nth, the first being 0.
    pub fn address(&self, nth: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.first).saturating_add(nth))
    }

    /// The GUID of the nth, the first being 0.
    pub fn guid(&self, nth: u32) -> Guid {
        Guid(u128::from_be_bytes(self.guid.0).saturating_add(nth.into()).to_be_bytes())
    }
}

/// What the simulation knows of itself.
pub struct Known<'k> {
    /// The GUID of the first BMC, where none is written.
    pub guid: Guid,
    /// Why this is no quirk; none: it is one.
    pub quirk: &'k dyn Fn(&str) -> Option<String>,
}

/// What came of a fleet's file.
#[derive(Debug)]
pub struct Outcome {
    /// Only without findings.
    pub fleet: Option<Fleet>,
    /// Everything that is wrong, in the order of the text.
    pub findings: Vec<Finding>,
}

const HANDSHAKES: &[(&str, (bool, bool))] =
    &[("raw", (true, false)), ("sel", (false, true)), ("both", (true, true)), ("none", (false, false))];
const FATAL_ACTIONS: &[(&str, bool)] = &[("reset", false), ("power-cycle", true)];

/// Reads and judges a fleet's file in one pass. `file` is what findings call the text.
pub fn parse(text: &str, file: &str, known: &Known<'_>) -> Outcome {
    let mut report = Report::new(text, file, &[]);
    let root = tree::read(text, &mut report);
    let mut root = Reader::new(root, "the fleet", &mut report);
    let port = root.integer("port", 1..=65_535);
    let port = root.required("port", port, "write port = 9623, or another: it is that of every BMC");
    let rows = root.rows("bmc", tree::MAX_LIST);
    let rows = root.required("[[bmc]]", rows, "write [[bmc]] and below it address = \"127.1.0.1\", count = 10000");
    let mut before = 0; // BMCs in the tables so far
    let mut drafts = Vec::new();
    if let Field::Given(_, rows) = rows {
        for row in rows {
            let draft = range(row, known, before, root.report);
            before = before.saturating_add(draft.count);
            drafts.push(draft);
        }
    }
    root.finish();
    overlaps(text, &drafts, &mut report);
    let findings = report.finish();
    let sound = findings.iter().all(|finding| finding.severity < Severity::Error);
    let ranges = drafts.into_iter().map(|draft| draft.range).collect::<Option<Vec<_>>>();
    let fleet = ranges.zip(port.ok().copied()).filter(|_| sound).map(|(ranges, port)| Fleet { port, ranges });
    Outcome { fleet, findings }
}

/// A table: what is right in it, whatever else is wrong.
struct Draft {
    range: Option<Range>,
    count: u32,
    /// The first, how many, and where that is written.
    addresses: Option<(Ipv4Addr, u32, At)>,
    guids: Option<(Guid, u32, At)>,
}

fn range(table: Table<'_>, known: &Known<'_>, before: u32, report: &mut Report<'_>) -> Draft {
    let mut table = Reader::new(table, "a BMC", report);
    let first = address(&mut table);
    let first = table.required("address", first, "write address = \"127.1.0.1\", the first one's");
    if let Some(first) = first.ok() {
        table.who = format!("the BMC at {first}");
    }
    let count_at = table.at();
    let count = table.integer("count", 1..=FLEET_MAX as i64);
    let count_at = if count.is_absent() { count_at } else { count.at() };
    let guid = guid(&mut table);
    let guid_at = if guid.is_absent() { first.at() } else { guid.at() };
    let user = table.text("user", TEXT_MAX);
    let password = password(&mut table);
    let quirks = quirks(&mut table, known);
    let alert = alert(&mut table);
    let trap_port = table.integer("trap_port", 1..=65_535);
    let community = table.text("community", TEXT_MAX).and_then(|_, text| Some(Secret::new(text.as_bytes())));
    let (repeat, interval) = (table.integer("repeat", 1..=255), table.duration("interval", INTERVALS));
    let (patience, boot_time) = (table.duration("patience", TIMES), table.duration("boot_time", TIMES));
    let handshake = table.word("handshake", HANDSHAKES);
    let power_cycle = table.word("fatal_action", FATAL_ACTIONS);
    let boot_timers = table.boolean("boot_timers");

    let address_at = first.at();
    let (first, count) = (first.ok().copied(), count.or(1_u32));
    if let (Some(first), Some(count)) = (first, count) {
        if before.saturating_add(count) as usize > FLEET_MAX {
            let subject = format!("{} BMCs with those before it", before.saturating_add(count));
            table.add(&rules::RANGE, count_at, &subject, format!("a fleet has at most {FLEET_MAX}"));
        }
        if let Some(nobodys) = nobodys(first, count) {
            let remedy = "take others; 127.1.0.1 and up belong to this host without configuration";
            table.add(&rules::UNUSABLE_ADDRESS, address_at, &format!("{nobodys} is among its addresses"), remedy);
        }
    }
    // Those without a GUID count on from the default over all tables.
    let default = u128::from_be_bytes(known.guid.0).wrapping_add(before.into());
    let guid = guid.or(Guid(default.to_be_bytes()));
    if let (Some(guid), Some(count)) = (guid, count)
        && u128::from_be_bytes(guid.0).checked_add(count.into()).is_none()
    {
        table.add(&rules::RANGE, guid_at, "the GUIDs run over", "begin with a lower one");
    }
    table.finish();
    let addresses = first.zip(count).map(|(first, count)| (first, count, address_at));
    let guids = guid.zip(count).map(|(guid, count)| (guid, count, guid_at));
    let range = || {
        Some(Range {
            first: first?,
            count: count?,
            guid: guid?,
            user: written(user.and_then(|_, text| Some(text.into_owned())))?,
            password: written(password)?,
            quirks: quirks.or(Vec::new())?,
            alert: written(alert)?,
            trap_port: written(trap_port)?,
            community: written(community)?,
            repeat: written(repeat)?,
            interval: written(interval)?,
            patience: written(patience)?,
            handshake: written(handshake)?,
            power_cycle: written(power_cycle)?,
            boot_time: written(boot_time)?,
            boot_timers: written(boot_timers)?,
        })
    };
    Draft { range: range(), count: count.unwrap_or(0), addresses, guids }
}

/// The value if it is written; nothing at all if it is wrong.
fn written<T>(field: Field<T>) -> Option<Option<T>> {
    field.and_then(|_, value| Some(Some(value))).or(None)
}

fn address(table: &mut Reader<'_, '_, '_>) -> Field<Ipv4Addr> {
    table.text("address", TEXT_MAX).and_then(|at, given| {
        let first = given.parse().ok();
        if first.is_none() {
            let remedy = "write the first one's IPv4 address without a port, such as \"127.1.0.1\", and count = 10000";
            table.add(&rules::ADDRESS, at, &format!("address is \"{}\"", cut(&given)), remedy);
        }
        first
    })
}

fn guid(table: &mut Reader<'_, '_, '_>) -> Field<Guid> {
    table.text("guid", TEXT_MAX).and_then(|at, given| {
        let guid = values::guid(&given);
        if guid.is_none() {
            let remedy = "write the first one's, such as \"6c696262-6d63-4e6f-8169-636500000001\"";
            table.add(&rules::GUID, at, &format!("guid is \"{}\"", cut(&given)), remedy);
        }
        guid
    })
}

fn password(table: &mut Reader<'_, '_, '_>) -> Field<SecretSource> {
    let inline = table.text("password", TEXT_MAX);
    let inline = inline.and_then(|_, text| Some(SecretSource::Inline(Secret::new(text.into_owned()))));
    let file = table.path("password_file").and_then(|_, path| Some(SecretSource::File(path)));
    if inline.is_absent() {
        return file;
    }
    if !file.is_absent() {
        let at = inline.at().max(file.at());
        table.add(&rules::EXCLUSIVE, at, "password and password_file are both given", "keep one of them");
        return Field::Bad(at);
    }
    inline
}

fn quirks(table: &mut Reader<'_, '_, '_>, known: &Known<'_>) -> Field<Vec<String>> {
    table.list("quirks", "a list such as [\"slow-answers=5s\"]", |table, item| {
        let Field::Given(at, quirk) = table.item_text("quirks", item) else { return None };
        if let Some(wrong) = (known.quirk)(&quirk) {
            let subject = format!("quirks holds \"{}\": {wrong}", cut(&quirk));
            table.add(&rules::WORD, at, &subject, "bmcnotice sim --help lists them");
            return None;
        }
        Some(quirk.into_owned())
    })
}

fn alert(table: &mut Reader<'_, '_, '_>) -> Field<SocketAddr> {
    table.address("alert", default::TRAP_PORT).and_then(|at, to| match to.ip() {
        IpAddr::V4(_) => Some(to),
        IpAddr::V6(_) => {
            let remedy = "write an IPv4 address: a fleet has no other";
            table.add(&rules::ADDRESS, at, &format!("alert is {to}"), remedy);
            None
        }
    })
}

/// The first address of a range that cannot be a BMC's, if there is one.
fn nobodys(first: Ipv4Addr, count: u32) -> Option<Ipv4Addr> {
    let (first, last) = (u64::from(u32::from(first)), u64::from(u32::from(first)) + u64::from(count) - 1);
    // This network, the two ends of loopback, multicast and what is beyond it up to broadcast.
    let taken =
        [[0, 0, 0, 0, 0, 255, 255, 255], [127, 0, 0, 0, 127, 0, 0, 0], [127, 255, 255, 255, 127, 255, 255, 255]];
    let number = |octets: &[u8]| octets.iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    let mut taken: Vec<(u64, u64)> = taken.iter().map(|ends| (number(&ends[..4]), number(&ends[4..]))).collect();
    taken.push((number(&[224, 0, 0, 0]), u64::MAX));
    let met =
        taken.iter().filter(|(low, high)| *low <= last && first <= *high).map(|(low, _)| first.max(*low)).min()?;
    Some(Ipv4Addr::from(u32::try_from(met).unwrap_or(u32::MAX)))
}

/// What belongs to two tables is said at the later one.
fn overlaps(text: &str, drafts: &[Draft], report: &mut Report<'_>) {
    let line = |at: At| 1 + text.as_bytes().iter().take(at.offset).filter(|octet| **octet == b'\n').count();
    let addresses = drafts.iter().filter_map(|draft| draft.addresses);
    let addresses = addresses.map(|(first, count, at)| (u128::from(u32::from(first)), count, at)).collect();
    for (low, high, earlier, later) in met(addresses) {
        let [low, high] = [low, high].map(|address| Ipv4Addr::from(u32::try_from(address).unwrap_or(u32::MAX)));
        let subject = format!("{} to the table in line {}, too", several(low, high), line(earlier));
        report.add(&rules::SHARED_BMC, later, subject, "begin behind it, or count less");
    }
    let guids = drafts.iter().filter_map(|draft| draft.guids);
    let guids = guids.map(|(first, count, at)| (u128::from_be_bytes(first.0), count, at)).collect();
    for (low, high, earlier, later) in met(guids) {
        let [low, high] = [low, high].map(|guid| Guid(guid.to_be_bytes()));
        let subject = format!("{} to the table in line {}, too", several(low, high), line(earlier));
        let remedy = "begin with another one; to let a BMC show a wrong one, give it the quirk wrong-guid";
        report.add(&rules::SHARED_GUID, later, subject, remedy);
    }
}

fn several<T: core::fmt::Display + PartialEq>(low: T, high: T) -> String {
    if low == high { format!("{low} belongs") } else { format!("{low} to {high} belong") }
}

/// What two of these have in common, each being a number, how many there are from it on, and its place: the first and
/// the last of it, the place of the earlier in the text and that of the later.
fn met(mut all: Vec<(u128, u32, At)>) -> Vec<(u128, u128, At, At)> {
    all.sort_unstable();
    let mut met = Vec::new();
    let mut furthest: Option<(u128, At)> = None; // the last number so far, and whose it is
    for (first, count, at) in all {
        let last = first.saturating_add(u128::from(count) - 1);
        if let Some((end, other)) = furthest.filter(|(end, _)| first <= *end) {
            met.push((first, last.min(end), other.min(at), other.max(at)));
        }
        if furthest.is_none_or(|(end, _)| end < last) {
            furthest = Some((last, at));
        }
    }
    met
}
