//! What happens, in the numbers of CLUSTERPRO's message list: for its alert log, where filters look for them.
//!
//! Pure. The numbers and levels are CLUSTERPRO's (modules `mm`, the external linkage monitor, and `bmchb`, the BMC
//! heartbeat); the texts are ours. `alerts` writes them, one command at a time.

mod recovery;

use super::output::{Heard, PeerStatus};
use crate::heartbeat::{Doubt, Verdict};
use crate::words::{Class, Level, RecoveryAction};
use alloc::vec::Vec;
use core::fmt::Write as _;
pub use recovery::{chassis, final_action, no_panic, script, stage, step};

/// Limit: octets of a message; longer ones are cut at a character. The alert log's own limit is not public.
pub const MAX_MESSAGE_OCTETS: usize = 500;

/// Whose number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// The external linkage monitor.
    Mm,
    /// The BMC heartbeat.
    Bmchb,
}

impl Module {
    /// As CLUSTERPRO writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mm => "mm",
            Self::Bmchb => "bmchb",
        }
    }
}

/// One line for the alert log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose number it is.
    pub module: Module,
    /// The number in CLUSTERPRO's message list.
    pub id: u16,
    /// Its level there.
    pub level: Level,
    /// What has happened, on one line; without the number.
    pub text: String,
}

impl Alert {
    fn mm(id: u16, level: Level, text: impl Into<String>) -> Self {
        Self { module: Module::Mm, id, level, text: plain(&text.into()) }
    }

    fn bmchb(id: u16, level: Level, text: impl Into<String>) -> Self {
        Self { module: Module::Bmchb, id, level, text: plain(&text.into()) }
    }

    /// The text behind its number, in the form that filters are to look for: `[mm 912] ...`.
    pub fn message(&self) -> String {
        plain(&format!("[{} {}] {}", self.module.name(), self.id, self.text))
    }

    /// Whether anyone who sends datagrams can cause it, again and again.
    pub fn is_cheap(&self) -> bool {
        self.module == Module::Bmchb || matches!(self.id, 903 | 912..=917)
    }
}

/// One line, of bounded length.
fn plain(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > MAX_MESSAGE_OCTETS {
        let end = (0..=MAX_MESSAGE_OCTETS).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
    }
    line
}

/// Which recovery it is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The monitor.
    pub monitor: &'a str,
    /// This server.
    pub server: &'a str,
    /// What is recovered; may be empty.
    pub target: &'a str,
    /// What is being attempted.
    pub action: RecoveryAction,
}

impl About<'_> {
    fn target(&self) -> &str {
        if self.target.is_empty() { "(no target)" } else { self.target }
    }
}

/// The monitor is at work.
pub fn started(server: &str, monitors: usize, observe: bool) -> Alert {
    let how = if observe { "only observes: nothing is recovered" } else { "is started" };
    Alert::mm(901, Level::Info, format!("bmcnotice {how} on server {server}, monitors: {monitors}"))
}

/// It could not begin its work.
pub fn not_started(server: &str, why: &str) -> Alert {
    Alert::mm(902, Level::Error, format!("bmcnotice could not be started on server {server}: {why}"))
}

/// A notice came: that it did, and what it says.
pub fn notice(heard: &Heard) -> Vec<Alert> {
    let (notice, server) = (&heard.notice, &heard.server);
    let mut came = format!("a notice of the BMC of server {server} came by SNMP trap: {}", notice.class);
    let _ = write!(came, ", {}", notice.sentence);
    let mut all = vec![Alert::mm(912, Level::Info, came)];
    let region = &notice.region;
    let at = if region.is_empty() { String::new() } else { format!(", failing region: {region}") };
    all.extend(match notice.class {
        Class::Fatal if region.is_empty() => {
            Some(Alert::mm(913, Level::Info, format!("Fatal notice of server {server}, failing region not named")))
        }
        Class::Fatal => Some(Alert::mm(914, Level::Info, format!("Fatal notice of server {server}{at}"))),
        Class::Recoverable { degradation, predictive } => {
            let (id, what) = match (degradation, predictive) {
                (true, false) => (915, "performance degradation"),
                (false, true) => (916, "predicted failure"),
                (true, true) => (917, "performance degradation and predicted failure"),
                (false, false) => (903, "no class that the list knows"),
            };
            Some(Alert::mm(id, Level::Warning, format!("Recoverable notice of server {server}: {what}{at}")))
        }
        Class::Cleared | Class::Info => None,
    });
    all
}

/// The heartbeat's verdict on a server has changed.
pub fn peer(status: &PeerStatus) -> Option<Alert> {
    let PeerStatus { server, verdict, .. } = status;
    match verdict {
        Verdict::Unknown(Doubt::Login | Doubt::Identity) => {
            Some(Alert::bmchb(10, Level::Error, format!("the BMC of server {server} cannot be used: {verdict}")))
        }
        Verdict::Unknown(Doubt::Silent | Doubt::NoSlot | Doubt::Malformed) => {
            Some(Alert::bmchb(71, Level::Warning, format!("the BMC heartbeat of server {server} is late: {verdict}")))
        }
        Verdict::Delayed | Verdict::Silent => {
            Some(Alert::bmchb(71, Level::Warning, format!("the heartbeat of server {server} is late: it is {verdict}")))
        }
        Verdict::Unknown(Doubt::NotAsked | Doubt::NoLogin | Doubt::Unproven | Doubt::Elsewhere)
        | Verdict::Alive
        | Verdict::Powered
        | Verdict::Booting
        | Verdict::Left
        | Verdict::Off => None,
    }
}

/// Our own BMC does not let us show that we live.
pub fn no_pulse(server: &str, why: &str) -> Alert {
    Alert::bmchb(10, Level::Error, format!("the BMC heartbeat of server {server} is not initialised: {why}"))
}

/// Some alerts were not written.
pub(super) fn lost(text: &str) -> Alert {
    Alert::mm(903, Level::Warning, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::Verdict::{Alive, Booting, Delayed, Left, Off, Powered, Silent, Unknown};
    use crate::notice::{Notice, NoticeId};
    use crate::now::Now;
    use crate::words::{ServerId, Trust};
    use core::time::Duration;

    const NOW: Now = Now { boottime: Duration::ZERO, wall: Duration::ZERO };

    fn heard(class: Class, region: &str) -> Heard {
        let notice = Notice {
            id: NoticeId(1),
            server: ServerId(0),
            class,
            trust: Trust::Address,
            source: "127.0.0.1:623".parse().unwrap(),
            received: NOW,
            trap_oid: "".into(),
            pet: None,
            fault: None,
            region: region.into(),
            sentence: "Memory: \x1b[31muncorrectable\n".into(),
        };
        Heard { notice: notice.into(), server: "server1".into(), record: 0 }
    }

    pub(super) fn short(alerts: impl IntoIterator<Item = Alert>) -> Vec<(u16, Level)> {
        let alerts = alerts.into_iter().inspect(|alert| {
            let message = alert.message();
            assert!(message.starts_with(&format!("[{} {}] ", alert.module.name(), alert.id)), "{message}");
            assert!(!message.contains(char::is_control), "{message:?}");
        });
        alerts.map(|alert| (alert.id, alert.level)).collect()
    }

    #[test]
    fn a_notice_has_the_numbers_of_its_class() {
        let (info, warning) = (Level::Info, Level::Warning);
        let class = |degradation, predictive| Class::Recoverable { degradation, predictive };
        for (class, region, second) in [
            (Class::Fatal, "", Some((913, info))),
            (Class::Fatal, "CPU 1", Some((914, info))),
            (class(true, false), "", Some((915, warning))),
            (class(false, true), "DIMM 3", Some((916, warning))),
            (class(true, true), "", Some((917, warning))),
            (class(false, false), "", Some((903, warning))),
            (Class::Cleared, "", None),
            (Class::Info, "", None),
        ] {
            let wanted: Vec<_> = [Some((912, info)), second].into_iter().flatten().collect();
            assert_eq!(short(notice(&heard(class, region))), wanted, "{class:?}");
        }
        let region = &notice(&heard(Class::Fatal, "CPU 1"))[1];
        assert!(region.text.ends_with("CPU 1"), "{region:?}");
    }

    #[test]
    fn what_it_says_of_itself_has_its_numbers() {
        assert_eq!(
            short([started("s", 1, false), not_started("s", "port"), lost("2")]),
            [(901, Level::Info), (902, Level::Error), (903, Level::Warning)]
        );
    }

    #[test]
    fn the_heartbeat_has_its_own() {
        let status = |verdict| PeerStatus { verdict, ..PeerStatus::unheard(ServerId(1), "server2") };
        for (verdict, wanted) in [
            (Unknown(Doubt::Login), Some((10, Level::Error))),
            (Unknown(Doubt::Identity), Some((10, Level::Error))),
            (Unknown(Doubt::Silent), Some((71, Level::Warning))),
            (Unknown(Doubt::NoSlot), Some((71, Level::Warning))),
            (Unknown(Doubt::NotAsked), None),
            (Delayed, Some((71, Level::Warning))),
            (Silent, Some((71, Level::Warning))),
            (Alive, None),
            (Booting, None),
            (Left, None),
            (Powered, None),
            (Off, None),
        ] {
            let alert = peer(&status(verdict));
            assert!(alert.iter().all(|alert| alert.module == Module::Bmchb && alert.is_cheap()));
            assert_eq!(short(alert), wanted.into_iter().collect::<Vec<_>>(), "{verdict:?}");
        }
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        let alert = not_started("server1", &"\u{3042}\n".repeat(1000));
        assert!(alert.message().len() <= MAX_MESSAGE_OCTETS && !alert.message().contains('\n'));
    }
}
