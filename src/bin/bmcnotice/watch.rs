//! `bmcnotice watch`: a live view of what the daemon knows; asks it again and again, over its socket.
//!
//! One thread draws, and waits for nothing but its channel; others ask, read keys and take signals. Where there is no
//! terminal, plain pictures are printed one below the other.

mod frame;
mod keys;
mod screen;
mod scroll;
mod spark;

use crate::arguments;
use crate::control::protocol::Request;
use crate::control::{Socket, cannot_ask, converse, path};
use crate::exit::{Exit, complain, report};
use crate::out::Out;
use crate::status::answer::Answer;
use crate::status::table::COLUMNS;
use crate::status::{refusal, unicode};
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::terminal::{self, Keys, Size};
use frame::{View, frame};
use keys::{Key, Typed};
use parking_lot::Mutex;
use screen::Screen;
use scroll::Scroll;
use std::io::{ErrorKind, IsTerminal, Read, stdin, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Limit: how often the daemon is asked, at the most.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Limit: inputs that wait to be looked at; who has more waits.
const INPUTS: usize = 64;
/// Limit: octets of keys that are read at once.
const TYPED: usize = 64;
/// A question that is not answered for so long is said to be; beside the interval.
const SILENCE: Duration = Duration::from_secs(2);
/// Columns of a picture on paper.
const PAPER: usize = 132;
/// The size of a terminal that does not say.
const USUAL: Size = Size { columns: COLUMNS as u16, rows: 24 };

/// Watch what the daemon knows, live
///
/// Servers with their verdicts, the evidence, the last round trips to their BMCs as a line of marks
/// (the taller, the slower; a cross is a miss), open recoveries and the last notices. Keys: q ends
/// it, space freezes the picture, arrows, PgUp, PgDn, Home and End scroll. When the daemon is gone
/// that is said, and it is asked again and again.
///
/// Where stdout is no terminal, a plain picture is printed at every interval.
///
/// Ends with 0, or with 1 when --once found no daemon.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    socket: Socket,
    /// How often to ask
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Print one plain picture, and end
    #[arg(long)]
    once: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = arguments::duration(text)?;
    if interval < MIN_INTERVAL { Err("at least 100ms".into()) } else { Ok(interval) }
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let path = match path(&arguments.socket) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if arguments.once || dumb || !stdout().is_terminal() {
        return plain(&path, arguments, out);
    }
    guarded(|| live(path, arguments.interval, out))
}

/// What the daemon says, or why it says nothing.
fn ask(path: &Path) -> Result<Answer, String> {
    let value = converse(path, Request::Status).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => format!("no daemon runs at {}", path.display()),
        ErrorKind::WouldBlock => "it has not answered in time".into(),
        _ => error.to_string(),
    })?;
    refusal(&value).map_or_else(|| Ok(Answer::read(&value)), Err)
}

/// Pictures one below the other.
fn plain(path: &Path, arguments: &Arguments, out: &Out) -> Exit {
    let columns = terminal::size(stdout()).map_or(PAPER, |size| size.columns.into());
    let asked = |answer: Option<&Answer>, trouble: Option<&str>| {
        let view = View {
            answer,
            trouble: trouble.map(|why| (why, Duration::ZERO)),
            first: 0,
            frozen: false,
            interval: arguments.interval,
            unicode: unicode(),
        };
        for line in frame(&view, columns, None).lines {
            out.line(out.painted(&line));
        }
    };
    if arguments.once {
        return match converse(path, Request::Status) {
            Err(error) => cannot_ask(path, &error),
            Ok(value) => match refusal(&value) {
                Some(why) => {
                    complain(why, "");
                    Exit::Failed
                }
                None => {
                    asked(Some(&Answer::read(&value)), None);
                    Exit::Done
                }
            },
        };
    }
    while !out.is_closed() {
        match ask(path) {
            Ok(answer) => asked(Some(&answer), None),
            Err(why) => asked(None, Some(&why)),
        }
        out.line("");
        thread::sleep(arguments.interval);
    }
    Exit::Done
}

enum Input {
    /// The daemon has answered, or not.
    Told(Result<Box<Answer>, String>),
    /// Keys were typed.
    Typed(Vec<u8>),
    /// Nobody can type any more.
    Gone,
    Signal(Signal),
}

/// What is known, and what is shown of it.
struct Live {
    answer: Option<Box<Answer>>,
    /// Why there is no news, and since when.
    trouble: Option<(String, Instant)>,
    /// When there was news last.
    told: Instant,
    scroll: Scroll,
    frozen: bool,
}

fn live(path: PathBuf, interval: Duration, out: &Out) -> Exit {
    let (inlet, inputs) = sync_channel(INPUTS);
    let signals = [&Signal::ENDS[..], &[Signal::WindowChange]].concat();
    let signals = match Signals::take(&signals) {
        Ok(signals) => signals,
        Err(error) => return report(&error.into()),
    };
    listen(inlet, path, interval, signals);
    let mut live = Live { answer: None, trouble: None, told: Instant::now(), scroll: Scroll::default(), frozen: false };
    let mut typed = Typed::default();
    loop {
        let keys = if stdin().is_terminal() { Keys::take(stdin()).map(Some) } else { Ok(None) };
        let taken = keys.and_then(|keys| Ok((Screen::open(stdout())?, keys)));
        // The terminal is itself again before anything else is done.
        let next = taken.and_then(|(mut screen, _keys)| live.show(&mut screen, &inputs, &mut typed, interval, out));
        match next {
            Ok(Next::Stop) => terminal::stop(),
            Ok(Next::End) => return Exit::Done,
            Err(error) => return report(&error.into()),
        }
    }
}

enum Next {
    End,
    Stop,
}

impl Live {
    /// Until it is over, or stopped.
    fn show(
        &mut self,
        screen: &mut Screen<impl std::io::Write>,
        inputs: &Receiver<Input>,
        typed: &mut Typed,
        interval: Duration,
        out: &Out,
    ) -> std::io::Result<Next> {
        loop {
            self.draw(screen, interval, out)?;
            match inputs.recv_timeout(interval.min(SILENCE)) {
                Ok(Input::Told(told)) => self.hear(told),
                Ok(Input::Typed(octets)) => {
                    for key in typed.keys(&octets) {
                        match key {
                            Key::Quit => return Ok(Next::End),
                            Key::Stop => return Ok(Next::Stop),
                            Key::Redraw => screen.forget(),
                            Key::Freeze => self.frozen = !self.frozen,
                            Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End => {
                                self.scroll.go(key);
                            }
                        }
                    }
                }
                Ok(Input::Signal(Signal::WindowChange)) => screen.forget(),
                Ok(Input::Signal(
                    Signal::Terminate | Signal::Interrupt | Signal::HangUp | Signal::User1 | Signal::User2,
                ))
                | Ok(Input::Gone)
                | Err(RecvTimeoutError::Disconnected) => return Ok(Next::End),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn hear(&mut self, told: Result<Box<Answer>, String>) {
        match told {
            Ok(answer) => {
                (self.told, self.trouble) = (Instant::now(), None);
                if !self.frozen {
                    self.answer = Some(answer);
                }
            }
            Err(why) => {
                let since = self.trouble.take().map_or(self.told, |(_, since)| since);
                self.trouble = Some((why, since));
            }
        }
    }

    fn draw(&mut self, screen: &mut Screen<impl std::io::Write>, interval: Duration, out: &Out) -> std::io::Result<()> {
        let size = terminal::size(stdout()).unwrap_or(USUAL);
        let silent = self.told.elapsed();
        let trouble = match &self.trouble {
            Some((why, since)) => Some((why.as_str(), since.elapsed())),
            None if silent > interval + SILENCE => Some(("the daemon does not answer", silent)),
            None => None,
        };
        let view = View {
            answer: self.answer.as_deref(),
            trouble,
            first: self.scroll.first,
            frozen: self.frozen,
            interval,
            unicode: unicode(),
        };
        let frame = frame(&view, size.columns.into(), Some(size.rows.into()));
        self.scroll.drawn(&frame);
        screen.draw(frame.lines.iter().map(|line| out.painted(line)).collect())
    }
}

/// Threads that end with the process.
fn listen(inlet: SyncSender<Input>, path: PathBuf, interval: Duration, signals: Signals) {
    let to = inlet.clone();
    thread::spawn(move || {
        loop {
            let asked = Instant::now();
            if to.send(Input::Told(ask(&path).map(Box::new))).is_err() {
                return;
            }
            thread::sleep(interval.saturating_sub(asked.elapsed()));
        }
    });
    let to = inlet.clone();
    thread::spawn(move || {
        while let Some(signal) = signals.wait(None) {
            if to.send(Input::Signal(signal)).is_err() {
                return;
            }
        }
    });
    if stdin().is_terminal() {
        thread::spawn(move || {
            let mut octets = [0; TYPED];
            while let Ok(count @ 1..) = stdin().lock().read(&mut octets) {
                if inlet.send(Input::Typed(octets[..count].into())).is_err() {
                    return;
                }
            }
            let _ = inlet.send(Input::Gone);
        });
    }
}

/// A panic's words are kept until the terminal is itself again: on the other screen nobody would read them.
fn guarded(body: impl FnOnce() -> Exit) -> Exit {
    let said = Arc::new(Mutex::new(String::new()));
    let (kept, before) = (said.clone(), take_hook());
    set_hook(Box::new(move |panic| *kept.lock() = panic.to_string()));
    let ended = catch_unwind(AssertUnwindSafe(body));
    set_hook(before);
    ended.unwrap_or_else(|_| {
        complain(&*said.lock(), "this is a defect of bmcnotice");
        Exit::Failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_and_its_words_outlive_the_screen() {
        let exit = guarded(|| panic!("on purpose"));
        assert_eq!(exit, Exit::Failed);
        assert_eq!(guarded(|| Exit::Done), Exit::Done);
    }
}
