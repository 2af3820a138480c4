//! A small scanner of Rust sources: words and signs with their lines; comments, strings and tests fall away.
//!
//! It knows no grammar. It is exact about what hides text (nested comments, raw strings, lifetimes
//! against characters), because a rule that reads inside a string is worse than none.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a keyword.
    Word,
    /// `::`, or any other single character.
    Sign,
    /// A numeric literal.
    Number,
    /// A string or a character, emptied.
    Text,
    /// A `///` or `/** */` comment, with its text.
    Doc,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.text == text && matches!(self.kind, Kind::Word | Kind::Sign)
    }
}

/// All tokens of a source, doc comments among them.
pub fn scan(source: &str) -> Vec<Token> {
    Scanner { rest: source, line: 1, tokens: Vec::new() }.run()
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Vec<Token> {
        while let Some(c) = self.rest.chars().next() {
            if c.is_whitespace() {
                self.skip(c.len_utf8());
            } else if self.rest.starts_with("//") {
                self.line_comment();
            } else if self.rest.starts_with("/*") {
                self.block_comment();
            } else if c == '"' {
                self.string(0);
            } else if c == '\'' {
                self.quote();
            } else if c.is_ascii_digit() {
                self.number();
            } else if c == '_' || c.is_alphabetic() {
                self.word();
            } else {
                let length = if self.rest.starts_with("::") { 2 } else { c.len_utf8() };
                self.push(Kind::Sign, length);
            }
        }
        self.tokens
    }

    /// Removes `length` bytes and counts their lines.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn skip(&mut self, length: usize) {
        self.take(length);
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let line = self.line;
        let text = self.take(length);
        let text = if kind == Kind::Text { String::new() } else { text.to_owned() };
        self.tokens.push(Token { kind, text, line });
    }

    fn line_comment(&mut self) {
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let doc = self.rest.starts_with("///") && !self.rest.starts_with("////");
        if doc { self.push(Kind::Doc, length) } else { self.skip(length) }
    }

    fn block_comment(&mut self) {
        let (mut depth, mut at) = (0, 0);
        while at < self.rest.len() {
            let here = &self.rest[at..];
            let step = if here.starts_with("/*") {
                depth += 1;
                2
            } else if here.starts_with("*/") {
                depth -= 1;
                2
            } else {
                here.chars().next().map_or(1, char::len_utf8)
            };
            at += step;
            if depth == 0 {
                break;
            }
        }
        let doc = self.rest.starts_with("/**") && !self.rest.starts_with("/***") && at > 4;
        if doc { self.push(Kind::Doc, at) } else { self.skip(at) }
    }

    /// A string whose opening quote stands `prefix` bytes ahead.
    fn string(&mut self, prefix: usize) {
        let mut escaped = false;
        let length = self.rest[prefix + 1..].find(|c| {
            let end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        });
        self.push(Kind::Text, length.map_or(self.rest.len(), |length| prefix + length + 2));
    }

    /// A raw string whose `#` or quote stands `prefix` bytes ahead; false if it is a raw identifier.
    fn raw_string(&mut self, prefix: usize) -> bool {
        let after = &self.rest[prefix..];
        let hashes = after.len() - after.trim_start_matches('#').len();
        if !after[hashes..].starts_with('"') {
            return false;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let open = prefix + hashes + 1;
        let length = self.rest[open..].find(&close);
        self.push(Kind::Text, length.map_or(self.rest.len(), |length| open + length + close.len()));
        true
    }

    /// A character or a lifetime; a lifetime falls away.
    fn quote(&mut self) {
        let mut chars = self.rest.char_indices().skip(1);
        let first = chars.next().map_or('\'', |(_, c)| c);
        let second = chars.next();
        if first == '\\' {
            // The character after the backslash may itself be a quote.
            let length = self.rest.get(3..).and_then(|tail| tail.find('\''));
            self.push(Kind::Text, length.map_or(self.rest.len(), |length| length + 4));
        } else if let Some((at, '\'')) = second {
            self.push(Kind::Text, at + 1);
        } else {
            let name = self.rest[1..].find(|c: char| c != '_' && !c.is_alphanumeric());
            self.skip(name.map_or(self.rest.len(), |length| length + 1));
        }
    }

    fn number(&mut self) {
        let bytes = self.rest.as_bytes();
        let mut length = 1;
        while let Some(&byte) = bytes.get(length) {
            // `1.5` goes on, `1..5` and `1.max(2)` do not.
            let point = byte == b'.' && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
            if !point && byte != b'_' && !byte.is_ascii_alphanumeric() {
                break;
            }
            length += 1;
        }
        self.push(Kind::Number, length);
    }

    fn word(&mut self) {
        let length = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, next) = (&self.rest[..length], self.rest[length..].chars().next());
        match (word, next) {
            ("b" | "c", Some('"')) => self.string(length),
            ("b", Some('\'')) => {
                self.skip(length);
                self.quote();
            }
            ("r" | "br" | "cr", Some('"' | '#')) => {
                if !self.raw_string(length) {
                    self.skip(length + 1); // r#type is the word `type`
                }
            }
            _ => self.push(Kind::Word, length),
        }
    }
}

/// The tokens without what exists only in tests, and the names of modules that do.
pub fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let inner = tokens.get(at + 1).is_some_and(|token| token.is("!"));
        let end = attribute_end(tokens, at);
        if end > at && is_test(&tokens[at..end]) {
            if inner {
                return (Vec::new(), modules); // #![cfg(test)]: the whole file
            }
            if let Some((item_end, module)) = item(tokens, end) {
                modules.extend(module);
                at = item_end;
                continue;
            }
        }
        let next = end.max(at + 1);
        kept.extend_from_slice(&tokens[at..next]);
        at = next;
    }
    (kept, modules)
}

/// Where the attribute that begins at `at` ends; `at` if none begins there.
pub fn attribute_end(tokens: &[Token], at: usize) -> usize {
    let is = |index: usize, text| tokens.get(index).is_some_and(|token: &Token| token.is(text));
    let open = if is(at, "#") && is(at + 1, "!") { at + 2 } else { at + 1 };
    if is(at, "#") && is(open, "[") { block_end(tokens, open) } else { at }
}

/// Whether an attribute keeps its item for tests alone.
fn is_test(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter(|t| t.kind == Kind::Word).map(|t| t.text.as_str()).collect();
    match words[..] {
        ["test"] => true,
        ["cfg", ref rest @ ..] => rest.contains(&"test") && !rest.contains(&"any") && !rest.contains(&"not"),
        _ => false,
    }
}

/// Where the item after an attribute ends, and its name if it is a module in a file of its own.
/// `None` for what is no item (a field, an arm): it stays, and is judged like the rest.
fn item(tokens: &[Token], mut at: usize) -> Option<(usize, Option<String>)> {
    loop {
        let end = attribute_end(tokens, at);
        match tokens.get(at)? {
            token if token.kind == Kind::Doc => at += 1,
            _ if end > at => at = end,
            token if token.is("pub") => {
                at += 1;
                if tokens.get(at)?.is("(") {
                    at = block_end(tokens, at);
                }
            }
            _ => break,
        }
    }
    let keyword = tokens.get(at)?;
    let to_semicolon = ["use", "static", "type", "extern", "let"].iter().any(|word| keyword.is(word))
        || (keyword.is("const") && !tokens.get(at + 1)?.is("fn") && !tokens.get(at + 1)?.is("unsafe"));
    let to_body = ["mod", "fn", "impl", "struct", "enum", "union", "trait", "macro_rules", "unsafe", "async", "const"];
    if !to_semicolon && !to_body.iter().any(|word| keyword.is(word)) {
        return None;
    }
    let mut end = at;
    loop {
        let token = tokens.get(end)?;
        if token.is(";") {
            let module = (keyword.is("mod") && end == at + 2).then(|| tokens[at + 1].text.clone());
            return Some((end + 1, module));
        }
        if token.is("{") && !to_semicolon {
            return Some((block_end(tokens, end), None));
        }
        end = if ["{", "(", "["].iter().any(|open| token.is(open)) { block_end(tokens, end) } else { end + 1 };
    }
}

/// The index after the bracket that closes the one at `open`.
pub fn block_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        if token.kind == Kind::Sign {
            match token.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index + 1;
            }
        }
    }
    tokens.len()
}
