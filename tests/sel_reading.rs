//! A BMC's log is read from a place on, by BMCs that behave, and by those that do not; and which record tells of a trap.

use bmcnotice::bmc::dialogue::{Dialogue as _, Step};
use bmcnotice::bmc::evidence::Claim;
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::sel_reading::{Audit, Kept, MAX_RECORDS, MAX_RESERVATIONS, Place, Read, Reading, Unread};
use bmcnotice::now::Now;
use bmcnotice::wire::account::{GET_GLOBAL_ENABLES, global};
use bmcnotice::wire::command::{GET_SEL_ENTRY, RESERVE_SEL, SEL_INFO};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use bmcnotice::wire::pet::Pet;
use bmcnotice::wire::sel::{self, Entry, Record, SelInfo};
use bmcnotice::words::Guid;
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(5), wall: Duration::ZERO };

/// A log, and how it misbehaves.
#[derive(Clone)]
struct Log {
    records: Vec<Record>,
    free: u16,
    overflow: bool,
    logging: Option<bool>,
    /// Where the next id of this record leads instead.
    leads: Vec<(u16, u16)>,
    /// Every entry needs a reservation, which is void after so many uses.
    reserves: Option<u32>,
    reservation: u16,
    uses: u32,
    /// So many answers are this code.
    code: Option<(u8, u32)>,
    silent_after: u32,
    asked: u32,
}

fn record(id: u16, sensor: u8) -> Record {
    let [low, high] = id.to_le_bytes();
    Record([low, high, 2, 1, 2, 3, 4, 0x20, 0, 4, 0x0C, sensor, 0x6F, 0x31, 0xFF, 1])
}

impl Log {
    fn of(ids: &[u16]) -> Self {
        Self {
            records: ids.iter().map(|id| record(*id, 0x20)).collect(),
            free: 1000,
            overflow: false,
            logging: Some(true),
            leads: Vec::new(),
            reserves: None,
            reservation: 0,
            uses: 0,
            code: None,
            silent_after: u32::MAX,
            asked: 0,
        }
    }

    fn answer(&mut self, request: &Request) -> Result<Response, Failure> {
        self.asked += 1;
        if self.asked > self.silent_after {
            return Err(Failure::Silent);
        }
        let is = |command: bmcnotice::wire::ipmi::Command| {
            (request.netfn, request.command) == (command.netfn, command.number)
        };
        if is(SEL_INFO) {
            let entries = self.records.len() as u16;
            let info = SelInfo { entries, free: self.free, added: 7, erased: 7, overflow: self.overflow };
            return Ok(Response::ok(info.emit()));
        }
        if is(GET_GLOBAL_ENABLES) {
            return Ok(match self.logging {
                Some(on) => Response::ok(vec![if on { global::SEL_LOGGING } else { 0 }]),
                None => Response::refusal(Completion::UNKNOWN_COMMAND),
            });
        }
        if is(RESERVE_SEL) {
            (self.reservation, self.uses) = (self.reservation + 1, 0);
            return Ok(Response::ok(self.reservation.to_le_bytes().to_vec()));
        }
        assert!(is(GET_SEL_ENTRY), "{request:?}");
        if let Some((code, left)) = &mut self.code
            && *left > 0
        {
            *left -= 1;
            return Ok(Response::refusal(Completion(*code)));
        }
        let &[r0, r1, i0, i1, 0, 0xFF] = request.data.as_slice() else { panic!("a whole record: {request:?}") };
        if let Some(uses) = self.reserves {
            if self.reservation == 0 || u16::from_le_bytes([r0, r1]) != self.reservation || self.uses >= uses {
                return Ok(Response::refusal(Completion::RESERVATION));
            }
            self.uses += 1;
        }
        let id = u16::from_le_bytes([i0, i1]);
        let at = match id {
            sel::FIRST => Some(0),
            sel::LAST => self.records.len().checked_sub(1),
            id => self.records.iter().position(|record| record.id() == id),
        };
        let Some((at, record)) = at.and_then(|at| Some((at, *self.records.get(at)?))) else {
            return Ok(Response::refusal(Completion::ABSENT));
        };
        let next = self.records.get(at + 1).map_or(sel::LAST, Record::id);
        let next = self.leads.iter().find(|(from, _)| *from == record.id()).map_or(next, |(_, to)| *to);
        Ok(Response::ok(Entry { next, record }.emit()))
    }

    fn read(&mut self, from: Option<Place>, audits: bool) -> Result<Read, Unread> {
        let mut reading = Reading::new(from, audits);
        for _ in 0..200 {
            match reading.poll(NOW) {
                Step::Submit(request) => {
                    let answer = self.answer(&request);
                    reading.handle_answer(NOW, answer);
                }
                Step::Wait(_) => panic!("it waits for nobody"),
                Step::Over(end) => return end,
            }
        }
        panic!("it never ends");
    }

    /// The place at its end.
    fn place(&mut self) -> Place {
        let read = self.read(None, false).unwrap();
        assert_eq!((read.kept, read.records.len()), (Kept::New, 0));
        self.asked = 0;
        read.place
    }

    fn append(&mut self, ids: &[u16]) {
        self.records.extend(ids.iter().map(|id| record(*id, 0x30)));
    }
}

fn ids(read: &Read) -> Vec<u16> {
    read.records.iter().map(Record::id).collect()
}

#[test]
fn what_was_appended_is_read_with_one_exchange_more_than_records() {
    for before in [&[][..], &[1], &[1, 2, 3], &[7, 0x1000]] {
        for appended in [&[][..], &[0x2000], &[0x2000, 0x2001, 0x2008]] {
            let mut log = Log::of(before);
            let place = log.place();
            assert_eq!(place.entries as usize, before.len());
            log.append(appended);
            let read = log.read(Some(place), false).unwrap();
            assert_eq!((ids(&read), read.kept, read.more), (appended.to_vec(), Kept::Continued, false));
            assert_eq!(read.place.last.map(|last| last.id()), appended.iter().chain(before).max().copied());
            let expected = if before.is_empty() { appended.len().max(1) } else { 1 + appended.len() };
            assert_eq!(log.asked as usize, expected, "{before:?} {appended:?}");
            // And again, there is nothing.
            assert_eq!(ids(&log.read(Some(read.place), false).unwrap()), [0; 0]);
        }
    }
}

#[test]
fn many_records_come_in_parts() {
    let mut log = Log::of(&[1]);
    let mut place = log.place();
    log.append(&(2..=40).collect::<Vec<u16>>());
    let mut all = Vec::new();
    for part in 0..3 {
        let read = log.read(Some(place), false).unwrap();
        assert_eq!(read.more, part < 2);
        assert!(read.records.len() <= MAX_RECORDS);
        all.extend(ids(&read));
        place = read.place;
    }
    assert_eq!(all, (2..=40).collect::<Vec<u16>>());
}

#[test]
fn ids_wrap() {
    let mut log = Log::of(&[0xFFFD, 0xFFFE]);
    let place = log.place();
    log.append(&[1, 2]);
    assert_eq!(ids(&log.read(Some(place), false).unwrap()), [1, 2]);
}

/// Next ids that lead backwards would show old records as new ones.
#[test]
fn a_circle_is_no_news() {
    for (from, to) in [(3, 1), (3, 2), (3, 3), (3, 0), (3, 0x50)] {
        let mut log = Log::of(&[1, 2, 3]);
        log.leads = vec![(from, to)];
        let place = log.place();
        let read = log.read(Some(place), false).unwrap();
        assert_eq!((ids(&read), read.kept), (vec![], Kept::Continued), "{to}");
        // A record behind it that the BMC shows all the same is one.
        log.leads = vec![(4, 1)];
        log.append(&[4]);
        assert_eq!(ids(&log.read(Some(place), false).unwrap()), [4]);
    }
    // A circle among new ones ends.
    let mut log = Log::of(&[1]);
    let place = log.place();
    log.append(&[2, 3]);
    log.leads = vec![(3, 2)];
    let read = log.read(Some(place), false).unwrap();
    assert_eq!((ids(&read), read.more), (vec![2, 3], false));
}

#[test]
fn a_log_that_was_cleared_is_new_as_a_whole() {
    // Empty now.
    let mut log = Log::of(&[1, 2, 3]);
    let place = log.place();
    log.records.clear();
    let read = log.read(Some(place), false).unwrap();
    assert_eq!((read.kept, read.records.len(), read.place.last), (Kept::Cleared, 0, None));
    // With new records, under new numbers or the old ones.
    for new in [[7, 8], [1, 2]] {
        let mut log = Log::of(&[1, 2, 3]);
        let place = log.place();
        log.records.clear();
        log.append(&new);
        let read = log.read(Some(place), false).unwrap();
        assert_eq!((read.kept, ids(&read)), (Kept::Cleared, new.to_vec()));
    }
}

#[test]
fn a_place_that_is_lost_makes_nothing_fresh() {
    // Only its record was deleted.
    let mut log = Log::of(&[1, 2, 3]);
    let place = log.place();
    log.records.pop();
    log.append(&[4]);
    let read = log.read(Some(place), false).unwrap();
    assert_eq!((read.kept, read.records.len(), read.place.last.map(|last| last.id())), (Kept::Lost, 0, Some(4)));
    // The log turns over: that its first record is gone means nothing.
    let mut log = Log::of(&[1, 2, 3]);
    let place = log.place();
    log.records = vec![record(2, 0x20), record(5, 0x20)];
    log.free = 0;
    let read = log.read(Some(place), false).unwrap();
    assert_eq!((read.kept, read.records.len()), (Kept::Lost, 0));
}

#[test]
fn a_bmc_that_wants_reservations_gets_them() {
    for uses in [1, 2, 100] {
        let mut log = Log::of(&[1]);
        let place = log.place();
        log.append(&[2, 3]);
        log.reserves = Some(uses);
        let read = log.read(Some(place), false).unwrap();
        assert_eq!(ids(&read), [2, 3], "{uses}");
    }
    // Not for ever.
    let mut log = Log::of(&[1]);
    let place = log.place();
    log.append(&[2]);
    log.reserves = Some(0);
    assert_eq!(log.read(Some(place), false), Err(Unread::Refused(Completion::RESERVATION)));
    assert_eq!(log.reservation, u16::from(MAX_RESERVATIONS));
}

#[test]
fn refusals_and_silence_are_told_apart() {
    let mut log = Log::of(&[1]);
    let place = log.place();
    log.append(&[2, 3]);
    for code in [sel::ERASING, 0xC1, 0xD4, 0xFF] {
        let mut log = Log { code: Some((code, 1)), ..log.clone() };
        assert_eq!(log.read(Some(place), false), Err(Unread::Refused(Completion(code))));
        assert_eq!(ids(&log.read(Some(place), false).unwrap()), [2, 3]);
    }
    let mut silent = Log { silent_after: 0, ..log.clone() };
    assert_eq!(silent.read(Some(place), false), Err(Unread::Unanswered(Failure::Silent)));
    // What was read before is not lost, and is not taken for all.
    let mut halfway = Log { silent_after: 2, ..log.clone() };
    let read = halfway.read(Some(place), true).unwrap();
    assert_eq!((ids(&read), read.audit), (vec![2], None));
    halfway.silent_after = u32::MAX;
    assert_eq!(ids(&halfway.read(Some(read.place), false).unwrap()), [3]);
}

#[test]
fn answers_of_any_form_do_no_harm() {
    let mut log = Log::of(&[1, 2]);
    let place = log.place();
    for length in 0..40 {
        for fill in [0, 1, 0x7F, 0xFF] {
            for from in [None, Some(place)] {
                let mut reading = Reading::new(from, true);
                for _ in 0..100 {
                    match reading.poll(NOW) {
                        Step::Submit(_) => reading.handle_answer(NOW, Ok(Response::ok(vec![fill; length]))),
                        Step::Wait(_) => panic!("it waits"),
                        Step::Over(end) => {
                            assert!(end.is_err() || end.is_ok_and(|read| read.records.len() <= MAX_RECORDS));
                            break;
                        }
                    }
                }
            }
        }
    }
    // One that comes too late changes nothing.
    let mut reading = Reading::new(Some(place), false);
    reading.handle_answer(NOW, Ok(Response::ok(vec![])));
    assert!(matches!(reading.poll(NOW), Step::Submit(_)));
}

#[test]
fn silence_is_audited() {
    let mut log = Log::of(&[1, 2]);
    let place = log.place();
    let whole = Audit { logging: Some(true), full: false, more: false };
    type Change = fn(&mut Log);
    let table: &[(Change, Audit)] = &[
        (|_| {}, whole),
        (|log| log.logging = Some(false), Audit { logging: Some(false), ..whole }),
        (|log| log.logging = None, Audit { logging: None, ..whole }),
        (|log| log.free = 15, Audit { full: true, ..whole }),
        (|log| log.overflow = true, Audit { full: true, ..whole }),
        (
            |log| {
                (log.leads, log.records) = (vec![(2, 0xFFFF)], vec![record(1, 0x20), record(2, 0x20), record(3, 0x20)])
            },
            Audit { more: true, ..whole },
        ),
    ];
    for (change, expected) in table {
        let mut log = log.clone();
        change(&mut log);
        assert_eq!(log.read(Some(place), true).unwrap().audit, Some(*expected));
    }
}

fn pet() -> Pet {
    Pet {
        sensor_type: 0x0C,
        event_type: 0x6F,
        offset: 1,
        deasserted: false,
        guid: Guid([7; 16]),
        sequence: 9,
        timestamp: 9,
        utc_offset: None,
        trap_source: 0x20,
        event_source: 0x20,
        severity: 0x20,
        sensor_device: 0x20,
        sensor_number: 0x20,
        entity: 1,
        entity_instance: 1,
        event_data: [0x31, 0xFF, 1, 0, 0, 0, 0, 0],
        language: 0xFF,
        manufacturer: 0,
        system_id: 0,
    }
}

#[test]
fn a_record_tells_of_a_trap_if_it_is_the_same_event() {
    let base = record(5, 0x20);
    assert!(Claim::of(&pet()).is_told_by(&base));
    type Edit = fn(&mut Pet, &mut Record);
    let same: &[(&str, Edit)] = &[
        ("another id and time", |_, record| record.0[..2].copy_from_slice(&[9, 9])),
        ("the trap does not name the device", |pet, _| pet.sensor_device = 0xFF),
        ("nor with a zero", |pet, _| pet.sensor_device = 0),
        ("the record's third octet is open", |_, record| record.0[15] = 0xFF),
        ("the second is not told", |pet, record| (pet.event_data[1], record.0[14]) = (3, 4)),
        ("the third is not told by the trap", |pet, record| (pet.event_data[0], record.0[15]) = (0x01, 9)),
    ];
    for (what, edit) in same {
        let (mut pet, mut record) = (pet(), base);
        edit(&mut pet, &mut record);
        assert!(Claim::of(&pet).is_told_by(&record), "{what}");
        assert!(Claim::from_octets(Claim::of(&pet).octets()).is_told_by(&record), "{what}, from the journal");
    }
    let other: &[(&str, Edit)] = &[
        ("an OEM record", |_, record| record.0[2] = 0xC0),
        ("another type", |_, record| record.0[10] = 7),
        ("another sensor", |_, record| record.0[11] = 0x21),
        ("a sensor that the trap leaves open", |pet, _| pet.sensor_number = 0xFF),
        ("another event type", |_, record| record.0[12] = 0x01),
        ("it is over", |_, record| record.0[12] |= 0x80),
        ("the trap says that it is over", |pet, _| pet.deasserted = true),
        ("another offset", |_, record| record.0[13] = 0x30),
        ("an offset that the trap leaves open", |pet, _| pet.offset = 0x0F),
        ("another device", |_, record| record.0[7] = 0x41),
        ("another module", |_, record| record.0[15] = 2),
        ("another second octet, told by both", |pet, record| {
            (pet.event_data[0], pet.event_data[1]) = (0x41, 3);
            (record.0[13], record.0[14]) = (0x41, 4);
        }),
    ];
    for (what, edit) in other {
        let (mut pet, mut record) = (pet(), base);
        edit(&mut pet, &mut record);
        assert!(!Claim::of(&pet).is_told_by(&record), "{what}");
        assert!(!Claim::from_octets(Claim::of(&pet).octets()).is_told_by(&record), "{what}, from the journal");
    }
}
