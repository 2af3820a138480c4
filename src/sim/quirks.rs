//! How the simulated BMC misbehaves on request, each fault of real firmware by its name.
//!
//! Plain values, changed while it runs by the one who runs the simulation; `bmcnotice sim --quirk NAME=VALUE`
//! sets them. Where each one acts stands at its field. Uses `words`.

use crate::words::Guid;
use core::fmt;
use core::time::Duration;

/// How it misbehaves. The default does not. May change while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Every answer comes so much later.
    pub answer_delay: Duration,
    /// So many of the next datagrams to it are lost.
    pub drop_next: u32,
    /// It answers nothing and sends nothing.
    pub silent: bool,
    /// Every answer is sent twice.
    pub duplicate_answers: bool,
    /// An answer waits for the next one and goes out after it; alone, after [`REORDER_WAIT`].
    pub reorder_answers: bool,
    /// The completion code of 30h/70h and of Add SEL Entry, which then do nothing.
    pub handshake_code: Option<u8>,
    /// The completion code of every PET Acknowledge, which then does nothing (stock simulators: D5h).
    pub acknowledge_code: Option<u8>,
    /// PET Acknowledge works, and its answer has not even a completion code.
    pub malformed_acknowledge: bool,
    /// Answers with data lack their last octet; those that open or close a session do not.
    pub truncated_replies: bool,
    /// Answers that went well have [`OVERLONG`] octets more; those that open or close a session do not.
    pub overlong_replies: bool,
    /// Nobody can log in: RAKP 1 is answered with status 0Dh.
    pub reject_logins: bool,
    /// Open Session is answered with status 01h, no resources.
    pub no_slots: bool,
    /// Only a session at exactly the user's own level is opened; RAKP 1 gets status 0Ah otherwise.
    pub exact_privilege: bool,
    /// At this command in a session, counted down, the BMC restarts instead of answering; once.
    pub reboot_at_command: Option<u32>,
    /// Get System GUID and RAKP 2 show this GUID instead.
    pub shown_guid: Option<Guid>,
    /// Cipher suite 0 is offered. Nobody gets in by it all the same.
    pub offers_suite_0: bool,
    /// User 1 is shown enabled, without a name. Nobody gets in by it all the same.
    pub null_user: bool,
    /// Get Watchdog never shows the running bit.
    pub running_bit_stuck: bool,
    /// Set and Reset Watchdog answer with octets of the Get before them, where there should be none.
    pub stale_watchdog: bool,
    /// Get Watchdog ends before the present countdown.
    pub no_countdown: bool,
    /// Get Watchdog always shows the same present countdown.
    pub watchdog_frozen: Option<Frozen>,
    /// Get Watchdog shows a present countdown of FFFFh.
    pub watchdog_absurd: bool,
    /// Faults send a trap but are not written to the SEL.
    pub no_sel_record: bool,
    /// A fault is written to the SEL so much later than it is told.
    pub sel_after_pet: Duration,
    /// The SEL takes nothing more, whatever it holds.
    pub sel_full: bool,
    /// Get BMC Global Enables shows the event log switched off, and faults are not written.
    pub logging_off: bool,
    /// After an erasure the SEL is busy for so long: 81h.
    pub erasing: Duration,
    /// So many of the next uses of a reservation are answered C5h.
    pub lost_reservations: u32,
    /// Get SDR Repository Info tells so many records, whatever there are.
    pub sdr_count: Option<u16>,
    /// Get SDR carries so many octets at most; CAh above.
    pub sdr_read_max: Option<u8>,
    /// Alert Immediate is always answered 81h.
    pub alert_busy: bool,
    /// PEF commands and LAN parameters are unknown: C1h.
    pub no_pef: bool,
}

/// A countdown that does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// The initial one.
    Initial,
    /// This one.
    At(Duration),
}

/// Octets that are too many in an over-long reply.
pub const OVERLONG: usize = 24;
/// How long a reordered answer waits for another one.
pub const REORDER_WAIT: Duration = Duration::from_millis(300);
/// What `wrong-guid` shows unless another one is given.
pub const ANOTHER_GUID: Guid = Guid(*b"another server's");

/// A quirk's name, for the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirk {
    /// Words with dashes.
    pub name: &'static str,
    /// What follows `=`; in brackets: or does not; empty: nothing may.
    pub value: &'static str,
    /// What the BMC then does.
    pub what: &'static str,
}

impl Quirk {
    /// How it is written: `name`, `name=VALUE` or `name[=VALUE]`.
    pub fn sign(&self) -> String {
        match self.value.strip_prefix('[') {
            _ if self.value.is_empty() => self.name.into(),
            Some(value) => format!("{}[={value}", self.name),
            None => format!("{}={}", self.name, self.value),
        }
    }
}

const fn quirk(name: &'static str, value: &'static str, what: &'static str) -> Quirk {
    Quirk { name, value, what }
}

/// All quirks, as `bmcnotice sim --help` lists them.
pub const QUIRKS: [Quirk; 33] = [
    quirk("slow-answers", "DURATION", "everything goes out so much later"),
    quirk("drop", "N", "the next N datagrams to it are lost"),
    quirk("silent", "", "it answers nothing and sends nothing"),
    quirk("duplicate-answers", "", "every answer comes twice"),
    quirk("reorder-answers", "", "an answer overtakes the one before it"),
    quirk("truncated-replies", "", "answers with data lack their last octet"),
    quirk("overlong-replies", "", "answers have 24 octets too many"),
    quirk("reject-logins", "", "every user's name is unknown"),
    quirk("no-free-session", "", "all session slots are taken"),
    quirk("privilege-exact", "", "a session that asks for another level than its user's is refused"),
    quirk("reboot-in-session", "[N]", "it restarts at the Nth command in a session (1), once"),
    quirk("wrong-guid", "[GUID]", "it shows another server's GUID"),
    quirk("zero-guid", "", "it shows a GUID of zeros"),
    quirk("suite-0", "", "cipher suite 0 is offered; nobody gets in by it"),
    quirk("null-user", "", "user 1 is enabled without a name; nobody gets in by it"),
    quirk("handshake-code", "CODE", "the handshake is answered with this completion code"),
    quirk("acknowledge-code", "CODE", "PET Acknowledge is answered with this completion code"),
    quirk("malformed-acknowledge", "", "PET Acknowledge is answered without a completion code"),
    quirk("running-bit-stuck", "", "Get Watchdog never shows that it runs"),
    quirk("stale-watchdog", "", "Set and Reset Watchdog are answered with stale octets"),
    quirk("no-countdown", "", "Get Watchdog has no present countdown"),
    quirk("watchdog-frozen", "[DURATION]", "Get Watchdog always shows this present countdown (the initial one)"),
    quirk("watchdog-absurd", "", "Get Watchdog shows a present countdown of 6553.5 s, always"),
    quirk("no-sel-record", "", "faults are told but not logged"),
    quirk("sel-after-pet", "DURATION", "a fault is logged so much later than it is told"),
    quirk("sel-full", "", "the event log takes nothing more"),
    quirk("logging-off", "", "the event log is switched off"),
    quirk("slow-erasure", "DURATION", "after an erasure the event log is busy for so long (81h)"),
    quirk("lost-reservations", "[N]", "the next N uses of a reservation (all) are refused (C5h)"),
    quirk("sdr-count", "N", "the sensor repository claims to have N records"),
    quirk("sdr-read-max", "N", "N octets of a sensor's record at most in one answer (CAh)"),
    quirk("alert-busy", "", "Alert Immediate is always busy (81h)"),
    quirk("no-pef", "", "it has neither event filters nor LAN parameters (C1h)"),
];

/// Why a quirk was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// There is none of this name.
    Name,
    /// What follows `=` is missing, too much, or not what it must be.
    Value(Quirk),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("no quirk has this name"),
            Self::Value(Quirk { name, value: "", .. }) => write!(f, "{name} takes no value"),
            Self::Value(quirk) => write!(f, "write {}", quirk.sign()),
        }
    }
}

impl core::error::Error for Wrong {}

impl Quirks {
    /// Sets the quirk that `text`, `NAME` or `NAME=VALUE`, names.
    pub fn set(&mut self, text: &str) -> Result<(), Wrong> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let quirk = QUIRKS.into_iter().find(|quirk| quirk.name == name).ok_or(Wrong::Name)?;
        self.set_named(name, value).ok_or(Wrong::Value(quirk))
    }

    fn set_named(&mut self, name: &str, value: Option<&str>) -> Option<()> {
        match name {
            "slow-answers" => self.answer_delay = duration(value?)?,
            "drop" => self.drop_next = value?.parse().ok()?,
            "silent" => self.silent = set(value)?,
            "duplicate-answers" => self.duplicate_answers = set(value)?,
            "reorder-answers" => self.reorder_answers = set(value)?,
            "truncated-replies" => self.truncated_replies = set(value)?,
            "overlong-replies" => self.overlong_replies = set(value)?,
            "reject-logins" => self.reject_logins = set(value)?,
            "no-free-session" => self.no_slots = set(value)?,
            "privilege-exact" => self.exact_privilege = set(value)?,
            "reboot-in-session" => self.reboot_at_command = Some(value.unwrap_or("1").parse().ok()?),
            "wrong-guid" => self.shown_guid = Some(value.map_or(Some(ANOTHER_GUID), guid)?),
            "zero-guid" => self.shown_guid = set(value)?.then_some(Guid([0; 16])),
            "suite-0" => self.offers_suite_0 = set(value)?,
            "null-user" => self.null_user = set(value)?,
            "handshake-code" => self.handshake_code = Some(code(value?)?),
            "acknowledge-code" => self.acknowledge_code = Some(code(value?)?),
            "malformed-acknowledge" => self.malformed_acknowledge = set(value)?,
            "running-bit-stuck" => self.running_bit_stuck = set(value)?,
            "stale-watchdog" => self.stale_watchdog = set(value)?,
            "no-countdown" => self.no_countdown = set(value)?,
            "watchdog-frozen" => {
                let at = value.map(duration);
                self.watchdog_frozen = Some(at.map_or(Some(Frozen::Initial), |at| at.map(Frozen::At))?);
            }
            "watchdog-absurd" => self.watchdog_absurd = set(value)?,
            "no-sel-record" => self.no_sel_record = set(value)?,
            "sel-after-pet" => self.sel_after_pet = duration(value?)?,
            "sel-full" => self.sel_full = set(value)?,
            "logging-off" => self.logging_off = set(value)?,
            "slow-erasure" => self.erasing = duration(value?)?,
            "lost-reservations" => self.lost_reservations = value.map_or(Ok(u32::MAX), str::parse).ok()?,
            "sdr-count" => self.sdr_count = Some(value?.parse().ok()?),
            "sdr-read-max" => self.sdr_read_max = Some(value?.parse().ok()?),
            "alert-busy" => self.alert_busy = set(value)?,
            "no-pef" => self.no_pef = set(value)?,
            _ => return None,
        }
        Some(())
    }
}

/// A quirk without a value is set by its name.
fn set(value: Option<&str>) -> Option<bool> {
    value.is_none().then_some(true)
}

/// As durations are written everywhere: `500ms`, `2s`, `1min`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let number: u32 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number.into())),
        "s" => Some(Duration::from_secs(number.into())),
        "min" => Some(Duration::from_secs(60) * number),
        _ => None,
    }
}

/// A completion code: `D5h`, `0xD5` or `213`.
fn code(text: &str) -> Option<u8> {
    match text.strip_prefix("0x").or_else(|| text.strip_suffix('h')) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// 32 hexadecimal digits, with dashes or without.
fn guid(text: &str) -> Option<Guid> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let whole = digits.len() == 32 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| whole)?;
    Some(Guid(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_sets_something() {
        for quirk in QUIRKS {
            let value = match quirk.value {
                "DURATION" => "=3s",
                "N" => "=7",
                "CODE" => "=D5h",
                _ => "",
            };
            let mut quirks = Quirks::default();
            assert_eq!(quirks.set(&format!("{}{value}", quirk.name)), Ok(()), "{}", quirk.name);
            assert_ne!(quirks, Quirks::default(), "{}", quirk.name);
            if quirk.value.is_empty() {
                assert_eq!(quirks.set(&format!("{}=1", quirk.name)), Err(Wrong::Value(quirk)));
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let mut quirks = Quirks::default();
        assert_eq!(quirks.set("Silent"), Err(Wrong::Name));
        assert_eq!(quirks.set(""), Err(Wrong::Name));
        for wrong in
            ["slow-answers", "slow-answers=5", "slow-answers=s", "drop=-1", "acknowledge-code=1FFh", "wrong-guid=6c"]
        {
            assert!(matches!(quirks.set(wrong), Err(Wrong::Value(_))), "{wrong}");
        }
        assert_eq!(quirks, Quirks::default());
        assert_eq!(quirks.set("slow-answers=5").unwrap_err().to_string(), "write slow-answers=DURATION");
    }

    #[test]
    fn values_mean_what_they_say() {
        let mut quirks = Quirks::default();
        let all = [
            "slow-answers=5s",
            "sel-after-pet=300ms",
            "acknowledge-code=0xd5",
            "lost-reservations",
            "reboot-in-session=3",
        ];
        assert!(all.into_iter().all(|text| quirks.set(text).is_ok()));
        assert_eq!((quirks.answer_delay, quirks.sel_after_pet), (Duration::from_secs(5), Duration::from_millis(300)));
        assert_eq!((quirks.acknowledge_code, quirks.lost_reservations), (Some(0xD5), u32::MAX));
        assert_eq!(quirks.reboot_at_command, Some(3));
        quirks.set("wrong-guid=6c696262-6d63-4e6f-8169-636500000001").unwrap();
        assert_eq!(quirks.shown_guid.unwrap().to_string(), "6c696262-6d63-4e6f-8169-636500000001");
    }
}
