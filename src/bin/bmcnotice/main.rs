//! The command line: reads the arguments, hands them to one file a subcommand, returns its exit code.
//!
//! Uses the library's public modules alone. `docs/cli.md` is the page for users.

mod arguments;
mod arrive;
mod bmc;
mod capture;
mod check;
mod clock;
mod control;
mod decode;
mod demo;
mod ended;
mod exit;
mod explain;
mod input;
mod journal;
mod live;
mod out;
mod run;
mod send;
mod sim;
mod status;
mod watch;

use clap::{Parser, Subcommand};
use exit::Exit;
use out::Out;
use std::process::ExitCode;

/// Lets services leave a dying server before its BMC resets it
///
/// A server's BMC notices a fault before the operating system does. bmcnotice receives the BMC's
/// trap, writes it down, tells the BMC that a recovery has started, runs your recovery, and tells
/// the BMC that it has ended. Only then the server is reset.
///
/// Start with:  bmcnotice demo
#[derive(Parser)]
#[command(name = "bmcnotice", version, verbatim_doc_comment)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 the configuration or the command line is wrong,\n\
                        3 the answer is no (decode, explain: refused; send --wait: not acknowledged;\n\
                        check --live: a BMC does not work; status: something needs a look).\n\
                        Every command has its own page: bmcnotice help COMMAND")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Run(run::Arguments),
    Check(check::Arguments),
    Bmc(bmc::Arguments),
    Send(send::Arguments),
    Decode(decode::Arguments),
    Explain(explain::Arguments),
    Status(status::Arguments),
    Watch(watch::Arguments),
    Journal(journal::Arguments),
    Release(control::Release),
    Cancel(control::Cancel),
    Clear(control::Clear),
    Maintenance(control::Maintenance),
    Reload(control::Reload),
    Ended(ended::Arguments),
    Sim(sim::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            // Help that was asked for is no error; a reader who has gone is none either.
            let _ = told.print();
            return if told.use_stderr() { Exit::Wrong } else { Exit::Done }.into();
        }
    };
    let out = Out::new();
    let exit = match arguments.command {
        Command::Demo(arguments) => demo::main(&arguments, &out),
        Command::Run(arguments) => run::main(&arguments),
        Command::Check(arguments) => check::main(&arguments, &out),
        Command::Bmc(arguments) => bmc::main(&arguments, &out),
        Command::Send(arguments) => send::main(&arguments, &out),
        Command::Decode(arguments) => decode::main(&arguments, &out),
        Command::Explain(arguments) => explain::main(&arguments, &out),
        Command::Status(arguments) => status::main(&arguments, &out),
        Command::Watch(arguments) => watch::main(&arguments, &out),
        Command::Journal(arguments) => journal::main(&arguments, &out),
        Command::Release(arguments) => control::release(&arguments, &out),
        Command::Cancel(arguments) => control::cancel(&arguments, &out),
        Command::Clear(arguments) => control::clear(&arguments, &out),
        Command::Maintenance(arguments) => control::maintenance(&arguments, &out),
        Command::Reload(arguments) => control::reload(&arguments, &out),
        Command::Ended(arguments) => ended::main(&arguments, &out),
        Command::Sim(arguments) => sim::main(&arguments, &out),
    };
    exit.after(&out).into()
}
