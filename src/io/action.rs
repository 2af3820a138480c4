//! Runs the operator's commands: starts them through a keeper, collects what they print, tells how they ended.

use super::child::{Child, Ending};
use super::sys::Epoll;
use crate::engine::{Command, CommandEvent, Urgency};
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::io::Result;
use std::time::{Duration, Instant};

/// Limit: octets of one command's output that are handed on; the rest is read and thrown away.
const OUTPUT_BYTES: usize = 16 * 1024;
/// Limit: lines of it.
const OUTPUT_LINES: usize = 200;
/// Stands in the place of what is thrown away.
const CUT: &str = "(it prints more, which is not shown)";
/// Octets read at once.
const READ_BYTES: usize = 1024;
/// Limit: reads of one command's output in one round.
const READS_PER_POLL: usize = 16;

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
    /// The line that it is printing.
    line: Vec<u8>,
    octets: usize,
    lines: usize,
    /// It has printed more than is shown, and that was said.
    cut: bool,
    /// It was asked to end.
    asked: bool,
}

/// The commands that run, in an epoll set of their own.
#[derive(Debug)]
pub struct Actions {
    epoll: Epoll,
    running: Vec<Running>,
    happened: VecDeque<Happened>,
}

impl Actions {
    /// None runs.
    pub fn new() -> Result<Self> {
        Ok(Self { epoll: Epoll::new()?, running: Vec::new(), happened: VecDeque::new() })
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

    fn start(&self, command: Command) -> Result<Running> {
        let texts = |list: Vec<String>| list.into_iter().map(CString::new).collect::<std::result::Result<Vec<_>, _>>();
        let (argv, env) = (texts(command.argv)?, texts(command.env)?);
        let argv: Vec<&CStr> = argv.iter().map(CString::as_c_str).collect();
        let env: Vec<&CStr> = env.iter().map(CString::as_c_str).collect();
        let child = Child::spawn(&argv, &env)?;
        self.epoll.add(&child)?;
        self.epoll.add(child.output())?;
        let token = command.token;
        Ok(Running { token, child, line: Vec::new(), octets: 0, lines: 0, cut: false, asked: false })
    }

    /// Runs a command that nobody waits for but us, and no longer than this; whether it ended well.
    pub fn run_alone(command: Command, patience: Duration) -> Result<bool> {
        let mut alone = Self::new()?;
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
            self.read(place);
            let Running { child, asked, .. } = &self.running[place];
            if *asked && matches!(child.peek(), Ok(Some(_))) {
                // It did as asked; what it started may be deaf, and would run on beside the next recovery.
                let _ = child.signal(libc::SIGKILL);
            }
            match child.poll() {
                Ok(None) => place += 1,
                ended => {
                    self.read(place);
                    let mut over = self.running.swap_remove(place);
                    if !over.line.is_empty() {
                        let line = std::mem::take(&mut over.line);
                        self.tell(over.token, CommandEvent::Printed(text(&line)));
                    }
                    let event = match ended {
                        Ok(Some(Ending::Exited(status))) => CommandEvent::Exited(status),
                        Ok(Some(Ending::Killed(signal))) => CommandEvent::Killed(signal),
                        Ok(Some(Ending::Lost) | None) | Err(_) => CommandEvent::Lost,
                    };
                    self.tell(over.token, event);
                }
            }
        }
    }

    fn read(&mut self, place: usize) {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_PER_POLL {
            let running = &mut self.running[place];
            let count = running.child.read(&mut buffer);
            if count == 0 {
                return;
            }
            let keep = count.min(OUTPUT_BYTES - running.octets);
            running.octets += keep;
            running.line.extend_from_slice(&buffer[..keep]);
            let (token, mut lines) = (running.token, Vec::new());
            while running.lines < OUTPUT_LINES
                && let Some(end) = running.line.iter().position(|&octet| octet == b'\n')
            {
                running.lines += 1;
                lines.push(text(&running.line[..end]));
                running.line.drain(..=end);
            }
            if !running.cut && (keep < count || running.lines == OUTPUT_LINES && !running.line.is_empty()) {
                running.cut = true;
                lines.push(CUT.into());
            }
            if running.lines == OUTPUT_LINES {
                running.line.clear();
            }
            for line in lines {
                self.tell(token, CommandEvent::Printed(line));
            }
        }
    }

    fn tell(&mut self, token: u64, event: CommandEvent) {
        self.happened.push_back(Happened { token, event });
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
            let command = Command { token: 0, argv, env: Vec::new(), print: Print::Log };
            Actions::run_alone(command, Duration::from_millis(500)).unwrap()
        };
        assert!(!run("exit 3"));
        let begun = Instant::now();
        assert!(!run("exec /bin/sleep 60"));
        assert!(begun.elapsed() < Duration::from_secs(30));
        let patient = Command { token: 0, argv: vec!["/bin/true".to_owned()], env: Vec::new(), print: Print::Log };
        assert!(Actions::run_alone(patient, Duration::from_secs(20)).unwrap());
    }
}
