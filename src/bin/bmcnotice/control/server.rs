//! The daemon's end of the control socket: bounded in clients, octets and time, and never waiting for one.
//!
//! Its input is this host's users: who is neither root nor of our user is sent away unheard.

use super::protocol::{Hands, MAX_REQUEST, answer, socket};
use bmcnotice::io::local;
use bmcnotice::io::sys::Epoll;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Limit: clients at one time; a further one takes the place of the oldest.
const MAX_CLIENTS: usize = 16;
/// Limit: how long a client may take to say its line.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// After a client that the system would not give us: no descriptors are left, and the socket stays readable.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// The socket and those who are heard.
pub struct Control {
    path: PathBuf,
    listener: UnixListener,
    clients: Vec<Client>,
}

struct Client {
    stream: UnixStream,
    since: Instant,
    said: Vec<u8>,
}

impl Control {
    /// Listens in the hot folder; adds itself to the set.
    pub fn listen(hot: &Path, epoll: &Epoll) -> std::io::Result<Self> {
        let path = socket(hot);
        let listener = local::listen(&path)?;
        epoll.add(&listener)?;
        Ok(Self { path, listener, clients: Vec::new() })
    }

    /// How long its loop may sleep.
    pub fn patience(&self) -> Option<Duration> {
        let oldest = self.clients.iter().map(|client| client.since).min()?;
        Some((oldest + CLIENT_PATIENCE).saturating_duration_since(Instant::now()))
    }

    /// Does what can be done without waiting.
    pub fn serve(&mut self, hands: &dyn Hands, epoll: &Epoll) {
        self.welcome(epoll);
        let now = Instant::now();
        self.clients.retain_mut(|client| client.listen(hands) && now < client.since + CLIENT_PATIENCE);
    }

    fn welcome(&mut self, epoll: &Epoll) {
        for _ in 0..MAX_CLIENTS {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return std::thread::sleep(REFUSED_PAUSE),
            };
            if !local::is_trusted(&stream) || stream.set_nonblocking(true).is_err() || epoll.add(&stream).is_err() {
                continue;
            }
            if self.clients.len() >= MAX_CLIENTS {
                self.clients.remove(0); // the oldest
            }
            self.clients.push(Client { stream, since: Instant::now(), said: Vec::new() });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Client {
    /// Takes what it says; false when all is said.
    fn listen(&mut self, hands: &dyn Hands) -> bool {
        let mut buffer = [0; MAX_REQUEST];
        let room = MAX_REQUEST - self.said.len();
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => return false,
            Ok(count) => self.said.extend_from_slice(&buffer[..count]),
            Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
        let line = match self.said.iter().position(|&octet| octet == b'\n') {
            Some(end) => &self.said[..end],
            None if self.said.len() < MAX_REQUEST => return true,
            None => b"", // too long, and said to be no JSON
        };
        // It fits into an empty socket; who lets it be full has no answer.
        let _ = self.stream.write(answer(line, hands).as_bytes());
        false
    }
}
