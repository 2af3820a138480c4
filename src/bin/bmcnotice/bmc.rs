//! `bmcnotice bmc ...`: visits one BMC, or each of them, and asks or sets what the operator wants.
//!
//! One file a subcommand; `guest` is what they share.

mod audit;
mod guest;
mod pin;
mod setup;

use crate::exit::Exit;
use crate::out::Out;

/// Ask a BMC what it would do, set it, learn who it is
///
/// Each command opens one session to the BMC, with the login of the configuration, and closes it.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Audit(audit::Arguments),
    Setup(setup::Arguments),
    Pin(pin::Arguments),
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match &arguments.command {
        Command::Audit(arguments) => audit::main(arguments, out),
        Command::Setup(arguments) => setup::main(arguments, out),
        Command::Pin(arguments) => pin::main(arguments, out),
    }
}
