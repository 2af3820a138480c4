//! SNMPv3 between net-snmp's clients and its agent, and between its senders and its receiver: every code is right, every
//! seal opens, and only what notifies makes a notice.

use crate::common::octets;
use crate::file::datagrams;
use crate::version3::{World, at, cluster, user};
use bmcnotice::crypto::usm::{Auth, Cipher, Extension, Mac, Privacy};
use bmcnotice::notice::usm::{EngineId, Table, User, Usm};
use bmcnotice::notice::{DropReason, Reception};
use bmcnotice::wire::usm::{Data, Parameters, Scoped, Version3};
use bmcnotice::words::Trust;
use std::collections::BTreeMap;

/// The agent's.
const ENGINE: &str = "80001f8880feedbeef00000001";
pub const AUTH: &str = "an agent passphrase";
pub const PRIVACY: &str = "its other passphrase";
/// UTF-8, of 9 octets.
pub const POUND: &str = "1234567\u{a3}";

/// (name, hash, cipher, and the passphrases of both)
const USERS: [(&str, Auth, Privacy, &str, &str); 5] = [
    ("md5Des", Auth::Md5, Privacy::Des, AUTH, PRIVACY),
    ("md5Aes", Auth::Md5, Privacy::Aes128, AUTH, PRIVACY),
    ("shaDes", Auth::Sha1, Privacy::Des, AUTH, PRIVACY),
    ("shaAes", Auth::Sha1, Privacy::Aes128, AUTH, PRIVACY),
    ("pound", Auth::Md5, Privacy::Des, POUND, POUND),
];

pub fn users() -> Vec<User> {
    let user = |(name, auth, privacy, first, second)| {
        user(name, Some((auth, first)), Some((privacy, second, Extension::Blumenthal)))
    };
    USERS.map(user).into()
}

/// The code and the cipher of a user at an engine.
struct Keys {
    mac: Mac,
    cipher: Cipher,
}

impl Keys {
    fn new(auth: Auth, privacy: Privacy, first: &str, second: &str, engine: &[u8]) -> Self {
        let key = |passphrase: &str| auth.localized(&auth.key(passphrase.as_bytes()), engine);
        let cipher = Cipher::new(privacy, auth, &key(second), Extension::Blumenthal, engine);
        Self { mac: Mac::new(auth, &key(first)), cipher }
    }

    /// The PDU of a message.
    fn open(&self, message: &Version3<'_>) -> Vec<u8> {
        let Parameters { boots, time, salt, .. } = message.parameters;
        match message.data {
            Data::Plain(scoped) => Scoped::parse(scoped).unwrap().pdu.to_vec(),
            Data::Sealed(sealed) => {
                let mut plain = sealed.to_vec();
                self.cipher.open(boots, time, salt, &mut plain).unwrap();
                Scoped::parse_padded(&plain).unwrap().pdu.to_vec()
            }
        }
    }
}

#[test]
fn every_code_between_a_client_and_an_agent_is_right_and_every_seal_opens() {
    let engine = octets(ENGINE);
    let keys = USERS.map(|(name, auth, privacy, first, second)| {
        let other = if auth == Auth::Md5 { Auth::Sha1 } else { Auth::Md5 };
        let [keys, wrong] = [auth, other].map(|auth| Keys::new(auth, privacy, first, second, &engine));
        (name, keys, wrong.mac)
    });
    let (mut codes, mut pdus) = (0, BTreeMap::<_, usize>::new());
    for datagram in datagrams("traps/own-snmpget.hex") {
        let message = Version3::parse(&datagram.octets).unwrap();
        let what = format!("{}: {}", datagram.case, datagram.comment);
        let of = keys.iter().find(|(name, _, _)| name.as_bytes() == message.parameters.user);
        let pdu = match (of, message.data) {
            (Some((_, keys, wrong)), _) => {
                assert_eq!(message.parameters.engine, engine, "{what}");
                assert!(keys.mac.verifies(&datagram.octets, message.code_at.clone()), "{what}");
                assert!(!wrong.verifies(&datagram.octets, message.code_at.clone()), "{what}");
                codes += 1;
                keys.open(&message)
            }
            // Discovery, and the Report that answers it.
            (None, Data::Plain(scoped)) => Scoped::parse(scoped).unwrap().pdu.to_vec(),
            (None, Data::Sealed(_)) => panic!("{what}"),
        };
        let sealed = matches!(message.data, Data::Sealed(_));
        *pdus.entry((pdu[0], sealed)).or_default() += 1;
    }
    // Four users over IPv4, and the one with the pound sign over both: Get and GetNext, in the open and sealed, each
    // answered. Before each of the 24 stands a discovery, a Get, with its Report.
    assert_eq!(codes, 6 * 2 * 2 * 2);
    let counted: Vec<_> = pdus.into_iter().collect();
    let of = |tag, open, sealed| [((tag, false), open), ((tag, true), sealed)];
    let (get, next, response) = (of(0xA0, 24 + 6, 6), of(0xA1, 6, 6), of(0xA2, 12, 12));
    assert_eq!(counted, [&get[..], &next, &response, &[((0xA8, false), 24)]].concat());
}

/// With every key at hand: opened, and no notification.
#[test]
fn nothing_between_a_client_and_an_agent_is_a_notification() {
    let engine = EngineId::new(&octets(ENGINE)).unwrap();
    let mut known = World::new(Table { users: users(), named: vec![engine], ..Table::default() });
    let mut strange = World::new(Table { users: vec![user("other", None, None)], ..Table::default() });
    let mut reasons = BTreeMap::<_, usize>::new();
    for datagram in datagrams("traps/own-snmpget.hex") {
        *reasons.entry(known.receive(&datagram.octets).unwrap_err()).or_default() += 1;
        let reason = strange.receive(&datagram.octets).unwrap_err();
        assert!([DropReason::UnknownEngine, DropReason::UnknownUser].contains(&reason), "{reason}");
    }
    // A discovery and its Report name nobody whom we know; all else was opened.
    let (found, wanted) =
        (reasons, [(DropReason::NotANotification, 48), (DropReason::UnknownUser, 24), (DropReason::UnknownEngine, 24)]);
    assert_eq!(found, BTreeMap::from(wanted));
}

/// snmpinform and snmptrapd, played with us in snmptrapd's place: the recorded Informs are taken, and our answers say
/// what its answers said.
#[test]
fn recorded_informs_are_answered_as_snmptrapd_answered_them() {
    let all = datagrams("traps/own-snmptrap.hex");
    let mut answered = 0;
    for (name, auth, privacy) in [
        ("infNoAuth", None, None),
        ("infSha", Some((Auth::Sha1, "sha1-auth-pass-05")), None),
        ("infSha256Aes", Some((Auth::Sha256, "sha256-auth-pass-06")), Some((Privacy::Aes128, "aes128-priv-pass-06"))),
    ] {
        let case = all.iter().filter(|datagram| datagram.case.starts_with("v3-") && datagram.case.ends_with("-inform"));
        let mut case =
            case.filter(|datagram| Version3::parse(&datagram.octets).unwrap().parameters.user == name.as_bytes());
        let (inform, response) = (case.next().unwrap(), case.next().unwrap());
        let (asked, recorded) = (Version3::parse(&inform.octets).unwrap(), Version3::parse(&response.octets).unwrap());

        let own = EngineId::new(asked.parameters.engine).unwrap();
        let seal = privacy.map(|(privacy, passphrase)| (privacy, passphrase, Extension::Blumenthal));
        let table = Table { users: vec![user(name, auth, seal)], ..Table::default() };
        let (now, boots) = (at(0), asked.parameters.boots);
        let mut reception = Reception::new(&cluster());
        reception.read_version3(Some(Usm::new(now, table, own, boots, 1)));
        let mut world = World { reception, now: at(asked.parameters.time.into()), own, boots };
        let received = world.receive(&inform.octets).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        let trust = if auth.is_some() { Trust::Authenticated } else { Trust::Address };
        assert_eq!(received.notice.trust, trust, "{name}");

        let ours = received.reply.inform.unwrap();
        let ours = (Version3::parse(&ours).unwrap(), &ours);
        assert_eq!((ours.0.id, ours.0.level), (recorded.id, recorded.level), "{name}");
        let (hash, passphrase) = auth.unwrap_or((Auth::Md5, "none"));
        let (cipher, secret) = privacy.unwrap_or((Privacy::Des, "none"));
        let keys = Keys::new(hash, cipher, passphrase, secret, own.octets());
        assert_eq!(keys.open(&ours.0), keys.open(&recorded), "{name}");
        if auth.is_some() {
            assert!(keys.mac.verifies(&response.octets, recorded.code_at), "{name}");
            assert!(keys.mac.verifies(ours.1, ours.0.code_at.clone()), "{name}");
        }
        answered += 1;
    }
    assert_eq!(answered, 3);
}
