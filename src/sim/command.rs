//! The commands: who may give which, and what each does (IPMI 2.0 appendix G).
//!
//! One table; everything not in it is unknown (C1h). SEL and SDR commands are in `storage`, those
//! about sessions in `lan`, which owns them. Data comes from whoever has a session, or from anybody
//! where the table says so.

use super::ask::{Answer, Context, exactly, none};
use super::board::Board;
use super::event::Event;
use super::host::{Do, RestartCause};
use super::log::Entry;
use super::sdr::SENSORS;
use super::storage;
use crate::config::model::Privilege;
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

const OUT_OF_SPACE: Completion = Completion(0xC4);
const RESTART_CAUSE: Command = Command { netfn: 0x00, number: 0x07 };
const CHASSIS_IDENTIFY: Command = Command { netfn: 0x00, number: 0x04 };
const SENSOR_READING: Command = Command { netfn: 0x04, number: 0x2D };
const COLD_RESET_COMMAND: Command = Command { netfn: 0x06, number: 0x02 };
const SELF_TEST: Command = Command { netfn: 0x06, number: 0x04 };
const DEVICE_GUID: Command = Command { netfn: 0x06, number: 0x08 };
const HANDSHAKE: Command = Command { netfn: HANDSHAKE_NETFN, number: HANDSHAKE_COMMAND };

/// The least that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// Not even a session.
    Nothing,
    /// A session at USER level.
    User,
    /// OPERATOR.
    Operator,
    /// ADMINISTRATOR.
    Administrator,
}

impl Needs {
    fn met_by(self, privilege: Option<Privilege>) -> bool {
        match self {
            Self::Nothing => true,
            Self::User => privilege >= Some(Privilege::User),
            Self::Operator => privilege >= Some(Privilege::Operator),
            Self::Administrator => privilege >= Some(Privilege::Administrator),
        }
    }
}

type Handler = fn(&mut Board, Context<'_>, &[u8]) -> Answer;

const COMMANDS: [(Command, Needs, Handler); 27] = [
    (known::CHASSIS_STATUS, Needs::User, chassis_status),
    (known::CHASSIS_CONTROL, Needs::Operator, chassis_control),
    (CHASSIS_IDENTIFY, Needs::Operator, chassis_identify),
    (RESTART_CAUSE, Needs::User, restart_cause),
    (known::PET_ACKNOWLEDGE, Needs::Nothing, pet_acknowledge),
    (SENSOR_READING, Needs::User, sensor_reading),
    (known::GET_DEVICE_ID, Needs::User, device_id),
    (COLD_RESET_COMMAND, Needs::Administrator, cold_reset),
    (SELF_TEST, Needs::User, |_, _, data| none(data).map(|()| vec![0x55, 0x00])),
    (DEVICE_GUID, Needs::User, system_guid),
    (known::GET_SYSTEM_GUID, Needs::Nothing, system_guid),
    (known::GLOBAL_ENABLES, Needs::User, global_enables),
    (known::RESET_WATCHDOG, Needs::Operator, reset_watchdog),
    (known::SET_WATCHDOG, Needs::Operator, set_watchdog),
    (known::GET_WATCHDOG, Needs::User, get_watchdog),
    (storage::SDR_INFO, Needs::User, storage::sdr_info),
    (storage::RESERVE_SDR, Needs::User, storage::reserve_sdr),
    (storage::GET_SDR, Needs::User, storage::get_sdr),
    (known::SEL_INFO, Needs::User, storage::sel_info),
    (known::RESERVE_SEL, Needs::User, storage::reserve_sel),
    (known::GET_SEL_ENTRY, Needs::User, storage::get_sel_entry),
    (known::ADD_SEL_ENTRY, Needs::Operator, add_sel_entry),
    (storage::DELETE_SEL_ENTRY, Needs::Operator, storage::delete_sel_entry),
    (storage::CLEAR_SEL, Needs::Operator, storage::clear_sel),
    (storage::GET_SEL_TIME, Needs::User, storage::get_sel_time),
    (storage::SET_SEL_TIME, Needs::Operator, storage::set_sel_time),
    (HANDSHAKE, Needs::Operator, handshake),
];

/// Does a command and keeps it in the log.
pub(super) fn execute(board: &mut Board, context: Context<'_>, request: &Request) -> Response {
    answered(board, context, request, |board| {
        let numbers = Command { netfn: request.netfn, number: request.command };
        let Some((_, needs, handler)) = COMMANDS.iter().find(|(command, ..)| *command == numbers) else {
            return Err(Completion::UNKNOWN_COMMAND);
        };
        if !needs.met_by(context.privilege) {
            return Err(Completion::PRIVILEGE);
        }
        handler(board, context, &request.data)
    })
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

fn global_enables(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(known::emit_logging(!board.options.quirks.logging_off))
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
    board.acknowledge(&acknowledge, context.caller);
    Ok(Vec::new())
}

fn sensor_reading(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [number] = *exactly(data)?;
    let at = SENSORS.iter().position(|sensor| sensor.number == number).ok_or(Completion::ABSENT)?;
    let [low, high] = board.states[at].to_le_bytes();
    Ok(vec![0, 0xC0, low, 0x80 | high]) // scanned, events enabled; bit 15 is reserved and set
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
    Ok(Vec::new())
}

fn set_watchdog(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    board.watchdog.set(context.now.boottime, exactly(data)?).map_err(|_| Completion::FIELD)?;
    Ok(Vec::new())
}

fn get_watchdog(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let mut answer = board.watchdog.get(context.now.boottime);
    if board.options.quirks.running_bit_stuck {
        answer[0] &= !0x40;
    }
    Ok(answer.to_vec())
}

fn add_sel_entry(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let record = exactly(data)?;
    if let Some(code) = board.options.quirks.handshake_code {
        return Err(Completion(code));
    }
    let time = board.clock(context.now);
    let id = board.sel.add(time, *record).map_err(|_| OUT_OF_SPACE)?;
    board.hear_record(context.now, record, context.caller);
    Ok(id.to_le_bytes().to_vec())
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
            board.direct_alerts([a, b, c, d], u16::from_le_bytes([low, high]));
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
