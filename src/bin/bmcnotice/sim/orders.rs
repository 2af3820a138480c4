//! What standard input may tell one simulated BMC to do. The words come from a person or a script.

use crate::exit::complain;
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Fault, Quirks};

/// How the orders are written.
pub const ORDERS: &str = "fault NAME, clear NAME, quirk NAME[=VALUE], well, erase, power off|on|reset";

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Order {
    /// A fault appears.
    Fault(Fault),
    /// It goes away.
    Clear(Fault),
    /// It misbehaves.
    Quirk(String),
    /// It does not any more.
    Well,
    /// Its event log is erased.
    Erase,
    /// A button of its server.
    Power(Button),
}

/// A button, and what it is pressed for.
#[derive(Debug, Clone, Copy)]
pub enum Button {
    /// Until it is off.
    Off,
    /// On.
    On,
    /// Reset.
    Reset,
}

/// Why it is no order.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nobody knows these words.
    Words,
    /// There is no fault of this name.
    Fault(String),
    /// There is no such quirk, and why.
    Quirk(String, String),
}

impl Unread {
    /// Says so. `line` is what was typed, `orders` what may be.
    pub fn complain(&self, line: &str, orders: &str) {
        match self {
            Self::Words => complain(format_args!("not understood: {line}"), orders),
            Self::Fault(name) => complain(format_args!("no fault \"{name}\""), &format!("known: {}", names())),
            Self::Quirk(quirk, wrong) => {
                complain(format_args!("quirk \"{quirk}\": {wrong}"), "bmcnotice sim --help lists them");
            }
        }
    }
}

/// The faults that have a name.
pub fn names() -> String {
    Fault::PRESETS.map(|fault| fault.name).join(", ")
}

/// Reads an order.
pub fn read(words: &[&str]) -> Result<Order, Unread> {
    match *words {
        ["erase"] => Ok(Order::Erase),
        ["well"] => Ok(Order::Well),
        ["quirk", quirk] => match Quirks::default().set(quirk) {
            Ok(()) => Ok(Order::Quirk(quirk.to_owned())),
            Err(wrong) => Err(Unread::Quirk(quirk.to_owned(), wrong.to_string())),
        },
        ["fault", name] => fault(name).map(Order::Fault),
        ["clear", name] => fault(name).map(Order::Clear),
        ["power", button] => self::button(button).map(Order::Power),
        _ => Err(Unread::Words),
    }
}

fn fault(name: &str) -> Result<Fault, Unread> {
    Fault::preset(name).ok_or_else(|| Unread::Fault(name.to_owned()))
}

fn button(word: &str) -> Result<Button, Unread> {
    match word {
        "off" => Ok(Button::Off),
        "on" => Ok(Button::On),
        "reset" => Ok(Button::Reset),
        _ => Err(Unread::Words),
    }
}

/// Does it. False: its server has no power to be reset.
pub fn obey(order: &Order, bmc: &mut Bmc, now: Now) -> bool {
    match order {
        Order::Fault(fault) => bmc.raise(now, fault),
        Order::Clear(fault) => bmc.clear(now, fault),
        // It was tried on others when it was read.
        Order::Quirk(quirk) => drop(bmc.quirks_mut().set(quirk)),
        Order::Well => *bmc.quirks_mut() = Quirks::default(),
        Order::Erase => bmc.erase_sel(now),
        Order::Power(Button::Off) => bmc.power_off(now),
        Order::Power(Button::On) => bmc.power_on(now),
        Order::Power(Button::Reset) => return bmc.reset(now),
    }
    true
}
