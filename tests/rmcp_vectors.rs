//! Every captured exchange, taken apart with our own functions: each code verified, each payload
//! decrypted, and everything written again to the very same octets.

use bmcnotice::crypto::Secret;
use bmcnotice::suite::{Exchange, Keys, Refused, Suite};
use bmcnotice::wire::command::{self, Command};
use bmcnotice::wire::ipmi::Message;
use bmcnotice::wire::rakp::{OpenRequest, OpenResponse, Rakp1, Rakp2, Rakp3, Rakp4};
use bmcnotice::wire::rmcp::{self, Datagram, Error, PayloadType, Plus, emit_setup};
use bmcnotice::words::Guid;
use std::fs;

#[derive(Debug, Default, PartialEq)]
struct Count {
    asf: usize,
    sessionless: usize,
    session15: usize,
    refusals: usize,
    rakp2: usize,
    rakp3: usize,
    rakp4: usize,
    packets: usize,
    /// Made again from what they say.
    meant: usize,
}

/// What is known of the exchange so far.
#[derive(Default)]
struct Seen {
    suite: Option<Suite>,
    sessions: (u32, u32),
    rakp1: Option<Rakp1>,
    exchange: Option<Exchange>,
    keys: Option<Keys>,
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn password(file: &str) -> Secret {
    Secret::new(match file {
        f if f.contains("observer") => "watch20charpasswd0",
        f if f.contains("wrong-password") => "test", // the client's own is wrong
        f if f.contains("pypeer") => "password",
        _ => "test",
    })
}

#[test]
fn every_code_and_every_payload() {
    let mut count = Count::default();
    let mut files: Vec<_> = fs::read_dir("tests/vectors/rmcp").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "hex"));
    files.sort();
    for path in &files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let password = password(name);
        let mut seen = Seen::default();
        for line in fs::read_to_string(path).unwrap().lines() {
            let bytes = octets(line.split(' ').next_back().unwrap());
            if bytes.len() < 4 {
                continue; // pyghmi wakes its own socket with one octet
            }
            look(name, &bytes, &password, &mut seen, &mut count);
        }
    }
    assert_eq!(files.len(), 15);
    let expected = Count {
        asf: 4,
        sessionless: 28,
        session15: 10,
        refusals: 2,
        rakp2: 8,
        rakp3: 7,
        rakp4: 7,
        packets: 80,
        meant: 58,
    };
    assert_eq!(count, expected);
}

fn look(file: &str, bytes: &[u8], password: &Secret, seen: &mut Seen, count: &mut Count) {
    match Datagram::parse(bytes) {
        Ok(Datagram::Ping { tag }) => {
            assert_eq!(rmcp::emit_ping(tag), bytes);
            count.asf += 1;
        }
        Ok(Datagram::Pong { tag, ipmi }) => {
            assert!(ipmi);
            assert_eq!(rmcp::emit_pong(tag), bytes);
            count.asf += 1;
        }
        Ok(Datagram::Sessionless(message)) => {
            assert_eq!(rmcp::emit_sessionless(message).unwrap(), bytes);
            let message = Message::parse(message).unwrap();
            assert_eq!(rmcp::emit_sessionless(&message.emit()).unwrap(), bytes);
            count.meant += again_by_its_meaning(file, &message);
            count.sessionless += 1;
        }
        Ok(Datagram::Plus(plus)) => plus_packet(file, bytes, &plus, password, seen, count),
        Err(Error::Session15) if file.contains("ipmi15") => count.session15 += 1,
        Err(error) => panic!("{file}: {error:?} in {bytes:02x?}"),
    }
}

fn plus_packet(file: &str, bytes: &[u8], plus: &Plus, password: &Secret, seen: &mut Seen, count: &mut Count) {
    let payload = plus.payload;
    let again = match plus.payload_type {
        PayloadType::OpenRequest => OpenRequest::parse(payload).unwrap().emit(),
        PayloadType::OpenResponse => {
            let response = OpenResponse::parse(payload).unwrap();
            match response.result {
                Ok(opened) => {
                    seen.suite = Suite::from_algorithms(opened.algorithms);
                    assert!(seen.suite.is_some(), "{file}");
                    seen.sessions = (response.session.unwrap(), opened.bmc_session);
                    response.emit()
                }
                Err(status) => {
                    assert!(status.is_about_suite() && file.contains("refused"), "{file}: {status}");
                    count.refusals += 1;
                    // This one ends behind its status; ours tells the session, too.
                    [&response.emit()[..payload.len()]].concat()
                }
            }
        }
        PayloadType::Rakp1 => seen.rakp1.insert(Rakp1::parse(payload).unwrap()).emit(),
        PayloadType::Rakp2 => {
            let rakp2 = Rakp2::parse(payload).unwrap();
            match rakp2.result {
                Ok(introduced) => {
                    let rakp1 = seen.rakp1.as_ref().unwrap();
                    let exchange = Exchange {
                        console_session: seen.sessions.0,
                        bmc_session: seen.sessions.1,
                        console_random: rakp1.random,
                        bmc_random: introduced.random,
                        guid: introduced.guid,
                        role: rakp1.role,
                        name: rakp1.name.clone(),
                    };
                    let suite = seen.suite.unwrap();
                    assert!(exchange.rakp2_code(suite, password).is(introduced.code), "{file}");
                    assert!(!exchange.rakp2_code(suite, &Secret::new("other")).is(introduced.code), "{file}");
                    count.rakp2 += 1;
                    seen.keys = Some(exchange.keys(suite, password, None));
                    seen.exchange = Some(exchange);
                    rakp2.emit()
                }
                Err(status) => {
                    assert_eq!((status.0, file.contains("wrong-user")), (0x0D, true));
                    count.refusals += 1;
                    // This one goes on with zeros; ours ends here.
                    let again = rakp2.emit();
                    assert!(payload.starts_with(&again), "{file}");
                    [&again, &payload[again.len()..]].concat()
                }
            }
        }
        PayloadType::Rakp3 => {
            let rakp3 = Rakp3::parse(payload).unwrap();
            let code = seen.exchange.as_ref().unwrap().rakp3_code(seen.suite.unwrap(), password);
            assert!(code.is(rakp3.result.unwrap()), "{file}");
            count.rakp3 += 1;
            rakp3.emit()
        }
        PayloadType::Rakp4 => {
            let rakp4 = Rakp4::parse(payload).unwrap();
            let check = seen.keys.as_ref().unwrap().rakp4_check(seen.exchange.as_ref().unwrap());
            assert!(check.is(rakp4.result.unwrap()), "{file}");
            count.rakp4 += 1;
            rakp4.emit()
        }
        PayloadType::Ipmi => {
            let keys = seen.keys.as_ref().unwrap();
            let message = keys.open(plus).unwrap_or_else(|refused| panic!("{file}: {refused:?}"));
            let parsed = Message::parse(&message).unwrap();
            assert_eq!(parsed.emit(), message, "{file}");
            count.meant += again_by_its_meaning(file, &parsed);
            let iv = *payload.first_chunk().unwrap();
            assert_eq!(keys.seal(plus.session, plus.sequence, iv, &message), bytes, "{file}");
            every_damaged_octet_is_refused(bytes, keys);
            count.packets += 1;
            return;
        }
    };
    assert_eq!(again, payload, "{file}");
    assert_eq!(emit_setup(plus.payload_type, payload), bytes, "{file}");
}

/// A message made again from what it says: requests as our client makes them, answers as our simulated BMC does.
fn again_by_its_meaning(file: &str, message: &Message<'_>) -> usize {
    let number = Command { netfn: message.netfn & !1, number: message.command };
    if message.netfn & 1 == 0 {
        let request = message.to_request().unwrap();
        let made = match (number, request.data.as_slice()) {
            (command::AUTH_CAPABILITIES, [0x8E, level]) => command::auth_capabilities(*level),
            (command::CIPHER_SUITES, [_, _, index]) => command::cipher_suites(*index),
            (command::SET_SESSION_PRIVILEGE, [level]) => command::set_session_privilege(*level),
            (command::CLOSE_SESSION, [a, b, c, d]) => command::close_session(u32::from_le_bytes([*a, *b, *c, *d])),
            (command::PET_ACKNOWLEDGE, data) => command::PetAcknowledge::parse(data).unwrap().request(),
            (command::CHASSIS_STATUS | command::GET_WATCHDOG, []) => request.clone(),
            _ => return 0,
        };
        assert_eq!(made, request, "{file}");
        let mut again = Message::request(message.sequence, &made).emit();
        if message.from != 0x81 {
            return 0; // FreeIPMI calls itself otherwise in some
        }
        again[4] |= message.from_lun & 3;
        assert_eq!(again, message.emit(), "{file}");
        return 1;
    }
    let response = message.to_response().unwrap();
    let data = response.data.as_slice();
    let made = match (response.completion, number) {
        (0, command::CHASSIS_STATUS) => command::ChassisStatus::parse(data).unwrap().emit(),
        (0, command::GET_WATCHDOG) => command::Watchdog::parse(data).unwrap().emit(),
        (0, command::GET_DEVICE_ID) => {
            let mut made = command::DeviceId::parse(data).unwrap().emit();
            made.extend(&data[made.len()..]); // the auxiliary revision is left
            made
        }
        (0, command::SET_SESSION_PRIVILEGE | command::CLOSE_SESSION | command::PET_ACKNOWLEDGE) => data.to_vec(),
        _ => return 0,
    };
    let part = made.len().min(data.len());
    assert_eq!(made[..part], data[..part], "{file}: {number:?}");
    1
}

fn every_damaged_octet_is_refused(bytes: &[u8], keys: &Keys) {
    for i in 4..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[i] ^= 0x01;
        match Datagram::parse(&damaged) {
            Ok(Datagram::Plus(plus)) => assert!(keys.open(&plus).is_err(), "octet {i}"),
            Ok(other) => panic!("octet {i}: {other:?}"),
            Err(_) => {}
        }
        match Datagram::parse(&bytes[..i]) {
            Ok(Datagram::Plus(plus)) => assert!(matches!(keys.open(&plus), Err(Refused::Rmcp(_) | Refused::Code))),
            Ok(other) => panic!("cut at {i}: {other:?}"),
            Err(_) => {}
        }
    }
}

/// No datagram, cut or damaged anywhere, makes a parser panic.
#[test]
fn hostile_datagrams() {
    let lines: Vec<_> = fs::read_dir("tests/vectors/rmcp")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.contains(" -> "))
        .collect();
    for line in &lines {
        let bytes = octets(line.split(' ').next_back().unwrap());
        for i in 0..bytes.len() {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[i] = value;
                parse_all(&damaged);
            }
            parse_all(&bytes[..i]);
        }
    }
}

fn parse_all(bytes: &[u8]) {
    match Datagram::parse(bytes) {
        Ok(Datagram::Plus(plus)) => {
            let _ = OpenRequest::parse(plus.payload);
            let _ = OpenResponse::parse(plus.payload);
            let _ = Rakp1::parse(plus.payload);
            let _ = Rakp2::parse(plus.payload);
            let _ = Rakp3::parse(plus.payload);
        }
        Ok(Datagram::Sessionless(message)) => drop(Message::parse(message)),
        Ok(Datagram::Ping { .. } | Datagram::Pong { .. }) | Err(_) => {}
    }
}

#[test]
fn types_that_we_do_not_speak() {
    let mut bytes = emit_setup(PayloadType::Rakp4, &[]);
    for (flags, error) in [
        (0x01, Error::PayloadType(1)),
        (0x02, Error::OemPayload),
        (0x20, Error::OemPayload),
        (0x27, Error::OemPayload),
        (0x16, Error::PayloadType(0x16)),
    ] {
        bytes[5] = flags;
        assert_eq!(Datagram::parse(&bytes), Err(error));
    }
    assert_eq!(Datagram::parse(&[6, 0, 0xFF, 0x87]), Err(Error::Class(0x87)));
    assert_eq!(Datagram::parse(&[5, 0, 0xFF, 7]), Err(Error::Version(5)));
}

/// The answers inside the captures, through the typed commands.
#[test]
fn answers_of_real_bmcs() {
    let short = octets("00030908029f9112000f");
    assert!(command::DeviceId::parse(&short).is_err());
    let id = command::DeviceId::parse(&octets("00030908029f911200020f00000000")).unwrap();
    assert_eq!((id.manufacturer, id.product, id.ipmi_version), (0x001291, 0x0F02, 0x02));
    let status = command::ChassisStatus::parse(&octets("010000")).unwrap();
    assert!(status.power);
    let capabilities = command::AuthCapabilities::parse(&octets("0184060300000000")).unwrap();
    assert!(capabilities.rmcp_plus && !capabilities.kg);
    assert_eq!(command::parse_suite_list(&octets("c003014181c011034481")), Ok(vec![3, 17]));
    assert!(command::parse_suite_list(&octets("c003014181c0")).is_err());
    let guid = octets("0cc175b9c0f1b6a831c399e269772661");
    assert_eq!(command::parse_guid(&guid), Ok(Guid(guid[..].try_into().unwrap())));
}
