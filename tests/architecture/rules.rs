//! The rules of the house, over (path, text) of its sources.

use super::scan::{Kind, Token, attribute_end, scan, without_tests};
use super::uses::{Use, uses};
use super::{CRATES, FLOORS, NEIGHBOURS, PURE, PURE_ALLOC, PURE_CORE};
use std::collections::{BTreeMap, BTreeSet};

/// A file of more lines fails; one of more than `AIM` is pointed out.
pub const MOST_LINES: usize = 600;
pub const AIM: usize = 400;

/// One source file.
struct File<'a> {
    path: &'a str,
    text: &'a str,
    /// Its module, in parts: `config::model` is ["config", "model"]; lib.rs has none.
    module: Vec<String>,
    /// How many parts `crate` stands for: none in the library, one in the Python module, two in a binary.
    root: usize,
    /// All tokens, and those that are compiled outside tests.
    tokens: Vec<Token>,
    shipped: Vec<Token>,
    uses: Vec<Use>,
}

impl File<'_> {
    /// Whether it is this module or one below it.
    fn is_within(&self, home: &str) -> bool {
        let mut module = self.module.iter();
        home.split("::").all(|part| module.next().is_some_and(|mine| mine == part))
    }

    fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// Everything that is wrong with these files, one line each.
pub fn check(files: &[(String, String)]) -> Vec<String> {
    let mut files: Vec<File<'_>> = files.iter().map(|(path, text)| read(path, text)).collect();
    drop_test_files(&mut files);
    let house = House { files };

    let mut wrong = Vec::new();
    for file in &house.files {
        opening_and_length(file, &mut wrong);
        unsafety(file, &mut wrong);
        debts(file, &mut wrong);
        house.floors(file, &mut wrong);
        crates(file, &house, &mut wrong);
        purity(file, &mut wrong);
    }
    house.circles(&mut wrong);
    wrong.dedup();
    wrong
}

/// Files that should be divided soon.
pub fn long_files(files: &[(String, String)]) -> Vec<String> {
    let lines = |text: &str| text.lines().count();
    let long = files.iter().filter(|(_, text)| lines(text) > AIM);
    long.map(|(path, text)| format!("{path}: {} lines; aim for {AIM}", lines(text))).collect()
}

fn read<'a>(path: &'a str, text: &'a str) -> File<'a> {
    let python = path.strip_prefix("bindings/python/src/");
    let inner = python.or_else(|| path.strip_prefix("src/")).unwrap_or(path);
    let parts = inner.strip_suffix(".rs").unwrap_or(inner).split('/').map(str::to_owned);
    let mut module: Vec<String> = python.map(|_| "python".to_owned()).into_iter().chain(parts).collect();
    if ["mod", "lib", "main"].contains(&module.last().map_or("", String::as_str)) {
        module.pop();
    }
    let root = match module.first().map(String::as_str) {
        Some("python") => 1,
        Some("bin") => 2,
        _ => 0,
    };
    let tokens = scan(text);
    let (mut shipped, _) = without_tests(&tokens);
    shipped.retain(|token| token.kind != Kind::Doc);
    let uses = uses(&shipped);
    File { path, text, module, root, tokens, shipped, uses }
}

/// A module declared as `#[cfg(test)] mod x;` is a test, whatever file it lies in.
fn drop_test_files(files: &mut [File<'_>]) {
    let mut tests = Vec::new();
    for file in files.iter() {
        let declared = without_tests(&file.tokens).1.into_iter();
        tests.extend(declared.map(|name| file.module.iter().cloned().chain([name]).collect::<Vec<_>>()));
    }
    for file in files.iter_mut().filter(|file| tests.iter().any(|test| file.module.starts_with(test))) {
        file.shipped.clear();
        file.uses.clear();
    }
}

fn opening_and_length(file: &File<'_>, wrong: &mut Vec<String>) {
    if !file.text.lines().next().is_some_and(|line| line.starts_with("//! ")) {
        wrong.push(format!("{}:1: opens without a `//!` comment that says what it is for", file.path));
    }
    let lines = file.text.lines().count();
    if lines > MOST_LINES {
        wrong.push(format!("{}: {lines} lines, at most {MOST_LINES}: one idea a file", file.path));
    }
}

fn unsafety(file: &File<'_>, wrong: &mut Vec<String>) {
    if !["io", "ffi"].contains(&file.top()) {
        for token in file.tokens.iter().filter(|token| token.is("unsafe")) {
            wrong.push(format!("{}:{}: `unsafe` stands outside io/ and ffi/", file.path, token.line));
        }
    }
}

/// What may not be left lying about, in tests either.
fn debts(file: &File<'_>, wrong: &mut Vec<String>) {
    for (at, token) in file.tokens.iter().enumerate() {
        let attribute = &file.tokens[at..attribute_end(&file.tokens, at)];
        let has = |word: &str| attribute.iter().any(|token| token.is(word));
        let next_is_bang = file.tokens.get(at + 1).is_some_and(|token| token.is("!"));
        let debt = if next_is_bang && ["todo", "unimplemented", "dbg"].iter().any(|name| token.is(name)) {
            format!("`{}!`", token.text)
        } else if attribute.get(2).is_some_and(|token| token.is("ignore")) {
            "`#[ignore]`".into()
        } else if (has("allow") || has("expect")) && has("dead_code") {
            "`allow(dead_code)`".into()
        } else {
            continue;
        };
        wrong.push(format!("{}:{}: {debt}", file.path, token.line));
    }
}

/// The floor of a top-level module, the ground floor being 0.
fn floor(top: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&top))
}

/// Whether `io`, and all that touches the system, is above this module.
fn is_below_io(top: &str) -> bool {
    floor(top).is_some_and(|own| Some(own) < floor("io"))
}

/// Below `io`, only the pure part of the standard library may be named, and nothing is printed.
fn purity(file: &File<'_>, wrong: &mut Vec<String>) {
    if file.module.is_empty() || !is_below_io(file.top()) {
        return;
    }
    for u in &file.uses {
        let crate_name = u.path[0].as_str();
        if !["std", "core", "alloc"].contains(&crate_name) {
            continue;
        }
        let part = u.path.get(1).map_or("", String::as_str);
        let special = match crate_name {
            "core" => PURE_CORE,
            "alloc" => PURE_ALLOC,
            _ => &[],
        };
        if !PURE.contains(&part) && !special.contains(&part) {
            let name = u.path.join("::");
            wrong.push(format!("{}:{}: `{name}` below io: ask for a value instead", file.path, u.line));
        }
    }
    let system = ["println", "print", "eprintln", "eprint", "thread_local"];
    for pair in file.shipped.windows(2) {
        if pair[1].is("!") && system.iter().any(|name| pair[0].is(name)) {
            wrong.push(format!("{}:{}: `{}!` below io", file.path, pair[0].line, pair[0].text));
        }
    }
}

/// A crate may be named only in its place.
fn crates(file: &File<'_>, house: &House<'_>, wrong: &mut Vec<String>) {
    for u in file.uses.iter().filter(|u| u.import || u.path.len() > 1) {
        let name = u.path[0].as_str();
        let local = [file.module.as_slice(), &u.inside, &[name.to_owned()]].concat();
        let is_module = u.inside.iter().any(|inside| inside == name) || house.file(&local).is_some();
        if let Some((_, homes)) = CRATES.iter().find(|(known, _)| *known == name && !is_module)
            && !homes.iter().any(|home| file.is_within(home))
        {
            let homes = homes.join(", ");
            wrong.push(format!("{}:{}: crate `{name}` may be named in {homes} alone", file.path, u.line));
        }
    }
}

/// All files, to find what a path means.
struct House<'a> {
    files: Vec<File<'a>>,
}

impl<'a> House<'a> {
    fn file(&self, module: &[String]) -> Option<&File<'a>> {
        self.files.iter().find(|file| file.module == module)
    }

    fn is_module(&self, top: &str) -> bool {
        self.files.iter().any(|file| file.module.first().is_some_and(|first| first == top))
    }

    /// The path from the ground of the tree, if it stays inside the house.
    fn absolute(&self, file: &File<'_>, u: &Use) -> Option<Vec<String>> {
        let mut here = [file.module.as_slice(), &u.inside].concat();
        let mut rest = u.path.as_slice();
        match rest[0].as_str() {
            "crate" => here.truncate(file.root),
            "bmcnotice" if file.root > 0 => here.clear(),
            "self" => {}
            "super" => {
                while rest.get(1).is_some_and(|next| next == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
                here.pop();
            }
            first => {
                // A child module, or a word that an import of this file has bound.
                let child = [here.as_slice(), &[first.to_owned()]].concat();
                self.file(&child)?;
                return Some([here.as_slice(), rest].concat());
            }
        }
        here.extend_from_slice(&rest[1..]);
        Some(here)
    }

    /// The file that defines what a path names, following what folders hand on.
    fn target(&self, path: &[String], depth: usize) -> Option<&File<'a>> {
        let known = (0..=path.len()).rev().find_map(|length| Some((length, self.file(&path[..length])?)));
        let (length, file) = known?;
        let Some(name) = path.get(length) else { return Some(file) };
        let handed = file.uses.iter().find(|u| u.import && u.inside.is_empty() && u.binds.as_ref() == Some(name));
        match handed.and_then(|u| self.absolute(file, u)) {
            Some(next) if depth > 0 => self.target(&[&next, &path[length + 1..]].concat(), depth - 1),
            _ => Some(file),
        }
    }

    fn floors(&self, file: &File<'_>, wrong: &mut Vec<String>) {
        if file.module.is_empty() {
            return; // lib.rs is the map: it names all
        }
        let top = file.top();
        let Some(own) = floor(top) else {
            wrong
                .push(format!("{}: module `{top}` has no floor: add it to FLOORS in tests/architecture.rs", file.path));
            return;
        };
        for u in &file.uses {
            let Some(path) = self.absolute(file, u) else { continue };
            let place = format!("{}:{}: `{}`", file.path, u.line, u.path.join("::"));
            let Some(first) = path.first() else {
                wrong.push(format!("{place} takes the whole crate: name what is meant"));
                continue;
            };
            let used = match self.target(&path, 4) {
                Some(target) if !target.module.is_empty() => target.top().to_owned(),
                _ if self.is_module(first) => first.clone(),
                _ => {
                    wrong.push(format!("{place} is neither a module nor handed on by lib.rs"));
                    continue;
                }
            };
            let allowed = match floor(&used) {
                _ if used == top => true,
                Some(other) if other == own => NEIGHBOURS.contains(&(top, &used)),
                Some(other) => other < own,
                None => continue, // said once, at that module
            };
            if !allowed {
                wrong.push(format!("{place}: `{top}` may not use `{used}`, which is not below it"));
            }
        }
    }

    /// Files of one folder may use each other, but not in a circle.
    fn circles(&self, wrong: &mut Vec<String>) {
        let mut edges: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
        for file in &self.files {
            for u in file.uses.iter().filter(|u| !u.handed_on) {
                let target = self.absolute(file, u).and_then(|path| self.target(&path, 4));
                if let Some(target) = target.filter(|t| t.module != file.module && t.top() == file.top()) {
                    edges.entry(&file.module).or_default().insert(&target.module);
                }
            }
        }
        let mut closed = BTreeSet::new();
        for start in edges.keys() {
            let mut way = Vec::new();
            if let Some(circle) = walk(start, &edges, &mut way, &mut closed) {
                let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
                wrong.push(format!("a circle: {}", names.join(" -> ")));
            }
        }
    }
}

/// Depth first; `closed` are modules from which no new circle can be found.
fn walk<'m>(
    at: &'m [String],
    edges: &BTreeMap<&'m [String], BTreeSet<&'m [String]>>,
    way: &mut Vec<&'m [String]>,
    closed: &mut BTreeSet<&'m [String]>,
) -> Option<Vec<&'m [String]>> {
    if let Some(begin) = way.iter().position(|module| *module == at) {
        return Some([&way[begin..], &[at]].concat());
    }
    if closed.contains(at) {
        return None;
    }
    way.push(at);
    let found = edges.get(at).into_iter().flatten().find_map(|next| walk(next, edges, way, closed));
    way.pop();
    closed.insert(at);
    found
}
