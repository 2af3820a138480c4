//! A configuration, a sender and a datagram, to a reception that has heard nobody: one fate, the explanation says which,
//! and the same datagram again is a repetition or has the same fate.

#![no_main]

use bmcnotice::engine::explain::Explainer;
use fuzz::world::{Letter, explain, receive, reception};
use fuzz::{BEGIN, sender, signed, sites};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use std::sync::OnceLock;

/// Inputs that begin with this octet or a higher one are explained, too: that costs more than all else.
const EXPLAINED: u8 = 0xC0;

fn explainers() -> &'static [Explainer] {
    static ALL: OnceLock<Vec<Explainer>> = OnceLock::new();
    let of = |site: &fuzz::site::Site| Explainer::new(BEGIN, site.cluster.clone(), site.users.clone());
    ALL.get_or_init(|| sites().iter().map(of).collect())
}

fuzz_target!(|input: &[u8]| {
    let [number, from, octets @ ..] = input else { return };
    let (place, from) = (usize::from(*number) % sites().len(), sender(*from));
    let site = &sites()[place];
    let letter = Letter { bytes: octets.to_vec(), signed: signed(octets) };
    let mut reception = reception(BEGIN, site);
    let (first, _) = receive(&mut reception, BEGIN, from, &letter);
    if *number >= EXPLAINED {
        explain(&explainers()[place], BEGIN, from, octets, &first);
    }
    let (second, _) = receive(&mut reception, BEGIN, from, &letter);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert!(!first.repeated && second.repeated, "the same octets are another notice");
            assert_eq!(first.notice, second.notice);
        }
        (first, second) => assert_eq!(first.err(), second.err()),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutator::one(2, data, size, max_size, seed)
});
