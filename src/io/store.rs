//! Where the journal lies: a hot file on tmpfs that is written before anything acts, and a copy on
//! disk that a thread of its own keeps, so that a frozen or full disk delays nothing.
//!
//! Knows nothing of records but their file's size and that no file ends in a zero octet. What it is
//! given to write, and what it found at the start, `recovery::journal` understands.

mod copy;
mod file;
mod lock;
mod names;

use crate::recovery::journal::{HOT_OCTETS, MAX_REPLAY_OCTETS};
use copy::{Copier, Folder};
pub(super) use file::make_folder;
use file::{Content, NAME, NEW_NAME};
use lock::Lock;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

/// What lies at a path, for readers: a journal, or the one in this folder, and whether there is more of it than
/// is looked at. Takes no lock and changes nothing; the writer may be at work.
pub fn peek(path: &Path) -> io::Result<(PathBuf, Vec<u8>, bool)> {
    let path = if path.is_dir() { path.join(NAME) } else { path.into() };
    let file = file::open_read(&path)?;
    let octets = file::read(&file, MAX_REPLAY_OCTETS + 1)?;
    let more = octets.len() > MAX_REPLAY_OCTETS;
    Ok((path, octets, more))
}

/// Held by the process that writes.
const LOCK_NAME: &str = "journal.lock";
/// How long the start waits for the disk, if there is no hot file.
const READ_WAIT: Duration = Duration::from_secs(2);
/// How long the end waits for the last copy.
const LAST_COPY_WAIT: Duration = Duration::from_secs(1);

/// So long a disk may take for a copy before people are told.
const SILENCE: Duration = Duration::from_secs(3);

/// The journal's files. In a forked child it must neither be used nor dropped.
#[derive(Debug)]
pub struct Store {
    hot: Option<Hot>,
    copier: Option<Copier>,
    stats: Stats,
    /// The newest cache of sensors' names.
    names: Option<Vec<u8>>,
    /// What people were told last of the disk.
    told: Health,
    /// Since when the disk has had something to do (boottime), as far as we looked.
    behind: Option<Duration>,
    /// What people are to be told.
    news: Vec<News>,
}

/// How the disk does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Health {
    Well,
    /// It refuses, and why.
    Refuses(String),
    /// It does not answer.
    Silent,
}

impl Health {
    fn news(&self) -> News {
        let behind = "the journal's copy on disk is behind, and nothing waits for it";
        match self {
            Self::Well => News::Well("the journal's copy on disk is complete again".into()),
            Self::Refuses(why) => News::Trouble(format!("{behind}: {why}")),
            Self::Silent => News::Trouble(format!("{behind}: the disk does not answer")),
        }
    }
}

/// Something that people are to be told of the journal's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something is wrong.
    Trouble(String),
    /// It is well again.
    Well(String),
}

/// What the store did. Sizes are in octets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Appends that are in the hot file.
    pub appended: u64,
    /// Appends and replacements that failed.
    pub failed: u64,
    /// Replacements of the hot file.
    pub replaced: u64,
    /// The hot file's filling.
    pub hot: u64,
    /// How much of it is safe on disk.
    pub copied: u64,
    /// Appends whose copy had to wait for an earlier one; it is made up for later.
    pub postponed: u64,
    /// Copies that the disk refused; they are tried again, as a whole.
    pub disk_errors: u64,
}

#[derive(Debug)]
struct Hot {
    folder: PathBuf,
    /// Ours; `descriptors` must not lock, for the thread may hold the lock when the process forks.
    now: Content,
    /// What the thread sees of it.
    shared: Arc<Mutex<Content>>,
    lock: Lock,
    /// The descriptor of `now`, readable without a lock.
    number: Arc<AtomicI32>,
}

impl Store {
    /// Opens the files: the store, what was found in them, and every trouble in words. Without a
    /// usable hot folder appends fail and nothing is copied. `None` for a folder: not wanted.
    pub fn open(hot_dir: Option<&Path>, disk_dir: Option<&Path>) -> (Self, Vec<u8>, Vec<String>) {
        let mut troubles = vec![];
        let mut store = Self {
            hot: None,
            copier: None,
            stats: Stats::default(),
            names: None,
            told: Health::Well,
            behind: None,
            news: vec![],
        };
        let Some(folder) = hot_dir else { return (store, vec![], troubles) };
        let (mut hot, mut found) = match Hot::open(folder, &mut troubles) {
            Ok((hot, found)) => (hot, found),
            Err(trouble) => {
                troubles.push(format!("{trouble}; records are volatile"));
                return (store, vec![], troubles);
            }
        };
        if let Some(disk) = disk_dir {
            let absent = found.is_empty(); // the host was reset: tmpfs is gone
            match Copier::start(Folder::new(disk), hot.shared.clone(), absent) {
                Ok((copier, first)) => {
                    if let Some(first) = first {
                        let (octets, maintenance) = first.recv_timeout(READ_WAIT).unwrap_or_else(|error| {
                            let why = if error.is_timeout() { "in time" } else { "at all" };
                            troubles.push(format!(
                                "{}: the disk did not give the journal {why}; whether maintenance was on is not known",
                                disk.display()
                            ));
                            (vec![], false)
                        });
                        found = octets;
                        if maintenance && let Err(error) = hot.maintain(true) {
                            troubles.push(format!(
                                "{}: cannot write down that maintenance is on: {error}",
                                folder.display()
                            ));
                        }
                    }
                    store.copier = Some(copier);
                }
                Err(error) => troubles.push(format!("no storage thread, so no copy on disk: {error}")),
            }
            // Before the first copy, or it would put an empty file over what was found.
            if absent && let Err(error) = hot.write(&found) {
                troubles.push(format!("{}: cannot restore the journal: {error}", folder.display()));
            }
        }
        store.hot = Some(hot);
        store.nudge();
        (store, found, troubles)
    }

    /// Appends; the octets must not end in a zero. One write to tmpfs, which survives the death of this
    /// process; the disk is never waited for. An error leaves the file as it was.
    pub fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let result = match &mut self.hot {
            Some(hot) => hot.write(octets).and_then(|()| match hot.is_deleted() {
                true => {
                    let folder = hot.folder.display();
                    self.news.push(News::Trouble(format!("{folder}: somebody deleted the journal; it is made anew")));
                    hot.mend()
                }
                false => Ok(()),
            }),
            None => Err(io::ErrorKind::NotFound.into()), // asked for every notice: no text, which would be memory
        };
        match result {
            Ok(()) => self.stats.appended += 1,
            Err(_) => self.stats.failed += 1,
        }
        self.nudge();
        result
    }

    /// Puts these octets in the place of all that was written; on an error the old ones stay.
    pub fn replace(&mut self, octets: &[u8]) -> io::Result<()> {
        let result = match &mut self.hot {
            Some(hot) => hot.replace(octets),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the journal has no hot folder")),
        };
        match result {
            Ok(()) => self.stats.replaced += 1,
            Err(_) => self.stats.failed += 1,
        }
        self.nudge();
        result
    }

    /// What people are to be told since the last call; `boottime` is the present.
    pub fn news(&mut self, boottime: Duration) -> Vec<News> {
        if let (Some(copier), Some(hot)) = (&self.copier, &self.hot) {
            let health = match copier.health(hot.now.end, hot.now.generation) {
                (true, _) => {
                    self.behind = None;
                    Health::Well
                }
                (false, Some(why)) => Health::Refuses(why),
                (false, None) => {
                    let since = *self.behind.get_or_insert(boottime);
                    if boottime.saturating_sub(since) < SILENCE { self.told.clone() } else { Health::Silent }
                }
            };
            if health != self.told {
                self.news.push(health.news());
                self.told = health;
            }
        }
        std::mem::take(&mut self.news)
    }

    /// Whether maintenance was on when this was opened, or was set since.
    pub fn maintenance(&self) -> bool {
        self.hot.as_ref().is_some_and(|hot| hot.now.maintenance)
    }

    /// Writes down that maintenance is on or off, for the next start, and for the next boot once the disk has it.
    pub fn set_maintenance(&mut self, on: bool) -> io::Result<()> {
        let result = match &mut self.hot {
            Some(hot) => hot.maintain(on),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the journal has no hot folder")),
        };
        self.nudge();
        result
    }

    /// The cache of sensors' names that the disk held at the start, once, as soon as it is read.
    pub fn found_names(&mut self) -> Option<io::Result<Vec<u8>>> {
        let found = self.copier.as_ref()?.names.found()?;
        self.names = self.names.take().or(found.as_ref().ok().cloned());
        Some(found)
    }

    /// The newest cache of sensors' names that was found or kept.
    pub fn names(&self) -> Option<&[u8]> {
        self.names.as_deref()
    }

    /// Keeps this cache of sensors' names, behind the journal's copy; without a disk folder for this process alone.
    pub fn keep_names(&mut self, octets: Vec<u8>) {
        if let Some(copier) = &self.copier {
            copier.names.keep(octets.clone());
            copier.nudge(); // one that waits already sees this, too
        }
        self.names = Some(octets);
    }

    /// What has been written, from its beginning; empty when it cannot be read.
    pub fn read(&self) -> Vec<u8> {
        let hot = self.hot.as_ref().map(|hot| &hot.now);
        hot.and_then(|hot| file::read(&hot.file, hot.end).ok()).unwrap_or_default()
    }

    /// What the store did so far.
    pub fn stats(&self) -> Stats {
        let hot = self.hot.as_ref().map_or(0, |hot| hot.now.end as u64);
        let (copied, disk_errors) = self.copier.as_ref().map_or((0, 0), Copier::stats);
        Stats { hot, copied, disk_errors, ..self.stats }
    }

    /// Whether appends can succeed.
    pub fn is_hot(&self) -> bool {
        self.hot.is_some()
    }

    /// The folder of the hot file, if appends can succeed.
    pub fn folder(&self) -> Option<&Path> {
        self.hot.as_ref().map(|hot| hot.folder.as_path())
    }

    /// What a forked child has to close, besides [`Store::descriptor`]. The storage thread's own are opened
    /// for one copy at a time.
    pub fn descriptors(&self) -> Vec<RawFd> {
        self.hot.as_ref().and_then(|hot| hot.lock.descriptor()).into_iter().collect()
    }

    /// The hot file's descriptor, kept up to date: a replaced file has another, and a child that closed the
    /// old number would close something of its host's. Negative: there is none.
    pub fn descriptor(&self) -> Arc<AtomicI32> {
        self.hot.as_ref().map_or_else(|| Arc::new(AtomicI32::new(-1)), |hot| hot.number.clone())
    }

    /// Never blocks. When an earlier copy still runs, its successor will see this append too.
    fn nudge(&mut self) {
        if self.copier.as_ref().is_some_and(|copier| !copier.nudge()) {
            self.stats.postponed += 1;
        }
    }
}

impl Hot {
    fn open(folder: &Path, troubles: &mut Vec<String>) -> Result<(Self, Vec<u8>), String> {
        let of = |error: io::Error| format!("{}: {error}", folder.display());
        file::make_folder(folder).map_err(of)?;
        if !file::is_in_memory(folder).map_err(of)? {
            troubles.push(format!("{}: not on tmpfs, so a frozen disk would delay recoveries", folder.display()));
        }
        let lock = Lock::acquire(&folder.join(LOCK_NAME))?;
        let path = folder.join(NAME);
        let file = file::open_hot(&path).map_err(of)?;
        let mut found = file::read(&file, HOT_OCTETS).map_err(of)?;
        if file.metadata().map_err(of)?.len() > HOT_OCTETS as u64 {
            troubles.push(format!("{}: larger than we ever make it; the rest is not read", path.display()));
        }
        found.truncate(found.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1));
        if let Err(error) = file::preallocate(&file, HOT_OCTETS) {
            troubles.push(format!("{}: cannot reserve its space: {error}", path.display()));
        }
        let maintenance = file::is_maintained(folder);
        let now = Content { file: Arc::new(file), end: found.len(), generation: 0, maintenance };
        let shared = Arc::new(Mutex::new(now.clone()));
        let number = Arc::new(AtomicI32::new(now.file.as_raw_fd()));
        Ok((Self { folder: folder.into(), now, shared, lock, number }, found))
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let end = self.now.end;
        if octets.len() > HOT_OCTETS.saturating_sub(end) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the hot journal is full"));
        }
        let written = self.now.file.write_at(octets, end as u64)?;
        if written < octets.len() {
            return Err(io::Error::new(io::ErrorKind::WriteZero, "the hot journal took only a part"));
        }
        self.now.end = end + octets.len();
        *self.shared.lock() = self.now.clone();
        Ok(())
    }

    /// Whether the file has no name any more: what is written there dies with us.
    fn is_deleted(&self) -> bool {
        self.now.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Gives the file's content a name again. An error means that the record will not survive us.
    fn mend(&mut self) -> io::Result<()> {
        file::make_folder(&self.folder)?;
        let mut all = vec![0; self.now.end];
        self.now.file.read_exact_at(&mut all, 0)?;
        self.replace(&all)
    }

    /// Holds for this process even if it cannot be written down.
    fn maintain(&mut self, on: bool) -> io::Result<()> {
        self.now.maintenance = on;
        self.shared.lock().maintenance = on;
        file::maintain(&self.folder, on)
    }

    fn replace(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.len() > HOT_OCTETS {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "more than the hot journal holds"));
        }
        let new = self.folder.join(NEW_NAME);
        let file = file::create_new(&new)?;
        file::preallocate(&file, HOT_OCTETS)?;
        file.write_all_at(octets, 0)?;
        std::fs::rename(&new, self.folder.join(NAME))?;
        self.number.store(file.as_raw_fd(), SeqCst); // before the old one is closed
        let generation = self.now.generation + 1;
        self.now = Content { file: Arc::new(file), end: octets.len(), generation, ..self.now };
        *self.shared.lock() = self.now.clone();
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(copier) = self.copier.take() {
            copier.finish(LAST_COPY_WAIT);
        }
    }
}
