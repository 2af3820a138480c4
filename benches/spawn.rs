//! Starting a command through its keeper beside posix_spawn, in a small process and in one with much memory.
//!
//! `cargo bench --bench spawn` prints medians: until the call returns, which is what delays the host's thread, and
//! until the end of `/bin/true` is known.

use bmcnotice::io::child::{Child, Ending, Order, Output};
use std::time::{Duration, Instant};

const RUNS: usize = 200;
/// Touched, so that it is there.
const MUCH: usize = 1 << 30;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn ours() -> (Duration, Duration) {
    let (time, grace) = (Duration::from_secs(10), Duration::from_secs(1));
    let order =
        Order { argv: &[c"/bin/true"], env: &[], output: Output::Together, room: 16384, time, grace, alone: None };
    let begun = Instant::now();
    let child = Child::spawn(&order).unwrap();
    let started = begun.elapsed();
    assert_eq!(child.wait().unwrap(), Ending::Exited(0));
    (started, begun.elapsed())
}

/// What std does: posix_spawn, which shares memory until the exec, and waits for it.
fn plain() -> (Duration, Duration) {
    let begun = Instant::now();
    let mut child = std::process::Command::new("/bin/true").env_clear().spawn().unwrap();
    let started = begun.elapsed();
    assert!(child.wait().unwrap().success());
    (started, begun.elapsed())
}

fn measure(what: &str) {
    let (mut ours_all, mut plain_all) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours_all.push(ours());
        plain_all.push(plain());
    }
    for (part, of) in [("call", 0), ("to the end", 1)] {
        let pick = |all: &[(Duration, Duration)]| median(all.iter().map(|both| [both.0, both.1][of]).collect());
        let (ours, plain) = (pick(&ours_all), pick(&plain_all));
        println!("{what}, {part}: keeper {ours:.0} us, posix_spawn {plain:.0} us, ratio {:.2}", ours / plain);
    }
}

fn main() {
    measure("small process");
    let mut much = vec![0_u8; MUCH];
    for octet in much.iter_mut().step_by(4096) {
        *octet = 1;
    }
    measure("process with 1 GiB touched");
    assert_eq!(much[0], 1);
}
