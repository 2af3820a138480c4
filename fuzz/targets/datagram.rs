//! Octets, to every parser of the notice side: what is read, written and read again says the same.

#![no_main]

use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::Pet;
use bmcnotice::wire::snmp::Message;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|octets: &[u8]| {
    fuzz::again::read_again(octets);
    if let Ok(message) = Message::parse(octets) {
        for varbind in message.varbinds.iter() {
            let text = varbind.name.to_string();
            let again = OidBuf::from_dotted(&text).expect("what we write can be read");
            assert_eq!(again.as_oid(), varbind.name, "{text}");
        }
    }
    // Bare, too: in a message it is seldom that the rest is right.
    if let Some((specific, octets)) = octets.split_first_chunk()
        && let Ok(pet) = Pet::parse(u32::from_be_bytes(*specific), octets)
    {
        let mut out = Vec::new();
        pet.emit(&mut out);
        assert_eq!(Pet::parse(pet.specific_trap(), &out), Ok(pet));
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::mutator::one(0, data, size, max_size, seed)
});
