//! Prometheus' text format 0.0.4, read strictly: what its own parser would refuse fails the test, and so does what it
//! only puts up with.

use std::collections::{BTreeMap, BTreeSet};

/// One metric.
#[derive(Debug, Default)]
pub struct Metric {
    pub kind: String,
    /// By labels.
    pub samples: BTreeMap<Vec<(String, String)>, f64>,
}

impl Metric {
    /// The sample with exactly these labels.
    pub fn with(&self, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Vec<(String, String)> =
            labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.samples.get(&labels).copied()
    }
}

/// All metrics by name.
pub fn parse(text: &str) -> BTreeMap<String, Metric> {
    assert!(
        text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'),
        "lines end in a newline, none is empty"
    );
    let mut metrics = BTreeMap::<String, Metric>::new();
    let (mut open, mut helped) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
            assert!(is_name(name, true) && !help.is_empty() && !metrics.contains_key(name), "{line}");
            unescape(help, "\\n");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            assert_eq!(name, helped, "a type follows its help");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(
                kind == "counter",
                name.ends_with("_total"),
                "a counter, and nothing else, is called so: {line}"
            );
            let former = metrics.insert(name.to_owned(), Metric { kind: kind.to_owned(), ..Metric::default() });
            assert!(former.is_none(), "twice: {line}");
            open = name.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            assert_eq!(name, open, "a sample stands below its own type: {line}");
            let metric = metrics.get_mut(&name).unwrap();
            assert!(metric.kind != "counter" || value >= 0.0, "{line}");
            assert!(metric.samples.insert(labels, value).is_none(), "twice: {line}");
        }
    }
    metrics
}

fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "{line}");
    let mut labels = Vec::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, behind) = inside.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label, false), "{line}");
            let end = closing(behind).unwrap_or_else(|| panic!("no end of a value: {line}"));
            labels.push((label.to_owned(), unescape(&behind[..end], "\\\"n")));
            inside = &behind[end + 1..];
            match inside.strip_prefix(',') {
                Some(next) => inside = next,
                None => break,
            }
        }
        rest = inside.strip_prefix('}').unwrap_or_else(|| panic!("no brace: {line}"));
        let names: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), labels.len(), "a label twice: {line}");
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no blank: {line}"));
    assert!(value.bytes().all(|octet| octet.is_ascii_digit() || b".-".contains(&octet)), "a plain number: {line}");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|error| panic!("{error}: {line}")))
}

/// Where a label's value ends: at a quote that is not escaped.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|octet| {
        let ends = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        ends
    })
}

fn unescape(text: &str, known: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            let escaped = letters.next().unwrap_or_else(|| panic!("nothing behind a backslash: {text}"));
            assert!(known.contains(escaped) || escaped == '\\', "no such escape: {text}");
            plain.push(if escaped == 'n' { '\n' } else { escaped });
        } else {
            plain.push(letter);
        }
    }
    plain
}

fn is_name(name: &str, colon: bool) -> bool {
    let letter = |octet: u8| octet.is_ascii_alphabetic() || octet == b'_' || colon && octet == b':';
    !name.starts_with("__")
        && name.bytes().next().is_some_and(letter)
        && name.bytes().all(|octet| letter(octet) || octet.is_ascii_digit())
}
