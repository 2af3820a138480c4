//! The cache of sensors' names on disk: the storage thread reads it at its start and writes it behind the journal's copy.
//!
//! Octets alone are known here, `wire::sdr_cache` understands them. Nobody waits: what is found comes when it comes, and
//! what is to be kept lies here until the disk has taken it.

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// The file's name, in the disk folder.
pub(super) const CACHE_NAME: &str = "sensor-names";
/// While it is being written.
pub(super) const NEW_CACHE_NAME: &str = "sensor-names.new";

/// Where it is kept.
pub(super) trait Cache {
    /// What is there, and no more than one octet over its limit.
    fn names(&mut self) -> io::Result<Vec<u8>>;
    /// Puts another one in its place.
    fn keep_names(&mut self, octets: &[u8]) -> io::Result<()>;
}

/// The store's end.
#[derive(Debug)]
pub(super) struct Names {
    wanted: Arc<Mutex<Option<Vec<u8>>>>,
    found: Receiver<io::Result<Vec<u8>>>,
}

/// The thread's end.
pub(super) struct Keeper {
    /// Its lock is never held while the disk is touched.
    wanted: Arc<Mutex<Option<Vec<u8>>>>,
    found: Sender<io::Result<Vec<u8>>>,
    /// What the disk has, as far as we know.
    kept: Option<Vec<u8>>,
}

/// Both ends.
pub(super) fn both() -> (Names, Keeper) {
    let wanted = Arc::new(Mutex::new(None));
    let (send, found) = bounded(1);
    (Names { wanted: wanted.clone(), found }, Keeper { wanted, found: send, kept: None })
}

impl Names {
    /// What the disk held at the start, once, as soon as it is known; nothing if there was no file.
    pub(super) fn found(&self) -> Option<io::Result<Vec<u8>>> {
        self.found.try_recv().ok()
    }

    /// To be kept in the place of whatever is kept; the thread is to be nudged.
    pub(super) fn keep(&self, octets: Vec<u8>) {
        *self.wanted.lock() = Some(octets);
    }
}

impl Keeper {
    pub(super) fn hand_over(&mut self, disk: &mut impl Cache) {
        let read = match disk.names() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => Err(error),
            Ok(octets) => {
                self.kept = Some(octets.clone());
                Ok(octets)
            }
        };
        let _ = self.found.try_send(read); // the store may be gone already
    }

    /// What the disk refuses stays wanted: it is tried again behind the next copy of the journal, and nobody is told.
    pub(super) fn keep(&mut self, disk: &mut impl Cache) {
        let Some(octets) = self.wanted.lock().take() else { return };
        if self.kept.as_ref() == Some(&octets) {
            return;
        }
        match disk.keep_names(&octets) {
            Ok(()) => self.kept = Some(octets),
            Err(_) => {
                self.kept = None; // who knows what is there now
                self.wanted.lock().get_or_insert(octets);
            }
        }
    }
}
