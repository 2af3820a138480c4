//! What is read, written and read again says the same: every parser of the notice side, and its writer.

use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::{self, Message, Pdu, TrapV1, Varbind};
use bmcnotice::wire::usm::{self, Data, Head, Scoped, Version3};
use std::net::Ipv4Addr;

/// How many values were compared.
pub fn read_again(bytes: &[u8]) -> u64 {
    notification(Message::parse(bytes).ok()) + version3(bytes)
}

fn notification(message: Option<Message<'_>>) -> u64 {
    let Some(message) = message else { return 0 };
    let varbinds: Vec<Varbind<'_>> = message.varbinds.iter().collect();
    assert_eq!(varbinds.len(), message.varbinds.len(), "what was checked can be read");
    let mut out = Vec::new();
    // v1 has no varbinds of its own, so that those of every version can be written into it.
    let any = TrapV1 { enterprise: pet::ENTERPRISE, agent: Ipv4Addr::LOCALHOST, generic: 6, specific: 1, uptime: 1 };
    let head = match message.pdu {
        Pdu::TrapV1(head) => head,
        Pdu::TrapV2 { .. } | Pdu::Inform { .. } => any,
    };
    snmp::emit_trap_v1(message.community, &head, &varbinds, &mut out);
    let again = Message::parse(&out).expect("what we write can be read");
    assert_eq!((again.community, again.pdu), (message.community, Pdu::TrapV1(head)));
    assert!(again.varbinds.iter().eq(varbinds.iter().copied()), "{varbinds:?}");
    out.clear();
    let pet = pet::find(&message).and_then(|(specific, octets)| Some((specific, Pet::parse(specific, octets).ok()?)));
    if let Some((_, pet)) = &pet {
        pet.emit(&mut out);
        assert_eq!(Pet::parse(pet.specific_trap(), &out).as_ref(), Ok(pet));
    }
    1 + u64::from(pet.is_some())
}

fn version3(bytes: &[u8]) -> u64 {
    let Ok(message) = Version3::parse(bytes) else { return 0 };
    let data = match message.data {
        Data::Plain(data) | Data::Sealed(data) => data,
    };
    let Version3 { id, level, reportable, parameters, .. } = message;
    let mut out = Vec::new();
    let at = usm::emit(&Head { id, level, reportable, parameters }, data, &mut out);
    let code = &bytes[message.code_at.clone()];
    out[at.clone()].copy_from_slice(code);
    let again = Version3::parse(&out).expect("what we write can be read");
    assert_eq!((again.id, again.level, again.reportable), (id, level, reportable));
    assert_eq!((again.parameters, again.code_at, again.data), (parameters, at, message.data));
    let Data::Plain(scoped) = message.data else { return 1 };
    let Ok(scoped) = Scoped::parse(scoped) else { return 1 };
    let mut out = Vec::new();
    usm::emit_scoped(scoped.engine, scoped.name, scoped.pdu, &mut out);
    assert_eq!(Scoped::parse(&out), Ok(scoped));
    2 + notification(Message::of_version3(scoped.pdu).ok())
}
