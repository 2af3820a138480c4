//! What `sim` prints of its BMCs: for people, or as JSON.

use crate::clock;
use crate::out::{Look, Out};
use bmcnotice::io::simulate::Happened;
use bmcnotice::sim::{Bmc, Event, Handshaking, Power};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// How it is printed.
pub struct Show<'a> {
    /// As JSON.
    pub json: bool,
    /// Every command, too; of a fleet, sessions as well.
    pub verbose: bool,
    /// Where to.
    pub out: &'a Out,
}

/// A server's power in a word.
pub fn power(power: Power) -> &'static str {
    match power {
        Power::Off => "off",
        Power::Cycling { .. } => "cycling",
        Power::Booting { .. } => "booting",
        Power::Up => "up",
    }
}

impl Show<'_> {
    /// Something happened; in a fleet, at the BMC with this address.
    pub fn happened(&self, address: Option<Ipv4Addr>, happened: &Happened) {
        if !self.verbose && matches!(happened.event, Event::Command(_)) {
            return;
        }
        if self.json {
            return self.out.json(&of(address, super::json::happened(happened)));
        }
        let time = clock::stamp(happened.at.wall);
        let look = match happened.event {
            Event::FaultDetected { .. } | Event::PatienceOver | Event::Reset { .. } | Event::PowerOff => Look::Bad,
            Event::RecoveryStarted { .. } | Event::RecoveryEnded { .. } | Event::Armed { .. } => Look::Strong,
            _ => Look::Plain,
        };
        let (time, what) = (self.out.paint(Look::Faint, time), self.out.paint(look, &happened.event));
        match address {
            Some(address) => self.out.line(format_args!("{time}  {address:15}  {what}")),
            None => self.out.line(format_args!("{time}  {what}")),
        }
    }

    /// How a BMC is; in a fleet, the one with this address.
    pub fn status(&self, address: Option<Ipv4Addr>, bmc: &Bmc) {
        let (power, handshake) = (power(bmc.power()), bmc.handshaking());
        let (resets, records, sessions) = (bmc.resets(), bmc.sel().len(), bmc.sessions().0);
        let handshake = match handshake {
            Handshaking::Unarmed => "unarmed",
            Handshaking::Armed => "armed",
            Handshaking::Holding { .. } => "holding a reset",
        };
        if self.json {
            return self.out.json(&of(
                address,
                json!({
                    "event": "status", "server": power, "handshake": handshake, "resets": resets,
                    "sel_records": records, "sessions": sessions,
                }),
            ));
        }
        let whose = address.map(|address| format!("{address}: ")).unwrap_or_default();
        self.out.line(format_args!(
            "{whose}server {power}, handshake {handshake}, {resets} resets, {records} records in the event log, {sessions} sessions"
        ));
    }
}

/// The same, saying of which BMC of a fleet it is.
fn of(address: Option<Ipv4Addr>, mut object: Value) -> Value {
    if let (Some(address), Value::Object(fields)) = (address, &mut object) {
        fields.insert("address".into(), address.to_string().into());
    }
    object
}
