//! What the fuzz targets share: the judge and the mutator of `tests/hostile`, the messages that they begin with, and
//! how an input is read. Built with `--cfg fuzzing`, under which every code of the right length is right and what is
//! sealed lies open. Their input is whatever libFuzzer makes; `docs/assurance/fuzz.md` explains.

#[path = "../../tests/hostile/again.rs"]
pub mod again;
#[path = "../../tests/simulation/dice.rs"]
pub mod dice;
#[path = "../../tests/support/logins.rs"]
pub mod logins;
#[path = "../../tests/hostile/mutate.rs"]
pub mod mutate;
#[path = "../../tests/hostile/site.rs"]
pub mod site;
#[path = "../../tests/support/traps.rs"]
pub mod traps;
#[path = "../../tests/hostile/tree.rs"]
pub mod tree;
#[path = "../../tests/support/version3.rs"]
pub mod version3;
#[path = "../../tests/hostile/world.rs"]
pub mod world;

pub mod frames;
pub mod letters;
pub mod mutator;

use bmcnotice::now::Now;
use bmcnotice::wire::usm::{Level, Version3};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// When every input begins.
pub const BEGIN: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) };

/// The configurations of `tests/hostile`, read once.
pub fn sites() -> &'static [site::Site] {
    static SITES: OnceLock<Vec<site::Site>> = OnceLock::new();
    SITES.get_or_init(|| site::all(&letters::users()))
}

/// One of those who send.
pub fn sender(octet: u8) -> SocketAddr {
    static SENDERS: OnceLock<Vec<SocketAddr>> = OnceLock::new();
    let all = SENDERS.get_or_init(|| site::SENDERS.iter().map(|text| text.parse().expect("an address")).collect());
    all[usize::from(octet) % all.len()]
}

/// Whether a code passes for right under `--cfg fuzzing`: there is one, of its user's length.
pub fn signed(octets: &[u8]) -> bool {
    let Ok(message) = Version3::parse(octets) else { return false };
    let wanted = letters::code_octets(message.parameters.user);
    message.level > Level::NoAuth && wanted == Some(message.parameters.code.len())
}
