//! `bmcnotice bmc ...`: visits one BMC, or each of them, and asks or sets what the operator wants.
//!
//! One file a subcommand; `guest` is what they share.

mod audit;
pub mod drill;
mod guest;
mod pin;
mod setup;

use crate::exit::Exit;
use crate::out::Out;

/// Ask a BMC what it would do, set it, learn who it is, prove its path
///
/// This server's own BMC is asked in-band where the configuration says so (link), another one over
/// LAN: in one session, with the login of the configuration. drill asks the daemon to, where one runs.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Audit(audit::Arguments),
    Drill(drill::Arguments),
    Setup(setup::Arguments),
    Pin(pin::Arguments),
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match &arguments.command {
        Command::Audit(arguments) => audit::main(arguments, out),
        Command::Drill(arguments) => drill::main(arguments, out),
        Command::Setup(arguments) => setup::main(arguments, out),
        Command::Pin(arguments) => pin::main(arguments, out),
    }
}
