//! Runs the operator's commands: starts them through a keeper, collects what they print, tells how they ended.

use super::child::{Alone, Child, Ending, Order, Output};
use super::sys::Epoll;
use crate::engine::{COMMAND_GRACE, Command, CommandEvent, Print, Urgency};
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::io::{Error, Result};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Limit: octets of one command's output that are handed on; the rest is read and thrown away.
const OUTPUT_BYTES: usize = 16 * 1024;
/// Limit: lines of it.
const OUTPUT_LINES: usize = 200;
/// Stands in the place of what is thrown away.
const CUT: &str = "(it prints more, which is not shown)";
/// Limit: octets of one command's standard output that are kept; a command that prints more has failed.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// Octets read at once: as many as a pipe holds.
const READ_BYTES: usize = 64 * 1024;
/// Limit: reads of one command's output in one round.
const READS_PER_POLL: usize = 4;
/// How much later than us a keeper ends a command: it is to do so only when we are dead or stuck.
const KEEPER_LATER: Duration = Duration::from_secs(1);
/// Locked by a keeper, an octet for each monitor, as long as its command runs.
const LOCK_NAME: &str = "commands.lock";

/// Something happened to a command.
#[derive(Debug)]
pub struct Happened {
    /// The recovery it serves.
    pub token: u64,
    /// What happened.
    pub event: CommandEvent,
}

#[derive(Debug)]
struct Running {
    token: u64,
    child: Child,
    lines: Lines,
    /// What it printed so far, if that is to be kept.
    kept: Option<Vec<u8>>,
    /// It was asked to end.
    asked: bool,
}

/// The commands that run, in an epoll set of their own.
#[derive(Debug)]
pub struct Actions {
    epoll: Epoll,
    running: Vec<Running>,
    happened: VecDeque<Happened>,
    lock: Option<CString>,
    buffer: Vec<u8>,
}

impl Actions {
    /// None runs. In `folder`, if there is one, commands lock a file so that none runs beside an earlier one of
    /// the same monitor.
    pub fn new(folder: Option<&Path>) -> Result<Self> {
        let lock = folder.map(|folder| CString::new(folder.join(LOCK_NAME).as_os_str().as_bytes())).transpose()?;
        let epoll = Epoll::new()?;
        Ok(Self { epoll, running: Vec::new(), happened: VecDeque::new(), lock, buffer: Vec::new() })
    }

    /// Readable while `poll` may have something.
    pub fn epoll(&self) -> &Epoll {
        &self.epoll
    }

    /// Starts a command. That it could not be started is an event like its end, and comes at once: nothing
    /// would make the set readable for it.
    pub fn run(&mut self, command: Command) -> Option<Happened> {
        let token = command.token;
        match self.start(command) {
            Ok(running) => {
                self.running.push(running);
                None
            }
            Err(error) => Some(Happened { token, event: CommandEvent::NotStarted(error.to_string()) }),
        }
    }

    fn start(&mut self, command: Command) -> Result<Running> {
        let argv = command.argv.into_iter().map(CString::new).collect::<std::result::Result<Vec<_>, _>>()?;
        // What a trap said may hold anything; no zero octet of it is to stop a recovery.
        let clean = |text: String| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let env: Vec<CString> = command.env.into_iter().map(clean).collect();
        let argv: Vec<&CStr> = argv.iter().map(CString::as_c_str).collect();
        let env: Vec<&CStr> = env.iter().map(CString::as_c_str).collect();
        let keep = command.print == Print::Keep;
        let alone = self.lock.as_deref().zip(command.alone).map(|(file, number)| Alone { file, number });
        let child = Child::spawn(&Order {
            argv: &argv,
            env: &env,
            // One octet more than we take tells us that there is more.
            output: if keep { Output::Apart { room: KEPT_BYTES + 1 } } else { Output::Together },
            room: OUTPUT_BYTES + 1,
            time: command.time.saturating_add(KEEPER_LATER),
            grace: COMMAND_GRACE,
            alone,
        })?;
        self.epoll.add(&child)?;
        for readable in child.readable() {
            self.epoll.add(readable)?;
        }
        self.buffer.resize(READ_BYTES, 0);
        let kept = keep.then(Vec::new);
        Ok(Running { token: command.token, child, lines: Lines::default(), kept, asked: false })
    }

    /// Runs a command that nobody waits for but us, and no longer than this; whether it ended well.
    pub fn run_alone(command: Command, patience: Duration) -> Result<bool> {
        let mut alone = Self::new(None)?;
        let token = command.token;
        if alone.run(command).is_some() {
            return Ok(false);
        }
        let until = Instant::now() + patience;
        loop {
            while let Some(happened) = alone.poll() {
                match happened.event {
                    CommandEvent::Printed(_) => {}
                    event => return Ok(event == CommandEvent::Exited(0)),
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                alone.signal(token, Urgency::Kill);
                return Ok(false);
            }
            alone.epoll.wait(Some(left));
        }
    }

    /// Asks a command, and all it started in its group, to end.
    pub fn signal(&mut self, token: u64, urgency: Urgency) {
        let signal = match urgency {
            Urgency::Ask => libc::SIGTERM,
            Urgency::Kill => libc::SIGKILL,
        };
        for running in self.running.iter_mut().filter(|running| running.token == token) {
            running.asked = true;
            // It fails only when there is nobody left to hear it.
            let _ = running.child.signal(signal);
        }
    }

    /// The next thing that happened, if any; does not block.
    pub fn poll(&mut self) -> Option<Happened> {
        if self.happened.is_empty() && !self.running.is_empty() {
            self.look();
        }
        self.happened.pop_front()
    }

    fn look(&mut self) {
        let mut place = 0;
        while place < self.running.len() {
            let running = &mut self.running[place];
            running.read(READS_PER_POLL, &mut self.buffer, &mut self.happened);
            if running.asked && matches!(running.child.peek(), Ok(Some(_))) {
                // It did as asked; what it started may be deaf, and would run on beside the next recovery.
                let _ = running.child.signal(libc::SIGKILL);
            }
            match running.child.poll() {
                Ok(None) => place += 1,
                ended => {
                    // What its keeper left in the pipes, and it is gone: that is bounded.
                    running.read(usize::MAX, &mut self.buffer, &mut self.happened);
                    let over = self.running.swap_remove(place);
                    self.tell(over, ended);
                }
            }
        }
        if self.running.is_empty() {
            self.buffer = Vec::new(); // between recoveries it is not needed
        }
    }

    fn tell(&mut self, over: Running, ended: Result<Option<Ending>>) {
        let Running { token, mut lines, kept, .. } = over;
        let mut tell = |event| self.happened.push_back(Happened { token, event });
        lines.finish(&mut tell);
        let ending = match ended {
            Ok(Some(Ending::Exited(status))) => CommandEvent::Exited(status),
            Ok(Some(Ending::Killed(signal))) => CommandEvent::Killed(signal),
            Ok(Some(Ending::NotStarted(errno))) => {
                CommandEvent::NotStarted(Error::from_raw_os_error(errno).to_string())
            }
            Ok(Some(Ending::Lost) | None) | Err(_) => CommandEvent::Lost,
        };
        match kept {
            Some(kept) if kept.len() > KEPT_BYTES => tell(CommandEvent::Overflowed),
            Some(kept) if !matches!(ending, CommandEvent::NotStarted(_)) => {
                tell(CommandEvent::Kept(kept));
                tell(ending);
            }
            Some(_) | None => tell(ending),
        }
    }
}

impl Running {
    fn read(&mut self, reads: usize, buffer: &mut [u8], happened: &mut VecDeque<Happened>) {
        let token = self.token;
        let mut tell = |event| happened.push_back(Happened { token, event });
        for _ in 0..reads {
            let (mut count, mut spoken) = (self.child.read(buffer), 0);
            match &mut self.kept {
                Some(kept) => {
                    let begun = kept.len();
                    kept.extend_from_slice(&buffer[..count.min(KEPT_BYTES + 1 - begun)]);
                    if begun <= KEPT_BYTES && kept.len() > KEPT_BYTES {
                        let _ = self.child.signal(libc::SIGKILL); // whatever it says, it cannot be used
                    }
                    spoken = self.child.read_errors(buffer);
                }
                None => core::mem::swap(&mut count, &mut spoken),
            }
            self.lines.take(&buffer[..spoken], &mut tell);
            if count + spoken == 0 {
                return;
            }
        }
    }
}

/// What a command prints, as lines for the log.
#[derive(Debug, Default)]
struct Lines {
    /// The line that it is printing.
    line: Vec<u8>,
    octets: usize,
    count: usize,
    /// It has printed more than is shown, and that was said.
    cut: bool,
}

impl Lines {
    fn take(&mut self, octets: &[u8], tell: &mut impl FnMut(CommandEvent)) {
        let keep = octets.len().min(OUTPUT_BYTES - self.octets);
        self.octets += keep;
        self.line.extend_from_slice(&octets[..keep]);
        while self.count < OUTPUT_LINES
            && let Some(end) = self.line.iter().position(|&octet| octet == b'\n')
        {
            self.count += 1;
            tell(CommandEvent::Printed(text(&self.line[..end])));
            self.line.drain(..=end);
        }
        let more = keep < octets.len() || self.count == OUTPUT_LINES && !self.line.is_empty();
        if self.count == OUTPUT_LINES {
            self.line.clear();
        }
        if more && !self.cut {
            self.cut = true;
            tell(CommandEvent::Printed(CUT.into()));
        }
    }

    /// What stands behind the last newline.
    fn finish(&mut self, tell: &mut impl FnMut(CommandEvent)) {
        if !self.line.is_empty() {
            tell(CommandEvent::Printed(text(&core::mem::take(&mut self.line))));
        }
    }
}

/// What a command printed, fit for a log: no control characters.
fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Print;

    #[test]
    fn a_command_alone_is_waited_for_and_no_longer() {
        let run = |script: &str| {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            let command = Command {
                token: 0,
                argv,
                env: Vec::new(),
                print: Print::Log,
                time: Duration::from_secs(60),
                alone: None,
            };
            Actions::run_alone(command, Duration::from_millis(500)).unwrap()
        };
        assert!(!run("exit 3"));
        let begun = Instant::now();
        assert!(!run("exec /bin/sleep 60"));
        assert!(begun.elapsed() < Duration::from_secs(30));
        let patient = Command {
            token: 0,
            argv: vec!["/bin/true".to_owned()],
            env: Vec::new(),
            print: Print::Log,
            time: Duration::from_secs(60),
            alone: None,
        };
        assert!(Actions::run_alone(patient, Duration::from_secs(20)).unwrap());
    }
}
