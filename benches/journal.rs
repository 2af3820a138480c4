//! What the journal costs: from a record's append to the acknowledgement, and reading a full file.
//!
//! Ours: the engine with its store on tmpfs and its copy on disk, from the moment in which the append is to be
//! performed to the one in which the acknowledgement lies ready. Bare: one `pwrite` of the same octets to a
//! file that was reserved in the same folder. `cargo bench --bench journal`

#[path = "common/figure.rs"]
mod figure;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::native;
use bmcnotice::engine::{Engine, Output, Setup};
use bmcnotice::io::store::Store;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, HOT_OCTETS, Replay, reconcile, replay};
use figure::Sides;
use folder::Folder;
use site::{free_address, text};
use std::fs::File;
use std::hint::black_box;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use traps::memory_pet;

const ROUNDS: usize = 81;
/// Records of one side in one round.
const SHOTS: usize = 25;
/// What it may cost beyond the bare write.
const BEYOND_US: f64 = 30.0;
/// What reading a full file may cost.
const REPLAY_MS: f64 = 1000.0;
/// How full a file becomes before it is written anew.
const FULL: usize = HOT_OCTETS - 64 * 1024;

struct Ours {
    engine: Engine,
    store: Store,
    from: SocketAddr,
    number: u32,
    began: Instant,
}

impl Ours {
    fn new(folder: &Folder) -> Self {
        let bmc = free_address();
        let hot = folder.path().join("hot"); // without one nothing is encoded
        let text = text(free_address(), bmc, free_address().port(), Some(&hot), false);
        let outcome = native::parse(&text, "bench.toml", &[], &Facts::default());
        let cluster = Arc::new(outcome.cluster.unwrap_or_else(|| panic!("{:?}", outcome.findings)));
        let logins = cluster.servers.iter().map(|_| None).collect();
        let disk = folder.path().join("disk");
        let (store, _, troubles) = Store::open(Some(&hot), Some(&disk));
        assert!(troubles.iter().all(|trouble| trouble.contains("tmpfs")), "{troubles:?}");
        let setup = Setup {
            cluster,
            logins,
            users: Vec::new(),
            identity: Identity::Unknown,
            boot: BootId([1; 16]),
            replay: Replay::default(),
            seed: [7; 32],
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        };
        let began = Instant::now();
        let now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) };
        Self { engine: Engine::new(now, setup), store, from: bmc, number: 0, began }
    }

    fn now(&self) -> Now {
        let now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) };
        now.after(self.began.elapsed())
    }

    /// Microseconds from the append to the acknowledgement, and what was appended.
    fn shot(&mut self) -> Option<(f64, Vec<u8>)> {
        self.number += 1;
        let trap = memory_pet(0, false, self.number);
        let now = self.now();
        self.engine.handle_datagram(now, self.from, &trap);
        let (mut start, mut end, mut appended) = (None, None, Vec::new());
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Append(octets) => {
                    start.get_or_insert_with(Instant::now);
                    let stored = self.store.append(&octets).is_ok();
                    self.engine.handle_appended(now, stored);
                    appended = octets;
                }
                Output::Compact(octets) => {
                    let stored = self.store.replace(&octets).is_ok();
                    self.engine.handle_compacted(stored);
                }
                Output::Reply { .. } => {
                    end.get_or_insert_with(Instant::now);
                }
                other => drop(black_box(other)),
            }
        }
        Some((end?.duration_since(start?).as_secs_f64() * 1e6, appended))
    }
}

fn main() {
    let folder = Folder::new();
    let mut ours = Ours::new(&folder);
    let bare = File::create_new(folder.path().join("bare")).expect("a file");
    bare.write_all_at(&vec![0; HOT_OCTETS], 0).expect("its space");
    let (mut sides, mut beyond, mut end) = (Sides::default(), Sides::default(), 0);
    for round in 0..=ROUNDS {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..SHOTS {
            let Some((took, octets)) = ours.shot() else { continue };
            a.push(took);
            let start = Instant::now();
            bare.write_all_at(&octets, end as u64).expect("a write");
            b.push(start.elapsed().as_secs_f64() * 1e6);
            end = (end + octets.len()) % (HOT_OCTETS / 2);
        }
        if round > 0 {
            beyond.round(a.iter().zip(&b).map(|(a, b)| (a - b).max(0.0)).collect(), vec![BEYOND_US]);
            sides.round(a, b); // the first warms up
        }
    }
    sides.print("journal append to acknowledgement", "us", "bare write of the same octets", None);
    beyond.print("of it beyond the bare write", "us", "its budget", Some(1.0));
    full(&mut ours);
    hostile();
}

/// A file as full as it becomes, of as many records as fit.
fn full(ours: &mut Ours) {
    let mut file = Vec::new();
    while file.len() < FULL {
        file.extend(ours.shot().expect("a record").1);
    }
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        sides.round(vec![read(&file)], vec![REPLAY_MS]);
    }
    sides.print("replay of a full journal", "ms", "its budget", Some(1.0));
}

/// The worst that damage can do: beginnings of the longest frames everywhere, none of them whole.
fn hostile() {
    let mut header = b"bmcJ\x01\x10".to_vec();
    header.extend(2048_u16.to_le_bytes());
    let mut file: Vec<u8> = header.iter().copied().cycle().take(HOT_OCTETS - 1).collect();
    file.push(b'\n');
    // An end mark where each of them should end.
    (0..file.len()).filter(|at| at % header.len() == 4).for_each(|at| file[at] = b'\n');
    let mut sides = Sides::default();
    for _ in 0..ROUNDS.min(11) {
        sides.round(vec![read(&file)], vec![REPLAY_MS]);
    }
    sides.print("replay of a journal of broken frames alone", "ms", "its budget", Some(1.0));
}

fn read(file: &[u8]) -> f64 {
    let start = Instant::now();
    let found = replay(black_box(file));
    black_box(reconcile(&found, BootId([1; 16]), |_| false).count());
    start.elapsed().as_secs_f64() * 1e3
}
