//! Every limiting number has a name, a unit and a line in docs/limits.md.
//!
//! A limit is a `const` whose doc comment says `Limit:`. The table and the sources must agree in both
//! directions; a `MAX_` constant without that word is asked for it.

use super::scan::{Kind, Token, attribute_end, scan, without_tests};
use std::collections::BTreeMap;

/// A limit's value: a plain number, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Number(i128),
    Nanoseconds(i128),
}

/// The units of time that the table may use, longest first.
const TIMES: &[(&str, i128)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// One constant of the sources.
struct Constant {
    name: String,
    path: String,
    line: usize,
    limit: bool,
    /// Whether it is a text, and so limits nothing.
    text: bool,
    value: Option<Value>,
}

/// One line of the table.
struct Row<'a> {
    name: &'a str,
    value: &'a str,
    unit: &'a str,
    path: &'a str,
    why: &'a str,
}

/// Where table and sources disagree, one line each.
pub fn check(files: &[(String, String)], table: &str) -> Vec<String> {
    // Again and again: a constant may be made from one of a later file, and that from another.
    let mut known = BTreeMap::new();
    let constants = loop {
        let found: Vec<Constant> = files.iter().flat_map(|(path, text)| constants(path, text, &known)).collect();
        let next = known_everywhere(&found);
        if next == known {
            break found;
        }
        known = next;
    };
    let (rows, mut wrong) = rows(table);
    for row in &rows {
        let complaint = match constants.iter().find(|c| c.name == row.name && c.path == row.path) {
            None => "is not in that file".to_owned(),
            Some(constant) if !constant.limit => format!("line {}: its comment does not say `Limit:`", constant.line),
            Some(constant) => match (constant.value, parse(row)) {
                (None, _) => format!("line {}: write its value so that this test can read it", constant.line),
                (_, None) => "the table's value is no number of that unit".to_owned(),
                (Some(source), Some(table)) if source != table => format!("the source says {}", show(source)),
                _ if row.unit.is_empty() || row.why.is_empty() => "has no unit, or no reason".to_owned(),
                _ => continue,
            },
        };
        wrong.push(format!("docs/limits.md: {} in {}: {complaint}", row.name, row.path));
    }
    for constant in &constants {
        let place = format!("{}:{}: {}", constant.path, constant.line, constant.name);
        let listed = rows.iter().any(|row| row.name == constant.name && row.path == constant.path);
        if constant.limit && !listed {
            let value = constant.value.map_or("? | ?".into(), show);
            let row = format!("| `{}` | {value} | `{}` | ? |", constant.name, constant.path);
            wrong.push(format!("{place} is not in docs/limits.md; add: {row}"));
        }
        if !constant.limit && constant.name.starts_with("MAX_") && !constant.text {
            wrong.push(format!("{place} limits something: begin its doc comment with `Limit:`"));
        }
    }
    wrong
}

/// The values of names that mean the same in every file.
fn known_everywhere(constants: &[Constant]) -> BTreeMap<String, Value> {
    let same = |constant: &Constant| constants.iter().all(|c| c.name != constant.name || c.value == constant.value);
    let plain = constants.iter().filter(|constant| same(constant));
    plain.filter_map(|constant| Some((constant.name.clone(), constant.value?))).collect()
}

/// The table's lines: | name | value | unit | where | why |.
fn rows(table: &str) -> (Vec<Row<'_>>, Vec<String>) {
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for line in table.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(|c| c.trim().trim_matches('`')).collect();
        match cells[..] {
            ["name", ..] => {}
            [first, ..] if first.chars().all(|c| c == '-' || c == ':') && !first.is_empty() => {}
            [name, value, unit, path, why] => rows.push(Row { name, value, unit, path, why }),
            _ => wrong.push(format!("docs/limits.md: not five cells: {line}")),
        }
    }
    (rows, wrong)
}

/// What a row promises; its unit decides whether it is a time.
fn parse(row: &Row<'_>) -> Option<Value> {
    let number = row.value.replace('_', "").parse().ok()?;
    let time = TIMES.iter().find(|(unit, _)| *unit == row.unit);
    Some(time.map_or(Value::Number(number), |(_, scale)| Value::Nanoseconds(number * scale)))
}

fn show(value: Value) -> String {
    match value {
        Value::Number(number) => format!("{number} | ?"),
        Value::Nanoseconds(number) => {
            let (unit, scale) = TIMES.iter().find(|(_, scale)| number % scale == 0).expect("ns divides all");
            format!("{} | {unit}", number / scale)
        }
    }
}

/// The constants of one source, tests excepted.
fn constants(path: &str, text: &str, elsewhere: &BTreeMap<String, Value>) -> Vec<Constant> {
    let (tokens, _) = without_tests(&scan(text));
    let (mut found, mut known) = (Vec::new(), BTreeMap::new());
    let (mut at, mut limit) = (0, false);
    while let Some(token) = tokens.get(at) {
        let named = tokens.get(at + 1).filter(|_| token.is("const")).filter(|name| is_constant(name));
        let attribute = attribute_end(&tokens, at);
        if token.kind == Kind::Doc {
            limit |= token.text.contains("Limit:");
            at += 1;
        } else if attribute > at {
            at = attribute;
        } else if let Some(name) = named {
            let end = statement_end(&tokens, at);
            let equals = (at..end).find(|&index| tokens[index].is("=")).unwrap_or(end);
            let value = tokens.get(equals + 1..end).and_then(|expression| evaluate(expression, (&known, elsewhere)));
            known.extend(value.map(|value| (name.text.clone(), value)));
            let (name, line) = (name.text.clone(), name.line);
            let text = tokens[at..equals].iter().any(|token| token.is("str"));
            found.push(Constant { name, path: path.to_owned(), line, limit, text, value });
            (at, limit) = (end, false);
        } else {
            // `pub` and `pub(crate)` stand between a comment and its constant.
            limit &= ["pub", "(", "crate", "super", ")"].iter().any(|word| token.is(word));
            at += 1;
        }
    }
    found
}

fn is_constant(name: &Token) -> bool {
    name.kind == Kind::Word && name.text.chars().all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// The index of the semicolon that ends a constant; array types have one too.
fn statement_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            ";" if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// Values of constants by name: those of the file first, then those of all files.
type Names<'a> = (&'a BTreeMap<String, Value>, &'a BTreeMap<String, Value>);

/// What an expression of numbers, `* + - <<`, brackets, names and `Duration::from_*` is worth.
fn evaluate(expression: &[Token], names: Names<'_>) -> Option<Value> {
    let mut texts: Vec<&str> = expression.iter().map(|token| token.text.as_str()).collect();
    let scale = match texts[..] {
        ["Duration", "::", "from_hours", ..] => 3_600_000_000_000,
        ["Duration", "::", "from_mins", ..] => 60_000_000_000,
        ["Duration", "::", "from_secs", ..] => 1_000_000_000,
        ["Duration", "::", "from_millis", ..] => 1_000_000,
        ["Duration", "::", "from_micros", ..] => 1_000,
        ["Duration", "::", "from_nanos", ..] => 1,
        [name] if names.0.contains_key(name) => return names.0.get(name).copied(),
        _ => 0,
    };
    if scale > 0 {
        texts.drain(..3);
    }
    let mut sum = Sum { rest: &texts, names };
    let number = sum.shifted()?;
    let value = if scale > 0 { Value::Nanoseconds(number * scale) } else { Value::Number(number) };
    sum.rest.is_empty().then_some(value)
}

/// A sum that is being read, with Rust's precedence.
struct Sum<'a> {
    rest: &'a [&'a str],
    names: Names<'a>,
}

impl Sum<'_> {
    fn next_is(&mut self, signs: &[&str]) -> bool {
        let found = self.rest.starts_with(signs);
        self.rest = if found { &self.rest[signs.len()..] } else { self.rest };
        found
    }

    fn shifted(&mut self) -> Option<i128> {
        let mut value = self.sum()?;
        while self.next_is(&["<", "<"]) {
            value <<= self.sum()?;
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<i128> {
        let mut value = self.product()?;
        loop {
            if self.next_is(&["+"]) {
                value += self.product()?;
            } else if self.next_is(&["-"]) {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<i128> {
        let mut value = self.cast()?;
        while self.next_is(&["*"]) {
            value *= self.cast()?;
        }
        Some(value)
    }

    fn cast(&mut self) -> Option<i128> {
        let value = self.single()?;
        if self.next_is(&["as"]) {
            self.rest = self.rest.split_first()?.1;
        }
        Some(value)
    }

    fn single(&mut self) -> Option<i128> {
        if self.next_is(&["("]) {
            let value = self.shifted()?;
            return self.next_is(&[")"]).then_some(value);
        }
        for (name, most) in [("i64", i64::MAX.into()), ("u32", u32::MAX.into()), ("u16", u16::MAX.into())] {
            if self.next_is(&[name, "::", "MAX"]) {
                return Some(most);
            }
        }
        let (text, rest) = self.rest.split_first()?;
        self.rest = rest;
        while let ["::", name, rest @ ..] = self.rest {
            self.rest = rest; // a path: its last name counts
            if !matches!(rest, ["::", ..]) {
                return self.name(name);
            }
        }
        literal(text).or_else(|| self.name(text))
    }

    fn name(&self, name: &str) -> Option<i128> {
        match self.names.0.get(name).or_else(|| self.names.1.get(name))? {
            Value::Number(number) => Some(*number),
            Value::Nanoseconds(_) => None,
        }
    }
}

/// `65_507`, `0x1F`, `16u8`.
fn literal(text: &str) -> Option<i128> {
    let text = text.replace('_', "");
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text.as_str(), 10),
    };
    let suffixes = ["usize", "u128", "u64", "u32", "u16", "u8", "isize", "i128", "i64", "i32", "i16", "i8"];
    let digits = suffixes.iter().find_map(|suffix| digits.strip_suffix(suffix)).unwrap_or(digits);
    i128::from_str_radix(digits, radix).ok()
}
