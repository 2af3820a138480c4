//! The daemon's end of the control socket: bounded in clients, octets and time, and never waiting for one.
//!
//! Its input is this host's users: who is neither root nor of our user is sent away unheard.

use super::protocol::{Hands, MAX_REQUEST, Request, answer, socket};
use bmcnotice::io::local;
use bmcnotice::io::sys::Epoll;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Limit: clients at one time; a further one takes the place of the one that has done nothing for the longest time.
const MAX_CLIENTS: usize = 16;
/// So long after its last sign of life a client keeps its place; meanwhile a further one waits to be let in. Whoever
/// reads a long answer is not pushed out by a flood, and a flood takes little of our time.
const GRACE: Duration = Duration::from_millis(200);
/// Limit: how long a client may take to say its line.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// Limit: how long it may take to read the answer.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// Limit: octets of answers that wait to be read, over all clients; for more the idlest reader is sent away.
const MAX_UNREAD: usize = 64 * 1024 * 1024;
/// Limit: octets of an answer that are written before the other clients have their turn.
const PORTION: usize = 64 * 1024;
/// After a client that the system would not give us: no descriptors are left, and the socket stays readable.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// So long an answer to `status` that somebody still reads is good for others, too.
const SHARED: Duration = Duration::from_secs(1);

/// The socket and those who are heard.
pub struct Control {
    path: PathBuf,
    listener: UnixListener,
    clients: Vec<Client>,
    /// All places are taken: who comes now waits.
    full: bool,
    /// The newest answer to `status`, as long as somebody reads it: many who read slowly cost no more than one.
    newest: (Instant, Weak<Vec<u8>>),
}

struct Client {
    stream: UnixStream,
    /// It is sent away then.
    deadline: Instant,
    /// Its last sign of life.
    seen: Instant,
    talk: Talk,
}

enum Talk {
    /// It says its line; so much of it is known.
    Says(Vec<u8>),
    /// It reads its answer; so much of it is written.
    Reads(Arc<Vec<u8>>, usize),
    /// All is said, or it has gone.
    Over,
}

impl Control {
    /// Listens in the hot folder; adds itself to the set.
    pub fn listen(hot: &Path, epoll: &Epoll) -> std::io::Result<Self> {
        let path = socket(hot);
        let listener = local::listen(&path)?;
        epoll.add(&listener)?;
        let newest = (Instant::now(), Weak::new());
        Ok(Self { path, listener, clients: Vec::new(), full: false, newest })
    }

    /// How long its loop may sleep.
    pub fn patience(&self) -> Option<Duration> {
        let first = self.clients.iter().map(|client| client.deadline).min()?;
        let free = self.idlest().filter(|_| self.full).map(|idlest| self.clients[idlest].seen + GRACE);
        Some(free.map_or(first, |free| free.min(first)).saturating_duration_since(Instant::now()))
    }

    /// Does what can be done without waiting.
    pub fn serve(&mut self, hands: &dyn Hands, epoll: &Epoll) {
        self.welcome(epoll);
        for place in 0..self.clients.len() {
            if let Some(request) = self.clients[place].hear() {
                let line = self.answer(request, hands);
                self.make_room(&line);
                self.clients[place].is_told(line, epoll);
            }
            self.clients[place].read_on();
        }
        let now = Instant::now();
        self.clients.retain(|client| !matches!(client.talk, Talk::Over) && now < client.deadline);
    }

    /// The client that has done nothing for the longest time.
    fn idlest(&self) -> Option<usize> {
        (0..self.clients.len()).min_by_key(|place| self.clients[*place].seen)
    }

    fn welcome(&mut self, epoll: &Epoll) {
        for _ in 0..MAX_CLIENTS {
            let now = Instant::now();
            let leaves = self.idlest().filter(|_| self.clients.len() >= MAX_CLIENTS);
            let full = leaves.is_some_and(|place| now < self.clients[place].seen + GRACE);
            if full != self.full && epoll.heed(&self.listener, !full).is_ok() {
                self.full = full;
            }
            if full {
                return;
            }
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return std::thread::sleep(REFUSED_PAUSE),
            };
            if !local::is_trusted(&stream) || stream.set_nonblocking(true).is_err() || epoll.add(&stream).is_err() {
                continue;
            }
            if let Some(place) = leaves {
                self.clients.remove(place);
            }
            self.clients.push(Client {
                stream,
                deadline: now + CLIENT_PATIENCE,
                seen: now,
                talk: Talk::Says(Vec::new()),
            });
        }
    }

    fn answer(&mut self, request: Result<Request, String>, hands: &dyn Hands) -> Arc<Vec<u8>> {
        let status = request == Ok(Request::Status);
        let shared = self.newest.1.upgrade().filter(|_| status && self.newest.0.elapsed() < SHARED);
        if let Some(line) = shared {
            return line;
        }
        let orders = request.as_ref().is_ok_and(|request| request.orders());
        let line = Arc::new(answer(request, hands));
        if status {
            self.newest = (Instant::now(), Arc::downgrade(&line));
        } else if orders {
            // Whoever then asks is told what came of it.
            self.newest.1 = Weak::new();
        }
        line
    }

    /// Sends the idlest readers away until this answer fits.
    fn make_room(&mut self, line: &Arc<Vec<u8>>) {
        while self.unread(line) > MAX_UNREAD {
            let readers = self.clients.iter_mut().filter(|client| matches!(client.talk, Talk::Reads(..)));
            let Some(idlest) = readers.min_by_key(|client| client.seen) else { return };
            idlest.talk = Talk::Over;
        }
    }

    /// Octets of this answer and of all that wait to be read; one answer may be many clients'.
    fn unread(&self, line: &Arc<Vec<u8>>) -> usize {
        let mut lines = vec![line];
        for client in &self.clients {
            if let Talk::Reads(line, _) = &client.talk
                && !lines.iter().any(|known| Arc::ptr_eq(known, line))
            {
                lines.push(line);
            }
        }
        lines.iter().map(|line| line.len()).sum()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Client {
    /// Takes what it says; its request, once all is said.
    fn hear(&mut self) -> Option<Result<Request, String>> {
        let Talk::Says(said) = &mut self.talk else { return None };
        let mut buffer = [0; MAX_REQUEST];
        let room = MAX_REQUEST - said.len();
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => self.talk = Talk::Over,
            Ok(count) => {
                said.extend_from_slice(&buffer[..count]);
                self.seen = Instant::now();
                match said.iter().position(|&octet| octet == b'\n') {
                    Some(end) => return Some(Request::parse(&said[..end])),
                    None if said.len() < MAX_REQUEST => {}
                    None => return Some(Request::parse(b"")), // too long, and said to be no JSON
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.talk = Talk::Over,
        }
        None
    }

    /// From now on it reads: whatever else it says stays unread, and wakes nobody.
    fn is_told(&mut self, line: Arc<Vec<u8>>, epoll: &Epoll) {
        self.seen = Instant::now();
        self.deadline = self.seen + READER_PATIENCE;
        let watched = epoll.until_writable(&self.stream);
        self.talk = if watched.is_ok() { Talk::Reads(line, 0) } else { Talk::Over };
    }

    /// Hands it as much of its answer as it takes now.
    fn read_on(&mut self) {
        let Talk::Reads(line, written) = &mut self.talk else { return };
        let portion = (*written + PORTION).min(line.len());
        while *written < portion {
            match self.stream.write(&line[*written..portion]) {
                Ok(count) if count > 0 => {
                    *written += count;
                    self.seen = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return self.talk = Talk::Over,
            }
        }
        if *written == line.len() {
            self.talk = Talk::Over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::{MAX_STATUS, VERSION};
    use bmcnotice::{Drill, Error, Reload};
    use std::cell::Cell;

    /// A daemon that has so much to tell.
    struct Desk {
        octets: Cell<usize>,
        told: Cell<u8>,
    }

    impl Desk {
        fn new(octets: usize) -> Self {
            Self { octets: Cell::new(octets), told: Cell::new(0) }
        }
    }

    impl Hands for Desk {
        fn release(&self, _: u64) -> Result<(), Error> {
            Ok(())
        }
        fn cancel(&self, _: u64) -> Result<(), Error> {
            Ok(())
        }
        fn clear(&self, _: u64) -> Result<(), Error> {
            Ok(())
        }
        fn maintenance(&self) -> Result<bool, Error> {
            Ok(false)
        }
        fn set_maintenance(&self, _: bool) -> Result<(), Error> {
            Ok(())
        }
        fn reload(&self) -> Result<Reload, Error> {
            Ok(Reload::Done)
        }
        fn drill(&self) -> Result<(), Error> {
            Ok(())
        }
        fn drill_status(&self) -> Result<Drill, Error> {
            Ok(Drill::default())
        }
        fn status(&self) -> Result<Vec<u8>, Error> {
            self.told.set(self.told.get() + 1);
            let mut line = vec![self.told.get(); self.octets.get()];
            line.push(b'\n');
            Ok(line)
        }
        fn explain(&self) -> Result<Vec<u8>, Error> {
            self.status()
        }
    }

    struct House {
        control: Control,
        epoll: Epoll,
        desk: Desk,
        folder: PathBuf,
    }

    impl House {
        fn new(name: &str, octets: usize) -> Self {
            let folder = std::env::temp_dir().join(format!("bmcnotice-server-{name}-{}", std::process::id()));
            let epoll = Epoll::new().unwrap();
            let control = Control::listen(&folder, &epoll).unwrap();
            Self { control, epoll, desk: Desk::new(octets), folder }
        }

        fn client(&self, says: &str) -> UnixStream {
            let mut stream = UnixStream::connect(socket(&self.folder)).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.write_all(says.as_bytes()).unwrap();
            stream
        }

        /// Serves as long as there is something to do.
        fn serve(&mut self) {
            while self.epoll.wait(Some(Duration::ZERO)) {
                self.control.serve(&self.desk, &self.epoll);
            }
        }

        fn unread(&self) -> usize {
            self.control.unread(&Arc::default())
        }
    }

    impl Drop for House {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn status() -> String {
        Request::Status.emit()
    }

    /// What there is to read; whether that was all.
    fn read(stream: &mut UnixStream, octets: &mut Vec<u8>) -> bool {
        match stream.read_to_end(octets) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_large_answer_goes_out_as_it_is_read_and_nobody_waits_for_it() {
        let mut house = House::new("large", 5_000_000);
        let mut slow = house.client(&status());
        house.serve();
        assert_eq!(house.unread(), 5_000_001, "it does not fit into a socket");
        let mut quick = house.client("{\"version\":1,\"command\":\"release\",\"record\":1}\n");
        house.serve();
        let mut said = Vec::new();
        assert!(read(&mut quick, &mut said) && said.starts_with(b"{\"code\":\"done\""), "{said:?}");

        let (mut octets, mut turns) = (Vec::new(), 0);
        while !read(&mut slow, &mut octets) {
            assert!(house.epoll.wait(Some(Duration::from_secs(5))), "there is room");
            house.control.serve(&house.desk, &house.epoll);
            turns += 1;
            assert!(turns < 10_000, "it does not spin");
        }
        assert!(octets.len() == 5_000_001 && octets.ends_with(b"\x01\n"), "{}", octets.len());
        assert!(house.control.clients.is_empty() && house.unread() == 0 && house.control.patience().is_none());
    }

    #[test]
    fn whoever_never_reads_is_sent_away_and_wakes_nobody_meanwhile() {
        let mut house = House::new("never", 2_000_000);
        let mut talkative = house.client(&status());
        house.serve();
        let _ = talkative.write(&[b'x'; 100_000]); // behind its line: nobody reads that
        assert!(!house.epoll.wait(Some(Duration::from_millis(50))), "nothing is to be done");
        assert_eq!(house.control.clients.len(), 1);
        house.control.clients[0].deadline = Instant::now(); // its time is over
        assert_eq!(house.control.patience(), Some(Duration::ZERO));
        house.control.serve(&house.desk, &house.epoll);
        assert!(house.control.clients.is_empty() && house.unread() == 0);
        // Gone in the middle, which wakes us once.
        drop(house.client(&status()));
        house.serve();
        assert!(house.control.clients.is_empty());
    }

    #[test]
    fn answers_that_nobody_reads_are_bounded_and_shared() {
        let mut house = House::new("many", 20_000_000);
        let mut readers: Vec<UnixStream> = (0..6).map(|_| house.client(&status())).collect();
        house.serve();
        assert_eq!((house.desk.told.get(), house.unread()), (1, 20_000_001), "one answer is good for all of them");
        for _ in 0..MAX_CLIENTS {
            house.control.newest.0 -= SHARED; // no longer
            house.control.clients.iter_mut().for_each(|client| client.seen -= GRACE);
            readers.push(house.client(&status()));
            house.serve();
            assert!(house.unread() <= MAX_UNREAD, "{}", house.unread());
            assert!(house.control.clients.len() <= MAX_CLIENTS);
        }
        assert!(house.desk.told.get() > 6, "each was told anew: {}", house.desk.told.get());
        // The newest has not been put out.
        let mut octets = Vec::new();
        let newest = readers.last_mut().unwrap();
        while !read(newest, &mut octets) {
            house.serve();
        }
        assert_eq!((octets.len(), octets[0]), (20_000_001, house.desk.told.get()));
    }

    #[test]
    fn a_flood_of_clients_pushes_nobody_out_who_reads_and_is_let_in_slowly() {
        let mut house = House::new("flood", 3_000_000);
        let mut reader = house.client(&status());
        house.serve();
        let idle: Vec<UnixStream> = (1..MAX_CLIENTS).map(|_| house.client("{")).collect();
        house.serve();
        let late = house.client("{"); // beyond the last place
        house.serve();
        assert!(house.control.full && house.control.clients.len() == MAX_CLIENTS);
        assert!(!house.epoll.wait(Some(Duration::from_millis(20))), "who waits outside wakes nobody");
        assert!(house.control.patience().is_some_and(|patience| patience <= GRACE));

        // All but the reader have done nothing for a while: the idlest goes, and the next one comes in.
        house.control.clients.iter_mut().for_each(|client| client.seen -= GRACE);
        let mut octets = Vec::new();
        assert!(!read(&mut reader, &mut octets));
        house.control.clients[0].read_on();
        house.control.serve(&house.desk, &house.epoll);
        assert!(!house.control.full && house.control.clients.len() == MAX_CLIENTS);
        assert!(matches!(house.control.clients[0].talk, Talk::Reads(..)), "it has just read");
        assert_eq!((&idle[0]).read(&mut [0]).unwrap(), 0, "it was sent away");
        assert_eq!((&late).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "it is in");
        while !read(&mut reader, &mut octets) {
            house.serve();
        }
        assert_eq!(octets.len(), 3_000_001);
    }

    #[test]
    fn whoever_orders_something_and_asks_then_is_told_anew() {
        let mut house = House::new("anew", 1_000_000);
        let _slow = house.client(&status());
        house.serve();
        let mut readers = vec![];
        for (says, told) in [
            ("no request at all\n".to_owned(), 1),
            (Request::Maintenance(None).emit(), 1),
            (Request::Maintenance(Some(true)).emit(), 2),
        ] {
            drop(house.client(&says));
            house.serve();
            readers.push(house.client(&status()));
            house.serve();
            assert_eq!(house.desk.told.get(), told, "{says}");
        }
    }

    #[test]
    fn what_does_not_fit_into_an_answer_is_refused_in_words() {
        let mut house = House::new("most", MAX_STATUS);
        let mut client = house.client(&status());
        house.serve();
        let mut said = Vec::new();
        assert!(read(&mut client, &mut said));
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        assert_eq!((&said["version"], &said["code"]), (&VERSION.into(), &"failed".into()));
    }
}
