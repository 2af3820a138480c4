//! A simulated BMC: the server side of RMCP+, with a host to reset and faults to raise.
//!
//! For `bmcnotice demo` and `bmcnotice sim`, for tests, for vendors. It is sans-IO and deterministic:
//! a seed and the inputs decide everything. Uses `config`, `crypto`, `suite`, `wire`, `words`.
//!
//! # The handshake it speaks
//!
//! It is **an example of ours, not any vendor's**: no vendor has published one. A BMC that knows it holds
//! the reset that a fatal fault wants, as long as somebody who asked for it is still busy.
//!
//! Raw command, network function 30h, command 70h, OPERATOR privilege, LUN 0. The first octet says what:
//!
//! | data | word | |
//! |---|---|---|
//! | `00` | *armed* | wait for me from now on; repeat it as often as you like |
//! | `00 a b c d l h` | *armed* | the same, and send traps to IPv4 address a.b.c.d, port l + 256 h |
//! | `01` | *started* | a recovery runs |
//! | `02 o` | *ended* | it is over; o is `00` done, `01` failed, `02` unknown |
//! | `03` | *disarmed* | do not wait for me any more |
//!
//! Completion `00` means understood; C7h a wrong length, CCh a wrong value, D4h too little privilege, C1h
//! a BMC that does not know the handshake.
//!
//! OEM records in the SEL (Add SEL Entry, record types C0h to DFh, any manufacturer) say the same. The
//! first of the six OEM octets is the word: `A` armed, `S` started, `E` ended, `D` disarmed; the second,
//! with `E`, the outcome: `D` done, `F` failed, `U` unknown. The other four do not matter.
//!
//! When a fatal fault is raised, the SEL record is written and the trap goes out first (unless a filter's own action
//! comes before it: that is the event filtering, which is beside the handshake; see `docs/ipmi.md`). Then an
//! unarmed BMC resets at once. An armed one waits for *ended* or *disarmed*, at most for its patience,
//! counted from the fault; then it resets. *Ended* with another outcome than done resets, too, unless
//! [`AfterFailed::Stay`]. Further fatal faults join the one that is held. Any reset or loss of power
//! disarms: whoever comes up again must arm again.

mod access;
mod alert;
mod ask;
#[cfg(feature = "capi")]
pub(crate) mod bait;
mod board;
mod boot;
mod button;
mod channel;
mod command;
mod event;
mod fault;
mod filters;
mod hear;
mod hold;
mod host;
mod lan;
mod lan_config;
mod log;
mod login;
mod options;
mod pef;
mod quirks;
mod report;
mod reservation;
mod sdr;
mod sel;
mod sensors;
mod sessions;
mod settings;
mod storage;
mod table;
mod tell;
mod users;
mod watchdog;

pub use channel::CHANNEL as LAN_CHANNEL;
pub use command::{COLD_RESET, HANDSHAKE_COMMAND, HANDSHAKE_NETFN, commands};
pub use event::{Event, Output};
pub use fault::{CRITICAL, Fault, INFORMATION, NON_CRITICAL, NON_RECOVERABLE};
pub use filters::{FILTERS, POLICIES};
pub use hold::State as Handshaking;
pub use host::{CYCLE_OFF, Power, RestartCause};
pub use lan::Drops;
pub use log::{Caller, Entry, LOG_MAX};
pub use options::{AfterFailed, Alert, DeviceId, FatalAction, Handshake, Options, PASSWORD_MAX, USER_NAME_MAX, User};
pub use quirks::{ANOTHER_GUID, Frozen, OVERLONG, QUIRKS, Quirk, Quirks, REORDER_WAIT, Wrong as WrongQuirk};
pub use sdr::{Kind as SensorKind, SENSORS, Sensor, WATCHDOG_SENSOR};
pub use sel::{RECORD_SIZE, Record};
pub use sessions::{HALF_OPEN_MAX, HALF_OPEN_TIMEOUT, SESSIONS_MAX, WINDOW};
pub use settings::{DESTINATIONS, TRAP_PORT};
pub use table::Needs;
pub use users::USER_ID_MAX;

use crate::config::model::Privilege;
use crate::crypto::Random;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use crate::wire::pef::filter::Filter;
use board::Board;
use core::net::SocketAddr;
use core::time::Duration;
use lan::Lan;

/// The system interface's channel number, for commands from the host itself.
const SYSTEM_INTERFACE: u8 = 0x0F;

/// A simulated BMC and its host.
///
/// After every `handle_*`, [`Bmc::raise`], [`Bmc::clear`] and [`Bmc::command`]: take all of
/// [`Bmc::poll_output`], then wait until [`Bmc::next_deadline`] at most.
#[derive(Debug)]
pub struct Bmc {
    board: Board,
    lan: Lan,
    /// Away until then: it restarts.
    away_until: Option<Duration>,
}

impl Bmc {
    /// A BMC whose host is up. The same seed and inputs give the same outputs.
    pub fn new(options: Options, seed: [u8; 32]) -> Self {
        Self { board: Board::new(options), lan: Lan::new(Random::from_seed(seed)), away_until: None }
    }

    /// A datagram came to its RMCP port.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        self.catch_up(now);
        let quirks = &mut self.board.options.quirks;
        if quirks.drop_next > 0 {
            quirks.drop_next -= 1;
            self.lan.drops.lost += 1;
        } else if quirks.silent || self.away_until.is_some() {
            self.lan.drops.lost += 1;
        } else {
            self.lan.handle_datagram(&mut self.board, now, from, bytes);
            self.restart_if_wanted(now);
        }
    }

    /// Time passed. Too early is harmless.
    pub fn handle_timeout(&mut self, now: Now) {
        self.catch_up(now);
    }

    /// What to send and what happened, in order; none: all is taken.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.board.poll_output()
    }

    /// When [`Bmc::handle_timeout`] is due, in boottime. May change with every input.
    pub fn next_deadline(&self) -> Option<Duration> {
        let timers = [self.away_until, self.board.next_deadline(), self.lan.next_deadline(&self.board)];
        timers.into_iter().flatten().min()
    }

    /// Something is wrong with the server.
    pub fn raise(&mut self, now: Now, fault: &Fault) {
        self.catch_up(now);
        self.board.raise(now, fault);
    }

    /// It is over: a deassertion is logged and told.
    pub fn clear(&mut self, now: Now, fault: &Fault) {
        self.catch_up(now);
        self.board.clear(now, fault);
    }

    /// The host gives a command in-band, as through `/dev/ipmi0`. Works at any network trouble.
    pub fn command(&mut self, now: Now, request: &Request) -> Response {
        self.catch_up(now);
        let caller = Caller { channel: SYSTEM_INTERFACE, from: None, user: None };
        let context = ask::Context { now, caller: &caller, privilege: Some(Privilege::Administrator) };
        let response = command::execute(&mut self.board, context, request);
        self.restart_if_wanted(now);
        response
    }

    /// The BMC itself restarts and is away for so long. The host does not notice; sessions, watchdog
    /// and the handshake are forgotten, SEL and clock are not.
    pub fn restart(&mut self, now: Now, away: Duration) {
        self.catch_up(now);
        self.board.restart_wanted = Some(away);
        self.restart_if_wanted(now);
    }

    fn restart_if_wanted(&mut self, now: Now) {
        if let Some(away) = self.board.restart_wanted.take() {
            self.away_until = Some(now.boottime.saturating_add(away));
            self.lan.restart();
            self.board.restart();
        }
    }

    fn catch_up(&mut self, now: Now) {
        self.away_until = self.away_until.filter(|until| *until > now.boottime);
        self.board.handle_timeout(now);
        self.lan.handle_timeout(&mut self.board, now);
    }

    /// The host's power.
    pub fn power(&self) -> Power {
        self.board.host.power()
    }

    /// Why the host last restarted.
    pub fn restart_cause(&self) -> RestartCause {
        self.board.host.cause()
    }

    /// How often the host was reset or power-cycled.
    pub fn resets(&self) -> u64 {
        self.board.host.resets()
    }

    /// Where the handshake stands.
    pub fn handshaking(&self) -> Handshaking {
        self.board.hold.state()
    }

    /// The watchdog, as Get Watchdog Timer tells it.
    pub fn watchdog(&self, now: Now) -> [u8; 8] {
        self.board.watchdog.get(now.boottime)
    }

    /// The SEL, oldest record first.
    pub fn sel(&self) -> &[Record] {
        self.board.sel.records()
    }

    /// Somebody erases the SEL.
    pub fn erase_sel(&mut self, now: Now) {
        self.catch_up(now);
        self.board.erase_sel(now);
    }

    /// The newest commands, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Entry> {
        self.board.log.entries()
    }

    /// How many sessions are open, and how many are being opened.
    pub fn sessions(&self) -> (usize, usize) {
        (self.lan.sessions.open().len(), self.lan.sessions.half_open())
    }

    /// What was dropped, and why.
    pub fn drops(&self) -> Drops {
        self.lan.drops
    }

    /// What it is.
    pub fn options(&self) -> &Options {
        &self.board.options
    }

    /// How it misbehaves; changes take effect with the next input.
    pub fn quirks_mut(&mut self) -> &mut Quirks {
        &mut self.board.options.quirks
    }

    /// Where traps go from now on: its first destination.
    pub fn set_alert(&mut self, alert: Option<Alert>) {
        self.board.settings.set_alert(alert.as_ref());
    }

    /// Where the traps of its first destination go now, if that is set.
    pub fn alert(&self) -> Option<Alert> {
        self.board.settings.alert(1)
    }

    /// The filters, as PEF parameter 6 tells them.
    pub fn filters(&self) -> &[Filter] {
        &self.board.filters.filters
    }
}
