//! How sessions are opened: the server side of RAKP (IPMI 2.0 sections 13.17 to 13.24).
//!
//! Only suites that guard and encrypt are ever agreed upon. Input is parsed but unproven; uses `suite`, `wire`.

use super::options::{Options, USER_NAME_MAX};
use super::sessions::{
    HALF_OPEN_MAX, HALF_OPEN_TIMEOUT, HalfOpen, Introduction, SESSIONS_MAX, Session, Sessions, Window, privilege,
};
use crate::config::model::Privilege;
use crate::crypto::Random;
use crate::suite::{Exchange, Suite};
use crate::wire::rakp::{
    Algorithms, Answer, Introduced, OpenRequest, OpenResponse, Opened, Proof, Rakp1, Rakp2, Status,
};
use crate::words::Guid;
use core::net::SocketAddr;
use core::time::Duration;

const NO_RESOURCES: Status = Status(0x01);
const INVALID_SESSION: Status = Status(0x02);
const AUTHENTICATION: Status = Status(0x04);
const INTEGRITY: Status = Status(0x05);
const ROLE_INVALID: Status = Status(0x09);
const ROLE_NOT_ALLOWED: Status = Status(0x0A);
const NAME: Status = Status(0x0D);
const CHECK_VALUE: Status = Status(0x0F);
const CONFIDENTIALITY: Status = Status(0x10);

/// How a step of the login went: what to answer, and what to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Answer this.
    Goes(Vec<u8>),
    /// Answer this: a session is open.
    Open(Vec<u8>, u32),
    /// Answer this: it is over.
    Refused(Vec<u8>, Vec<u8>, Status),
    /// The console itself gave up; there is no answer.
    Abandoned(Vec<u8>, Status),
    /// Not understood, or not ours: no answer.
    Ignored,
}

impl Sessions {
    /// Open Session Request.
    pub fn open_request(
        &mut self,
        now: Duration,
        from: SocketAddr,
        options: &Options,
        random: &mut Random,
        payload: &[u8],
    ) -> Login {
        let Ok(request) = OpenRequest::parse(payload) else { return Login::Ignored };
        let session = Some(request.console_session);
        let answer = |result| OpenResponse { tag: request.tag, session, result }.emit();
        if let Some(half) = self.half.iter().find(|half| half.from == from && half.request == request) {
            return Login::Goes(answer(Ok(half.opened)));
        }
        let granted = if options.quirks.no_slots || self.open.len() >= SESSIONS_MAX {
            Err(NO_RESOURCES)
        } else if request.console_session == 0 {
            Err(INVALID_SESSION)
        } else {
            level(request.privilege).and_then(|level| Ok((level, choose(&options.suites, request.proposal)?)))
        };
        let (level, suite) = match granted {
            Ok(granted) => granted,
            Err(status) => return Login::Refused(answer(Err(status)), Vec::new(), status),
        };
        if self.half.len() >= HALF_OPEN_MAX {
            self.half.remove(0); // the oldest: a flood costs others a repetition, not their turn
        }
        let bmc_session = self.free_id(random);
        let opened = Opened { privilege: level as u8, bmc_session, algorithms: suite.algorithms() };
        let deadline = now + HALF_OPEN_TIMEOUT;
        self.half.reserve_exact(1);
        self.half.push(HalfOpen { from, request, opened, suite, deadline, introduced: None });
        Login::Goes(answer(Ok(opened)))
    }

    fn free_id(&self, random: &mut Random) -> u32 {
        loop {
            let id = random.u32();
            let taken = self.open.iter().any(|session| session.id == id)
                || self.half.iter().any(|half| half.opened.bmc_session == id);
            if id != 0 && !taken {
                return id;
            }
        }
    }

    /// RAKP Message 1. `guid` is the one to show.
    pub fn rakp1(
        &mut self,
        now: Duration,
        from: SocketAddr,
        options: &Options,
        guid: Guid,
        random: &mut Random,
        payload: &[u8],
    ) -> Login {
        let Ok(rakp1) = Rakp1::parse(payload) else { return Login::Ignored };
        let refuse = |session, status| {
            let answer = Rakp2 { tag: rakp1.tag, session: Some(session), result: Err(status) }.emit();
            Login::Refused(answer, rakp1.name.clone(), status)
        };
        let ours = |half: &HalfOpen| half.from == from && half.opened.bmc_session == rakp1.bmc_session;
        let Some(at) = self.half.iter().position(ours) else { return refuse(0, INVALID_SESSION) };
        let half = &mut self.half[at];
        let console = half.request.console_session;
        if let Some(introduced) = half.introduced.as_ref().filter(|introduced| introduced.rakp1 == rakp1) {
            return Login::Goes(introduced.rakp2.clone());
        }
        match who(options, &rakp1, half.opened.privilege) {
            Err(status) => {
                self.half.remove(at);
                refuse(console, status)
            }
            Ok((user, limit)) => {
                let exchange = Exchange {
                    console_session: console,
                    bmc_session: half.opened.bmc_session,
                    console_random: rakp1.random,
                    bmc_random: random.array(),
                    guid,
                    role: rakp1.role,
                    name: rakp1.name.clone(),
                };
                let code = exchange.rakp2_code(half.suite, &options.users[user].key());
                let introduced = Introduced { random: exchange.bmc_random, guid, code: code.octets() };
                let rakp2 = Rakp2 { tag: rakp1.tag, session: Some(console), result: Ok(introduced) }.emit();
                half.deadline = now + HALF_OPEN_TIMEOUT; // it goes on, however slowly
                half.introduced = Some(Introduction { rakp1, exchange, user, limit, rakp2: rakp2.clone() });
                Login::Goes(rakp2)
            }
        }
    }

    /// RAKP Message 3.
    pub fn rakp3(&mut self, now: Duration, from: SocketAddr, options: &Options, payload: &[u8]) -> Login {
        let Ok(rakp3) = Proof::parse(payload) else { return Login::Ignored };
        if let Some(session) = self.open.iter().find(|session| session.from == from && session.proof.0 == payload) {
            return Login::Goes(session.proof.1.clone());
        }
        let named = |half: &HalfOpen| half.from == from && Some(half.opened.bmc_session) == rakp3.session;
        if let Err(status) = rakp3.result {
            let Some(at) = self.half.iter().position(named) else { return Login::Ignored };
            let introduced = self.half.remove(at).introduced;
            return Login::Abandoned(introduced.map_or(Vec::new(), |introduced| introduced.rakp1.name), status);
        }
        let ours = |half: &HalfOpen| half.introduced.is_some() && named(half);
        let Some(at) = self.half.iter().position(ours) else { return Login::Ignored };
        // Whatever follows, this attempt is over.
        let half = self.half.remove(at);
        self.half.shrink_to_fit();
        let Some(introduction) = half.introduced else { return Login::Ignored };
        let Introduction { exchange, user, limit, .. } = introduction;
        let console = half.request.console_session;
        let refuse = |status| {
            let answer = Proof { tag: rakp3.tag, session: Some(console), result: Err(status) }.emit();
            Login::Refused(answer, exchange.name.clone(), status)
        };
        let Ok(code) = rakp3.result else { return Login::Ignored };
        let password = &options.users[user].key();
        if !exchange.rakp3_code(half.suite, password).is(code) {
            return refuse(CHECK_VALUE);
        }
        if self.open.len() >= SESSIONS_MAX {
            return refuse(NO_RESOURCES);
        }
        let keys = exchange.keys(half.suite, password, options.kg.as_ref());
        let check = keys.rakp4_check(&exchange);
        let answer = Answer { tag: rakp3.tag, session: Some(console), result: Ok(check.octets()) }.emit();
        let id = half.opened.bmc_session;
        let handle = self.free_handle();
        self.open.reserve_exact(1); // there is one, as a rule; and there may be thousands of BMCs
        self.open.push(Session {
            id,
            console,
            handle,
            user,
            from,
            keys,
            limit,
            privilege: Privilege::User,
            seen_last: now,
            received: Window::default(),
            sent: 0,
            proof: (payload.to_vec(), answer.clone()),
        });
        Login::Open(answer, id)
    }
}

/// The level that an Open Session Request asks for; zero asks for the highest.
fn level(wanted: u8) -> Result<Privilege, Status> {
    if wanted == 0 { Ok(Privilege::Administrator) } else { privilege(wanted).ok_or(ROLE_INVALID) }
}

/// The best offered suite that fits the proposal.
fn choose(offered: &[u8], proposal: [Option<u8>; 3]) -> Result<Suite, Status> {
    let fits = |wanted: Option<u8>, has: u8| wanted.is_none_or(|wanted| wanted == has);
    let [authentication, integrity, confidentiality] = proposal;
    let mut status = AUTHENTICATION;
    for suite in offered.iter().filter_map(|number| Suite::from_number(*number)) {
        let Algorithms { authentication: a, integrity: i, confidentiality: c } = suite.algorithms();
        match (fits(authentication, a), fits(integrity, i), fits(confidentiality, c)) {
            (true, true, true) => return Ok(suite),
            (true, true, false) => status = CONFIDENTIALITY,
            (true, false, _) if status == AUTHENTICATION => status = INTEGRITY,
            (true, false, _) | (false, _, _) => {}
        }
    }
    Err(status)
}

/// Whom a RAKP 1 names, and the highest privilege of the session to come.
fn who(options: &Options, rakp1: &Rakp1, opened: u8) -> Result<(usize, Privilege), Status> {
    let named = |user: &super::options::User| {
        user.may_log_in() && user.name.len() <= USER_NAME_MAX && user.name.as_bytes() == rakp1.name
    };
    let wanted = level(rakp1.role & 0x0F)?;
    let user = options.users.iter().position(named).filter(|_| !options.quirks.reject_logins).ok_or(NAME)?;
    let limit = options.users[user].privilege;
    let (asked, exact) = (rakp1.role & 0x0F != 0, options.quirks.exact_privilege);
    if asked && wanted > limit || exact && (!asked || wanted != limit) {
        return Err(ROLE_NOT_ALLOWED);
    }
    Ok((user, wanted.min(limit).min(level(opened)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_matched_and_refusals_name_the_reason() {
        let all = [Some(3), Some(4), Some(1)];
        assert_eq!(choose(&[17, 3], all), Ok(Suite::Seventeen));
        assert_eq!(choose(&[3], all), Err(AUTHENTICATION));
        assert_eq!(choose(&[17, 3], [None; 3]), Ok(Suite::Seventeen));
        assert_eq!(choose(&[17, 3], [Some(0), Some(0), Some(0)]), Err(AUTHENTICATION));
        assert_eq!(choose(&[17, 3], [Some(1), Some(0), Some(0)]), Err(INTEGRITY));
        assert_eq!(choose(&[3, 17], [Some(1), Some(1), Some(0)]), Err(CONFIDENTIALITY));
        assert_eq!(choose(&[0, 1, 2], [Some(0), Some(0), Some(0)]), Err(AUTHENTICATION));
    }
}
