//! Opens SNMPv3 messages: who wrote them, whether they are fresh, what is in them (RFC 3414 section 3.2).
//!
//! Uses `crypto` and `wire`. Its input is a hostile datagram from an address that may speak for this server. The order
//! is the RFC's, and nothing is changed or learned before the code is found right. What went wrong is one counted
//! reason each; an Inform's sender hears of it by a Report.

mod diagnose;
mod engines;
mod own;
mod users;

pub use crate::wire::usm::EngineId;
pub use engines::{Clock, MAX_AWAITING, MAX_LEARNED, WINDOW};
pub use own::{MAX_REPORTS, own_boots, own_id};
pub use users::{Key, User};

use super::DropReason;
use crate::config::model::Learning;
use crate::crypto::usm::{Auth, Cipher, Extension, Mac, Privacy};
use crate::now::Now;
use crate::wire::snmp::{Message, Pdu, response_pdu};
use crate::wire::usm::{self, Data, Head, Level, MAX_COUNT, Parameters, Scoped, Stat, Version3};
use engines::{Engine, Engines, Timely};
use own::Own;
use users::KeyRing;

/// Who may write v3 messages for this server's BMC.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The users that speak for this server.
    pub users: Vec<User>,
    /// The engines that this server's BMC is known to have.
    pub named: Vec<EngineId>,
    /// Those of the other servers' BMCs.
    pub others: Vec<EngineId>,
    /// What becomes of all others.
    pub learning: Learning,
    /// The least that a v3 message must be protected by.
    pub least: Level,
    /// Whether v1 and v2c are not taken at all.
    pub version3_only: bool,
}

/// A message that was opened.
#[derive(Debug)]
pub struct Opened<'a> {
    /// What is in it.
    pub message: Message<'a>,
    /// Whether a code has proven its writer.
    pub authenticated: bool,
    /// It is authentic, and its clock stands behind what is known of its engine: a replay, or that was lost. Then
    /// nothing follows of it.
    pub lost: Option<Clock>,
    /// How an Inform is to be answered.
    pub(super) answer: Option<Answer<'a>>,
    /// What it says of its engine's clock.
    pub(super) news: Option<News>,
}

/// What an authentic message says of its engine's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    under: Under,
    boots: u32,
    time: u32,
}

/// What the answer to an Inform takes over from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    id: i32,
    level: Level,
    user: usize,
    max_size: u32,
    engine: &'a [u8],
    name: &'a [u8],
}

/// A message that was not.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: DropReason,
    /// What its sender is to hear.
    pub report: Option<Vec<u8>>,
}

impl From<DropReason> for Refused {
    fn from(reason: DropReason) -> Self {
        Self { reason, report: None }
    }
}

impl From<crate::wire::Error> for Refused {
    fn from(error: crate::wire::Error) -> Self {
        DropReason::from(error).into()
    }
}

/// Whose engine a message is under.
#[derive(Debug, Clone, Copy)]
enum Under {
    Own,
    Known(usize),
    Unknown(EngineId),
}

/// Opens v3 messages. Sans-IO.
#[derive(Debug, Clone)]
pub struct Usm {
    table: Table,
    engines: Engines,
    own: Own,
    /// Clocks that are to be written down.
    news: Vec<Clock>,
    /// Engines that wait for the operator, not told yet.
    told: Vec<EngineId>,
}

impl Usm {
    /// From what was configured; `own` and `boots` say who we are, `salt` is unpredictable.
    pub fn new(now: Now, table: Table, own: EngineId, boots: u32, salt: u64) -> Self {
        let engines = Engines::new(&table.named);
        Self { table, engines, own: Own::new(now, own, boots, salt), news: Vec::new(), told: Vec::new() }
    }

    /// Whether anybody may write v3.
    pub fn has_users(&self) -> bool {
        !self.table.users.is_empty()
    }

    /// Whether v1 and v2c are taken, too.
    pub fn takes_communities(&self) -> bool {
        !self.table.version3_only
    }

    /// Another configuration: clocks go on, our own, too.
    pub fn reload(&mut self, now: Now, table: Table) {
        let mut engines = Engines::new(&table.named);
        let learning = table.learning == Learning::Learn;
        self.engines.clocks(now).for_each(|clock| engines.remember(now, clock, learning));
        (self.engines, self.table, self.own.keys) = (engines, table, KeyRing::default());
    }

    /// A former process has written this clock down.
    pub fn remember(&mut self, now: Now, clock: Clock) {
        if clock.engine != self.own.id {
            self.engines.remember(now, clock, self.table.learning == Learning::Learn);
        }
    }

    /// Our own id, and how often we have started.
    pub fn own(&self) -> (EngineId, u32) {
        (self.own.id, self.own.boots)
    }

    /// A clock that is to be written down, so that no replay works after a restart.
    pub fn poll_clock(&mut self) -> Option<Clock> {
        self.news.pop()
    }

    /// An engine that has proven itself and waits for the operator; told once.
    pub fn poll_awaiting(&mut self) -> Option<EngineId> {
        self.told.pop()
    }

    /// The engine has lost its clock, and somebody else than its messages says so.
    pub fn set_clock(&mut self, now: Now, clock: Clock) {
        let place = self.engines.place(clock.engine.octets());
        if let Some(engine) = place.and_then(|place| self.engines.get_mut(place)) {
            let clock = engine.set(now, clock.boots, clock.time);
            self.tell(clock);
        }
    }

    /// To be written down: the newest of each engine.
    fn tell(&mut self, clock: Clock) {
        self.news.retain(|older| older.engine != clock.engine);
        self.news.push(clock);
    }

    /// Opens a message; what was sealed is written into `plain`.
    pub fn open<'a>(&mut self, now: Now, datagram: &'a [u8], plain: &'a mut Vec<u8>) -> Result<Opened<'a>, Refused> {
        let message = Version3::parse(datagram)?;
        let under = self.under(now, &message)?;
        let user = self.user(now, &message)?;
        let (lost, scoped) = self.prove(now, &message, datagram, under, user, plain)?;
        let notification = Message::of_version3(scoped.pdu)?;
        match (under, &notification.pdu) {
            // Of a Trap its sender is the authority, of an Inform we are.
            (Under::Own, Pdu::Inform { .. }) | (Under::Known(_) | Under::Unknown(_), Pdu::TrapV2 { .. }) => {}
            (_, _) => return Err(DropReason::UnknownEngine.into()),
        }
        let authenticated = message.level >= Level::Auth;
        let Parameters { boots, time, .. } = message.parameters;
        let answer = matches!(under, Under::Own).then_some(Answer {
            id: message.id,
            level: message.level,
            user,
            max_size: message.max_size,
            engine: scoped.engine,
            name: scoped.name,
        });
        let news = authenticated.then_some(News { under, boots, time });
        Ok(Opened { message: notification, authenticated, lost, answer, news })
    }

    /// Step 3: whose engine it is.
    fn under(&mut self, now: Now, message: &Version3<'_>) -> Result<Under, Refused> {
        let engine = message.parameters.engine;
        if engine == self.own.id.octets() {
            return Ok(Under::Own);
        }
        if let Some(place) = self.engines.place(engine) {
            return Ok(Under::Known(place));
        }
        if self.table.others.iter().any(|other| other.octets() == engine) {
            return Err(DropReason::OtherServersBmc.into());
        }
        match EngineId::new(engine) {
            // Who waits for an answer speaks to us, and does not know who we are.
            Some(id) if self.table.learning != Learning::Never && !message.may_be_reported() => Ok(Under::Unknown(id)),
            Some(_) | None => Err(self.reported(now, message, Stat::UnknownEngineIds, DropReason::UnknownEngine)),
        }
    }

    /// Steps 4 and 5: the user, and what it can do.
    fn user(&mut self, now: Now, message: &Version3<'_>) -> Result<usize, Refused> {
        let place = self.table.users.iter().position(|user| user.name == message.parameters.user);
        let Some((place, user)) = place.and_then(|place| Some((place, self.table.users.get(place)?))) else {
            return Err(self.reported(now, message, Stat::UnknownUserNames, DropReason::UnknownUser));
        };
        if message.level > user.level() {
            return Err(self.reported(now, message, Stat::UnsupportedSecLevels, DropReason::UnsupportedLevel));
        }
        // Who can authenticate must.
        if message.level < self.table.least || (message.level == Level::NoAuth && user.level() > Level::NoAuth) {
            return Err(self.reported(now, message, Stat::UnsupportedSecLevels, DropReason::TooWeak));
        }
        Ok(place)
    }

    /// Steps 6 to 8: the code, the clock, the content. Changes nothing that could be told apart from outside. Too old a
    /// message of another engine is opened all the same: its engine may have lost its clock.
    fn prove<'a>(
        &mut self,
        now: Now,
        message: &Version3<'a>,
        datagram: &[u8],
        under: Under,
        user: usize,
        plain: &'a mut Vec<u8>,
    ) -> Result<(Option<Clock>, Scoped<'a>), Refused> {
        let Parameters { engine, boots, time, salt, .. } = message.parameters;
        let sealed = match message.data {
            // Without a code there is nothing to prove, and no clock.
            Data::Plain(scoped) if message.level == Level::NoAuth => return Ok((None, Scoped::parse(scoped)?)),
            Data::Plain(scoped) => Err(scoped),
            Data::Sealed(sealed) => Ok(sealed),
        };
        let Some(known) = self.table.users.get(user) else { return Err(DropReason::UnknownUser.into()) };
        let mut fresh = KeyRing::default();
        let (ring, named) = match under {
            Under::Own => (&mut self.own.keys, false),
            Under::Known(place) => match self.engines.get_mut(place) {
                Some(Engine { keys, named, .. }) => (keys, *named),
                None => return Err(DropReason::UnknownEngine.into()),
            },
            Under::Unknown(_) => (&mut fresh, false),
        };
        let Some(keys) = ring.of(user, known, engine, named) else {
            return Err(self.reported(now, message, Stat::UnknownUserNames, DropReason::UnknownUser));
        };
        if !keys.mac.verifies(datagram, message.code_at.clone()) {
            return Err(self.reported(now, message, Stat::WrongDigests, DropReason::WrongDigest));
        }
        let mac = keys.mac.clone();
        let opened = match sealed {
            Err(_) => Ok(()),
            Ok(sealed) => {
                plain.clear();
                plain.extend_from_slice(sealed);
                match keys.cipher(known, engine, named) {
                    Some(cipher) => cipher.open(boots, time, salt, plain).map_err(drop),
                    None => Err(()),
                }
            }
        };
        let lost = self.timely(now, message, under, &mac)?;
        let scoped = match (sealed, opened) {
            (Err(scoped), _) => return Ok((lost, Scoped::parse(scoped)?)),
            (Ok(_), Ok(())) => Scoped::parse_padded(plain).ok(),
            (Ok(_), Err(())) => None,
        };
        match scoped {
            Some(scoped) => Ok((lost, scoped)),
            None => Err(self.reported(now, message, Stat::DecryptionErrors, DropReason::DecryptionError)),
        }
    }

    /// Step 7. An engine's clock that stands behind what is known of it is handed back: it may be lost.
    fn timely(&mut self, now: Now, message: &Version3<'_>, under: Under, mac: &Mac) -> Result<Option<Clock>, Refused> {
        let Parameters { boots, time, .. } = message.parameters;
        match under {
            Under::Own if self.own.is_timely(now, boots, time) => Ok(None),
            Under::Own => {
                let report = self.own.report(now, message, Stat::NotInTimeWindows, Some(mac));
                Err(Refused { report, ..DropReason::NotInTimeWindow.into() })
            }
            // Behind the last boots there is no order, from the first message on; and no log says whether it is fresh.
            Under::Known(_) | Under::Unknown(_) if boots == MAX_COUNT => Err(DropReason::NotInTimeWindow.into()),
            Under::Known(place) => match self.engines.get_mut(place) {
                Some(engine) if engine.judge(now, boots, time) == Timely::Old => {
                    Ok(Some(Clock { engine: engine.id, boots, time }))
                }
                Some(_) | None => Ok(None),
            },
            Under::Unknown(_) => Ok(None),
        }
    }

    /// An authentic and fresh message of somebody who may speak moves its engine's clock, or makes its engine known.
    pub(super) fn commit(&mut self, now: Now, news: News) -> Result<Option<EngineId>, DropReason> {
        let News { under, boots, time } = news;
        let engine = match under {
            Under::Own => return Ok(None),
            Under::Known(place) => self.engines.get_mut(place),
            Under::Unknown(id) => match self.table.learning {
                Learning::Learn => self.engines.learn(id),
                Learning::Approve => {
                    if self.engines.await_approval(id) {
                        self.told.truncate(MAX_AWAITING - 1);
                        self.told.push(id);
                    }
                    return Err(DropReason::EngineAwaitsApproval);
                }
                Learning::Never => None,
            },
        };
        let engine = engine.ok_or(DropReason::UnknownEngine)?;
        let (id, clock) = (engine.id, engine.adopt(now, boots, time));
        clock.into_iter().for_each(|clock| self.tell(clock));
        Ok(Some(id))
    }

    fn reported(&mut self, now: Now, message: &Version3<'_>, stat: Stat, reason: DropReason) -> Refused {
        Refused { report: self.own.report(now, message, stat, None), ..reason.into() }
    }

    /// The response to an Inform, protected as that was; `None` if it is larger than its sender takes.
    pub(super) fn respond(&mut self, now: Now, answer: &Answer<'_>, inform: &Message<'_>) -> Option<Vec<u8>> {
        let user = self.table.users.get(answer.user)?;
        let (boots, time, id) = (self.own.boots, self.own.time(now), self.own.id);
        let salt = self.own.salt();
        let (mut pdu, mut scoped) = (Vec::new(), Vec::new());
        if !response_pdu(inform, &mut pdu) {
            return None;
        }
        usm::emit_scoped(answer.engine, answer.name, &pdu, &mut scoped);
        let keys = self.own.keys.of(answer.user, user, id.octets(), false);
        let (mac, salt) = match (answer.level, keys) {
            (Level::NoAuth, _) => (None, &[][..]),
            (_, None) => return None,
            (Level::Auth, Some(keys)) => (Some(keys.mac.clone()), &[][..]),
            (Level::AuthPriv, Some(keys)) => {
                let mac = keys.mac.clone();
                keys.cipher(user, id.octets(), false)?.seal(boots, time, salt, &mut scoped);
                (Some(mac), &salt[..])
            }
        };
        let zeros = [0; 48];
        let code = mac.as_ref().map_or(0, |mac| mac.auth().code_octets());
        let parameters = Parameters { engine: id.octets(), boots, time, user: &user.name, code: &zeros[..code], salt };
        let head = Head { id: answer.id, level: answer.level, reportable: false, parameters };
        let mut out = Vec::new();
        let at = usm::emit(&head, &scoped, &mut out);
        if let Some(mac) = mac {
            mac.sign(&mut out, at);
        }
        (out.len() <= usize::try_from(answer.max_size).unwrap_or(usize::MAX)).then_some(out)
    }
}
