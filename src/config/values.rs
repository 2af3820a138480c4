//! The forms of single values: durations, addresses, GUIDs, names, and what a misspelt word may have meant.
//!
//! Uses `words`. Pure text to value.

use crate::words::Guid;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

/// Limit: the most words of a command.
pub(super) const MAX_WORDS: usize = 64;
/// Limit: the longest word of a command, in bytes.
pub(super) const MAX_WORD: usize = 4095;
/// Limit: the longest name, in bytes; a host's full name fits.
pub const MAX_NAME: usize = 255;
/// Limit: the longest keyword, in bytes, as in CLUSTERPRO.
pub const MAX_KEYWORD: usize = 1023;
/// Limit: longer words are not compared with the known ones, in bytes.
const MAX_GUESS: usize = 64;

/// `500ms`, `90s`, `5min`, `1h`: a whole number and its unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u32 = number.parse().ok()?;
    let seconds = |each: u64| Some(Duration::from_secs(u64::from(number) * each));
    match unit.trim_start_matches(' ') {
        "ms" => Some(Duration::from_millis(u64::from(number))),
        "s" => seconds(1),
        "min" => seconds(60),
        "h" => seconds(3600),
        _ => None,
    }
}

/// A duration as it would be written.
pub(super) fn written(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}min", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}

/// Pairs of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

/// An IPv4 or IPv6 address, in brackets or not.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// `<IP>[:<port>]`, IPv6 in brackets when a port follows.
pub(super) fn address(text: &str, default_port: u16) -> Option<SocketAddr> {
    if let Some(ip) = ip(text) {
        return Some(SocketAddr::new(ip, default_port));
    }
    let (host, port) = text.rsplit_once(':')?;
    let ip = match host.strip_prefix('[') {
        Some(_) => ip(host)?,
        None => IpAddr::V4(host.parse::<Ipv4Addr>().ok()?),
    };
    if !port.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    (port != 0).then_some(SocketAddr::new(ip, port))
}

/// 32 hexadecimal digits, with dashes where people put them or without.
pub(super) fn guid(text: &str) -> Option<Guid> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let bytes = text.as_bytes();
    let dashed = bytes.len() == 36;
    if dashed && DASHES.iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let mut digits = bytes.iter().enumerate().filter(|(at, _)| !(dashed && DASHES.contains(at)));
    let mut guid = [0; 16];
    for octet in &mut guid {
        for _ in 0..2 {
            let (_, digit) = digits.next()?;
            *octet = *octet << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    digits.next().is_none().then_some(Guid(guid))
}

/// Whether a name can be printed, matched and put into a path of keys.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c == '"')
}

/// The known word that a misspelt one is nearest to, if one is near.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > MAX_GUESS {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    let scored = known.iter().map(|known| (edits(&word, &known.replace('-', "_")), *known));
    scored
        .filter(|(edits, known)| *edits <= 1 + known.len() / 4)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known)
}

/// How many letters must change (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let substitute = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("5 min"), Some(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Some(Duration::from_secs(3600)));
        for wrong in ["", "90", "s", "-1s", "1.5s", "99999999999s", "5 m", "1s ", "+1s", "1sms"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        for same in ["0s", "500ms", "90s", "5min", "2h"] {
            assert_eq!(duration(same).map(written).as_deref(), Some(same));
        }
    }

    #[test]
    fn addresses_take_ports_and_brackets() {
        let of = |text| address(text, 162).map(|address| address.to_string());
        assert_eq!(of("192.168.0.1").as_deref(), Some("192.168.0.1:162"));
        assert_eq!(of("192.168.0.1:1162").as_deref(), Some("192.168.0.1:1162"));
        assert_eq!(of("[fe80::1]:1162").as_deref(), Some("[fe80::1]:1162"));
        assert_eq!(of("[fe80::1]").as_deref(), Some("[fe80::1]:162"));
        assert_eq!(of("fe80::1").as_deref(), Some("[fe80::1]:162"));
        for wrong in [
            "",
            "server1",
            "192.168.0.1:",
            "192.168.0.1:0",
            "192.168.0.1:65536",
            "192.168.0.1:+1",
            "192.168.0",
            ":162",
            "[192.168.0.1]:162",
            "[::1",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn guids_come_back_as_they_were() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(guid(text).map(|guid| guid.to_string()).as_deref(), Some(text));
        assert_eq!(guid(&text.replace('-', "")), guid(text));
        for wrong in [
            "",
            "0011",
            "00112233-4455-6677-8899-aabbccddeef",
            "0011223344-55-6677-8899-aabbccddeeff",
            "zz112233445566778899aabbccddeeff",
        ] {
            assert_eq!(guid(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_word_finds_its_neighbour() {
        let known = ["address", "after_ended", "patience", "user"];
        assert_eq!(nearest("adress", &known), Some("address"));
        assert_eq!(nearest("after-ended", &known), Some("after_ended"));
        assert_eq!(nearest("patients", &known), Some("patience"));
        assert_eq!(nearest("colour", &known), None);
    }
}
