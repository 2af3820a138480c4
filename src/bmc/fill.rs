//! How full a BMC's event log is: a log that is full takes no word of the handshake and no event.
//!
//! A dialogue, sans-IO like `handshake`. BMCs count in octets; one that says FFFFh ("that many or more") is asked for
//! its allocation units. Answers are a BMC's, hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
use crate::now::Now;
use crate::wire::command::SEL_INFO;
use crate::wire::ipmi::{Command, Request, Response};
use crate::wire::sel::SelInfo;
use core::time::Duration;

/// Get SEL Allocation Info (IPMI 2.0, section 31.3).
const ALLOCATION_INFO: Command = Command { netfn: 0x0A, number: 0x41 };
/// Octets of a record.
const RECORD: u32 = 16;
/// As what is free: that many octets or more.
const OR_MORE: u16 = 0xFFFF;

/// What is known of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Records in it.
    pub entries: u16,
    /// How much of it is used, in percent; none: the BMC does not say.
    pub percent: Option<u8>,
    /// Records were lost for want of space.
    pub overflow: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Fresh,
    AskedInfo,
    Counted(Fill),
    AskedUnits(Fill),
    Over(Result<Fill, Failure>),
}

/// Asks once.
#[derive(Debug)]
pub struct Filling {
    state: State,
    deadline: Duration,
}

impl Filling {
    /// `deadline` in boottime.
    pub fn new(deadline: Duration) -> Self {
        Self { state: State::Fresh, deadline }
    }
}

impl Dialogue for Filling {
    type End = Result<Fill, Failure>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        if now.boottime >= self.deadline {
            self.state = match self.state {
                State::Fresh | State::AskedInfo => State::Over(Err(Failure::Silent)),
                State::Counted(fill) | State::AskedUnits(fill) => State::Over(Ok(fill)),
                State::Over(end) => State::Over(end),
            };
        }
        match self.state {
            State::Fresh => {
                self.state = State::AskedInfo;
                Step::Submit(Request::new(SEL_INFO, []))
            }
            State::Counted(fill) => {
                self.state = State::AskedUnits(fill);
                Step::Submit(Request::new(ALLOCATION_INFO, []))
            }
            State::AskedInfo | State::AskedUnits(_) => Step::Wait(Some(self.deadline)),
            State::Over(end) => Step::Over(end),
        }
    }

    fn handle_answer(&mut self, _: Now, result: Result<Response, Failure>) {
        let good = result.and_then(|response| match response.completion {
            0 => Ok(response.data),
            _ => Err(Failure::Malformed), // every BMC has the command, one that refuses it says nothing that helps
        });
        self.state = match self.state {
            State::AskedInfo => match good.map(|data| SelInfo::parse(&data)) {
                Ok(Ok(info)) => counted(&info),
                Ok(Err(_)) => State::Over(Err(Failure::Malformed)),
                Err(failure) => State::Over(Err(failure)),
            },
            State::AskedUnits(fill) => {
                State::Over(Ok(Fill { percent: good.ok().and_then(|data| by_units(&data)), ..fill }))
            }
            state @ (State::Fresh | State::Counted(_) | State::Over(_)) => state,
        };
    }
}

fn counted(info: &SelInfo) -> State {
    let SelInfo { entries, free, overflow, .. } = *info;
    let used = u32::from(entries) * RECORD;
    let fill = Fill { entries, percent: share(used, used + u32::from(free)), overflow };
    if free == OR_MORE { State::Counted(Fill { percent: None, ..fill }) } else { State::Over(Ok(fill)) }
}

/// Get SEL Allocation Info: units in all, their size, units free. Zero in all: unspecified.
fn by_units(data: &[u8]) -> Option<u8> {
    let &[all0, all1, _, _, free0, free1] = data.first_chunk()?;
    let (all, free) = (u16::from_le_bytes([all0, all1]), u16::from_le_bytes([free0, free1]));
    share(u32::from(all.checked_sub(free)?), u32::from(all))
}

/// In percent, rounded down; none of nothing.
fn share(used: u32, all: u32) -> Option<u8> {
    let percent = u64::from(used) * 100 / u64::from(std::num::NonZeroU32::new(all)?.get());
    u8::try_from(percent.min(100)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { boottime: Duration::ZERO, wall: Duration::ZERO };

    fn ask(info: (u16, u16, bool), units: Option<[u8; 9]>) -> Result<Fill, Failure> {
        let mut filling = Filling::new(Duration::from_secs(5));
        for _ in 0..4 {
            let answer = match filling.poll(NOW) {
                Step::Submit(request) if request.is(SEL_INFO) => {
                    let (entries, free, overflow) = info;
                    Ok(Response::ok(SelInfo { entries, free, added: 0, erased: 0, overflow }.emit()))
                }
                Step::Submit(request) => {
                    assert!(request.is(ALLOCATION_INFO));
                    units.map(Response::ok).ok_or(Failure::Silent)
                }
                Step::Over(end) => return end,
                Step::Wait(_) => panic!("it waits for nothing"),
            };
            filling.handle_answer(NOW, answer);
        }
        panic!("it does not end")
    }

    #[test]
    fn octets_and_units_are_counted() {
        // Records in the log, octets free, units in all and free: percent used.
        let units = |all: u16, free: u16| {
            let ([a, b], [c, d]) = (all.to_le_bytes(), free.to_le_bytes());
            Some([a, b, 16, 0, c, d, 0xFF, 0xFF, 1])
        };
        for (entries, free, units, percent) in [
            (0, 16_000, None, Some(0)),
            (749, 251 * 16, None, Some(74)),
            (750, 250 * 16, None, Some(75)),
            (1000, 0, None, Some(100)),
            (0, 0, None, None),
            (65_535, 65_534, None, Some(94)),
            (100, 0xFFFF, None, None),
            (100, 0xFFFF, units(4000, 1000), Some(75)),
            (100, 0xFFFF, units(4000, 0), Some(100)),
            (100, 0xFFFF, units(0, 0), None),
            (100, 0xFFFF, units(10, 11), None),
        ] {
            let fill = ask((entries, free, false), units).unwrap();
            assert_eq!((fill.entries, fill.percent), (entries, percent), "{entries} {free} {units:?}");
        }
        assert!(ask((1, 0, true), None).unwrap().overflow);
    }

    #[test]
    fn hostile_answers_and_deadlines() {
        for data in [vec![], vec![0x51; 13]] {
            let mut filling = Filling::new(Duration::from_secs(5));
            assert!(matches!(filling.poll(NOW), Step::Submit(_)));
            filling.handle_answer(NOW, Ok(Response::ok(data)));
            assert_eq!(filling.poll(NOW), Step::Over(Err(Failure::Malformed)));
        }
        let mut filling = Filling::new(Duration::from_secs(5));
        assert!(matches!(filling.poll(NOW), Step::Submit(_)));
        assert_eq!(filling.poll(NOW.after(Duration::from_secs(5))), Step::Over(Err(Failure::Silent)));
        for length in 0..6 {
            assert_eq!(by_units(&[0xFF; 5][..length.min(5)]), None);
        }
    }
}
