//! Datagrams that people have: in hexadecimal on the command line, in a file, on standard input, or in a capture.
//!
//! A file is told apart by its first octets, not by its name. Its content is anybody's.

use crate::arguments::hex;
use crate::capture::{self, Datagram};
use crate::exit::{Exit, complain};
use bmcnotice::io::host;
use std::io::{IsTerminal, Read, stdin};
use std::path::PathBuf;

/// Limit: octets that are read from a file or from standard input.
const INPUT_BYTES: u64 = 64 << 20;

/// Where the datagrams are.
#[derive(clap::Args)]
pub struct Source {
    /// Hexadecimal digits of one datagram; -: standard input
    #[arg(value_name = "HEX", conflicts_with = "file")]
    pub hex: Vec<String>,
    /// A file of datagrams: hexadecimal, pcap or pcapng
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Of a capture: what went to this UDP port
    #[arg(long, value_name = "PORT", default_value_t = 162)]
    pub port: u16,
}

impl Source {
    /// Whether any datagram is named.
    pub fn is_named(&self) -> bool {
        self.file.is_some() || !self.hex.is_empty()
    }

    /// The input's name, and its datagrams, at least one.
    pub fn read(&self) -> Result<(String, Vec<Datagram>), Exit> {
        let (name, content) = self.content()?;
        let all = if capture::is_one(&content) { capture::datagrams(&content, self.port) } else { lines(&content) };
        let empty = "write the octets in hexadecimal, one datagram a line, or name a capture";
        match all {
            Ok(all) if all.is_empty() => {
                complain(format_args!("{name}: no datagram in it"), empty);
                Err(Exit::Wrong)
            }
            Ok(all) => Ok((name, all)),
            Err(why) => {
                complain(format_args!("{name}, {why}"), empty);
                Err(Exit::Wrong)
            }
        }
    }

    fn content(&self) -> Result<(String, Vec<u8>), Exit> {
        if let Some(path) = &self.file {
            let name = path.display().to_string();
            return host::read_octets(path, INPUT_BYTES).map(|octets| (name, octets)).map_err(|error| {
                complain(format_args!("cannot read {}: {error}", path.display()), "");
                Exit::Wrong
            });
        }
        if !self.hex.is_empty() && self.hex != ["-"] {
            return Ok(("the command line".into(), self.hex.join(" ").into_bytes()));
        }
        if stdin().is_terminal() {
            crate::out::error("reading hexadecimal from the terminal, one datagram a line; Ctrl-D ends it");
        }
        let mut octets = Vec::new();
        match stdin().lock().take(INPUT_BYTES).read_to_end(&mut octets) {
            Ok(_) => Ok(("standard input".into(), octets)),
            Err(error) => {
                complain(format_args!("cannot read standard input: {error}"), "");
                Err(Exit::Failed)
            }
        }
    }
}

/// One datagram a line; lines that begin with # are comments.
fn lines(content: &[u8]) -> Result<Vec<Datagram>, String> {
    let text = String::from_utf8_lossy(content);
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let read = |(place, line): (usize, &str)| match hex(line) {
        Ok(octets) => Ok(Datagram { place, from: None, at: None, octets }),
        Err(why) => Err(format!("line {place}: {why}")),
    };
    lines.map(read).collect()
}
