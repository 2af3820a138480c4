//! What the answers of all BMCs mean, in plain words and as JSON.
//!
//! Pure: what was asked and heard comes in, sentences come out.

use crate::out::{Look, Out};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::words::Guid;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What one BMC said.
#[derive(Debug, Clone)]
pub struct Bmc {
    /// Whose it is.
    pub server: String,
    /// Whether it is this server's.
    pub own: bool,
    /// Where it is said to be.
    pub address: SocketAddr,
    /// None: it is not talked to in-band.
    pub in_band: Option<Result<InBand, Shut>>,
    /// How long its answer took without a session; none: there was none.
    pub ping: Option<Duration>,
    /// None: no login is configured.
    pub session: Option<Session>,
}

/// What it said in-band.
#[derive(Debug, Clone)]
pub struct InBand {
    /// To Get Device ID.
    pub took: Duration,
    /// Its GUID, if it tells.
    pub guid: Option<Guid>,
    /// Where it listens, as it says itself; none: it does not tell.
    pub addresses: Option<Vec<Ipv4Addr>>,
}

/// Why it said nothing in-band.
#[derive(Debug, Clone, Copy)]
pub enum Shut {
    /// It cannot be asked, and this is why.
    Failed(Failure),
    /// Its GUID is not the pinned one.
    Another {
        /// What it is.
        found: Guid,
    },
}

/// What came of a session.
#[derive(Debug, Clone)]
pub enum Session {
    /// It opened.
    Open {
        /// Key exchange, privilege and GUID together.
        took: Duration,
        /// The cipher suite.
        suite: u8,
        /// The BMC's GUID.
        guid: Guid,
        /// Whether that is the right one.
        proven: bool,
    },
    /// Another system's BMC is there.
    Another {
        /// Its GUID.
        found: Guid,
    },
    /// It did not open.
    Failed {
        /// Why.
        why: Failure,
    },
    /// This host does not send there.
    Unsent {
        /// Why.
        why: String,
    },
}

/// How good a sentence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It works.
    Good,
    /// It is as it is, and nothing is to be done.
    Note,
    /// It does not work.
    Bad,
}

/// What is said of one BMC.
pub type Says = Vec<(Tone, String)>;

/// What one BMC's answers mean, beside those of all.
pub fn judge(bmc: &Bmc, all: &[Bmc]) -> Says {
    let mut says = Says::new();
    let inside = in_band(bmc, &mut says);
    lan(bmc, all, inside, &mut says);
    says
}

/// Whether in-band works; says how.
fn in_band(bmc: &Bmc, says: &mut Says) -> bool {
    match &bmc.in_band {
        None => false,
        Some(Ok(found)) => {
            let guid = found.guid.map_or("it tells no GUID".to_owned(), |guid| format!("GUID {guid}"));
            says.push((Tone::Good, format!("in-band: answers in {}, {guid}", shown(found.took))));
            true
        }
        Some(Err(Shut::Another { found })) => {
            let text = format!(
                "in-band: the board's GUID is {found}, and another one is pinned: this is not the server that the configuration takes it for; nothing will be said to it"
            );
            says.push((Tone::Bad, text));
            false
        }
        Some(Err(Shut::Failed(Failure::InBand(why)))) => {
            // A login is another road.
            let tone = if lan_works(bmc) { Tone::Note } else { Tone::Bad };
            says.push((tone, format!("in-band: {why}; {}", why.remedy())));
            false
        }
        Some(Err(Shut::Failed(why))) => {
            says.push((Tone::Bad, format!("in-band: {why}")));
            false
        }
    }
}

fn lan_works(bmc: &Bmc) -> bool {
    matches!(bmc.session, Some(Session::Open { .. }))
}

fn is_silent(bmc: &Bmc) -> bool {
    bmc.ping.is_none() && !lan_works(bmc)
}

fn lan(bmc: &Bmc, all: &[Bmc], inside: bool, says: &mut Says) {
    let at = bmc.address;
    if is_silent(bmc) {
        return silent(bmc, all, inside, says);
    }
    let ping =
        bmc.ping.map_or("does not answer without a session".to_owned(), |took| format!("answers in {}", shown(took)));
    match &bmc.session {
        None if bmc.own && !inside => {
            says.push((Tone::Note, format!("LAN: {at} {ping}; no login is configured, so nothing can be told to it")));
        }
        None => says.push((Tone::Note, format!("LAN: {at} {ping}; no login is configured, so it is only pinged"))),
        Some(Session::Open { took, suite, guid, proven: true }) => says.push((
            Tone::Good,
            format!("LAN: {at} {ping}, a session opens in {} (cipher suite {suite}), GUID {guid} is the right one", shown(*took)),
        )),
        Some(Session::Open { took, suite, guid, proven: false }) => says.push((
            Tone::Note,
            format!(
                "LAN: {at} {ping}, a session opens in {} (cipher suite {suite}); whose BMC it is was not checked: no guid is pinned, it tells {guid}",
                shown(*took)
            ),
        )),
        Some(Session::Another { found }) => says.push((
            Tone::Bad,
            format!("LAN: another system's BMC answers at {at}: its GUID is {found}; correct address or guid"),
        )),
        Some(Session::Failed { why }) => says.push((Tone::Bad, format!("LAN: {at} {ping}, but no session opens: {why}"))),
        Some(Session::Unsent { why }) => says.push((Tone::Bad, format!("LAN: nothing can be sent to {at}: {why}"))),
    }
}

/// Nothing came over LAN. Of the own BMC that may be as it must be.
fn silent(bmc: &Bmc, all: &[Bmc], inside: bool, says: &mut Says) {
    let at = bmc.address;
    if let Some(Session::Unsent { why }) = &bmc.session {
        says.push((Tone::Bad, format!("LAN: nothing can be sent to {at}: {why}")));
        return;
    }
    let own = bmc.in_band.as_ref().and_then(|found| found.as_ref().ok()).filter(|_| bmc.own && inside);
    let Some(own) = own else {
        says.push((Tone::Bad, format!("LAN: {at} does not answer; address, cable, VLAN, or IPMI over LAN is off")));
        return;
    };
    let there = match (at.ip(), &own.addresses) {
        (IpAddr::V4(ip), Some(told)) if told.is_empty() => {
            Err(format!("the BMC says that it has no address, and not {ip}: set it in the BMC"))
        }
        (IpAddr::V4(ip), Some(told)) if !told.contains(&ip) => {
            let list: Vec<String> = told.iter().map(ToString::to_string).collect();
            Err(format!(
                "the BMC says that its address is {}, and not {ip}: correct it here or there",
                list.join(" and ")
            ))
        }
        (IpAddr::V4(_), Some(_)) => Ok(true),
        (IpAddr::V4(_), None) | (IpAddr::V6(_), _) => Ok(false),
    };
    let mut peers = all.iter().filter(|other| !other.own).peekable();
    let any = peers.peek().is_some();
    let heard = peers.any(|peer| !is_silent(peer));
    let (tone, text) = match (there, any, heard) {
        (Err(text), ..) => (Tone::Bad, text),
        (Ok(known), _, true) => (
            Tone::Note,
            format!(
                "own BMC unreachable from its own OS over a shared network port (NC-SI): {}other BMCs answer this host. \
                 That is normal: in-band is used; peers reach it (check --live there shows it)",
                if known { "the BMC has this address, and " } else { "" }
            ),
        ),
        (Ok(_), true, false) => (
            Tone::Bad,
            "no BMC answers this host at all: cable, VLAN, route or firewall between this host and the BMC network".into(),
        ),
        (Ok(_), false, false) => (
            Tone::Note,
            "the own BMC does not answer over LAN; there is no other BMC to compare with. Over a shared network port (NC-SI) that is normal: in-band is used".into(),
        ),
    };
    says.push((tone, format!("LAN: {at} does not answer: {text}")));
}

/// Whether anything that is needed does not work.
pub fn is_bad(says: &Says) -> bool {
    says.iter().any(|(tone, _)| *tone == Tone::Bad)
}

/// For people.
pub fn print(all: &[Bmc], out: &Out) {
    for bmc in all {
        let whose = if bmc.own { " (this server)" } else { "" };
        out.line(out.paint(Look::Strong, format_args!("BMC of {}{whose}", bmc.server)));
        for (tone, text) in judge(bmc, all) {
            let (look, word) = match tone {
                Tone::Good => (Look::Good, "ok  "),
                Tone::Note => (Look::Faint, "note"),
                Tone::Bad => (Look::Bad, "BAD "),
            };
            out.line(format_args!("  {} {text}", out.paint(look, word)));
        }
    }
}

/// For programs.
pub fn as_json(all: &[Bmc]) -> Value {
    let one = |bmc: &Bmc| {
        let says = judge(bmc, all);
        let lines: Vec<Value> = says.iter().map(|(tone, text)| json!({ "tone": tone.name(), "text": text })).collect();
        json!({
            "server": bmc.server,
            "own": bmc.own,
            "address": bmc.address.to_string(),
            "in_band": bmc.in_band.as_ref().map(|found| match found {
                Ok(found) => json!({
                    "works": true,
                    "ms": ms(found.took),
                    "guid": found.guid.map(|guid| guid.to_string()),
                    "addresses": found.addresses,
                }),
                Err(Shut::Another { found }) => json!({ "works": false, "guid": found.to_string() }),
                Err(Shut::Failed(why)) => json!({ "works": false, "why": why.to_string() }),
            }),
            "ping_ms": bmc.ping.map(ms),
            "session": bmc.session.as_ref().map(|session| match session {
                Session::Open { took, suite, guid, proven } => json!({
                    "works": true, "ms": ms(*took), "cipher_suite": suite, "guid": guid.to_string(), "proven": proven,
                }),
                Session::Another { found } => json!({ "works": false, "guid": found.to_string() }),
                Session::Failed { why } => json!({ "works": false, "why": why.to_string() }),
                Session::Unsent { why } => json!({ "works": false, "why": why }),
            }),
            "ok": !is_bad(&says),
            "says": lines,
        })
    };
    all.iter().map(one).collect()
}

impl Tone {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Bad => "bad",
        }
    }
}

fn ms(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}

fn shown(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmcnotice::words::Obstacle;

    const MS: Duration = Duration::from_millis(2);
    const ADDRESS: &str = "192.168.0.11:623";

    fn bmc(own: bool) -> Bmc {
        let open = Session::Open { took: MS, suite: 17, guid: Guid([7; 16]), proven: true };
        Bmc {
            server: if own { "server1" } else { "server2" }.into(),
            own,
            address: if own { ADDRESS } else { "192.168.0.12:623" }.parse().unwrap(),
            in_band: own.then(|| Ok(inside(&[ADDRESS]))),
            ping: Some(MS),
            session: Some(open),
        }
    }

    fn inside(addresses: &[&str]) -> InBand {
        let ip = |text: &&str| match text.parse::<SocketAddr>().unwrap().ip() {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(_) => unreachable!(),
        };
        InBand { took: MS, guid: Some(Guid([7; 16])), addresses: Some(addresses.iter().map(ip).collect()) }
    }

    fn mute(bmc: Bmc) -> Bmc {
        let session = bmc.session.as_ref().map(|_| Session::Failed { why: Failure::Silent });
        Bmc { ping: None, session, ..bmc }
    }

    /// Every case: the own BMC, the peers, a part of what is said, whether that is bad.
    #[test]
    fn what_is_heard_has_a_meaning() {
        let (own, peer) = (bmc(true), bmc(false));
        let elsewhere = Bmc { in_band: Some(Ok(inside(&["192.168.0.99:623"]))), ..mute(own.clone()) };
        let nowhere = Bmc { in_band: Some(Ok(inside(&[]))), ..mute(own.clone()) };
        let told_nothing = InBand { addresses: None, ..inside(&[]) };
        let told_nothing = Bmc { in_band: Some(Ok(told_nothing)), ..mute(own.clone()) };
        let denied = Some(Err(Shut::Failed(Failure::InBand(Obstacle::Denied))));
        let outside = Bmc { in_band: denied, ..own.clone() };
        let pinned = Some(Err(Shut::Another { found: Guid([9; 16]) }));
        let wrong_board = Bmc { in_band: pinned, ..own.clone() };
        let wrong_address = Bmc { session: Some(Session::Another { found: Guid([9; 16]) }), ..own.clone() };
        let password = Bmc { session: Some(Session::Failed { why: Failure::WrongPassword }), ..own.clone() };
        let v6 = Bmc { address: "[fd00::11]:623".parse().unwrap(), ..mute(own.clone()) };
        for (own, peers, text, bad) in [
            (own.clone(), vec![peer.clone()], "LAN: 192.168.0.11:623 answers in 2.0 ms, a session opens", false),
            (own.clone(), vec![], "in-band: answers in 2.0 ms", false),
            (
                mute(own.clone()),
                vec![peer.clone()],
                "over a shared network port (NC-SI): the BMC has this address",
                false,
            ),
            (v6, vec![peer.clone()], "over a shared network port (NC-SI): other BMCs", false),
            (mute(own.clone()), vec![mute(peer.clone())], "no BMC answers this host at all", true),
            (mute(own.clone()), vec![], "no other BMC to compare with", false),
            (elsewhere, vec![peer.clone()], "its address is 192.168.0.99, and not 192.168.0.11", true),
            (nowhere, vec![peer.clone()], "it has no address", true),
            (told_nothing, vec![peer.clone()], "over a shared network port (NC-SI): other BMCs", false),
            (outside.clone(), vec![peer.clone()], "permission denied", false),
            (mute(outside), vec![peer.clone()], "192.168.0.11:623 does not answer; address, cable", true),
            (wrong_board, vec![], "another one is pinned", true),
            (wrong_address, vec![], "another system's BMC answers at 192.168.0.11:623", true),
            (password, vec![], "no session opens: wrong password", true),
        ] {
            let all: Vec<Bmc> = [vec![own.clone()], peers].concat();
            let says = judge(&own, &all);
            assert!(says.iter().any(|(_, said)| said.contains(text)), "{text}: {says:?}");
            assert_eq!(is_bad(&says), bad, "{text}: {says:?}");
            assert_eq!(as_json(&all)[0]["ok"], !bad);
        }
        let says = judge(&mute(peer.clone()), &[own, peer]);
        assert!(is_bad(&says) && says[0].1.contains("192.168.0.12:623 does not answer"), "{says:?}");
    }
}
