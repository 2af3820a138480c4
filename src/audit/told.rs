//! What a BMC told of itself, and of each thing that it did not tell, why.
//!
//! Plain values: `ask` fills them, `judge` and `wanted` read them. Uses `wire` for their types.

use crate::bmc::failure::Failure;
use crate::crypto::Secret;
use crate::wire::account::{ChannelAccess, LoginKinds, UserAccess};
use crate::wire::command::DeviceId;
use crate::wire::ipmi::{Completion, Error};
use crate::wire::lan::{Destination, DestinationAddress, SuitePrivileges};
use crate::wire::pef::alert::LastProcessed;
use crate::wire::pef::filter::{Filter, Policy};
use crate::wire::pef::{Capabilities, PetGuid};
use crate::wire::sel::SelInfo;
use crate::wire::session_info::SessionInfo;
use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;

/// The channel that one comes by in-band; it has no alerts.
const SYSTEM_INTERFACE: u8 = 0x0F;

/// Why a BMC did not tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    /// It does not have the command or the parameter.
    Unknown(Completion),
    /// It refused.
    Refused(Completion),
    /// Its answer is not what the specification says.
    Malformed(Error),
    /// It did not answer.
    Unanswered(Failure),
    /// It was not asked: it had stopped answering, or what the question rests on was not told.
    NotAsked,
}

impl fmt::Display for Unsaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(Completion(0x80)) => f.write_str("this BMC does not have it (80h)"),
            Self::Unknown(code) => write!(f, "this BMC does not know it: {code}"),
            Self::Refused(code) => write!(f, "it refused: {code}"),
            Self::Malformed(_) => f.write_str("its answer is malformed"),
            Self::Unanswered(failure) => write!(f, "{failure}"),
            Self::NotAsked => f.write_str("not asked, for want of another answer"),
        }
    }
}

/// What was told, or why not.
pub type Said<T> = Result<T, Unsaid>;

/// One user, as far as he is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// His number, from 1.
    pub number: u8,
    /// What he may do over the LAN channel.
    pub access: UserAccess,
    /// His name.
    pub name: Said<Vec<u8>>,
}

/// One destination of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct To {
    /// Its number, from 1.
    pub number: u8,
    /// How it is alerted.
    pub how: Said<Destination>,
    /// Where it is.
    pub at: Said<DestinationAddress>,
}

/// Everything that a BMC told.
#[derive(Debug, Clone)]
pub struct Told {
    /// Get Device ID.
    pub device: Said<DeviceId>,
    /// Its LAN channel, where it says what its channels are.
    pub lan: Option<u8>,
    /// How one may log in over that channel; its number is among it.
    pub logins: Said<LoginKinds>,
    /// The channel's settings in force.
    pub channel: Said<ChannelAccess>,
    /// Those that come back after a start of the BMC.
    pub channel_kept: Said<ChannelAccess>,
    /// The global enables.
    pub enables: Said<u8>,
    /// The SEL's state.
    pub sel: Said<SelInfo>,
    /// The BMC's clock, and ours when it told it.
    pub clock: Said<(u32, Duration)>,
    /// The sessions.
    pub sessions: Said<SessionInfo>,
    /// The users, as far as they were asked for.
    pub users: Vec<User>,
    /// Why not all of them are known, if so.
    pub users_end: Said<()>,
    /// The cipher suites that it offers to anybody.
    pub suites: Said<Vec<u8>>,
    /// The same as its configuration lists them; the order of `suite_privileges`.
    pub suite_table: Said<Vec<u8>>,
    /// What each of these may do.
    pub suite_privileges: Said<SuitePrivileges>,
    /// Its IPv4 address, as it believes.
    pub address: Said<Ipv4Addr>,
    /// The community of its traps.
    pub community: Said<Secret>,
    /// How many destinations there are.
    pub destination_count: Said<u8>,
    /// What they are.
    pub destinations: Vec<To>,
    /// Bits of LAN parameter 50.
    pub ipv6: Said<u8>,
    /// What PEF can do.
    pub pef: Said<Capabilities>,
    /// The postpone timer.
    pub postpone: Said<u8>,
    /// Bits of [`crate::wire::pef::control`].
    pub control: Said<u8>,
    /// Bits of [`crate::wire::pef::action`].
    pub actions: Said<u8>,
    /// Seconds.
    pub startup_delay: Said<u8>,
    /// Seconds.
    pub alert_delay: Said<u8>,
    /// How many filters there are.
    pub filter_count: Said<u8>,
    /// What they are, by their numbers.
    pub filters: Vec<(u8, Said<Filter>)>,
    /// How many policy entries there are.
    pub policy_count: Said<u8>,
    /// What they are, by their numbers.
    pub policies: Vec<(u8, Said<Policy>)>,
    /// The GUID of its PETs.
    pub pet_guid: Said<PetGuid>,
    /// How far the filters have come.
    pub processed: Said<LastProcessed>,
    /// Questions that were asked.
    pub asked: u32,
}

impl Default for Told {
    /// Nothing.
    fn default() -> Self {
        const NOTHING: Unsaid = Unsaid::NotAsked;
        Self {
            device: Err(NOTHING),
            lan: None,
            logins: Err(NOTHING),
            channel: Err(NOTHING),
            channel_kept: Err(NOTHING),
            enables: Err(NOTHING),
            sel: Err(NOTHING),
            clock: Err(NOTHING),
            sessions: Err(NOTHING),
            users: Vec::new(),
            users_end: Err(NOTHING),
            suites: Err(NOTHING),
            suite_table: Err(NOTHING),
            suite_privileges: Err(NOTHING),
            address: Err(NOTHING),
            community: Err(NOTHING),
            destination_count: Err(NOTHING),
            destinations: Vec::new(),
            ipv6: Err(NOTHING),
            pef: Err(NOTHING),
            postpone: Err(NOTHING),
            control: Err(NOTHING),
            actions: Err(NOTHING),
            startup_delay: Err(NOTHING),
            alert_delay: Err(NOTHING),
            filter_count: Err(NOTHING),
            filters: Vec::new(),
            policy_count: Err(NOTHING),
            policies: Vec::new(),
            pet_guid: Err(NOTHING),
            processed: Err(NOTHING),
            asked: 0,
        }
    }
}

impl Told {
    /// The number of the LAN channel: which one that is, or else the one that we came by.
    pub fn channel_number(&self) -> Option<u8> {
        let came_by = || self.logins.as_ref().ok().map(|logins| logins.channel).filter(|of| *of != SYSTEM_INTERFACE);
        let told = self.lan.or_else(came_by);
        // Some refuse that question within a session; the session itself is on the channel, too.
        told.or_else(|| Some(self.sessions.as_ref().ok()?.of.as_ref()?.channel))
    }

    /// One destination's type, if it was told.
    pub fn destination(&self, number: u8) -> Option<&Destination> {
        self.destinations.iter().find(|to| to.number == number)?.how.as_ref().ok()
    }

    /// Filters that were told.
    pub fn filters(&self) -> impl Iterator<Item = (u8, &Filter)> {
        self.filters.iter().filter_map(|(number, filter)| Some((*number, filter.as_ref().ok()?)))
    }

    /// Policy entries that were told.
    pub fn policies(&self) -> impl Iterator<Item = (u8, &Policy)> {
        self.policies.iter().filter_map(|(number, policy)| Some((*number, policy.as_ref().ok()?)))
    }
}
