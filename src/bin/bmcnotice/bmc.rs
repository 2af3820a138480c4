//! `bmcnotice bmc`: what is done with a BMC by hand, one file each.

pub mod drill;

use crate::exit::Exit;
use crate::out::Out;

/// Look at a BMC, or put it to the test
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Drill(drill::Arguments),
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match &arguments.what {
        What::Drill(arguments) => drill::main(arguments, out),
    }
}
