//! A fleet's file, read: the BMCs that it describes, or everything that is wrong with it.

use super::options::{self, Fatal, Hears, default_password, password_in};
use crate::exit::{Exit, complain, tell};
use bmcnotice::config::fleet::{self, Fleet, Known, Range};
use bmcnotice::config::model::SecretSource;
use bmcnotice::crypto::Secret;
use bmcnotice::io::host;
use bmcnotice::sim::{Options, Quirks};
use std::net::Ipv4Addr;
use std::path::Path;

/// Limit: commands that each BMC of a fleet keeps in its log, which nobody reads here.
const KEPT_COMMANDS: usize = 8;

/// Reads the file; says everything that is wrong with it.
pub fn read(path: &Path) -> Result<Fleet, Exit> {
    let text = host::read_text(path).map_err(|error| {
        complain(format_args!("cannot read {}: {error}", path.display()), "docs/ipmi.md shows such a file");
        Exit::Wrong
    })?;
    let quirk = |text: &str| Quirks::default().set(text).err().map(|wrong| wrong.to_string());
    let known = Known { guid: Options::default().guid, quirk: &quirk };
    let outcome = fleet::parse(&text, &path.display().to_string(), &known);
    outcome.findings.iter().for_each(tell);
    outcome.fleet.ok_or(Exit::Wrong)
}

/// The BMCs, each with its address, in the order of the text. Says of every password file that cannot be read.
pub fn members(fleet: &Fleet) -> Result<Vec<(Ipv4Addr, Options)>, Exit> {
    let passwords: Vec<_> = fleet.ranges.iter().map(password).collect();
    let mut members = Vec::new();
    for (range, password) in fleet.ranges.iter().zip(passwords) {
        let like = like(range, password?)?;
        for nth in 0..range.count {
            let mut options = Options { guid: range.guid(nth), ..like.clone() };
            if let Some(alert) = &mut options.alert {
                alert.agent = range.address(nth);
            }
            members.push((range.address(nth), options));
        }
    }
    Ok(members)
}

fn password(range: &Range) -> Result<Secret, Exit> {
    match &range.password {
        Some(SecretSource::Inline(secret)) => Ok(secret.clone()),
        Some(SecretSource::File(path)) => password_in(Path::new(path)),
        None => Ok(default_password()),
    }
}

/// What the BMCs of a range have in common: the options of `sim`, where nothing else is written.
fn like(range: &Range, password: Secret) -> Result<Options, Exit> {
    let mut arguments = options::defaults().map_err(|error| {
        complain(error, "");
        Exit::Failed
    })?;
    set(&mut arguments.user, &range.user);
    set(&mut arguments.repeat, &range.repeat);
    set(&mut arguments.interval, &range.interval);
    set(&mut arguments.patience, &range.patience);
    set(&mut arguments.boot_time, &range.boot_time);
    set(&mut arguments.boot_timers, &range.boot_timers);
    (arguments.alert, arguments.trap_port) = (range.alert, range.trap_port);
    arguments.quirk.clone_from(&range.quirks);
    arguments.handshake = match range.handshake {
        Some((true, true)) => Hears::Both,
        Some((true, false)) => Hears::Raw,
        Some((false, true)) => Hears::Sel,
        Some((false, false)) => Hears::None,
        None => arguments.handshake,
    };
    arguments.fatal_action = match range.power_cycle {
        Some(true) => Fatal::PowerCycle,
        Some(false) => Fatal::Reset,
        None => arguments.fatal_action,
    };
    let mut options = options::made(&arguments, password, range.first)?;
    if let (Some(alert), Some(community)) = (&mut options.alert, &range.community) {
        alert.community = community.clone();
    }
    options.log_kept = KEPT_COMMANDS;
    Ok(options)
}

fn set<T: Clone>(argument: &mut T, written: &Option<T>) {
    if let Some(written) = written {
        argument.clone_from(written);
    }
}
