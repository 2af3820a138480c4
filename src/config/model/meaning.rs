//! What the configuration says about meaning: the site's own classes for IPMI events, and what vendors' traps are.
//!
//! Values only; `native/meaning.rs` and `native/profile.rs` read them, `notice` uses them. Uses `words` and `wire`.

use crate::wire::oid::OidBuf;
use crate::words::Class;

/// What events and traps mean, beyond what the library knows of IPMI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meanings {
    /// The site's judgement of IPMI events; the first that fits counts.
    pub overrides: Vec<Override>,
    /// The site's profiles, then the shipped ones.
    pub profiles: Vec<Profile>,
}

/// The class of some IPMI events, whatever the shipped list and the sender's severity say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// IPMI 2.0, table 42-3.
    pub sensor_type: u8,
    /// Table 42-1; none: every one.
    pub event_type: Option<u8>,
    /// None listed: every one.
    pub offsets: Vec<u8>,
    /// What such an event means while it is asserted.
    pub class: Class,
}

impl Override {
    /// Whether it is about such events.
    pub fn fits(&self, sensor_type: u8, event_type: u8, offset: u8) -> bool {
        self.sensor_type == sensor_type
            && self.event_type.is_none_or(|wanted| wanted == event_type)
            && (self.offsets.is_empty() || self.offsets.contains(&offset))
    }
}

/// What the traps of one vendor's BMCs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What its traps' OIDs begin with, in v2 form.
    pub enterprise: Vec<OidBuf>,
    /// The variables that tell a person what happened; the first that has a text.
    pub text: Vec<OidBuf>,
    /// The variables that say what failed.
    pub region: Vec<OidBuf>,
    /// The variables that identify the part, the same in the trap that clears.
    pub sensor: Vec<OidBuf>,
    /// The variable with the number of the IPMI sensor, where the vendor tells it.
    pub sensor_number: Vec<OidBuf>,
    /// The first that fits counts; a trap that none fits is unclassified.
    pub rules: Vec<ProfileRule>,
}

/// When a trap has which class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRule {
    /// The last arcs of the traps' OIDs; none listed: every trap.
    pub traps: Vec<u32>,
    /// A variable and the values that it must have one of.
    pub value: Option<(OidBuf, Vec<Wanted>)>,
    /// What such a trap means.
    pub class: Class,
    /// What happened, if no variable says so.
    pub text: Option<String>,
    /// What the fault is called: the same in the rule of the trap that clears it.
    pub fault: Option<String>,
    /// The IPMI event that is the same fault: sensor type, event type, offset.
    pub ipmi: Option<[u8; 3]>,
}

/// A value that a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An INTEGER, or any other number.
    Number(i64),
    /// An OCTET STRING of exactly these octets.
    Text(String),
}
