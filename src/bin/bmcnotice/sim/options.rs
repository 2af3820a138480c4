//! The arguments of `sim`, and what the simulated BMC is by them.

use crate::arguments::{duration, guid};
use crate::exit::{Exit, complain};
use crate::send::fault_names;
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Secret;
use bmcnotice::io::host;
use bmcnotice::sim::{Alert, FatalAction, Handshake, Options, QUIRKS, Quirks, User};
use bmcnotice::words::Guid;
use clap::{Args as _, FromArgMatches as _, ValueEnum};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the password may stand instead of a file.
const PASSWORD_VARIABLE: &str = "BMCNOTICE_SIM_PASSWORD";

/// Be a BMC: answer IPMI over LAN, raise faults, send traps
///
/// A simulated BMC with a simulated server behind it: RMCP+ (cipher suites 17 and 3), event log,
/// chassis, watchdog. Once armed it holds the reset of a fatal fault until it hears that the
/// recovery has ended, or until its patience is over. ipmitool talks to it:
///
///   ipmitool -I lanplus -H 127.0.0.1 -p 9623 -U admin -P password sel elist
///
/// On a terminal, or with --control, it takes commands on standard input: fault NAME, clear NAME,
/// quirk NAME[=VALUE], well, erase, power off|on|reset, status, quit. SIGTERM and SIGINT end it.
///
/// With --fleet it is many BMCs, as a small file describes them (docs/ipmi.md); then the commands
/// say to whom: at ADDRESS fault NAME, at all well, power off ADDRESS, status.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, after_help = quirks())]
pub struct Arguments {
    /// Where it answers
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9623")]
    pub(super) listen: SocketAddr,
    /// Who may log in
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub(super) user: String,
    /// The file whose first line is the password [default: BMCNOTICE_SIM_PASSWORD, or "password"]
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Another one: level user, operator or administrator; the file's first line is the password
    #[arg(long, value_name = "NAME:LEVEL:FILE", value_parser = other_user)]
    pub(super) other_user: Vec<OtherUser>,
    /// The system's GUID, in wire order
    #[arg(long, value_name = "GUID", value_parser = guid)]
    pub(super) guid: Option<Guid>,
    /// Where its traps go; without it, until an armed names an address, nowhere
    #[arg(long, value_name = "IP:PORT")]
    pub(super) alert: Option<SocketAddr>,
    /// The port of destinations that are set over IPMI [default: that of --alert, or 162]
    #[arg(long, value_name = "PORT")]
    pub(super) trap_port: Option<u16>,
    /// The community of its traps
    #[arg(long, value_name = "TEXT", default_value = "public")]
    pub(super) community: String,
    /// How often a trap goes out until it is acknowledged
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) repeat: u8,
    /// Between two sendings of a trap
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub(super) interval: Duration,
    /// How long it holds a reset
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(super) patience: Duration,
    /// How it hears of recoveries
    #[arg(long, default_value = "both")]
    pub(super) handshake: Hears,
    /// What a fatal fault does to the server in the end
    #[arg(long, default_value = "reset")]
    pub(super) fatal_action: Fatal,
    /// How long the server takes to boot
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(super) boot_time: Duration,
    /// Let the server's firmware run the watchdog while it boots: BIOS FRB2, POST, OS load
    #[arg(long)]
    pub(super) boot_timers: bool,
    /// Misbehave in this way, listed below; may be given again
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = quirk)]
    pub(super) quirk: Vec<String>,
    /// Run this, with reset, power-off or power-on as its one argument, when that happens
    #[arg(long, value_name = "PROGRAM")]
    pub(super) on_reset: Option<PathBuf>,
    /// Raise this fault
    #[arg(long, value_name = "NAME", value_parser = fault_names())]
    pub(super) fault: Option<String>,
    /// So long after the start [default: 2s, or only on the signal]
    #[arg(long, value_name = "DURATION", requires = "fault", value_parser = duration)]
    pub(super) after: Option<Duration>,
    /// Raise the fault (uncorrectable-memory, if none is named) whenever this signal comes
    #[arg(long, value_name = "USR1|USR2")]
    pub(super) fault_on_signal: Option<On>,
    /// Be all the BMCs of this file, and nothing of what the options above say
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "listen", "user", "password_file", "other_user", "guid", "alert", "trap_port", "community", "repeat", "interval",
        "patience", "handshake", "fatal_action", "boot_time", "boot_timers", "quirk", "on_reset", "fault", "after",
        "fault_on_signal",
    ])]
    pub(super) fleet: Option<PathBuf>,
    /// Write a configuration that watches the fleet into this file; -: print it and end
    #[arg(long, value_name = "FILE", requires = "fleet")]
    pub(super) emit_config: Option<PathBuf>,
    /// Take commands on standard input although it is no terminal
    #[arg(long)]
    pub(super) control: bool,
    /// Tell every IPMI command, too
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Print JSON, one object an event
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Hears {
    /// By the raw command 30h/70h
    Raw,
    /// By OEM records in its event log
    Sel,
    /// Both
    Both,
    /// Not at all, as a stock BMC
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Fatal {
    /// The reset line: the power stays on
    Reset,
    /// Off, then on
    PowerCycle,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum On {
    #[value(name = "USR1", alias = "SIGUSR1", alias = "usr1")]
    User1,
    #[value(name = "USR2", alias = "SIGUSR2", alias = "usr2")]
    User2,
}

/// A user beside the first.
#[derive(Debug, Clone)]
pub struct OtherUser {
    name: String,
    level: Privilege,
    file: PathBuf,
}

/// Reads `NAME:LEVEL:FILE`.
pub fn other_user(text: &str) -> Result<OtherUser, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(name), Some(level), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write NAME:LEVEL:FILE, such as observer:user:/run/observer.password".into());
    };
    let level = match level {
        "user" => Privilege::User,
        "operator" => Privilege::Operator,
        "administrator" => Privilege::Administrator,
        other => return Err(format!("no level \"{other}\": write user, operator or administrator")),
    };
    Ok(OtherUser { name: name.into(), level, file: file.into() })
}

/// Whether it is a quirk; it is set later.
pub fn quirk(text: &str) -> Result<String, String> {
    Quirks::default().set(text).map(|()| text.to_owned()).map_err(|wrong| wrong.to_string())
}

/// The list of quirks, for the help.
pub fn quirks() -> String {
    let mut text = String::from("Quirks, each a fault of real firmware:\n");
    for quirk in QUIRKS {
        text.push_str(&format!("  {:26} {}\n", quirk.sign(), quirk.what));
    }
    text
}

pub fn password_in(path: &Path) -> Result<Secret, Exit> {
    host::read_secret(path).map_err(|error| {
        complain(format_args!("cannot read the password in {}: {error}", path.display()), "");
        Exit::Wrong
    })
}

/// What the arguments say.
pub fn read(arguments: &Arguments) -> Result<Options, Exit> {
    let password = match &arguments.password_file {
        Some(path) => password_in(path)?,
        None => default_password(),
    };
    let agent = match arguments.listen.ip() {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    made(arguments, password, agent)
}

/// What is the password where none is given.
pub fn default_password() -> Secret {
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Secret::new(password),
        Err(_) => Secret::new(*b"password"),
    }
}

/// The arguments as nobody gave any.
pub fn defaults() -> Result<Arguments, clap::Error> {
    let matches = Arguments::augment_args(clap::Command::new("sim")).try_get_matches_from(["sim"])?;
    Arguments::from_arg_matches(&matches)
}

/// What the arguments say, with this password and a BMC at this address.
pub fn made(arguments: &Arguments, password: Secret, agent: Ipv4Addr) -> Result<Options, Exit> {
    let alert = arguments.alert.map(|destination| Alert {
        community: Secret::new(arguments.community.as_bytes()),
        agent,
        retries: arguments.repeat - 1, // clap lets no zero in
        interval: arguments.interval,
        ..Alert::to(destination)
    });
    let mut users = vec![User::with_secret(&arguments.user, password, Privilege::Administrator)];
    for other in &arguments.other_user {
        users.push(User::with_secret(&other.name, password_in(&other.file)?, other.level));
    }
    let mut quirks = Quirks::default();
    for quirk in &arguments.quirk {
        // It has been tried on others when the arguments were read.
        quirks.set(quirk).map_err(|_| Exit::Wrong)?;
    }
    let hears = |raw, sel| Handshake { raw, sel };
    let defaults = Options::default();
    Ok(Options {
        guid: arguments.guid.unwrap_or(defaults.guid),
        users,
        quirks,
        trap_port: arguments.trap_port,
        alert,
        handshake: match arguments.handshake {
            Hears::Raw => hears(true, false),
            Hears::Sel => hears(false, true),
            Hears::Both => hears(true, true),
            Hears::None => hears(false, false),
        },
        patience: arguments.patience,
        fatal_action: match arguments.fatal_action {
            Fatal::Reset => FatalAction::Reset,
            Fatal::PowerCycle => FatalAction::PowerCycle,
        },
        boot_time: arguments.boot_time,
        boot_timers: arguments.boot_timers,
        ..defaults
    })
}
