//! The two tables of PEF: filters say which events, policies say to whom (IPMI 2.0, tables 17-2 and 17-4).
//!
//! Both directions. Uses `sel` for the events that a filter takes. Input is a BMC's; hostile.

use super::head;
use crate::wire::ipmi::Error;
use crate::wire::sel::Record;

/// One test of one octet of an event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compare {
    /// Which bits are looked at; none: any octet passes.
    pub mask: u8,
    /// Of these: a 1 must be as in `value`, of the 0s one must be.
    pub exact: u8,
    /// What the bits are compared with.
    pub value: u8,
}

impl Compare {
    /// Whether the octet passes (IPMI 2.0, section 17.8).
    pub fn passes(&self, octet: u8) -> bool {
        let same = !(octet ^ self.value) & self.mask;
        let must = self.mask & self.exact;
        let any = self.mask & !self.exact;
        same & must == must && (any == 0 || same & any != 0)
    }
}

/// In a filter's matches: any.
pub const ANY: u8 = 0xFF;
/// Type of a filter that the maker has configured.
pub const PRECONFIGURED: u8 = 2;

/// One entry of the event filter table, without its number (table 17-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// It filters.
    pub enabled: bool,
    /// 0: configurable, [`PRECONFIGURED`]: by the maker, who may not let it be changed.
    pub kind: u8,
    /// What it does; see [`super::action`].
    pub actions: u8,
    /// Bits 3:0: the policy that its alerts go by; 6:4: the group control selector.
    pub policy: u8,
    /// What its PETs say as their severity; 0: unspecified.
    pub severity: u8,
    /// The event's generator, both octets; [`ANY`].
    pub generator: [u8; 2],
    /// The sensor's type; [`ANY`].
    pub sensor_type: u8,
    /// The sensor's number; [`ANY`].
    pub sensor: u8,
    /// The event type; [`ANY`].
    pub event_type: u8,
    /// Bit n: offset n matches.
    pub offsets: u16,
    /// What the event data must be.
    pub data: [Compare; 3],
}

/// Octets of a filter, without its number.
pub const FILTER_OCTETS: usize = 20;

impl Filter {
    /// Reads the octets behind the number.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [state, actions, policy, severity, g0, g1, sensor_type, sensor, event_type, o0, o1, rest @ ..] =
            head::<FILTER_OCTETS>(data)?;
        let mut tests = [Compare::default(); 3];
        for (test, octets) in tests.iter_mut().zip(rest.chunks_exact(3)) {
            if let [mask, exact, value] = *octets {
                *test = Compare { mask, exact, value };
            }
        }
        Ok(Self {
            enabled: state & 0x80 != 0,
            kind: state >> 5 & 3,
            actions: actions & 0x7F,
            policy: policy & 0x7F,
            severity: *severity,
            generator: [*g0, *g1],
            sensor_type: *sensor_type,
            sensor: *sensor,
            event_type: *event_type,
            offsets: u16::from_le_bytes([*o0, *o1]),
            data: tests,
        })
    }

    /// Its first octet, which is also [`super::parameter::FILTER_STATE`].
    pub fn state(&self) -> u8 {
        u8::from(self.enabled) << 7 | (self.kind & 3) << 5
    }

    /// Writes the octets behind the number.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![self.state(), self.actions & 0x7F, self.policy & 0x7F, self.severity];
        data.extend(self.generator);
        data.extend([self.sensor_type, self.sensor, self.event_type]);
        data.extend(self.offsets.to_le_bytes());
        data.extend(self.data.iter().flat_map(|test| [test.mask, test.exact, test.value]));
        data
    }

    /// Whether this is an entry that nobody has written yet.
    pub fn is_empty(&self) -> bool {
        !self.enabled && self.actions == 0 && self.sensor_type == 0 && self.event_type == 0 && self.offsets == 0
    }

    /// Whether it takes the event of this SEL record, enabled or not. Its direction is not looked at.
    pub fn takes(&self, record: &Record) -> bool {
        let Record([_, _, _, _, _, _, _, g0, g1, _, sensor_type, sensor, event_type, d1, d2, d3]) = *record;
        let is = |wanted: u8, found: u8| wanted == ANY || wanted == found;
        let tests = self.data.iter().zip([d1, d2, d3]).all(|(test, octet)| test.passes(octet));
        is(self.generator[0], g0)
            && is(self.generator[1], g1)
            && is(self.sensor_type, sensor_type)
            && is(self.sensor, sensor)
            && (self.event_type == ANY || self.event_type & 0x7F == event_type & 0x7F)
            && self.offsets & 1 << (d1 & 0x0F) != 0
            && tests
    }
}

/// One entry of the alert policy table, without its number (table 17-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The policy that it belongs to, 1 to 15; 0 is none.
    pub policy: u8,
    /// It is used.
    pub enabled: bool,
    /// When, within its policy: 0 always, 1 if those before failed, 2 to 4 stop after success.
    pub rule: u8,
    /// The channel that the alert goes out by.
    pub channel: u8,
    /// The destination on that channel.
    pub destination: u8,
    /// Which alert string goes with it; bit 7: the event's own.
    pub string: u8,
}

impl Policy {
    /// Reads the octets behind the number.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [first, to, string] = *head(data)?;
        Ok(Self {
            policy: first >> 4,
            enabled: first & 8 != 0,
            rule: first & 7,
            channel: to >> 4,
            destination: to & 0x0F,
            string,
        })
    }

    /// Writes the octets behind the number.
    pub fn emit(&self) -> Vec<u8> {
        let first = self.policy << 4 | u8::from(self.enabled) << 3 | self.rule & 7;
        vec![first, self.channel << 4 | self.destination & 0x0F, self.string]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pef::action;

    fn filter() -> Filter {
        Filter {
            enabled: true,
            kind: PRECONFIGURED,
            actions: action::ALERT | action::RESET,
            policy: 1,
            severity: 0x10,
            generator: [ANY; 2],
            sensor_type: 0x0C,
            sensor: ANY,
            event_type: 0x6F,
            offsets: 0x0006,
            data: [Compare::default(); 3],
        }
    }

    fn event(event_type: u8, data: [u8; 3]) -> Record {
        let [d1, d2, d3] = data;
        Record([1, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x0C, 7, event_type, d1, d2, d3])
    }

    #[test]
    fn a_filter_survives_the_wire() {
        let octets = filter().emit();
        let shown = [0xC0, 5, 1, 0x10, 0xFF, 0xFF, 0x0C, 0xFF, 0x6F, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(octets, shown);
        assert_eq!(Filter::parse(&octets), Ok(filter()));
        for cut in 0..FILTER_OCTETS {
            assert_eq!(Filter::parse(&octets[..cut]), Err(Error::Truncated));
        }
        let zero = Filter::parse(&[0; FILTER_OCTETS]).unwrap();
        assert!(zero.is_empty() && !filter().is_empty());
        assert!(Filter::parse(&[0xFF; FILTER_OCTETS]).is_ok());
    }

    #[test]
    fn a_filter_takes_what_it_names() {
        assert!(filter().takes(&event(0x6F, [0xA1, 0, 0])));
        assert!(!filter().takes(&event(0x6F, [0xA3, 0, 0])), "offset 3");
        assert!(!filter().takes(&event(0x07, [0x01, 0, 0])), "another event type");
        let other = Filter { sensor_type: 0x07, ..filter() };
        assert!(!other.takes(&event(0x6F, [0x01, 0, 0])));
        let one = Filter { sensor: 8, ..filter() };
        assert!(!one.takes(&event(0x6F, [0x01, 0, 0])));
        let mut narrow = filter();
        narrow.data[1] = Compare { mask: 0x0F, exact: 0x0F, value: 0x03 };
        assert!(narrow.takes(&event(0x6F, [1, 0x53, 0])) && !narrow.takes(&event(0x6F, [1, 0x54, 0])));
    }

    #[test]
    fn the_two_kinds_of_bits_in_a_test() {
        let any = Compare { mask: 0x0F, exact: 0, value: 0x05 };
        assert!(any.passes(0x04) && any.passes(0x05) && !any.passes(0x0A));
        let mixed = Compare { mask: 0x83, exact: 0x80, value: 0x81 };
        assert!(mixed.passes(0x83) && !mixed.passes(0x03) && !mixed.passes(0x82));
        assert!(Compare::default().passes(0xFF));
    }

    #[test]
    fn a_policy_survives_the_wire() {
        let policy = Policy { policy: 1, enabled: true, rule: 0, channel: 1, destination: 2, string: 0 };
        assert_eq!(policy.emit(), [0x18, 0x12, 0]);
        assert_eq!(Policy::parse(&policy.emit()), Ok(policy));
        for cut in 0..3 {
            assert_eq!(Policy::parse(&[0xFF; 3][..cut]), Err(Error::Truncated));
        }
    }
}
