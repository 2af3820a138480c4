//! What is printed: lines on stdout and stderr that outlive a reader who goes away, and a little colour.
//!
//! `println!` panics when its reader has closed the pipe; here the first refusal is remembered and the
//! rest is silence.

use std::cell::RefCell;
use std::fmt;
use std::io::{Error, ErrorKind, IsTerminal, Write, stderr, stdout};

/// Standard output.
pub struct Out {
    refused: RefCell<Option<Error>>,
    colour: bool,
}

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// What carries the line.
    Strong,
    /// What may be overlooked.
    Faint,
    /// It is well.
    Good,
    /// It is not.
    Bad,
}

/// A line: texts in their looks.
pub type Line = Vec<(Look, String)>;

impl Out {
    /// Colour only on a terminal, and not for those who set NO_COLOR (no-color.org).
    pub fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { refused: RefCell::default(), colour: stdout().is_terminal() && !unwanted }
    }

    /// One line, at once.
    pub fn line(&self, text: impl fmt::Display) {
        if self.is_closed() {
            return;
        }
        let mut stdout = stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        if let Err(error) = written {
            *self.refused.borrow_mut() = Some(error);
        }
    }

    /// One JSON value, as a line.
    pub fn json(&self, value: &serde_json::Value) {
        self.line(value);
    }

    /// Nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.refused.borrow().is_some()
    }

    /// The text in its look. Pad it before: escape sequences have no width.
    pub fn paint(&self, look: Look, text: impl fmt::Display) -> String {
        let code = match look {
            Look::Strong => "1",
            Look::Faint => "2",
            Look::Good => "32",
            Look::Bad => "1;31",
            Look::Plain => return text.to_string(),
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// A line's texts, each in its look; blanks at its end are left out.
    pub fn painted(&self, line: &Line) -> String {
        let Some(last) = line.iter().rposition(|(_, text)| !text.trim_end().is_empty()) else { return String::new() };
        let painted = line[..=last]
            .iter()
            .enumerate()
            .map(|(place, (look, text))| self.paint(*look, if place == last { text.trim_end() } else { text }));
        painted.collect()
    }

    /// Why the output could not be written, if so. A reader who closed the pipe has seen enough: that is no failure.
    pub fn refusal(&self) -> Option<String> {
        let refused = self.refused.borrow();
        refused.as_ref().filter(|error| error.kind() != ErrorKind::BrokenPipe).map(Error::to_string)
    }
}

/// One line on stderr; if nobody reads it, nobody does.
pub fn error(text: impl fmt::Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}
