//! From the arguments of `sim` to what the simulated BMC is.

use super::{Arguments, Fatal, Hears};
use crate::exit::{Exit, complain};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Secret;
use bmcnotice::io::host;
use bmcnotice::sim::{Alert, FatalAction, Handshake, Options, QUIRKS, Quirks, User};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// Where the password may stand instead of a file.
const PASSWORD_VARIABLE: &str = "BMCNOTICE_SIM_PASSWORD";

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
        let sign = if quirk.value.is_empty() {
            quirk.name.to_owned()
        } else if let Some(value) = quirk.value.strip_prefix('[') {
            format!("{}[={value}", quirk.name)
        } else {
            format!("{}={}", quirk.name, quirk.value)
        };
        text.push_str(&format!("  {sign:26} {}\n", quirk.what));
    }
    text
}

fn password_in(path: &Path) -> Result<Secret, Exit> {
    host::read_secret(path).map_err(|error| {
        complain(format_args!("cannot read the password in {}: {error}", path.display()), "");
        Exit::Wrong
    })
}

/// What the arguments say.
pub fn read(arguments: &Arguments) -> Result<Options, Exit> {
    let password = match (&arguments.password_file, std::env::var(PASSWORD_VARIABLE)) {
        (Some(path), _) => password_in(path)?,
        (None, Ok(password)) => Secret::new(password),
        (None, Err(_)) => Secret::new(*b"password"),
    };
    let agent = match arguments.listen.ip() {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
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
        ..defaults
    })
}
