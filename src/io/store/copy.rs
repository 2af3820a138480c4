//! The storage thread: copies the hot file to the disk, and may hang there without harm.
//!
//! It is only nudged; what to copy it sees for itself by comparing how far the disk has come with
//! how far the hot file has. So a copy is never lost, only late, and memory does not grow.

use super::file::{self, Content, NAME, NEW_NAME, OLD_NAME};
use super::names::{self, CACHE_NAME, Cache, Keeper, NEW_CACHE_NAME, Names};
use crate::io::thread::spawn_named;
use crate::recovery::journal::HOT_OCTETS;
use crate::wire::sdr_cache::MAX_CACHE_OCTETS;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How soon a disk that refused is tried again; doubled each time.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// The longest pause between two tries.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Where the copy goes; the tests have one that hangs.
pub(super) trait Disk: Cache + Send + 'static {
    /// What is there, empty if nothing is; and whether maintenance was on.
    fn read(&mut self) -> io::Result<(Vec<u8>, bool)>;
    /// Keeps what is there under another name.
    fn set_aside(&mut self) -> io::Result<()>;
    /// Puts these octets, durably, in the place of all.
    fn whole(&mut self, octets: &[u8]) -> io::Result<()>;
    /// Adds these octets, durably, at this place, which is the end.
    fn more(&mut self, offset: usize, octets: &[u8]) -> io::Result<()>;
    /// Writes down, durably, whether maintenance is on.
    fn maintain(&mut self, on: bool) -> io::Result<()>;
}

/// What the disk held at the start, when it has been read.
pub(super) type First = Receiver<(Vec<u8>, bool)>;

/// The store's end of the thread.
#[derive(Debug)]
pub(super) struct Copier {
    nudges: Sender<()>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
    pub(super) names: Names,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    copied: AtomicU64,
    errors: AtomicU64,
    /// Which file that is.
    generation: AtomicU64,
    /// Why the last copy was refused; none when it was taken.
    refused: Mutex<Option<String>>,
}

impl Copier {
    /// Starts the thread. With `read_first` the disk's content comes through the channel, once.
    pub(super) fn start(
        disk: impl Disk,
        content: Arc<Mutex<Content>>,
        read_first: bool,
    ) -> io::Result<(Self, Option<First>)> {
        let (nudges, nudged) = bounded(1);
        let (finished, done) = bounded(1);
        let (first, found) = bounded(1);
        let counters = Arc::new(Counters::default());
        let (names, keeper) = names::both();
        let mut copying = Copying { disk, content, keeper, counters: counters.clone(), synced: None, maintained: None };
        let thread = spawn_named("bmcn-journal", move || {
            if read_first {
                copying.hand_over(first);
            }
            copying.keeper.hand_over(&mut copying.disk);
            copying.run(&nudged);
            let _ = finished.try_send(()); // nobody may be waiting any more
        })?;
        Ok((Self { nudges, done, thread, names, counters }, read_first.then_some(found)))
    }

    /// False: an earlier nudge has not been taken yet.
    pub(super) fn nudge(&self) -> bool {
        self.nudges.try_send(()).is_ok()
    }

    /// Octets that are safe on disk, and copies that it refused.
    pub(super) fn stats(&self) -> (u64, u64) {
        (self.counters.copied.load(Relaxed), self.counters.errors.load(Relaxed))
    }

    /// Whether all of this content is on disk, and why the last copy was refused; never waits.
    pub(super) fn health(&self, end: usize, generation: u64) -> (bool, Option<String>) {
        let Counters { copied, generation: whose, refused, .. } = &*self.counters;
        let complete = whose.load(Relaxed) == generation && copied.load(Relaxed) == end as u64;
        (complete, refused.lock().clone())
    }

    /// Lets the thread make a last copy. One that hangs is left behind: it holds nothing of ours.
    pub(super) fn finish(self, wait: Duration) {
        drop(self.nudges);
        if self.done.recv_timeout(wait).is_ok() {
            let _ = self.thread.join(); // it has ended; a panic of it has cost copies alone
        }
    }
}

struct Copying<D> {
    disk: D,
    content: Arc<Mutex<Content>>,
    keeper: Keeper,
    counters: Arc<Counters>,
    /// Generation and end of what the disk has.
    synced: Option<(u64, usize)>,
    /// Whether it knows of maintenance.
    maintained: Option<bool>,
}

impl<D: Disk> Copying<D> {
    /// What cannot be read, or came too late, is kept aside: the first copy would overwrite it.
    fn hand_over(&mut self, first: Sender<(Vec<u8>, bool)>) {
        let delivered = self.disk.read().is_ok_and(|found| first.try_send(found).is_ok());
        if !delivered && self.disk.set_aside().is_err() {
            self.counters.errors.fetch_add(1, Relaxed);
        }
    }

    fn run(&mut self, nudged: &Receiver<()>) {
        let mut retry = RETRY_MIN;
        let mut behind = false;
        loop {
            let gone = if behind { wait_out(nudged, retry) } else { nudged.recv().is_err() };
            let copied = self.copy();
            *self.counters.refused.lock() = copied.as_ref().err().map(io::Error::to_string);
            behind = match copied {
                Ok(()) => {
                    self.keeper.keep(&mut self.disk);
                    false
                }
                Err(_) => {
                    self.counters.errors.fetch_add(1, Relaxed);
                    self.synced = None; // who knows what is there now
                    true
                }
            };
            retry = if behind { (retry * 2).min(RETRY_MAX) } else { RETRY_MIN };
            if gone {
                return;
            }
        }
    }

    fn copy(&mut self) -> io::Result<()> {
        let Content { file, end, generation, maintenance } = self.content.lock().clone(); // unlocked at once
        if self.maintained != Some(maintenance) {
            self.disk.maintain(maintenance)?;
            self.maintained = Some(maintenance);
        }
        match self.synced {
            Some((synced, from)) if synced == generation && from == end => {}
            Some((synced, from)) if synced == generation && from < end => {
                self.disk.more(from, &read_hot(&file, from, end)?)?;
            }
            Some(_) | None => self.disk.whole(&read_hot(&file, 0, end)?)?,
        }
        self.synced = Some((generation, end));
        self.counters.copied.store(end as u64, Relaxed);
        self.counters.generation.store(generation, Relaxed);
        Ok(())
    }
}

/// Waits the whole pause: many appends must not make many tries, nor longer pauses. True when nobody will
/// nudge any more.
fn wait_out(nudged: &Receiver<()>, pause: Duration) -> bool {
    let end = Instant::now() + pause;
    loop {
        match nudged.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
}

/// What lies before the end is never written again.
fn read_hot(file: &File, from: usize, end: usize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; end - from]; // at most HOT_OCTETS
    file.read_exact_at(&mut octets, from as u64)?;
    Ok(octets)
}

/// The folder on disk.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.into())
    }

    fn put(&self, octets: &[u8], new: &str, name: &str) -> io::Result<()> {
        file::make_folder(&self.0)?;
        let new = self.0.join(new);
        let file = file::create_new(&new)?;
        file.write_all_at(octets, 0)?;
        file.sync_all()?;
        std::fs::rename(&new, self.0.join(name))?;
        File::open(&self.0)?.sync_all() // the name, too
    }
}

impl Disk for Folder {
    fn read(&mut self) -> io::Result<(Vec<u8>, bool)> {
        let octets = match file::open_read(&self.0.join(NAME)) {
            Ok(file) => {
                file::make_folder(&self.0)?; // it is there: refuses one that others may write to
                file::read(&file, HOT_OCTETS)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            Err(error) => return Err(error),
        };
        Ok((octets, file::is_maintained(&self.0)))
    }

    fn set_aside(&mut self) -> io::Result<()> {
        match std::fs::rename(self.0.join(NAME), self.0.join(OLD_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn whole(&mut self, octets: &[u8]) -> io::Result<()> {
        self.put(octets, NEW_NAME, NAME)
    }

    fn more(&mut self, offset: usize, octets: &[u8]) -> io::Result<()> {
        let file = file::open_write(&self.0.join(NAME))?;
        if file.metadata()?.len() != offset as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "someone else changed the copy"));
        }
        file.write_all_at(octets, offset as u64)?;
        file.sync_data()
    }

    fn maintain(&mut self, on: bool) -> io::Result<()> {
        file::make_folder(&self.0)?;
        file::maintain(&self.0, on)?;
        File::open(&self.0)?.sync_all() // that it is there is all that counts
    }
}

impl Cache for Folder {
    fn names(&mut self) -> io::Result<Vec<u8>> {
        let file = file::open_read(&self.0.join(CACHE_NAME))?;
        file::make_folder(&self.0)?; // as for the journal
        file::read(&file, MAX_CACHE_OCTETS + 1)
    }

    fn keep_names(&mut self, octets: &[u8]) -> io::Result<()> {
        let kept = self.put(octets, NEW_CACHE_NAME, CACHE_NAME);
        if kept.is_err() {
            let _ = std::fs::remove_file(self.0.join(NEW_CACHE_NAME)); // a full disk has no room for it
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hangs in every call until it is allowed to go on.
    struct Frozen {
        thaw: Receiver<()>,
        got: Arc<Mutex<Vec<u8>>>,
        names: Arc<Mutex<Vec<u8>>>,
    }

    impl Disk for Frozen {
        fn read(&mut self) -> io::Result<(Vec<u8>, bool)> {
            let _ = self.thaw.recv();
            Ok((b"late\n".to_vec(), false))
        }

        fn maintain(&mut self, _: bool) -> io::Result<()> {
            Ok(())
        }

        fn set_aside(&mut self) -> io::Result<()> {
            *self.got.lock() = b"set aside".to_vec();
            Ok(())
        }

        fn whole(&mut self, octets: &[u8]) -> io::Result<()> {
            let _ = self.thaw.recv();
            *self.got.lock() = octets.to_vec();
            Ok(())
        }

        fn more(&mut self, offset: usize, octets: &[u8]) -> io::Result<()> {
            assert_eq!(offset, self.got.lock().len());
            self.got.lock().extend(octets);
            Ok(())
        }
    }

    impl Cache for Frozen {
        fn names(&mut self) -> io::Result<Vec<u8>> {
            let _ = self.thaw.recv();
            Ok(b"of old".to_vec())
        }

        fn keep_names(&mut self, octets: &[u8]) -> io::Result<()> {
            let _ = self.thaw.recv();
            *self.names.lock() = octets.to_vec();
            Ok(())
        }
    }

    /// A hot file without a name.
    fn hot(name: &str) -> Arc<Mutex<Content>> {
        let path = std::env::temp_dir().join(format!("bmcnotice-copy-{}-{name}", std::process::id()));
        let file = Arc::new(file::create_new(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        Arc::new(Mutex::new(Content { file, end: 0, generation: 0, maintenance: false }))
    }

    fn append(content: &Mutex<Content>, octets: &[u8]) {
        let Content { file, end, .. } = content.lock().clone();
        file.write_all_at(octets, end as u64).unwrap();
        content.lock().end += octets.len();
    }

    #[test]
    fn a_frozen_disk_delays_nothing_and_gets_all_when_it_thaws() {
        let (thaw, frozen) = bounded(10);
        let got = Arc::new(Mutex::new(vec![]));
        let content = hot("thaws");
        let names = Arc::new(Mutex::new(vec![]));
        let disk = Frozen { thaw: frozen, got: got.clone(), names: names.clone() };
        let (copier, first) = Copier::start(disk, content.clone(), false).unwrap();
        assert!(first.is_none());
        let mut postponed = 0;
        let start = Instant::now();
        for _ in 0..500 {
            append(&content, b"0123456\n");
            copier.names.keep(b"names".to_vec());
            assert!(copier.names.found().is_none());
            postponed += u32::from(!copier.nudge());
        }
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(postponed >= 498, "one in work, one in the queue: {postponed}");
        assert_eq!(copier.stats(), (0, 0));
        (0..3).for_each(|_| thaw.send(()).unwrap()); // old names, the journal, new names
        copier.finish(Duration::from_secs(5));
        assert_eq!(*got.lock(), b"0123456\n".repeat(500));
        assert_eq!(*names.lock(), b"names");
    }

    #[test]
    fn a_frozen_disk_is_left_behind_at_the_end() {
        let (thaw, frozen) = bounded(10);
        let got = Arc::new(Mutex::new(vec![]));
        let disk = Frozen { thaw: frozen, got: got.clone(), names: Arc::default() };
        let (copier, first) = Copier::start(disk, hot("stays"), true).unwrap();
        let (first, start) = (first.unwrap(), Instant::now());
        assert!(first.recv_timeout(Duration::from_millis(50)).is_err());
        drop(first);
        copier.nudge();
        copier.finish(Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(2));
        thaw.send(()).unwrap();
        while *got.lock() != b"set aside" {
            assert!(start.elapsed() < Duration::from_secs(10), "what came too late is kept");
            std::thread::yield_now();
        }
    }
}
