//! One SNMPv3 trap, SHA-256 and AES-128, to a verified notice, side by side with libnetsnmp's way from the octets to the varbinds.
//!
//! Ours does more: source, PET, meaning, duplicate, notice. Neither reads a socket. The other side is a C program that is
//! built here; without net-snmp's headers (`libsnmp-dev`, or `CPATH`) there is no figure, and that is said.
//! `cargo bench --bench usm`

#[path = "common/figure.rs"]
mod figure;
#[path = "../tests/support/version3.rs"]
mod version3;

use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use figure::Sides;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;
use version3::{Sender, World};

/// How often each side is timed.
const ROUNDS: usize = 101;
/// Traps in one timing.
const TRAPS: u32 = 2_000;
/// What ours may cost, of libnetsnmp's: a third.
const BUDGET: f64 = 1.0 / 3.0;

const ENGINE: &str = "80001f8880c0ffee0102030405";

/// libnetsnmp, waiting for counts.
struct Other {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start(sender: &Sender, trap: &[u8]) -> Option<Self> {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("netsnmp_v3");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/common/netsnmp_v3.c");
        let built = ["-lnetsnmp", "-l:libnetsnmp.so.40"].into_iter().any(|library| {
            let mut cc = Command::new("cc");
            cc.args(["-O2", "-w", "-o"]).arg(&program).args([source, library]).stderr(Stdio::null());
            cc.status().is_ok_and(|status| status.success())
        });
        if !built {
            return None;
        }
        let hex = trap.iter().fold(String::new(), |mut text, octet| {
            write!(text, "{octet:02x}").unwrap();
            text
        });
        let mut child = Command::new(program)
            .args([ENGINE, "SHA-256", sender.passphrase, "AES", sender.secret, &hex])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (orders, answers) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Self { child, orders, answers })
    }

    /// Nanoseconds a trap.
    fn time(&mut self) -> f64 {
        writeln!(self.orders, "{TRAPS}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("a number: libnetsnmp opened every trap")
    }
}

fn main() {
    let sender = Sender::new(ENGINE, Auth::Sha256, Some((Privacy::Aes128, Extension::Blumenthal)));
    let trap = sender.trap(7, 1000, 1);
    let mut world = World::new(sender.table());
    assert!(world.receive(&trap).is_ok(), "it comes to a notice");
    let Some(mut other) = Other::start(&sender, &trap) else {
        eprintln!("skipped: usm: libnetsnmp's side cannot be built: install libsnmp-dev");
        return;
    };
    let mut ours = || {
        let start = Instant::now();
        for _ in 0..TRAPS {
            assert!(black_box(world.receive(black_box(&trap))).is_ok());
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(TRAPS)
    };
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        sides.round(vec![ours()], vec![other.time()]);
    }
    drop(other.orders);
    other.child.wait().expect("it ends");
    sides.print("one v3 trap (SHA-256, AES-128) to its notice", "ns", "libnetsnmp to its varbinds", Some(BUDGET));
}
