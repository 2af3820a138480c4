//! The commands: who may give which, and what each does (IPMI 2.0 appendix G).
//!
//! Each module has a table of its commands; what is in none is unknown (C1h). Those about sessions are in
//! `lan`, which owns them. Data comes from whoever has a session, or from anybody
//! where the table says so.

use super::ask::{Answer, Context, exactly, none};
use super::board::{Board, LOGGING};
use super::event::Event;
use super::host::{Do, RestartCause};
use super::log::Entry;
use super::quirks::{Frozen, OVERLONG, Quirks};
use super::table::{Needs, Row};
use super::{access, lan_config, pef, sensors, storage, users, watchdog};
use crate::wire::command::{self as known, ChassisStatus, Command, Control, PetAcknowledge};
use crate::wire::ipmi::{Completion, Request, Response};
use crate::words::{Outcome, Phase};
use core::time::Duration;

/// How long the BMC is away after a Cold Reset.
pub const COLD_RESET: Duration = Duration::from_secs(3);
/// The network function of the example handshake.
pub const HANDSHAKE_NETFN: u8 = 0x30;
/// The command of the example handshake.
pub const HANDSHAKE_COMMAND: u8 = 0x70;

const RESTART_CAUSE: Command = Command { netfn: 0x00, number: 0x07 };
const CHASSIS_IDENTIFY: Command = Command { netfn: 0x00, number: 0x04 };
const COLD_RESET_COMMAND: Command = Command { netfn: 0x06, number: 0x02 };
const SELF_TEST: Command = Command { netfn: 0x06, number: 0x04 };
const DEVICE_GUID: Command = Command { netfn: 0x06, number: 0x08 };
const SET_ENABLES: Command = Command { netfn: 0x06, number: 0x2E };
const GET_ENABLES: Command = Command { netfn: 0x06, number: 0x2F };
const HANDSHAKE: Command = Command { netfn: HANDSHAKE_NETFN, number: HANDSHAKE_COMMAND };

/// The tables of all modules.
const TABLES: [&[Row]; 7] = [
    COMMANDS,
    storage::COMMANDS,
    sensors::COMMANDS,
    users::COMMANDS,
    access::COMMANDS,
    lan_config::COMMANDS,
    pef::COMMANDS,
];

const COMMANDS: &[Row] = &[
    (known::CHASSIS_STATUS, Needs::User, chassis_status),
    (known::CHASSIS_CONTROL, Needs::Operator, chassis_control),
    (CHASSIS_IDENTIFY, Needs::Operator, chassis_identify),
    (RESTART_CAUSE, Needs::User, restart_cause),
    (known::PET_ACKNOWLEDGE, Needs::Nothing, pet_acknowledge),
    (known::GET_DEVICE_ID, Needs::User, device_id),
    (COLD_RESET_COMMAND, Needs::Administrator, cold_reset),
    (SELF_TEST, Needs::User, |_, _, data| none(data).map(|()| vec![0x55, 0x00])),
    (DEVICE_GUID, Needs::User, system_guid),
    (known::GET_SYSTEM_GUID, Needs::Nothing, system_guid),
    (known::RESET_WATCHDOG, Needs::Operator, reset_watchdog),
    (known::SET_WATCHDOG, Needs::Operator, set_watchdog),
    (known::GET_WATCHDOG, Needs::User, get_watchdog),
    (GET_ENABLES, Needs::User, get_enables),
    (SET_ENABLES, Needs::Administrator, set_enables),
    (HANDSHAKE, Needs::Operator, handshake),
];

/// Every command that it knows, in the order of its numbers, and the least that a caller needs.
pub fn commands() -> Vec<(Command, Needs)> {
    let mut all: Vec<_> = TABLES.into_iter().flatten().map(|(command, needs, _)| (*command, *needs)).collect();
    all.extend([
        // Those about sessions, which `lan` carries out. There is no session in-band.
        (known::AUTH_CAPABILITIES, Needs::Nothing),
        (known::CIPHER_SUITES, Needs::Nothing),
        (known::CHANNEL_INFO, Needs::User),
        (known::SET_SESSION_PRIVILEGE, Needs::User),
        (known::CLOSE_SESSION, Needs::User),
        (known::GET_SESSION_INFO, Needs::User),
    ]);
    all.sort_by_key(|(command, _)| (command.netfn, command.number));
    all
}

/// Does a command and keeps it in the log.
pub(super) fn execute(board: &mut Board, context: Context<'_>, request: &Request) -> Response {
    let response = answered(board, context, request, |board| {
        let missing = board.options.quirks.no_pef && is_about_alerts(request);
        let found = TABLES.into_iter().flatten().find(|(command, ..)| request.is(*command) && !missing);
        let Some((_, needs, handler)) = found else {
            return Err(Completion::UNKNOWN_COMMAND);
        };
        if !needs.met_by(context.privilege) {
            return Err(Completion::PRIVILEGE);
        }
        handler(board, context, &request.data)
    });
    distorted(&board.options.quirks, response)
}

fn is_about_alerts(request: &Request) -> bool {
    let tables = [lan_config::COMMANDS, pef::COMMANDS];
    tables.into_iter().flatten().any(|(command, ..)| request.is(*command))
}

/// What is left of an answer when the BMC is a bad one.
fn distorted(quirks: &Quirks, mut response: Response) -> Response {
    if quirks.truncated_replies {
        response.data.pop();
    }
    if quirks.overlong_replies && response.completion == Completion::OK.0 {
        response.data.extend([0xEE; OVERLONG]);
    }
    response
}

/// Keeps a command in the log that somebody else does.
pub(super) fn answered(
    board: &mut Board,
    context: Context<'_>,
    request: &Request,
    handler: impl FnOnce(&mut Board) -> Answer,
) -> Response {
    let entry = Entry {
        at: context.now,
        caller: context.caller.clone(),
        netfn: request.netfn,
        command: request.command,
        data: request.data.clone(),
        completion: 0,
    };
    let mut response = Response::refusal(Completion::OK);
    board.record(entry, |board| {
        response = handler(board).map_or_else(Response::refusal, Response::ok);
        response.completion
    });
    response
}

fn chassis_status(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(ChassisStatus { power: board.host.power().is_on(), last_event: 0 }.emit())
}

fn chassis_control(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let [_] = exactly(data)?;
    let what = match Control::parse(data).map_err(|_| Completion::FIELD)? {
        Control::PowerDown | Control::SoftOff => Do::Off,
        Control::PowerUp => Do::On,
        Control::PowerCycle => Do::Cycle,
        Control::HardReset => Do::Reset,
        Control::Nmi if board.host.power().is_on() => {
            board.say(Event::Nmi);
            return Ok(Vec::new());
        }
        Control::Nmi => return Err(Completion::STATE),
    };
    board.act(context.now, what, RestartCause::ChassisControl).map_err(|_| Completion::STATE)?;
    Ok(Vec::new())
}

fn chassis_identify(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    if data.len() > 2 {
        return Err(Completion::LENGTH);
    }
    board.say(Event::Identify);
    Ok(Vec::new())
}

fn restart_cause(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(vec![board.host.cause() as u8, 0x01])
}

fn pet_acknowledge(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    if let Some(code) = board.options.quirks.acknowledge_code {
        return Err(Completion(code));
    }
    let acknowledge = PetAcknowledge::parse(data).map_err(|_| Completion::LENGTH)?;
    board.acknowledge(context.now, &acknowledge, context.caller);
    Ok(Vec::new())
}

fn device_id(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let device = board.options.device;
    let answer = known::DeviceId {
        device: [device.id, device.revision & 0x0F],
        firmware_major: device.major,
        firmware_minor: device.minor,
        updating: false,
        ipmi_version: 0x02,
        support: 0x87, // sensors, SDR repository, SEL, chassis
        manufacturer: device.manufacturer,
        product: device.product,
    };
    Ok([answer.emit(), vec![0; 4]].concat())
}

fn cold_reset(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    board.restart_wanted = Some(COLD_RESET);
    Ok(Vec::new())
}

fn system_guid(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(board.shown_guid().0.to_vec())
}

fn reset_watchdog(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    board.watchdog.reset(context.now.boottime).map_err(|_| Completion(0x80))?;
    Ok(stale(board))
}

fn set_watchdog(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    board.watchdog.set(context.now.boottime, exactly(data)?).map_err(|_| Completion::FIELD)?;
    Ok(stale(board))
}

/// Octets that were in the buffer before: of the latest Get.
fn stale(board: &Board) -> Vec<u8> {
    if board.options.quirks.stale_watchdog { board.watchdog_told.to_vec() } else { Vec::new() }
}

fn get_watchdog(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let mut answer = board.watchdog.get(context.now.boottime);
    let quirks = &board.options.quirks;
    if quirks.running_bit_stuck {
        answer[0] &= !0x40;
    }
    let shown = match (quirks.watchdog_absurd, quirks.watchdog_frozen) {
        (true, _) => Some([0xFF; 2]),
        (false, Some(Frozen::Initial)) => Some([answer[4], answer[5]]),
        (false, Some(Frozen::At(left))) => Some(watchdog::steps(left).to_le_bytes()),
        (false, None) => None,
    };
    if let Some(countdown) = shown {
        answer[6..].copy_from_slice(&countdown);
    }
    board.watchdog_told = answer;
    let told = if board.options.quirks.no_countdown { answer.len() - 2 } else { answer.len() };
    Ok(answer[..told].to_vec())
}

fn get_enables(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let logging = if board.logs() { LOGGING } else { 0 };
    Ok(vec![board.enables & !LOGGING | logging])
}

fn set_enables(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [enables] = *exactly(data)?;
    board.enables = enables;
    Ok(Vec::new())
}

/// The example handshake; the module's comment describes it.
fn handshake(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    if !board.options.handshake.raw {
        return Err(Completion::UNKNOWN_COMMAND);
    }
    if let Some(code) = board.options.quirks.handshake_code {
        return Err(Completion(code));
    }
    let phase = match *data {
        [0x00] => Phase::Armed,
        [0x00, a, b, c, d, low, high] => {
            board.settings.direct(([a, b, c, d], u16::from_le_bytes([low, high])).into());
            Phase::Armed
        }
        [0x01] => Phase::Started,
        [0x02, 0x00] => Phase::Ended(Outcome::Done),
        [0x02, 0x01] => Phase::Ended(Outcome::Failed),
        [0x02, 0x02] => Phase::Ended(Outcome::Unknown),
        [0x03] => Phase::Disarmed,
        [0x02, _] | [0x04..=0xFF, ..] => return Err(Completion::FIELD),
        _ => return Err(Completion::LENGTH),
    };
    board.hear(context.now, phase, context.caller);
    Ok(Vec::new())
}
