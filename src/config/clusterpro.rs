//! How CLUSTERPRO is asked to act, and how its alert log is written to: templates of commands.
//!
//! Values, and the one function that fills them. What CLUSTERPRO's commands are called and take is not ours to
//! promise, so every template can be written anew; `docs/clusterpro.md` says where each default comes from. No
//! shell: a placeholder is replaced inside one word, and a word never becomes two.

use crate::words::Level;

/// The programs that a template names without a slash lie here.
pub const BIN: &str = "/opt/nec/clusterpro/bin";
/// Where CLUSTERPRO keeps its configuration.
pub const CONF: &str = "/opt/nec/clusterpro/etc/clp.conf";
/// Moves the target to another server.
pub const FAILOVER: &[&str] = &["clpgrp", "-m", "{target}"];
/// Stops CLUSTERPRO's services on this server.
pub const STOP_SERVICE: &[&str] = &["clpcl", "-t"];
/// Writes a line of the alert log.
pub const ALERT: &[&str] = &["clplogcmd", "-m", "{message}", "-l", "{level}", "--alert"];
/// How the alert command calls an information, a warning and an error.
pub const LEVELS: [&str; 3] = ["INFO", "WAR", "ERR"];
/// What the templates of a recovery may have in braces.
pub const IN_ACTIONS: &[&str] = &["target", "address", "server", "monitor", "record"];
/// What the alert template may have in braces.
pub const IN_ALERTS: &[&str] = &["message", "text", "level", "module", "id", "server"];

/// The words of a command; some have placeholders in braces. The first is a whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<String>);

impl Template {
    /// Names without a slash are programs in `bin`. `None` without a first word.
    pub fn new(mut words: Vec<String>, bin: &str) -> Option<Self> {
        let program = words.first_mut()?;
        if !program.contains('/') {
            *program = format!("{}/{program}", bin.trim_end_matches('/'));
        }
        Some(Self(words))
    }

    /// As it stands.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// The program's path.
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The command, with a value for each placeholder; one without a value stays as it stands.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Vec<String> {
        self.0.iter().map(|word| replace(word, &value)).collect()
    }

    /// Every placeholder, known or not.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|word| pieces(word)).filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
    }
}

/// Part of a word.
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn replace<'v>(word: &str, value: &impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(word.len());
    for piece in pieces(word) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match value(name) {
                Some(value) => filled.push_str(value),
                None => filled.extend(["{", name, "}"]),
            },
        }
    }
    filled
}

/// A placeholder is small letters and underscores in braces; other braces are what they are.
fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (word, 0);
    while let Some(open) = rest.get(from..).and_then(|after| after.find('{')).map(|at| at + from) {
        let after = &rest[open + 1..];
        let name = after.split('}').next().filter(|name| name.len() < after.len()).unwrap_or_default();
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            pieces.push(Piece::Text(&rest[..open]));
            pieces.push(Piece::Name(name));
            rest = &after[name.len() + 1..];
            from = 0;
        } else {
            from = open + 1;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What a recovery through CLUSTERPRO runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusterpro {
    /// Moves the target to another server.
    pub failover: Template,
    /// Reactivates the target where it is.
    pub restart: Option<Template>,
    /// Stops CLUSTERPRO's services on this server.
    pub stop_service: Template,
    /// Ends with 0 when the target runs on another server: asked before the failover, and until the deadline after it.
    pub verify: Option<Template>,
    /// What `{address}` stands for: the cluster that is asked to act, if it is another one.
    pub address: Option<String>,
}

impl Clusterpro {
    /// Every command that it may run.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let Self { failover, restart, stop_service, verify, address: _ } = self;
        [Some(failover), restart.as_ref(), Some(stop_service), verify.as_ref()].into_iter().flatten()
    }
}

/// What is the same for all monitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Writes a line of CLUSTERPRO's alert log; `None`: nothing is written.
    pub alert: Option<Template>,
    /// What `{level}` is for an information, a warning and an error.
    pub levels: [String; 3],
    /// Whether `{message}` begins with CLUSTERPRO's module and message id.
    pub ids: bool,
}

impl Site {
    /// The alert command's word for a level.
    pub fn level(&self, level: Level) -> &str {
        let [info, warning, error] = &self.levels;
        match level {
            Level::Error => error,
            Level::Warning => warning,
            Level::Info | Level::Debug => info,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(words: &[&str]) -> Template {
        Template::new(words.iter().map(|&word| word.to_owned()).collect(), "/opt/bin/").unwrap()
    }

    #[test]
    fn a_value_is_one_word_whatever_is_in_it() {
        let filled = template(&["clpgrp", "-m", "{target}", "--of={server}:{server}", "{}", "{x", "{Not}", "a}b"])
            .fill(|name| match name {
                "target" => Some("a b; rm -rf / {server}"),
                "server" => Some("s1"),
                _ => None,
            });
        let wanted = ["/opt/bin/clpgrp", "-m", "a b; rm -rf / {server}", "--of=s1:s1", "{}", "{x", "{Not}", "a}b"];
        assert_eq!(filled, wanted);
    }

    #[test]
    fn placeholders_are_found() {
        let template = template(&["/usr/sbin/x", "{{target}}", "{oops}{level}", "{n0}"]);
        assert_eq!(template.placeholders().collect::<Vec<_>>(), ["target", "oops", "level"]);
        assert_eq!(template.program(), "/usr/sbin/x");
        assert_eq!(template.fill(|_| None)[1..], ["{{target}}", "{oops}{level}", "{n0}"]);
        assert!(Template::new(Vec::new(), BIN).is_none());
    }
}
