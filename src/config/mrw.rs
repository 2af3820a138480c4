//! Whether a `clp.conf` has a message receive monitor (mrw) of category BMCNOTICE: CLUSTERPRO would recover, too.
//!
//! Its input is the file's bytes. They are EUC-JP, ASCII or GB2312, of which an XML reader takes only the second, and
//! no public file shows where a mrw keeps its category. So the bytes are searched as they are: in those encodings (and
//! in Shift JIS and GBK, which editors leave behind) the octets of `<`, `>`, `/`, `=` and quotes are never part of
//! another character. What is found too often asks the operator a question; what is missed moves a group twice.

/// The category that is looked for.
const CATEGORY: &[u8] = b"BMCNOTICE";
/// Limit: the deepest element that is followed.
const MAX_DEPTH: usize = 32;
/// Limit: monitors that are named.
const MAX_NAMES: usize = 16;
/// Limit: octets of a monitor's name that are shown.
const MAX_NAME_OCTETS: usize = 64;
/// Texts of these are names and remarks, not settings.
const NO_SETTING: [&[u8]; 3] = [b"comment", b"name", b"target"];

/// The names of its BMCNOTICE monitors; `None` when this is no `clp.conf`.
pub fn bmcnotice_monitors(bytes: &[u8]) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut path: Vec<&[u8]> = Vec::new();
    let mut monitor: Option<(usize, String)> = None;
    let (mut rest, mut seen_root) = (bytes, false);
    while let Some(open) = find(rest, b"<") {
        let text = rest[..open].trim_ascii();
        let element = path.last().copied().unwrap_or_default();
        if text == CATEGORY && (monitor.is_some() || element == b"category") && !NO_SETTING.contains(&element) {
            note(&mut names, monitor.as_ref());
        }
        rest = &rest[open..];
        if rest.starts_with(b"<!--") {
            rest = &rest[find(rest, b"-->")? + 3..];
            continue;
        }
        let close = end_of_tag(rest)?;
        let tag = &rest[1..close];
        rest = &rest[close + 1..];
        match tag.first() {
            Some(b'?' | b'!') | None => {}
            Some(b'/') => {
                path.pop();
                if monitor.as_ref().is_some_and(|(depth, _)| path.len() < *depth) {
                    monitor = None;
                }
            }
            Some(_) => {
                let name = tag.split(|b| b.is_ascii_whitespace() || *b == b'/').next().unwrap_or_default();
                seen_root |= path.is_empty() && name == b"root";
                let inside = monitor.is_some() || name == b"mrw";
                if name == b"mrw" && monitor.is_none() && !tag.ends_with(b"/") {
                    monitor = Some((path.len() + 1, attribute(tag)));
                }
                let quoted = |quote: u8| tag.split(|b| *b == quote).skip(1).step_by(2).any(|value| value == CATEGORY);
                if inside && name != b"mrw" && (quoted(b'"') || quoted(b'\'')) {
                    note(&mut names, monitor.as_ref());
                }
                if !tag.ends_with(b"/") {
                    if path.len() == MAX_DEPTH {
                        return None;
                    }
                    path.push(name);
                }
            }
        }
    }
    seen_root.then_some(names)
}

fn note(names: &mut Vec<String>, monitor: Option<&(usize, String)>) {
    let name = monitor.map_or_else(|| "(without a name)".to_owned(), |(_, name)| name.clone());
    if names.len() < MAX_NAMES && !names.contains(&name) {
        names.push(name);
    }
}

/// The value of `name="..."`, for people: what is not ASCII is not shown.
fn attribute(tag: &[u8]) -> String {
    let value = find(tag, b"name=").and_then(|at| {
        let (quote, value) = tag.get(at + 5..)?.split_first()?;
        value.split(|b| b == quote).next()
    });
    let shown = |b: &u8| if b.is_ascii_graphic() { char::from(*b) } else { '?' };
    match value {
        Some(value) if !value.is_empty() => value.iter().take(MAX_NAME_OCTETS).map(shown).collect(),
        _ => "(without a name)".to_owned(),
    }
}

/// Where the tag at the front ends: at a `>` outside quotes.
fn end_of_tag(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    rest.iter().position(|&b| {
        match (quote, b) {
            (None, b'"' | b'\'') => quote = Some(b),
            (Some(open), b) if b == open => quote = None,
            _ => {}
        }
        quote.is_none() && b == b'>'
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(monitors: &[u8]) -> Vec<u8> {
        let mut bytes = b"<?xml version=\"1.0\" encoding=\"EUC-JP\"?>\n<root>\n".to_vec();
        // A comment in EUC-JP.
        bytes.extend(b"<cluster><comment>\xA5\xAF\xA5\xE9\xA5\xB9\xA5\xBF</comment></cluster><monitor>");
        bytes.extend(monitors);
        bytes.extend(b"</monitor></root>");
        bytes
    }

    fn found(monitors: &[u8]) -> Option<Vec<String>> {
        bmcnotice_monitors(&conf(monitors))
    }

    #[test]
    fn a_monitor_is_found_wherever_its_category_stands() {
        let likely = b"<types name=\"mrw\"/><mrw name=\"mrw1\"><comment/><parameters><category>BMCNOTICE</category>\
                       <keyword>192.168.0.1</keyword></parameters></mrw>";
        assert_eq!(found(likely), Some(vec!["mrw1".to_owned()]));
        let per_server =
            b"<mrw name='mrw2'><server name='s1'><parameters><cat> BMCNOTICE\n</cat></parameters></server></mrw>";
        assert_eq!(found(per_server), Some(vec!["mrw2".to_owned()]));
        assert_eq!(found(b"<mrw name='a'><p category=\"BMCNOTICE\" x='>'/></mrw>"), Some(vec!["a".to_owned()]));
        assert_eq!(found(b"<other><category>BMCNOTICE</category></other>"), Some(vec!["(without a name)".to_owned()]));
        let two =
            b"<mrw name=\"m\xC5\"><c>BMCNOTICE</c></mrw><mrw name=\"n\"><c>NIC</c></mrw><mrw><c>BMCNOTICE</c></mrw>";
        assert_eq!(found(two), Some(vec!["m?".to_owned(), "(without a name)".to_owned()]));
    }

    #[test]
    fn other_monitors_and_remarks_are_none() {
        let none = Some(Vec::new());
        assert_eq!(found(b"<mrw name=\"mrw1\"><parameters><category>NIC</category></parameters></mrw>"), none);
        assert_eq!(
            found(b"<mrw name=\"BMCNOTICE\"><comment>BMCNOTICE</comment><target>BMCNOTICE</target></mrw>"),
            none
        );
        assert_eq!(found(b"<!-- <mrw name=\"m\"><category>BMCNOTICE</category></mrw> --><userw name=\"u\"/>"), none);
        assert_eq!(found(b"<mrw name=\"m\"><category>BMCNOTICE2</category></mrw>"), none);
        assert_eq!(found(b"<mrw name=\"m\"/><x><relation>BMCNOTICE</relation></x>"), none);
    }

    #[test]
    fn what_is_no_clp_conf_says_nothing() {
        let deep = [b"<a>".repeat(40), b"BMCNOTICE".to_vec()].concat();
        for bytes in
            [&b""[..], b"hello", b"<html></html>", b"<root", b"<root><!-- ", b"<root a=\"", &deep, b"\xFF\xFE<\0"]
        {
            assert_eq!(bmcnotice_monitors(bytes), None, "{bytes:?}");
        }
        let whole = conf(b"<mrw name=\"mrw1\"><c>BMCNOTICE</c></mrw>");
        for cut in 0..whole.len() {
            let _ = bmcnotice_monitors(&whole[..cut]);
        }
    }
}
