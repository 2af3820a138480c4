//! The questions of an audit: how each is put, and where its answer goes.
//!
//! Used by `ask` alone. The answers are a BMC's, hostile: what a count says is bounded by its octet.

use super::told::{Said, To, Told, Unsaid, User};
use crate::bmc::failure::Failure;
use crate::bmc::lan_channel::{self, Next};
use crate::crypto::Secret;
use crate::now::Now;
use crate::wire::account::{self, ChannelAccess, Kept, LoginKinds, UserAccess};
use crate::wire::command::{
    Command, DeviceId, GET_DEVICE_ID, SEL_INFO, SUITE_LIST_PART, SUITE_LIST_PARTS, THIS_CHANNEL, auth_capabilities_of,
    channel_info, cipher_suites_of, parse_suite_list, parse_suite_part,
};
use crate::wire::ipmi::{Completion, Error, Request, Response};
use crate::wire::lan::{self, Destination, DestinationAddress, SuitePrivileges, parameter as lp};
use crate::wire::pef::alert::{LAST_PROCESSED, LastProcessed};
use crate::wire::pef::filter::{Filter, Policy};
use crate::wire::pef::{self, Capabilities, PetGuid, parameter as pp};
use crate::wire::sel::{self, SelInfo};
use crate::wire::session_info::{SessionInfo, Which};

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Device,
    /// Is this channel the LAN?
    Lan(u8),
    Logins,
    Channel(Kept),
    Enables,
    Sel,
    Clock,
    Sessions,
    User(u8),
    UserName(u8),
    SuiteList(u8),
    SuiteCount,
    SuiteTable(u8),
    SuitePrivileges,
    Address,
    Community,
    DestinationCount,
    Destination(u8),
    DestinationAddress(u8),
    Ipv6,
    Pef,
    Postpone,
    Control,
    Actions,
    StartupDelay,
    AlertDelay,
    FilterCount,
    Filter(u8),
    PolicyCount,
    Policy(u8),
    PetGuid,
    Processed,
}

/// What is asked of every BMC; more follows from its answers. What the verdict rests on comes first.
pub(super) const FIRST: [Question; 25] = [
    Question::Device,
    Question::Lan(lan_channel::FIRST),
    Question::Logins,
    Question::Sessions,
    Question::Control,
    Question::Actions,
    Question::Pef,
    Question::Postpone,
    Question::StartupDelay,
    Question::AlertDelay,
    Question::Channel(Kept::Present),
    Question::Channel(Kept::NonVolatile),
    Question::Community,
    Question::DestinationCount,
    Question::PolicyCount,
    Question::FilterCount,
    Question::PetGuid,
    Question::Processed,
    Question::Enables,
    Question::Sel,
    Question::Clock,
    Question::User(1),
    Question::SuiteList(0),
    Question::SuiteCount,
    Question::Address,
];

/// The parts of the cipher suite list that have come.
pub(super) type SuiteParts = Vec<u8>;

impl Question {
    /// The request. `channel` is the number of its LAN channel that the BMC told.
    pub(super) fn request(self, channel: Option<u8>) -> Request {
        const ADMINISTRATOR: u8 = 4;
        let channel = channel.unwrap_or(THIS_CHANNEL);
        let bare = |command: Command| Request::new(command, []);
        match self {
            Self::Device => bare(GET_DEVICE_ID),
            Self::Lan(asked) => channel_info(asked),
            Self::Logins => auth_capabilities_of(channel, ADMINISTRATOR),
            Self::Channel(kept) => account::channel_access(channel, kept),
            Self::Enables => bare(account::GET_GLOBAL_ENABLES),
            Self::Sel => bare(SEL_INFO),
            Self::Clock => bare(sel::GET_TIME),
            Self::Sessions => Which::This.request(),
            Self::User(user) => account::user_access(channel, user),
            Self::UserName(user) => account::user_name(user),
            Self::SuiteList(part) => cipher_suites_of(channel, part),
            Self::SuiteCount => lan::get(channel, lp::SUITE_COUNT, 0),
            Self::SuiteTable(_) => lan::get(channel, lp::SUITES, 0),
            Self::SuitePrivileges => lan::get(channel, lp::SUITE_PRIVILEGES, 0),
            Self::Address => lan::get(channel, lp::ADDRESS, 0),
            Self::Community => lan::get(channel, lp::COMMUNITY, 0),
            Self::DestinationCount => lan::get(channel, lp::DESTINATIONS, 0),
            Self::Destination(number) => lan::get(channel, lp::DESTINATION, number),
            Self::DestinationAddress(number) => lan::get(channel, lp::DESTINATION_ADDRESS, number),
            Self::Ipv6 => lan::get(channel, lp::IPV6_SUPPORT, 0),
            Self::Pef => bare(pef::CAPABILITIES),
            Self::Postpone => pef::postpone(pef::postpone::ASK),
            Self::Control => pef::get(pp::CONTROL, 0),
            Self::Actions => pef::get(pp::ACTIONS, 0),
            Self::StartupDelay => pef::get(pp::STARTUP_DELAY, 0),
            Self::AlertDelay => pef::get(pp::ALERT_DELAY, 0),
            Self::FilterCount => pef::get(pp::FILTERS, 0),
            Self::Filter(number) => pef::get(pp::FILTER, number),
            Self::PolicyCount => pef::get(pp::POLICIES, 0),
            Self::Policy(number) => pef::get(pp::POLICY, number),
            Self::PetGuid => pef::get(pp::GUID, 0),
            Self::Processed => bare(LAST_PROCESSED),
        }
    }

    /// Puts the answer where it belongs; gives the questions that follow from it.
    pub(super) fn answered(self, now: Now, told: &mut Told, parts: &mut SuiteParts, answer: Said<&[u8]>) -> Vec<Self> {
        let mut more = Vec::new();
        match self {
            Self::Device => told.device = read(answer, DeviceId::parse),
            Self::Lan(asked) => match lan_channel::next(asked, answer.ok()) {
                Next::Is(lan) => told.lan = Some(lan),
                Next::Ask(other) => more.push(Self::Lan(other)),
                Next::Untold | Next::NoLan => {} // then it is the channel that we came by
            },
            Self::Logins => told.logins = read(answer, LoginKinds::parse),
            Self::Channel(Kept::Present) => told.channel = read(answer, ChannelAccess::parse),
            Self::Channel(Kept::NonVolatile) => told.channel_kept = read(answer, ChannelAccess::parse),
            Self::Enables => told.enables = read(answer, account::parse_global_enables),
            Self::Sel => told.sel = read(answer, SelInfo::parse),
            Self::Clock => told.clock = read(answer, sel::parse_time).map(|time| (time, now.wall)),
            Self::Sessions => told.sessions = read(answer, SessionInfo::parse),
            Self::User(number) => more.extend(user(number, told, answer)),
            Self::UserName(number) => {
                let name = read(answer, |data| account::parse_user_name(data).map(<[u8]>::to_vec));
                if let Some(user) = told.users.iter_mut().find(|user| user.number == number) {
                    user.name = name;
                }
            }
            Self::SuiteList(part) => more.extend(suite_list(part, told, parts, answer)),
            Self::SuiteCount => match parameter(answer, octet) {
                Ok(count) if count & 0x1F > 0 => more.extend([Self::SuiteTable(count), Self::SuitePrivileges]),
                Ok(_) => told.suite_table = Ok(Vec::new()),
                Err(why) => told.suite_table = Err(why),
            },
            Self::SuiteTable(count) => {
                told.suite_table = parameter(answer, |data| lan::parse_suites(count, data));
            }
            Self::SuitePrivileges => told.suite_privileges = parameter(answer, SuitePrivileges::parse),
            Self::Address => told.address = parameter(answer, lan::parse_address),
            Self::Community => {
                told.community = parameter(answer, |data| Ok(Secret::new(lan::parse_community(data)?)));
            }
            Self::DestinationCount => {
                told.destination_count = parameter(answer, octet).map(|count| count & 0x0F);
                let numbers = 1..=told.destination_count.unwrap_or(0);
                let unknown = Err(Unsaid::NotAsked);
                told.destinations =
                    numbers.clone().map(|number| To { number, how: unknown, at: Err(Unsaid::NotAsked) }).collect();
                more.extend(numbers.flat_map(|number| [Self::Destination(number), Self::DestinationAddress(number)]));
                more.push(Self::Ipv6);
            }
            Self::Destination(number) => {
                let how = parameter(answer, Destination::parse).and_then(|how| same(number, how.number, how));
                destination(told, number, |to| to.how = how);
            }
            Self::DestinationAddress(number) => {
                let at = parameter(answer, DestinationAddress::parse).and_then(|at| same(number, at.number, at));
                destination(told, number, |to| to.at = at);
            }
            Self::Ipv6 => told.ipv6 = parameter(answer, octet),
            Self::Pef => told.pef = read(answer, Capabilities::parse),
            Self::Postpone => told.postpone = read(answer, pef::parse_postpone),
            Self::Control => told.control = parameter(answer, octet),
            Self::Actions => told.actions = parameter(answer, octet),
            Self::StartupDelay => told.startup_delay = parameter(answer, octet),
            Self::AlertDelay => told.alert_delay = parameter(answer, octet),
            Self::FilterCount => {
                told.filter_count = parameter(answer, octet).map(|count| count & 0x7F);
                more.extend((1..=told.filter_count.unwrap_or(0)).map(Self::Filter));
            }
            Self::Filter(number) => {
                told.filters.push((number, parameter(answer, |data| numbered(number, data, Filter::parse))));
            }
            Self::PolicyCount => {
                told.policy_count = parameter(answer, octet).map(|count| count & 0x7F);
                more.extend((1..=told.policy_count.unwrap_or(0)).map(Self::Policy));
            }
            Self::Policy(number) => {
                told.policies.push((number, parameter(answer, |data| numbered(number, data, Policy::parse))));
            }
            Self::PetGuid => told.pet_guid = parameter(answer, PetGuid::parse),
            Self::Processed => told.processed = read(answer, LastProcessed::parse),
        }
        more
    }
}

/// What a response tells, or why it tells nothing.
pub(super) fn said(result: &Result<Response, Failure>) -> Said<&[u8]> {
    const OTHER_LUN: Completion = Completion(0xC2);
    const PARAMETER: Completion = Completion(0x80);
    match result {
        Ok(Response { completion: 0, data }) => Ok(data),
        Ok(response) => match Completion(response.completion) {
            code @ (Completion::UNKNOWN_COMMAND | OTHER_LUN | PARAMETER) => Err(Unsaid::Unknown(code)),
            code => Err(Unsaid::Refused(code)),
        },
        Err(failure) => Err(Unsaid::Unanswered(*failure)),
    }
}

fn read<T>(answer: Said<&[u8]>, parse: impl FnOnce(&[u8]) -> Result<T, Error>) -> Said<T> {
    parse(answer?).map_err(Unsaid::Malformed)
}

/// The same for a parameter, before which its revision stands.
fn parameter<T>(answer: Said<&[u8]>, parse: impl FnOnce(&[u8]) -> Result<T, Error>) -> Said<T> {
    read(answer, |data| parse(lan::answered(data)?))
}

fn octet(data: &[u8]) -> Result<u8, Error> {
    data.first().copied().ok_or(Error::Truncated)
}

/// An entry of a table, if it is the one that was asked for.
fn numbered<T>(number: u8, data: &[u8], parse: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    let (told, data) = pef::parse_numbered(data)?;
    if told == number { parse(data) } else { Err(Error::Field) }
}

fn same<T>(asked: u8, told: u8, value: T) -> Said<T> {
    if asked == told { Ok(value) } else { Err(Unsaid::Malformed(Error::Field)) }
}

fn destination(told: &mut Told, number: u8, change: impl FnOnce(&mut To)) {
    if let Some(to) = told.destinations.iter_mut().find(|to| to.number == number) {
        change(to);
    }
}

/// One user, and who is asked for next: until all who are enabled have been met.
fn user(number: u8, told: &mut Told, answer: Said<&[u8]>) -> Vec<Question> {
    let access = match read(answer, UserAccess::parse) {
        Ok(access) => access,
        Err(why) => {
            told.users_end = Err(why);
            return Vec::new();
        }
    };
    told.users.push(User { number, access, name: Err(Unsaid::NotAsked) });
    let met = told.users.iter().filter(|user| user.access.this_enabled == Some(true)).count();
    let all = number >= access.most || access.enabled > 0 && met >= usize::from(access.enabled);
    told.users_end = Ok(());
    let name = Some(Question::UserName(number)).filter(|_| access.this_enabled != Some(false));
    let next = number.checked_add(1).filter(|_| !all).map(Question::User);
    name.into_iter().chain(next).collect()
}

fn suite_list(part: u8, told: &mut Told, parts: &mut SuiteParts, answer: Said<&[u8]>) -> Option<Question> {
    let octets = match read(answer, |data| parse_suite_part(data).map(<[u8]>::to_vec)) {
        Ok(octets) => octets,
        Err(why) => {
            told.suites = Err(why);
            return None;
        }
    };
    parts.extend(&octets);
    if octets.len() == SUITE_LIST_PART && part + 1 < SUITE_LIST_PARTS {
        return Some(Question::SuiteList(part + 1));
    }
    told.suites = parse_suite_list(parts).map_err(Unsaid::Malformed);
    None
}
