//! Waiting for what another thread or process does.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// What everything that must happen may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(5);

/// Waits until `done`, and fails with `story` if that takes too long.
pub fn until(what: &str, story: impl Fn() -> String, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}: not in time\n{}", story());
        sleep(STEP);
    }
}

/// Waits as long as something might still happen that must not.
pub fn a_while() {
    sleep(Duration::from_millis(600));
}
