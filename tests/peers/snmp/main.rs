//! A peer of the tests: sends SNMPv3 with the crate async-snmp, and receives it. Its input is the tests' command line.
//!
//! usage: bmcnotice-snmp-peer trap|inform ADDRESS USER AUTH PRIVACY OID HEX, which sends a PET; or receive USER:AUTH:PRIVACY...,
//! which prints its address, then a line for each notification: user, level, OID, the variable in hexadecimal digits; it ends with
//! its standard input. AUTH and PRIVACY are async-snmp's names, the passphrases those of `tests/usm_peers.rs`.

use async_snmp::notification::{Notification, NotificationAcceptance, NotificationReceiver};
use async_snmp::v3::{AuthoritativeEngine, DesSaltState};
use async_snmp::{AuthProtocol, Client, Oid, PrivProtocol, Retry, UsmConfig, Value, VarBind, oid};
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;
use tokio::io::AsyncReadExt;

const AUTH: &str = "a long passphrase";
const PRIVACY: &str = "another long one";
const ENGINE: &[u8] = b"\x80\0\x1f\x88\x80a peer";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn octets(hex: &str) -> Result<Vec<u8>> {
    (0..hex.len())
        .step_by(2)
        .map(|at| Ok(u8::from_str_radix(hex.get(at..at + 2).ok_or("half an octet")?, 16)?))
        .collect()
}

/// Our engine; nothing of it is kept.
fn engine() -> Result<AuthoritativeEngine> {
    Ok(AuthoritativeEngine::install(ENGINE, |_| Ok::<(), Infallible>(()))?)
}

fn salt() -> Result<DesSaltState> {
    Ok(DesSaltState::install(|_| Ok::<(), Infallible>(()))?)
}

async fn send(kind: &str, address: &str, user: &str, auth: &str, privacy: &str, trap: &str, hex: &str) -> Result<()> {
    let (auth, privacy): (AuthProtocol, PrivProtocol) = (auth.parse()?, privacy.parse()?);
    let user = UsmConfig::new(user.to_owned()).auth_priv(auth, AUTH, privacy, PRIVACY)?;
    let client = Client::builder(address.to_owned(), user)
        .local_authoritative_engine(engine()?)
        .des_salt_state(salt()?)
        // Otherwise it believes no Report without a code, and waits in vain.
        .allow_unauthenticated_v3_time_correction(true)
        // Reports are rationed: a discovery may have to be repeated.
        .request_timeout(Duration::from_millis(300))
        .retry(Retry::fixed(10, Duration::ZERO)?)
        .connect()
        .await?;
    let variable = VarBind::new(oid!(1, 3, 6, 1, 4, 1, 3183, 1, 1, 1), Value::OctetString(octets(hex)?.into()));
    let trap = Oid::parse(trap)?;
    match kind {
        "trap" => client.send_trap(&trap, 5, vec![variable]).await?,
        "inform" => client.send_inform(&trap, 5, vec![variable]).await?,
        other => return Err(other.into()),
    }
    Ok(())
}

fn told(notification: &Notification) {
    let Notification::TrapV3 { username, security_level, trap_oid, varbinds, .. } = notification else {
        return println!("no trap of v3: {notification:?}");
    };
    let variable = varbinds.last().and_then(|varbind| varbind.value.as_bytes()).unwrap_or_default();
    let hex: String = variable.iter().map(|octet| format!("{octet:02x}")).collect();
    println!("{} {security_level:?} {trap_oid} {hex}", String::from_utf8_lossy(username));
}

async fn receive(users: &[&str]) -> Result<()> {
    let mut builder = NotificationReceiver::builder()
        .bind("127.0.0.1:0")
        .authoritative_engine(engine()?)
        .des_salt_state(salt()?)
        .acceptance_policy(|_| NotificationAcceptance::Accept);
    for user in users {
        let [name, auth, privacy] = user.split(':').collect::<Vec<_>>()[..] else { return Err((*user).into()) };
        let (auth, privacy): (AuthProtocol, PrivProtocol) = (auth.parse()?, privacy.parse()?);
        builder = builder.usm_user(name.to_owned(), |user| user.auth_priv(auth, AUTH, privacy, PRIVACY))?;
    }
    let receiver = builder.build().await?;
    println!("{}", receiver.local_addr());
    let (mut input, mut end) = (tokio::io::stdin(), [0]);
    loop {
        tokio::select! {
            _ = input.read(&mut end) => return Ok(()),
            received = receiver.recv() => told(&received?.notification),
        }
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words[..] {
        [kind, address, user, auth, privacy, trap, hex] => {
            runtime.block_on(send(kind, address, user, auth, privacy, trap, hex))
        }
        ["receive", ref users @ ..] => runtime.block_on(receive(users)),
        _ => Err("see the head of main.rs".into()),
    }
}
