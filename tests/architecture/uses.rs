//! What a source names: every path in it, whether imported or written in full.

use super::scan::{Kind, Token, block_end};

/// One path, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// `crate::a::b`, in parts. A glob ends in `*`.
    pub path: Vec<String>,
    pub line: usize,
    /// The modules inside this file that the path stands in.
    pub inside: Vec<String>,
    /// For an import, the name that it binds; `_` and globs bind none.
    pub binds: Option<String>,
    /// Whether a name is only handed on (`pub use`).
    pub handed_on: bool,
    /// Whether it stands in a `use`, where one word alone is a path too.
    pub import: bool,
}

/// Every path of a source without doc comments.
pub fn uses(tokens: &[Token]) -> Vec<Use> {
    Reader { tokens, at: 0, inside: Vec::new(), found: Vec::new() }.run()
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Inline modules, each with the index after its closing brace.
    inside: Vec<(String, usize)>,
    found: Vec<Use>,
}

impl Reader<'_> {
    fn run(mut self) -> Vec<Use> {
        while self.at < self.tokens.len() {
            let at = self.at;
            self.inside.retain(|(_, end)| at < *end);
            if self.is(at, "mod") && self.is_word(at + 1) && self.is(at + 2, "{") {
                self.inside.push((self.text(at + 1), block_end(self.tokens, at + 2)));
                self.at += 3;
            } else if self.is(at, "use") && !self.is(at + 1, "<") {
                let handed_on = self.before(1).is("pub") || self.before(1).is(")");
                self.at += 1;
                self.tree(&[], handed_on);
            } else if self.is(at, "extern") && self.is(at + 1, "crate") {
                self.at += 2;
                self.tree(&[], false);
            } else if self.is(at, "(") && self.is(at + 1, "in") && self.before(1).is("pub") {
                self.at = block_end(self.tokens, at); // pub(in path) uses nothing
            } else if self.is(at, "::") && self.is_word(at + 1) && !self.ends_a_type() {
                self.at += 1;
                self.inline_path();
            } else if self.is_word(at) && self.is(at + 1, "::") && !self.before(1).is("::") {
                self.inline_path();
            } else {
                self.at += 1;
            }
        }
        self.found
    }

    /// Whether the `::` at hand follows `<T as Trait>`, and begins no path of its own.
    fn ends_a_type(&self) -> bool {
        self.before(1).is(">") && !self.before(2).is("-") && !self.before(2).is("=")
    }

    fn inline_path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut path = vec![self.text(self.at)];
        while self.is(self.at + 1, "::") && self.is_word(self.at + 2) {
            self.at += 2;
            path.push(self.text(self.at));
        }
        self.at += 1;
        self.push(path, line, None, false, false);
    }

    /// One branch of a `use`, up to its comma, brace or semicolon.
    fn tree(&mut self, stem: &[String], handed_on: bool) {
        let mut path = stem.to_vec();
        while let Some(token) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            if token.is("{") {
                while !self.is(self.at, "}") && self.at < self.tokens.len() {
                    self.tree(&path, handed_on);
                    self.at += usize::from(self.is(self.at, ","));
                }
                self.at += 1;
                return;
            } else if token.is("*") {
                path.push("*".into());
                return self.push(path, token.line, None, handed_on, true);
            } else if token.kind == Kind::Word {
                if token.text != "self" || path.is_empty() {
                    path.push(token.text);
                }
                if !self.is(self.at, "::") {
                    let renamed = self.is(self.at, "as");
                    self.at += if renamed { 2 } else { 0 };
                    let name = if renamed { Some(self.text(self.at - 1)) } else { path.last().cloned() };
                    let name = name.filter(|name| name != "_");
                    return self.push(path, token.line, name, handed_on, true);
                }
            } else if !token.is("::") {
                return; // not Rust
            }
        }
    }

    fn push(&mut self, path: Vec<String>, line: usize, binds: Option<String>, handed_on: bool, import: bool) {
        let inside = self.inside.iter().map(|(name, _)| name.clone()).collect();
        self.found.push(Use { path, line, inside, binds, handed_on, import });
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(text))
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Word)
    }

    fn text(&self, at: usize) -> String {
        self.tokens.get(at).map_or_else(String::new, |token| token.text.clone())
    }

    /// The token `back` places before the one at hand; before the first there is an empty one.
    fn before(&self, back: usize) -> Token {
        let none = Token { kind: Kind::Text, text: String::new(), line: 0 };
        self.at.checked_sub(back).map_or(none, |at| self.tokens[at].clone())
    }
}
