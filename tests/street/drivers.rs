//! Who runs the library: a context of this process in either mode, or a program that is given the
//! configuration as a file. A program that is not there is named and skipped, or fails where peers
//! are required.

use crate::bmcs::{Bmc, Word};
use crate::host::Host;
use crate::peers;
use crate::site::{Site, quoted};
use crate::wait;
use bmcnotice::{Answer, Mode};
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// How it is seen that a program's recovery was called.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// The recovery is a command of the configuration, which leaves a line.
    Script,
    /// The program's own callback prints a line that begins so.
    Prints(&'static str),
}

/// A program that runs the library until it is asked to end by SIGTERM.
#[derive(Debug)]
pub struct Program {
    pub name: &'static str,
    /// What must be there, below the project's folder.
    files: &'static [&'static str],
    /// What is run, in the configuration's folder; its path follows.
    argv: &'static [&'static str],
    calls: Calls,
}

/// Where `argv` names the Python of the tests.
const PYTHON: &str = "(python)";

pub const PROGRAMS: [Program; 4] = [
    Program {
        name: "C, thread mode",
        files: &["build/thread-example"],
        argv: &["build/thread-example"],
        calls: Calls::Prints("recovery of"),
    },
    Program {
        name: "C, epoll",
        files: &["build/epoll-example"],
        argv: &["build/epoll-example"],
        calls: Calls::Prints("recovery of"),
    },
    Program {
        name: "Python",
        files: &["examples/recovery.py"],
        argv: &[PYTHON, "examples/recovery.py"],
        calls: Calls::Prints("moving"),
    },
    Program { name: "bmcnotice run", files: &[], argv: &["(bmcnotice)", "run", "-c"], calls: Calls::Script },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The command line is built with feature `cli`, and only then tested here.
const COMMAND_LINE: Option<&str> = option_env!("CARGO_BIN_EXE_bmcnotice");

/// The command line.
pub fn bmcnotice() -> Command {
    Command::new(COMMAND_LINE.unwrap_or("bmcnotice"))
}

/// Whether there is one that can be a daemon. If not, the test has been reported as skipped, or fails here.
#[must_use]
pub fn has_daemon(test: &str) -> bool {
    PROGRAMS[3].is_there(test)
}

impl Program {
    fn has_subcommand(path: &str) -> bool {
        Command::new(path).args(["run", "--help"]).output().is_ok_and(|output| output.status.success())
    }

    /// Whether it can be run. If not, the test has been reported as skipped, or fails here.
    #[must_use]
    pub fn is_there(&self, test: &str) -> bool {
        let mut needs: Vec<String> = self.files.iter().map(|file| root().join(file).display().to_string()).collect();
        for word in self.argv {
            match *word {
                PYTHON if python_has_us() => {}
                PYTHON => needs.push(format!("bmcnotice in {}", python().display())),
                "(bmcnotice)" if COMMAND_LINE.is_some_and(Self::has_subcommand) => {}
                "(bmcnotice)" => needs.push("bmcnotice run".into()),
                _ => {}
            }
        }
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        peers::have(&format!("{test}, {}", self.name), &needs)
    }

    fn command(&self, config: &Path) -> Command {
        let word = |word: &str| match word {
            PYTHON => python(),
            "(bmcnotice)" => COMMAND_LINE.unwrap_or("bmcnotice").into(),
            path => root().join(path),
        };
        let mut command = Command::new(word(self.argv[0]));
        command.args(self.argv[1..].iter().map(|argument| match *argument {
            file if root().join(file).is_file() => root().join(file),
            option => option.into(),
        }));
        command.arg(config);
        command
    }
}

fn python() -> PathBuf {
    env::var_os("BMCNOTICE_PYTHON").map_or_else(|| root().join("target/venv/bin/python"), PathBuf::from)
}

/// The wheel is installed where the Python tests are.
fn python_has_us() -> bool {
    Command::new(python()).args(["-c", "import bmcnotice"]).output().is_ok_and(|output| output.status.success())
}

/// Who runs the library.
#[derive(Debug, Clone, Copy)]
pub enum Driver {
    InProcess(Mode),
    Program(&'static Program),
}

/// A driver at work.
pub enum Running {
    InProcess { host: Host, heard: Arc<Mutex<Vec<Word>>> },
    Program { child: Child, folder: PathBuf, calls: Calls },
}

impl Driver {
    pub const IN_PROCESS: [Self; 2] = [Self::InProcess(Mode::Loop), Self::InProcess(Mode::Thread)];

    /// Starts it; its recovery is done at once.
    pub fn start(self, site: &mut Site, bmc: &Arc<dyn Bmc>) -> Running {
        match self {
            Self::InProcess(mode) => {
                let (heard, asks) = (Arc::new(Mutex::new(Vec::new())), bmc.clone());
                let then = heard.clone();
                let host = Host::with(site, mode, move |_| {
                    *then.lock().unwrap() = asks.recoveries();
                    Answer::Done
                });
                Running::InProcess { host, heard }
            }
            Self::Program(program) => {
                let folder = site.folder.path().to_owned();
                match program.calls {
                    Calls::Script => site.script(&format!("echo called >> {}/calls", folder.display())),
                    Calls::Prints(_) => site.monitor("recovery", quoted("callback")),
                };
                let out = File::create(folder.join("out")).unwrap();
                let child = program
                    .command(&site.file())
                    .current_dir(&folder)
                    .stdout(out.try_clone().unwrap())
                    .stderr(out)
                    .spawn()
                    .unwrap_or_else(|error| panic!("{}: {error}", program.name));
                Running::Program { child, folder, calls: program.calls }
            }
        }
    }
}

impl Running {
    /// How often the recovery was called.
    pub fn calls(&self) -> usize {
        let lines = |file: &str, begin: &str| {
            let Self::Program { folder, .. } = self else { return 0 };
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            text.lines().filter(|line| line.starts_with(begin)).count()
        };
        match self {
            Self::InProcess { host, .. } => host.calls(),
            Self::Program { calls: Calls::Script, .. } => lines("calls", ""),
            Self::Program { calls: Calls::Prints(begin), .. } => lines("out", begin),
        }
    }

    /// What the BMC had heard of recoveries when the recovery was called; none if that cannot be told.
    pub fn heard_before(&self) -> Option<Vec<Word>> {
        match self {
            Self::InProcess { heard, .. } => Some(heard.lock().unwrap().clone()),
            Self::Program { .. } => None,
        }
    }

    /// For a failed test.
    pub fn story(&self) -> String {
        match self {
            Self::InProcess { host, .. } => format!("{:#?}\n{:#?}", host.log(), host.statistics()),
            Self::Program { folder, .. } => fs::read_to_string(folder.join("out")).unwrap_or_default(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self::Program { child, .. } = self else { return };
        let pid = child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let mut ended = false;
        if !std::thread::panicking() {
            wait::until("the program ends when asked to", String::new, || {
                ended = child.try_wait().is_ok_and(|status| status.is_some());
                ended
            });
        }
        if !ended {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
