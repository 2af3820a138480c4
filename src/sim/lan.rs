//! The LAN channel: datagrams in, answers out; and the commands that are about channel and sessions.
//!
//! Everything that comes in is hostile. What is not understood or not proven is counted and dropped.

use super::ask::{Answer, Context, exactly};
use super::board::Board;
use super::channel::{CHANNEL, this_channel};
use super::command::{self, COLD_RESET};
use super::event::Event;
use super::lan_config;
use super::log::Caller;
use super::login::Login;
use super::sessions::{Session, Sessions, privilege};
use super::users::FIRST_USER_ID;
use crate::config::model::Privilege;
use crate::crypto::Random;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::command::{self as known, AuthCapabilities, Command, SUITE_LIST_PART, SUITE_LIST_PARTS};
use crate::wire::ipmi::{self, Completion, Message, Request, Response};
use crate::wire::rakp::Algorithms;
use crate::wire::rmcp::{self, Datagram, PayloadType, Plus};
use crate::wire::session_info::{SessionInfo, SessionOwner, Which};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

const PRIVILEGE_NOT_AVAILABLE: Completion = Completion(0x80);
const PRIVILEGE_ABOVE_LIMIT: Completion = Completion(0x81);
const INVALID_SESSION_ID: Completion = Completion(0x87);
const INVALID_SESSION_HANDLE: Completion = Completion(0x88);

/// What was dropped, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops {
    /// Lost on request, or while the BMC was away or silent.
    pub lost: u64,
    /// Not a datagram, payload or message that we know.
    pub malformed: u64,
    /// For a session that does not exist.
    pub unknown_session: u64,
    /// Without the code or the encryption that its session demands, or with a wrong one.
    pub unproven: u64,
    /// Proven, but its sequence number was used or is far off.
    pub out_of_window: u64,
}

/// The LAN channel.
#[derive(Debug)]
pub(super) struct Lan {
    pub sessions: Sessions,
    pub drops: Drops,
    random: Random,
}

impl Lan {
    pub fn new(random: Random) -> Self {
        Self { sessions: Sessions::default(), drops: Drops::default(), random }
    }

    /// One datagram.
    pub fn handle_datagram(&mut self, board: &mut Board, now: Now, from: SocketAddr, bytes: &[u8]) {
        match Datagram::parse(bytes) {
            Ok(Datagram::Ping { tag }) => board.answer(now, from, rmcp::emit_pong(tag)),
            Ok(Datagram::Sessionless(message)) => self.sessionless(board, now, from, message),
            Ok(Datagram::Plus(packet)) => self.plus(board, now, from, &packet),
            Ok(Datagram::Pong { .. }) | Err(_) => self.drops.malformed += 1,
        }
    }

    fn sessionless(&mut self, board: &mut Board, now: Now, from: SocketAddr, bytes: &[u8]) {
        let Some((message, request)) = request(bytes) else {
            self.drops.malformed += 1;
            return;
        };
        let caller = Caller { channel: CHANNEL, from: Some(from), user: None };
        let context = Context { now, caller: &caller, privilege: None };
        let response = self.execute(board, context, None, &request);
        if let Ok(answer) = rmcp::emit_sessionless(&octets(board, &message, &request, &response)) {
            board.answer(now, from, answer);
        }
    }

    fn plus(&mut self, board: &mut Board, now: Now, from: SocketAddr, packet: &Plus<'_>) {
        let setup = !packet.authenticated && !packet.encrypted && packet.session == 0;
        let payload = packet.payload;
        let (answers, login) = match packet.payload_type {
            PayloadType::Ipmi => return self.in_session(board, now, from, packet),
            PayloadType::OpenRequest if setup => (
                PayloadType::OpenResponse,
                self.sessions.open_request(now.boottime, from, &board.options, &mut self.random, payload),
            ),
            PayloadType::Rakp1 if setup => {
                let guid = board.shown_guid();
                let login = self.sessions.rakp1(now.boottime, from, &board.options, guid, &mut self.random, payload);
                (PayloadType::Rakp2, login)
            }
            PayloadType::Rakp3 if setup => {
                (PayloadType::Rakp4, self.sessions.rakp3(now.boottime, from, &board.options, payload))
            }
            PayloadType::OpenRequest
            | PayloadType::Rakp1
            | PayloadType::Rakp3
            | PayloadType::OpenResponse
            | PayloadType::Rakp2
            | PayloadType::Rakp4 => {
                self.drops.malformed += 1;
                return;
            }
        };
        let text = |name: Vec<u8>| String::from_utf8_lossy(&name).into_owned();
        let answer = match login {
            Login::Goes(answer) => answer,
            Login::Open(answer, id) => {
                if let Some(session) = self.sessions.get(id) {
                    let (user, suite) = (name_of(board, session), session.keys.suite().number());
                    board.say(Event::SessionOpened { user, suite, from });
                }
                answer
            }
            Login::Refused(answer, name, status) => {
                board.say(Event::LoginRefused { user: text(name), status: status.0, from });
                answer
            }
            Login::Abandoned(name, status) => {
                board.say(Event::LoginRefused { user: text(name), status: status.0, from });
                return;
            }
            Login::Ignored => {
                self.drops.malformed += 1;
                return;
            }
        };
        board.answer(now, from, rmcp::emit_setup(answers, &answer));
    }

    fn in_session(&mut self, board: &mut Board, now: Now, from: SocketAddr, packet: &Plus<'_>) {
        let Some(session) = self.sessions.get(packet.session) else {
            self.drops.unknown_session += 1;
            return;
        };
        let Ok(bytes) = session.keys.open(packet) else {
            self.drops.unproven += 1;
            return;
        };
        if !session.accept(now.boottime, packet.sequence) {
            self.drops.out_of_window += 1;
            return;
        }
        let Some((message, request)) = request(&bytes) else {
            self.drops.malformed += 1;
            return;
        };
        if board.reboots_here() {
            board.restart_wanted = Some(COLD_RESET);
            return;
        }
        // A Close Session command ends it, and its answer still needs its keys.
        let (keys, console) = (session.keys.clone(), session.console);
        let (sequence, privilege) = (session.next_sequence(), session.privilege);
        let caller = Caller { channel: CHANNEL, from: Some(from), user: Some(name_of(board, session)) };
        let context = Context { now, caller: &caller, privilege: Some(privilege) };
        let response = self.execute(board, context, Some(packet.session), &request);
        let answer = octets(board, &message, &request, &response);
        board.answer(now, from, keys.seal(console, sequence, self.random.array(), &answer));
    }

    fn execute(
        &mut self,
        board: &mut Board,
        context: Context<'_>,
        session: Option<u32>,
        request: &Request,
    ) -> Response {
        type Handler = fn(&mut Lan, &mut Board, u32, &[u8]) -> Answer;
        let handler: Handler = match (Command { netfn: request.netfn, number: request.command }, session) {
            (known::AUTH_CAPABILITIES, _) => |_, board, _, data| auth_capabilities(board, data),
            (known::CIPHER_SUITES, _) => |_, board, _, data| cipher_suites(board, data),
            (known::CHANNEL_INFO, Some(_)) => |lan, _, _, data| lan.channel_info(data),
            (known::SET_SESSION_PRIVILEGE, Some(_)) => |lan, _, id, data| lan.set_privilege(id, data),
            (known::CLOSE_SESSION, Some(_)) => Self::close_session,
            (known::GET_SESSION_INFO, Some(_)) => |lan, _, id, data| lan.session_info(id, data),
            (
                known::CHANNEL_INFO | known::SET_SESSION_PRIVILEGE | known::CLOSE_SESSION | known::GET_SESSION_INFO,
                None,
            ) => |_, _, _, _| Err(Completion::PRIVILEGE),
            _ => return command::execute(board, context, request),
        };
        let id = session.unwrap_or(0); // never an id
        command::answered(board, context, request, |board| handler(self, board, id, &request.data))
    }

    fn channel_info(&mut self, data: &[u8]) -> Answer {
        let [channel] = *exactly(data)?;
        this_channel(channel)?;
        let active = self.sessions.open().len() as u8; // at most SESSIONS_MAX
        // 802.3 LAN, IPMB protocol, several sessions, the specification's own vendor id.
        Ok(vec![CHANNEL, 0x04, 0x01, 0x80 | active, 0xF2, 0x1B, 0x00, 0x00, 0x00])
    }

    fn set_privilege(&mut self, id: u32, data: &[u8]) -> Answer {
        let [wanted] = *exactly(data)?;
        let session = self.sessions.get(id).ok_or(Completion::STATE)?;
        if wanted != 0 {
            let wanted = match wanted {
                5.. => return Err(PRIVILEGE_ABOVE_LIMIT),
                _ => privilege(wanted).ok_or(PRIVILEGE_NOT_AVAILABLE)?,
            };
            if wanted > session.limit {
                return Err(PRIVILEGE_ABOVE_LIMIT);
            }
            session.privilege = wanted;
        }
        Ok(vec![session.privilege as u8])
    }

    fn close_session(&mut self, board: &mut Board, own: u32, data: &[u8]) -> Answer {
        let id = u32::from_le_bytes(*exactly(data)?);
        let administrator = self.sessions.get(own).is_some_and(|own| own.privilege == Privilege::Administrator);
        if id != own && !administrator {
            return Err(Completion::PRIVILEGE);
        }
        let session = self.sessions.remove(id).ok_or(INVALID_SESSION_ID)?;
        let user = name_of(board, &session);
        board.say(Event::SessionClosed { user, timed_out: false });
        Ok(Vec::new())
    }

    fn session_info(&mut self, own: u32, data: &[u8]) -> Answer {
        let open = self.sessions.open();
        let found = match Which::parse(data).map_err(|_| Completion::LENGTH)? {
            Which::This => open.iter().find(|session| session.id == own),
            Which::Nth(index) => open.get(usize::from(index).saturating_sub(1)),
            Which::Handle(handle) => {
                Some(open.iter().find(|session| session.handle == handle).ok_or(INVALID_SESSION_HANDLE)?)
            }
            Which::Id(id) => Some(open.iter().find(|session| session.id == id).ok_or(INVALID_SESSION_ID)?),
        };
        let of = found.map(|session| SessionOwner {
            user: (session.user + FIRST_USER_ID) as u8,
            privilege: session.privilege as u8,
            protocol: SessionOwner::RMCP_PLUS,
            channel: CHANNEL,
            console: match session.from {
                SocketAddr::V4(from) => Some((*from.ip(), [0; 6], from.port())), // nobody tells us the MAC
                SocketAddr::V6(from) => Some((Ipv4Addr::UNSPECIFIED, [0; 6], from.port())), // the field cannot hold it
            },
        });
        let handle = found.map_or(0, |session| session.handle);
        let (slots, active) = (super::sessions::SESSIONS_MAX as u8, open.len() as u8);
        Ok(SessionInfo { handle, slots, active, of }.emit())
    }

    /// The BMC restarts: nobody is known any more.
    pub fn restart(&mut self) {
        self.sessions.clear();
    }

    pub fn handle_timeout(&mut self, board: &mut Board, now: Now) {
        let timeout = board.options.session_timeout;
        for session in self.sessions.handle_timeout(now.boottime, timeout) {
            let user = name_of(board, &session);
            board.say(Event::SessionClosed { user, timed_out: true });
        }
    }

    pub fn next_deadline(&self, board: &Board) -> Option<Duration> {
        self.sessions.next_deadline(board.options.session_timeout)
    }
}

fn name_of(board: &Board, session: &Session) -> String {
    board.options.users.get(session.user).map(|user| user.name.clone()).unwrap_or_default()
}

/// A request to the BMC, in both forms.
fn request(bytes: &[u8]) -> Option<(Message<'_>, Request)> {
    let message = Message::parse(bytes).ok().filter(|message| message.to == ipmi::BMC)?;
    let request = message.to_request().ok()?;
    Some((message, request))
}

/// The message that answers.
fn octets(board: &Board, message: &Message<'_>, request: &Request, response: &Response) -> Vec<u8> {
    if board.options.quirks.malformed_acknowledge && request.is(known::PET_ACKNOWLEDGE) {
        message.answer_without_data()
    } else {
        message.answer(response)
    }
}

fn auth_capabilities(board: &mut Board, data: &[u8]) -> Answer {
    let [channel, level] = *exactly(data)?;
    this_channel(channel)?;
    if !(1..=5).contains(&(level & 0x0F)) {
        return Err(Completion::FIELD);
    }
    let mut answer = AuthCapabilities { channel: CHANNEL, kg: board.options.kg.is_some(), rmcp_plus: true }.emit();
    if board.options.quirks.null_user {
        answer[2] |= 0x01; // anonymous login: neither name nor password
    }
    if channel & 0x80 == 0 {
        // Asked as by IPMI 1.5, which this channel does not take: no authentication type at all.
        answer[1] = 0;
        answer[2] &= 0x1F;
        answer[3] = 0;
    }
    Ok(answer)
}

fn cipher_suites(board: &mut Board, data: &[u8]) -> Answer {
    let [channel, payload, index] = *exactly(data)?;
    this_channel(channel)?;
    if payload & 0x3F != 0 {
        return Err(Completion::FIELD);
    }
    let mut list = Vec::new();
    for number in lan_config::suites(board) {
        // Suite 0 has no algorithms at all, and is not one that we could speak.
        let none = Algorithms { authentication: 0, integrity: 0, confidentiality: 0 };
        let algorithms = Suite::from_number(number).map_or(none, Suite::algorithms);
        list.extend([0xC0, number, algorithms.authentication]);
        list.extend([0x40 | algorithms.integrity, 0x80 | algorithms.confidentiality]);
    }
    let part = list.chunks(SUITE_LIST_PART).nth(usize::from(index % SUITE_LIST_PARTS)).unwrap_or(&[]);
    Ok([&[CHANNEL], part].concat())
}
