//! Datagrams of several senders, with time, answers and reloads between them, to an engine whose outputs are performed,
//! beside a reception; and at the end a genuine one. A world of its own for each input, so that each can be played again.

#![no_main]

use fuzz::dice::Dice;
use fuzz::world::{Letter, World};
use fuzz::{frames, letters, sender, signed, sites};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// Inputs that begin with this octet or a higher one end with a genuine notice.
const GENUINE: u8 = 0xC0;

fuzz_target!(|input: &[u8]| {
    let (site, frames) = frames::read(input);
    let mut dice = Dice::new(0);
    let mut world = World::new(&mut dice, sites()[site % sites().len()].clone());
    world.explains = false; // target `reception` compares those
    for frame in frames {
        world.pass(frame.span());
        if let Some(answer) = frame.answer()
            && let Some(token) = world.due()
        {
            world.answer(token, answer);
        }
        if let Some(site) = frame.site().and_then(|site| sites().get(site)) {
            world.reload(&mut dice, site);
        }
        let signed = signed(&frame.octets);
        world.hear(sender(frame.sender), &Letter { bytes: frame.octets, signed });
    }
    // Not after every input, because the recovery that it begins takes as long as ten datagrams; and not where v3 alone
    // is taken, because there an input may have spoken for the genuine engine.
    if input.first().is_some_and(|octet| *octet >= GENUINE)
        && !world.site.is_foreign()
        && !world.site.table().version3_only
    {
        world.genuine(&Letter { bytes: letters::genuine(), signed: false });
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutator::many(data, size, max_size, seed)
});
