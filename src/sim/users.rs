//! The user accounts as commands show and change them (IPMI 2.0 sections 22.26 to 22.30).
//!
//! User 1 is the nameless one; the options' users follow from 2 on. Nobody ever logs in without a name, so that
//! user 1 can be shown open, for an audit to find, without being open. Uses `crypto`; data come from administrators.

use super::ask::{Answer, Context, exactly};
use super::board::Board;
use super::channel::this_channel;
use super::options::{PASSWORD_MAX, USER_NAME_MAX, User};
use super::sessions::privilege;
use super::table::{Needs, Row};
use crate::config::model::Privilege;
use crate::crypto::Secret;
use crate::wire::command::Command;
use crate::wire::ipmi::Completion;

/// Where named users begin.
pub(super) const FIRST_USER_ID: usize = 2;
/// The highest user id.
pub const USER_ID_MAX: usize = 10;

const SET_ACCESS: Command = Command { netfn: 0x06, number: 0x43 };
const GET_ACCESS: Command = Command { netfn: 0x06, number: 0x44 };
const SET_NAME: Command = Command { netfn: 0x06, number: 0x45 };
const GET_NAME: Command = Command { netfn: 0x06, number: 0x46 };
const SET_PASSWORD: Command = Command { netfn: 0x06, number: 0x47 };

/// The level that is none.
const NO_ACCESS: u8 = 0x0F;
const WRONG_PASSWORD: Completion = Completion(0x80);
const WRONG_PASSWORD_SIZE: Completion = Completion(0x81);

pub(super) const COMMANDS: &[Row] = &[
    (SET_ACCESS, Needs::Administrator, set_access),
    (GET_ACCESS, Needs::Operator, get_access),
    (SET_NAME, Needs::Administrator, set_name),
    (GET_NAME, Needs::Operator, get_name),
    (SET_PASSWORD, Needs::Administrator, set_password),
];

/// Whose account it is; none: the nameless user's.
fn place(id: u8) -> Result<Option<usize>, Completion> {
    match usize::from(id & 0x3F) {
        0 => Err(Completion::FIELD),
        id if id > USER_ID_MAX => Err(Completion::RANGE),
        id => Ok(id.checked_sub(FIRST_USER_ID)),
    }
}

/// The account to change; those before it come into being, too, without names.
fn account(board: &mut Board, id: u8) -> Result<&mut User, Completion> {
    let at = place(id)?.ok_or(Completion::FIELD)?; // the nameless user stays as it is
    let users = &mut board.options.users;
    while users.len() <= at {
        let nobody = User { enabled: false, messaging: false, ..User::new("", "", Privilege::User) };
        users.push(nobody);
    }
    users.get_mut(at).ok_or(Completion::FIELD)
}

fn get_access(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [channel, id] = *exactly(data)?;
    this_channel(channel)?;
    let nameless = board.options.quirks.null_user;
    let (enabled, messaging, level) = match place(id)? {
        None => (nameless, nameless, if nameless { Privilege::Administrator as u8 } else { NO_ACCESS }),
        Some(at) => match board.options.users.get(at) {
            Some(user) => (user.enabled, user.messaging, if user.messaging { user.privilege as u8 } else { NO_ACCESS }),
            None => (false, false, NO_ACCESS),
        },
    };
    let count = board.options.users.iter().filter(|user| user.enabled).count() + usize::from(nameless);
    let status = if enabled { 0x40 } else { 0x80 };
    // Names can all be changed but the first, which is none.
    Ok(vec![USER_ID_MAX as u8, status | count as u8 & 0x3F, 1, u8::from(messaging) << 4 | level])
}

fn set_access(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let (flags, id, limit) = match *data {
        [flags, id, limit] | [flags, id, limit, _] => (flags, id, limit & 0x0F), // the session limit is not kept
        _ => return Err(Completion::LENGTH),
    };
    this_channel(flags)?;
    let level = match limit {
        NO_ACCESS => None,
        level => Some(privilege(level).ok_or(Completion::FIELD)?),
    };
    let user = account(board, id)?;
    match level {
        Some(level) => user.privilege = level,
        None => user.messaging = false,
    }
    if flags & 0x80 != 0 && level.is_some() {
        user.messaging = flags & 0x10 != 0;
    }
    Ok(Vec::new())
}

fn get_name(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [id] = *exactly(data)?;
    let user = place(id)?.and_then(|at| board.options.users.get(at));
    let mut name = [0; USER_NAME_MAX];
    if let Some(user) = user {
        name.iter_mut().zip(user.name.bytes()).for_each(|(to, octet)| *to = octet);
    }
    Ok(name.to_vec())
}

fn set_name(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let (&id, name) = data.split_first().ok_or(Completion::LENGTH)?;
    if name.len() != USER_NAME_MAX {
        return Err(Completion::LENGTH);
    }
    let end = name.iter().position(|octet| *octet == 0).unwrap_or(name.len());
    let name = core::str::from_utf8(&name[..end]).map_err(|_| Completion::FIELD)?;
    account(board, id)?.name = name.into();
    Ok(Vec::new())
}

fn set_password(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [id, operation, password @ ..] = data else { return Err(Completion::LENGTH) };
    let octets = if id & 0x80 == 0 { 16 } else { PASSWORD_MAX };
    let user = account(board, *id)?;
    let end = password.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    match operation & 0x03 {
        0 => user.enabled = false,
        1 => user.enabled = true,
        _ if password.len() != octets => return Err(Completion::LENGTH),
        2 => user.password = Secret::new(&password[..end]),
        _ if user.password.expose().len() > octets => return Err(WRONG_PASSWORD_SIZE),
        // A simulated secret: what its comparison takes in time tells nobody anything.
        _ if user.key().expose() != &password[..end] => return Err(WRONG_PASSWORD),
        _ => {}
    }
    Ok(Vec::new())
}
