//! `--on-reset`: a program that does to something real what the BMC does to its simulated server.
//!
//! Its input are the BMC's events, on the BMC's own thread, which waits for nothing here.

use crate::out;
use bmcnotice::io::child::{Child, Ending, Order, Output};
use bmcnotice::io::sys::Epoll;
use bmcnotice::sim::Event;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Limit: runs of the program that wait for the one before; more are lost, and said to be.
const QUEUE_RUNS: usize = 64;
/// Limit: between two looks at what the program prints; a full pipe makes it wait so long.
const LOOK_AT_OUTPUT: Duration = Duration::from_millis(50);
/// Limit: how long one run of the program may take.
const RUN_TIME: Duration = Duration::from_secs(600);
/// Limit: octets of what one run prints that are shown.
const MAX_PRINTED: usize = 65536;
/// The program gets nothing else of our environment.
const PATH: &std::ffi::CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What runs the program, one run after the other.
pub struct Host {
    inlet: SyncSender<&'static str>,
}

impl Host {
    /// Waits for the first event in a thread of its own.
    pub fn new(program: &OsStr) -> io::Result<Self> {
        let program = CString::new(program.as_bytes())?;
        let (inlet, words) = sync_channel(QUEUE_RUNS);
        thread::Builder::new().spawn(move || serve(&program, &words))?;
        Ok(Self { inlet })
    }

    /// Runs the program if this event is one of the server's power; does not wait for it.
    pub fn tell(&self, event: &Event) {
        let word = match event {
            Event::Reset { .. } => "reset",
            Event::PowerOff => "power-off",
            Event::PowerOn => "power-on",
            _ => return,
        };
        if self.inlet.try_send(word).is_err() {
            out::error(format_args!("bmcnotice: --on-reset: {word} is lost: too many runs wait"));
        }
    }
}

fn serve(program: &CString, words: &Receiver<&'static str>) {
    while let Ok(word) = words.recv() {
        match run(program, word) {
            Ok(Ending::Exited(0)) => {}
            Ok(Ending::NotStarted(errno)) => does_not_run(&io::Error::from_raw_os_error(errno)),
            Ok(ending) => out::error(format_args!("bmcnotice: --on-reset: the program did not do it: {ending:?}")),
            Err(error) => does_not_run(&error),
        }
    }
}

fn does_not_run(error: &io::Error) {
    out::error(format_args!("bmcnotice: --on-reset: the program does not run: {error}"));
}

/// One run to its end; what it prints goes to stderr.
fn run(program: &CString, word: &str) -> io::Result<Ending> {
    let word = CString::new(word)?;
    let child = Child::spawn(&Order {
        argv: &[program, &word],
        env: &[PATH],
        output: Output::Together,
        room: MAX_PRINTED,
        time: RUN_TIME,
        grace: Duration::from_secs(5),
        alone: None,
    })?;
    let epoll = Epoll::new()?;
    epoll.add(&child)?;
    let mut buffer = [0; 4096];
    loop {
        epoll.wait(Some(LOOK_AT_OUTPUT));
        let ended = child.poll()?;
        loop {
            let read = child.read(&mut buffer);
            if read == 0 {
                break;
            }
            out::error(String::from_utf8_lossy(&buffer[..read]).trim_end());
        }
        if let Some(ending) = ended {
            return Ok(ending);
        }
    }
}
