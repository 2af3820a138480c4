//! What a BMC calls its sensors, from repositories of many forms.
#![cfg(feature = "sim")]

use bmcnotice::bmc::dialogue::{Dialogue as _, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::sel_reading::Unread;
use bmcnotice::bmc::sensor_names::{MAX_SDRS, NameReading, SensorNames};
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Options};
use bmcnotice::wire::command::{GET_SDR, RESERVE_SDR, SDR_INFO};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use bmcnotice::wire::sdr::{Name, Stamp, names};
use bmcnotice::wire::sdr_cache::{MAX_CACHE_OCTETS, Unfit, emit, parse};
use bmcnotice::words::Guid;
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(5), wall: Duration::ZERO };

fn compact(number: u8, share: u8, offset: u8, form: u8, name: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 31];
    record[..8].copy_from_slice(&[1, 0, 0x51, 2, 0, 0x20, 0, number]);
    (record[23], record[24]) = (share, offset);
    record.push(form << 6 | name.len() as u8);
    record.extend(name);
    record[4] = (record.len() - 5) as u8;
    record
}

fn read(
    known: Option<Stamp>,
    mut bmc: impl FnMut(&Request) -> Result<Response, Failure>,
) -> (Result<Option<SensorNames>, Unread>, usize) {
    let mut reading = NameReading::new(known);
    for asked in 0..20_000 {
        match reading.poll(NOW) {
            Step::Submit(request) => reading.handle_answer(NOW, bmc(&request)),
            Step::Wait(_) => panic!("it waits for nobody"),
            Step::Over(end) => return (end, asked),
        }
    }
    panic!("it never ends");
}

#[test]
fn a_record_names_one_sensor_or_several() {
    let told = |record: &[u8]| -> Vec<(u8, String)> {
        names(record).into_iter().map(|name| (name.number, name.text)).collect()
    };
    assert_eq!(told(&compact(0x20, 1, 0, 3, b"DIMM A1")), [(0x20, "DIMM A1".to_owned())]);
    assert_eq!(told(&compact(7, 3, 1, 3, b"Fan ")), [7, 8, 9].map(|n| (n, format!("Fan{}", n - 6))));
    let letters = compact(7, 0x12, 2, 3, b"DIMM");
    assert_eq!(told(&letters), [(7, "DIMMC".to_owned()), (8, "DIMMD".to_owned())]);
    // IPMI's own example: "IPMI" in six bits.
    assert_eq!(told(&compact(1, 0, 0, 2, &[0x29, 0xDC, 0xA6])), [(1, "IPMI".to_owned())]);
    assert_eq!(told(&compact(1, 0, 0, 1, &[0x12, 0xC3])), [(1, "12.3".to_owned())]);
    assert_eq!(told(&compact(1, 0, 0, 3, b"a\x1b[2J\xff")), [(1, "a?[2J?".to_owned())], "fit for a terminal");
    for broken in [
        &compact(1, 0, 0, 3, b"")[..],
        &compact(1, 0, 0, 0, b"xx"),
        &[1, 0, 0x51, 2],
        &[],
        &compact(1, 1, 0, 3, b"x")[..30],
    ] {
        assert_eq!(told(broken), []);
    }
    // Whatever the octets are.
    for kind in 0..=255 {
        for length in 0..70 {
            let mut record = vec![0xFF; length];
            if let Some(octet) = record.get_mut(3) {
                *octet = kind;
            }
            assert!(names(&record).len() <= 15);
        }
    }
}

#[test]
fn a_simulated_bmc_is_read_once() {
    let mut bmc = Bmc::new(Options::default(), [3; 32]);
    let mut ask = |request: &Request| Ok(bmc.command(NOW, request));
    let (end, _) = read(None, &mut ask);
    let names = end.unwrap().expect("names");
    assert_eq!((names.count(), names.get(0x20, 0x20), names.get(0x20, 0x99)), (12, Some("DIMM A1"), None));
    assert_eq!(names.get(0x41, 0x20), None, "another owner's sensor");
    let (again, asked) = read(Some(names.stamp), &mut ask);
    assert_eq!((again, asked), (Ok(None), 1));
}

/// A repository of so many compact records, which misbehaves.
fn repository(
    count: u16,
    mut odd: impl FnMut(&Request, u16) -> Option<Response>,
) -> impl FnMut(&Request) -> Result<Response, Failure> {
    let mut reservation = 0_u16;
    move |request| {
        if let Some(answer) = odd(request, reservation) {
            return Ok(answer);
        }
        let is = |command: bmcnotice::wire::ipmi::Command| {
            (request.netfn, request.command) == (command.netfn, command.number)
        };
        if is(SDR_INFO) {
            let mut data = vec![0x51];
            data.extend(count.to_le_bytes());
            data.extend([0; 11]);
            return Ok(Response::ok(data));
        }
        if is(RESERVE_SDR) {
            reservation += 1;
            return Ok(Response::ok(reservation.to_le_bytes().to_vec()));
        }
        assert!(is(GET_SDR));
        let &[r0, r1, i0, i1, offset, length] = request.data.as_slice() else { panic!("{request:?}") };
        assert_eq!(u16::from_le_bytes([r0, r1]), reservation, "a void reservation is not used again");
        let id = u16::from_le_bytes([i0, i1]).max(1);
        let record = compact(id as u8, 1, 0, 3, format!("S{id}").as_bytes());
        let next = if id == count { 0xFFFF } else { id + 1 };
        let mut data = next.to_le_bytes().to_vec();
        let from = usize::from(offset).min(record.len());
        data.extend(&record[from..(from + usize::from(length)).min(record.len())]);
        Ok(Response::ok(data))
    }
}

#[test]
fn odd_repositories_are_read_as_far_as_they_go() {
    // Only short parts.
    let shy = |request: &Request, _| {
        (request.command == 0x23 && request.data[5] > 9).then(|| Response::refusal(Completion(0xCA)))
    };
    let (end, _) = read(None, repository(5, shy));
    assert_eq!(end.unwrap().map(|names| names.count()), Some(5));
    // None at all.
    let mute = |request: &Request, _| (request.command == 0x23).then(|| Response::refusal(Completion(0xCA)));
    assert_eq!(read(None, repository(5, mute)).0, Err(Unread::Refused(Completion(0xCA))));
    // The reservation is void now and then.
    let mut reads = 0;
    let void = move |request: &Request, _| {
        reads += u32::from(request.command == 0x23);
        (request.command == 0x23 && reads % 7 == 0).then(|| Response::refusal(Completion::RESERVATION))
    };
    assert_eq!(read(None, repository(5, void)).0.unwrap().map(|names| names.count()), Some(5));
    let never = |request: &Request, _| (request.command == 0x23).then(|| Response::refusal(Completion::RESERVATION));
    assert_eq!(read(None, repository(5, never)).0, Err(Unread::Refused(Completion::RESERVATION)));
    // The last one is missing.
    let missing = |request: &Request, _| {
        (request.command == 0x23 && request.data[2] == 4).then(|| Response::refusal(Completion::ABSENT))
    };
    assert_eq!(read(None, repository(4, missing)).0.unwrap().map(|names| names.count()), Some(3));
    // A circle, and one without an end.
    let circle = |request: &Request, _| {
        (request.command == 0x23 && request.data[2] == 3 && request.data[4] == 0).then(|| {
            let record = compact(3, 1, 0, 3, b"S3");
            Response::ok([&[1, 0][..], &record[..5]].concat())
        })
    };
    let (end, asked) = read(None, repository(9, circle));
    assert!(end.is_ok() && asked < 40, "{asked}");
    let (end, asked) = read(None, repository(0xFFF0, |_, _| None));
    assert!(end.unwrap().unwrap().count() <= MAX_SDRS && asked <= 3 * MAX_SDRS, "{asked}");
}

#[test]
fn answers_of_any_form_do_no_harm() {
    for length in 0..40 {
        for fill in [0, 1, 0x7F, 0xFF] {
            let (end, asked) = read(None, |_| Ok(Response::ok(vec![fill; length])));
            assert!(asked <= 4 * MAX_SDRS, "{length} {fill}: {asked}");
            assert!(end.is_err() || end.is_ok_and(|names| names.is_none_or(|names| names.count() <= MAX_SDRS)));
        }
    }
    assert_eq!(read(None, |_| Err(Failure::Silent)).0, Err(Unread::Unanswered(Failure::Silent)));
}

const STAMP: Stamp = Stamp { records: 2, added: 0x6543_2100, erased: 7 };

fn name(number: u8, text: &str) -> Name {
    Name { owner: 0x20, number, text: text.into() }
}

/// The checksum as anybody can make it.
fn signed(mut octets: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&[&octets[4..8], &octets[12..]].concat());
    octets[8..12].copy_from_slice(&sum.to_le_bytes());
    octets
}

#[test]
fn the_cache_is_read_as_a_whole_or_not_at_all() {
    let of = Guid([0xA5; 16]);
    let two = [name(0x20, "DIMM A1"), name(0x21, "DIMM B1 ~")];
    let octets = emit(&of, &STAMP, &two);
    assert_eq!(octets.len(), 12 + 26 + 3 + 7 + 3 + 9 + 1);
    assert_eq!(signed(octets.clone()), octets);
    assert_eq!(parse(&octets), Ok((of, STAMP, two.to_vec())));
    for length in 0..octets.len() {
        assert!(parse(&octets[..length]).is_err(), "torn at {length}");
    }
    assert_eq!(parse(&[&octets[..], b"\n"].concat()), Err(Unfit::Damaged), "somebody appended");
    for bit in 0..8 * octets.len() {
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&flipped).is_err(), "bit {bit}");
    }
    assert_eq!(parse(b"a text that somebody put here"), Err(Unfit::Foreign));
    let mut later = octets.clone();
    later[4] = 2;
    assert_eq!(parse(&signed(later)), Err(Unfit::Foreign));
}

#[test]
fn a_hostile_cache_with_the_right_checksum_reaches_no_terminal() {
    let octets = emit(&Guid([1; 16]), &STAMP, &[name(1, "Fan")]);
    let text = octets.len() - 4;
    for octet in (0..0x20).chain(0x7F..=0xFF) {
        let mut hostile = octets.clone();
        hostile[text] = octet;
        assert_eq!(parse(&signed(hostile)), Err(Unfit::Damaged), "{octet:02X}h");
    }
    // Lengths and counts that lie.
    for (at, values) in [(text - 1, 0..=255), (6, 0..=255), (7, 1..=255), (5, 1..=255)] {
        for value in values.filter(|value| *value != octets[at]) {
            let mut hostile = octets.clone();
            hostile[at] = value;
            assert_eq!(parse(&signed(hostile)), Err(Unfit::Damaged), "{value} at {at}");
        }
    }
    assert_eq!(parse(&vec![b'b'; MAX_CACHE_OCTETS + 1]), Err(Unfit::TooLong));
}

#[test]
fn the_longest_cache_is_within_its_limit_and_more_is_left_out() {
    // The longest text that a record can say: 31 octets, two digits each, and a number behind it.
    let longest = "0".repeat(65);
    let all: Vec<Name> = (0..1024).map(|n| name(n as u8, &longest)).collect();
    let octets = emit(&Guid([1; 16]), &STAMP, &all);
    assert_eq!(parse(&octets).map(|(_, _, names)| names.len()), Ok(1024));
    let more: Vec<Name> = (0..70_000).map(|n| name(n as u8, "x")).collect();
    let octets = emit(&Guid([1; 16]), &STAMP, &more);
    assert!(octets.len() <= MAX_CACHE_OCTETS && octets.len() > MAX_CACHE_OCTETS - 4);
    let (_, recalled) = SensorNames::recall(&octets).expect("it is ours");
    assert_eq!(recalled.count(), 1024);
}

#[test]
fn a_stamp_without_times_is_not_believed_after_a_restart() {
    let recalled = |stamp: Stamp| {
        let octets = emit(&Guid([1; 16]), &stamp, &[name(1, "Fan")]);
        SensorNames::recall(&octets).expect("it is ours").1.known()
    };
    assert_eq!(recalled(STAMP), Some(STAMP));
    assert_eq!(recalled(Stamp { added: u32::MAX, erased: u32::MAX, ..STAMP }), None);
    let (end, _) = read(None, repository(5, |_, _| None));
    let names = end.unwrap().expect("names");
    let (guid, again) = SensorNames::recall(&names.cache(Guid([9; 16]))).expect("it is ours");
    assert_eq!((guid, again.count(), again.get(0x20, 3)), (Guid([9; 16]), 5, Some("S3")));
    assert_eq!((again.known(), names.known()), (Some(names.stamp), Some(names.stamp)));
}
