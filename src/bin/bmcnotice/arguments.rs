//! Reads the kinds of values that several commands take: durations, numbers, GUIDs.

use bmcnotice::words::Guid;
use std::time::Duration;

/// A whole number and a unit, as in the configuration: `500ms`, `2s`, `5min`, `1h`; and `0`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong_duration())?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs).ok_or_else(wrong_duration);
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "min" => seconds(60),
        "h" => seconds(3600),
        "" if number == 0 => Ok(Duration::ZERO),
        _ => Err(wrong_duration()),
    }
}

fn wrong_duration() -> String {
    "write a whole number and ms, s, min or h, such as 500ms or 2s".into()
}

/// An octet: `32`, `0x20` or `20h`.
pub fn octet(text: &str) -> Result<u8, String> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_suffix('h'));
    let number = match hex {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "write a number from 0 to 255, such as 32, 0x20 or 20h".into())
}

/// 32 hexadecimal digits, with dashes or without, in wire order.
pub fn guid(text: &str) -> Result<Guid, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    match hex(&digits).as_deref().map(TryInto::try_into) {
        Ok(Ok(octets)) => Ok(Guid(octets)),
        _ => Err("write 32 hexadecimal digits, such as 6c696262-6d63-4e6f-8169-636500000001".into()),
    }
}

/// Octets in hexadecimal digits; blanks, colons and `0x` between them are nothing.
pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len() / 2);
    for word in text.split(|c: char| c.is_whitespace() || c == ':' || c == ',') {
        let word = word.strip_prefix("0x").unwrap_or(word).as_bytes();
        for pair in word.chunks(2) {
            let octet = match *pair {
                [high, low] => digit(high)? << 4 | digit(low)?,
                [half] => {
                    digit(half)?;
                    return Err("half an octet: the number of digits is odd".into());
                }
                _ => continue,
            };
            octets.push(octet);
        }
    }
    Ok(octets)
}

fn digit(octet: u8) -> Result<u8, String> {
    match octet {
        b'0'..=b'9' => Ok(octet - b'0'),
        b'a'..=b'f' => Ok(octet - b'a' + 10),
        b'A'..=b'F' => Ok(octet - b'A' + 10),
        other => Err(format!("not a hexadecimal digit: {}", char::from(other).escape_default())),
    }
}

/// The digits of octets.
pub fn digits(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_the_configuration() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5min"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "s", "5", "1.5s", "-1s", "5 s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn octets_and_guids() {
        assert_eq!((octet("32"), octet("0x20"), octet("20h")), (Ok(32), Ok(32), Ok(32)));
        assert!(octet("256").is_err() && octet("").is_err() && octet("0x").is_err());
        assert_eq!(hex("30 82:0a 0xFF"), Ok(vec![0x30, 0x82, 0x0A, 0xFF]));
        assert!(hex("308").is_err() && hex("3g").is_err() && hex("ä0").is_err());
        let shown = "6c696262-6d63-4e6f-8169-636500000001";
        assert_eq!(guid(shown).unwrap().to_string(), shown);
        assert!(guid("6c69").is_err());
    }
}
