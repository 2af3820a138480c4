//! Who holds a session on whose BMC: a BMC has few, and fencing, people and vendors' consoles need some, too.
//!
//! At most two servers of a cluster hold one on a BMC. Which ones, every server finds out for itself by rendezvous hashing:
//! all come to the same answer without a word, and one server more or less changes little. Uses `config` and `crypto`.

use crate::config::model::{Bmc, Cluster, LinkChoice};
use crate::crypto::Digest;
use crate::words::ServerId;

/// Limit: servers of a cluster that hold a session on one BMC.
pub const MAX_HOLDERS: usize = crate::bmc::slots::MAX_OURS as usize;

/// For each server whether this one holds a session on its BMC, as far as there is a login at all.
pub fn held(cluster: &Cluster) -> Vec<bool> {
    let names: Vec<u64> = cluster.servers.iter().map(|server| name(&server.name)).collect();
    let watchers = watchers(cluster);
    let this = cluster.this;
    let all = (0..).map(ServerId).zip(&cluster.servers);
    all.map(|(id, server)| {
        let Some(bmc) = &server.bmc else { return false };
        if id == this {
            return true;
        }
        let others = MAX_HOLDERS - usize::from(holds_its_own(bmc));
        let weight = |of: ServerId| weight(names[usize::from(of.0)], names[usize::from(id.0)]);
        let ours = weight(this);
        let before = watchers.iter().filter(|other| **other != id && **other != this);
        let before = before.filter(|other| (weight(**other), other.0) > (ours, this.0)).take(others).count();
        watchers.contains(&this) && before < others
    })
    .collect()
}

/// The servers that watch: all, unless the operator names them.
fn watchers(cluster: &Cluster) -> Vec<ServerId> {
    if cluster.heartbeat.watchers.is_empty() {
        (0..).map(ServerId).take(cluster.servers.len()).collect()
    } else {
        cluster.heartbeat.watchers.clone()
    }
}

/// Whether a server holds a session on its own BMC, beside the road through its kernel.
fn holds_its_own(bmc: &Bmc) -> bool {
    bmc.lan.is_some() && bmc.link != LinkChoice::InBand
}

fn name(server: &str) -> u64 {
    let mut digest = Digest::new("rendezvous");
    digest.part(server.as_bytes());
    (digest.finish() >> 64) as u64
}

/// Mixes both names (the finisher of SplitMix64): all bits depend on all bits.
fn weight(watcher: u64, watched: u64) -> u64 {
    let mixed = watcher ^ watched.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
