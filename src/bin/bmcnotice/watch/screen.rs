//! A whole screen of a terminal, by ECMA-48's and xterm's sequences: only lines that have changed are drawn, and what
//! was there before comes back at the end.

use std::io::{Result, Write};

/// The other screen, all of it empty, without a cursor; too long a line is cut off.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/// As it was.
const CLOSE: &str = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The screen; closed with its value, when a panic unwinds, too.
pub struct Screen<W: Write> {
    to: W,
    shown: Vec<String>,
}

impl<W: Write> Screen<W> {
    /// Takes the terminal.
    pub fn open(mut to: W) -> Result<Self> {
        to.write_all(OPEN.as_bytes())?;
        to.flush()?;
        Ok(Self { to, shown: Vec::new() })
    }

    /// The next picture, drawn in one go.
    pub fn draw(&mut self, lines: Vec<String>) -> Result<()> {
        let mut sequence = String::new();
        if self.shown.len() != lines.len() {
            self.shown.clear();
            sequence.push_str("\x1b[2J");
        }
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                // Emptied first: behind the last column there is no place to do it from.
                sequence.push_str(&format!("\x1b[{};1H\x1b[2K{line}", row + 1));
            }
        }
        self.shown = lines;
        self.to.write_all(sequence.as_bytes())?;
        self.to.flush()
    }

    /// Somebody has drawn over it.
    pub fn forget(&mut self) {
        self.shown.clear();
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        let _ = self.to.write_all(CLOSE.as_bytes()).and_then(|()| self.to.flush()); // a terminal that is gone needs none
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn only_what_changed_is_drawn_and_a_panic_closes_it() {
        let mut written = Vec::new();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let mut screen = Screen::open(&mut written).unwrap();
            screen.draw(lines(&["one", "two"])).unwrap();
            screen.draw(lines(&["one", "three"])).unwrap();
            screen.draw(lines(&["one", "three"])).unwrap();
            screen.draw(lines(&["one"])).unwrap();
            screen.forget();
            screen.draw(lines(&["one"])).unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        assert!(caught.is_err());
        let expected = [
            OPEN,
            "\x1b[2J\x1b[1;1H\x1b[2Kone\x1b[2;1H\x1b[2Ktwo",
            "\x1b[2;1H\x1b[2Kthree",
            "\x1b[2J\x1b[1;1H\x1b[2Kone",
            "\x1b[2J\x1b[1;1H\x1b[2Kone",
            CLOSE,
        ];
        assert_eq!(String::from_utf8(written).unwrap(), expected.concat());
    }
}
