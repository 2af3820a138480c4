//! What a rule judges, and the questions that several rules ask of it.
//!
//! Uses `draft`, `facts` and `report`.

use crate::config::clusterpro::{Clusterpro, Template};
use crate::config::draft::{
    BmcDraft, Draft, Field, HandshakeDraft, HandshakeKind, MonitorDraft, RawDraft, ServerDraft, UserDraft, default,
};
use crate::config::facts::{Facts, FileFacts};
use crate::config::finding::Rule;
use crate::config::model::{AfterEnded, LinkChoice, Recovery, SecretSource};
use crate::config::report::{At, Report};
use crate::wire::usm::Level;
use crate::words::Obstacle;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use core::net::SocketAddr;

/// Limit: names of servers that one remedy lists.
const MAX_LISTED: usize = 64;

/// Names in a row, as many as can be read.
pub(super) fn list(names: &[&str]) -> String {
    match names.get(..MAX_LISTED) {
        Some(first) if names.len() > MAX_LISTED => format!("{} ... ({} in all)", first.join(", "), names.len()),
        Some(_) | None => names.join(", "),
    }
}

/// What the rules judge. Among ten thousand servers nobody looks through all of them for one.
pub(super) struct Case<'c> {
    pub(super) draft: &'c Draft,
    pub(super) facts: &'c Facts,
    /// The name of the configuration's file.
    pub(super) file: &'c str,
    /// The place of this server in the list, if it is known.
    pub(super) this: Option<usize>,
    servers: BTreeMap<&'c str, &'c ServerDraft>,
    handshakes: BTreeMap<&'c str, &'c HandshakeDraft>,
    files: BTreeMap<&'c str, &'c FileFacts>,
}

/// Who was the first with a value.
pub(super) struct Firsts<K, V>(BTreeMap<K, V>);

impl<K: Ord, V: Copy> Firsts<K, V> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Who had it before, if anybody had.
    pub(super) fn earlier(&mut self, value: K, who: V) -> Option<V> {
        match self.0.entry(value) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(none) => {
                none.insert(who);
                None
            }
        }
    }

    pub(super) fn of(&self, value: &K) -> Option<V> {
        self.0.get(value).copied()
    }
}

/// The device of this server's own BMC.
pub(super) struct Device {
    pub(super) link: LinkChoice,
    pub(super) path: String,
    /// Why it cannot be used; none: it can, or that is not known.
    pub(super) obstacle: Option<Obstacle>,
}

/// Where a rule puts its breaches.
pub(super) struct Found<'r, 'f> {
    pub(super) rule: &'static Rule,
    pub(super) report: &'r mut Report<'f>,
}

impl Found<'_, '_> {
    pub(super) fn add(&mut self, at: At, subject: impl Into<String>, remedy: impl Into<String>) {
        self.report.add(self.rule, at, subject, remedy);
    }

    /// Whether nothing more is kept.
    pub(super) fn is_full(&self) -> bool {
        self.report.is_full()
    }
}

/// The first with each name.
fn by_name<'c, T>(all: impl DoubleEndedIterator<Item = (&'c str, &'c T)>) -> BTreeMap<&'c str, &'c T> {
    all.rev().collect()
}

impl<'c> Case<'c> {
    pub(super) fn new(draft: &'c Draft, facts: &'c Facts, file: &'c str, this: Option<usize>) -> Self {
        let servers = draft.servers.iter().filter_map(|server| Some((server.name.ok()?.as_str(), server)));
        let handshakes = draft.handshakes.iter().map(|handshake| (handshake.name.as_str(), handshake));
        let files = facts.files.iter().map(|(path, facts)| (path.as_str(), facts));
        let (servers, handshakes, files) = (by_name(servers), by_name(handshakes), by_name(files));
        Self { draft, facts, file, this, servers, handshakes, files }
    }

    pub(super) fn own(&self) -> Option<&'c ServerDraft> {
        self.draft.servers.get(self.this?)
    }

    /// Every BMC that could be read, with its server's name.
    pub(super) fn bmcs(&self) -> impl Iterator<Item = (&'c str, &'c BmcDraft)> {
        self.draft.servers.iter().filter_map(|server| Some((server.shown(), server.bmc.ok()?)))
    }

    /// Every keyword that could be read: monitor, place, server, address.
    pub(super) fn keywords(&self) -> impl Iterator<Item = (&'c MonitorDraft, At, &'c str, SocketAddr)> {
        let all = self
            .draft
            .monitors
            .iter()
            .flat_map(|monitor| monitor.keywords.iter().map(move |keyword| (monitor, keyword)));
        all.filter_map(|(monitor, (_, server, keyword))| Some((monitor, keyword.at(), server.as_str(), *keyword.ok()?)))
    }

    /// Where this server listens, as its first keyword says.
    pub(super) fn listen(&self) -> Option<(At, SocketAddr)> {
        let own = self.own()?.name.ok()?;
        self.keywords().find(|(_, _, server, _)| server == own).map(|(_, at, _, address)| (at, address))
    }

    /// How the host may talk to its own BMC in-band, if that is this server's. The same rule as in `model`: a BMC at a
    /// loopback address is a simulated one.
    pub(super) fn device(&self, server: usize) -> Option<Device> {
        let bmc = self.draft.servers.get(server).filter(|_| self.this == Some(server))?.bmc.ok()?;
        let link = bmc.link.get_or(LinkChoice::Auto);
        let wanted = match link {
            LinkChoice::Auto => bmc.address.ok().is_some_and(|address| !address.ip().is_loopback()),
            LinkChoice::Lan => false,
            LinkChoice::InBand => true,
        };
        let path = bmc.device.get_or(default::DEVICE.to_owned());
        let obstacle = self.facts.device(&path).and_then(Result::err);
        wanted.then_some(Device { link, path, obstacle })
    }

    /// Whether a server's BMC can be talked to in-band as far as anybody knows: it needs no login then, and is proven.
    pub(super) fn in_band(&self, server: usize) -> bool {
        self.device(server).is_some_and(|device| device.link == LinkChoice::InBand || device.obstacle.is_none())
    }

    pub(super) fn server(&self, name: &str) -> Option<&'c ServerDraft> {
        self.servers.get(name).copied()
    }

    pub(super) fn handshake(&self, name: &str) -> Option<&'c HandshakeDraft> {
        self.handshakes.get(name).copied()
    }

    /// What is known of a path.
    pub(super) fn path(&self, path: &str) -> Option<&'c FileFacts> {
        self.files.get(path).copied()
    }

    /// Every server's name, for a remedy: as many as can be read.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.draft.servers.iter().map(ServerDraft::shown).collect();
        list(&names)
    }

    /// The raw handshake that a BMC uses, if it uses one.
    pub(super) fn raw(&self, bmc: &BmcDraft) -> Option<&'c RawDraft> {
        match &self.handshake(bmc.handshake.ok()?)?.kind {
            HandshakeKind::Raw(raw) => Some(raw),
            HandshakeKind::Sel { .. } => None,
        }
    }

    pub(super) fn heartbeat(&self) -> bool {
        self.draft.heartbeat.bmc.get_or(true) && self.draft.servers.len() > 1
    }

    pub(super) fn hot(&self) -> Option<String> {
        self.draft.hot.get_or(Some(default::HOT.to_owned()))
    }

    pub(super) fn disk(&self) -> Option<String> {
        self.draft.disk.get_or(Some(default::DISK.to_owned()))
    }

    /// Password and key files: place, whose, path.
    pub(super) fn secret_files(&self) -> impl Iterator<Item = (At, String, &'c str)> {
        let bmcs = self.bmcs().flat_map(|(server, bmc)| [(server, &bmc.password), (server, &bmc.kg)]);
        let bmcs = bmcs.map(|(server, field)| (format!("the BMC of server {server}"), field));
        let users = self.draft.users.iter().flat_map(|user| {
            let keys = [&user.auth_key, &user.privacy_key];
            let fields = keys.into_iter().flat_map(|key| [&key.passphrase, &key.localized]);
            fields.map(|field| (format!("user {}", user.shown()), field))
        });
        bmcs.chain(users).filter_map(|(who, field)| match field.ok()? {
            SecretSource::File(path) => Some((field.at(), who, path.as_str())),
            SecretSource::Inline(_) => None,
        })
    }

    /// The users that write for this server.
    pub(super) fn users_of(&self, server: &'c str) -> impl Iterator<Item = &'c UserDraft> {
        self.draft.users.iter().filter(move |user| match user.servers.ok() {
            Some(servers) if !servers.is_empty() => servers.iter().any(|(_, name)| name == server),
            Some(_) | None => !matches!(user.servers, Field::Bad(_)),
        })
    }

    pub(super) fn inline_password(&self) -> Option<At> {
        let inline = |bmc: &BmcDraft| {
            matches!(bmc.password.ok(), Some(SecretSource::Inline(_))) && bmc.password.at().source == 0
        };
        self.bmcs().find(|(_, bmc)| inline(bmc)).map(|(_, bmc)| bmc.password.at())
    }

    /// Every program that a recovery runs as the operator wrote it: place, whose, words.
    pub(super) fn programs(&self) -> impl Iterator<Item = (At, &'c str, &'c [String])> {
        let scripts = self.draft.monitors.iter().filter_map(|monitor| {
            let script = &monitor.plan.script;
            Some((script.at(), monitor.shown(), script.ok()?.command.as_slice()))
        });
        let commands = &self.draft.commands;
        let finals = [&commands.stop_service, &commands.shutdown, &commands.reboot];
        let finals = finals.into_iter().filter_map(|words| Some((words.at(), "[commands]", words.ok()?.as_slice())));
        self.commands().chain(scripts).chain(finals).chain(self.templates())
    }

    /// The commands of recoveries through CLUSTERPRO, one for each program.
    fn templates(&self) -> impl Iterator<Item = (At, &'c str, &'c [String])> {
        self.draft.monitors.iter().flat_map(|monitor| {
            let templates = monitor.through_clusterpro().into_iter().flat_map(Clusterpro::templates);
            let mut all: Vec<&[String]> = templates.map(Template::words).collect();
            all.sort_unstable_by_key(|words| words.first());
            all.dedup_by_key(|words| words.first());
            all.into_iter().map(|words| (monitor.recovery.at(), monitor.shown(), words))
        })
    }

    /// Recoveries that are commands: place, monitor, words.
    pub(super) fn commands(&self) -> impl Iterator<Item = (At, &'c str, &'c [String])> {
        self.draft.monitors.iter().filter_map(|monitor| match monitor.recovery.ok()? {
            Recovery::Command(words) => Some((monitor.recovery.at(), monitor.shown(), words.as_slice())),
            Recovery::Callback | Recovery::Pacemaker(_) | Recovery::Clusterpro(_) => None,
        })
    }
}

impl ServerDraft {
    pub(super) fn shown(&self) -> &str {
        self.name.ok().map_or("without a name", String::as_str)
    }
}

impl UserDraft {
    pub(super) fn shown(&self) -> &str {
        self.name.ok().map_or("without a name", String::as_str)
    }

    /// The best that it can do, as far as that can be read.
    pub(super) fn level(&self) -> Level {
        match (self.auth.ok(), self.privacy.ok()) {
            (Some(None) | None, _) => Level::NoAuth,
            (Some(Some(_)), Some(Some(_))) => Level::AuthPriv,
            (Some(Some(_)), Some(None) | None) => Level::Auth,
        }
    }
}

impl MonitorDraft {
    /// What it runs, if it recovers through CLUSTERPRO.
    pub(super) fn through_clusterpro(&self) -> Option<&Clusterpro> {
        match self.recovery.ok()? {
            Recovery::Clusterpro(clusterpro) => Some(clusterpro),
            Recovery::Callback | Recovery::Command(_) | Recovery::Pacemaker(_) => None,
        }
    }

    pub(super) fn shown(&self) -> &str {
        self.name.ok().map_or("without a name", String::as_str)
    }
}

impl BmcDraft {
    /// Whether a chassis command of ours may follow a recovery.
    pub(super) fn chassis(&self) -> bool {
        match self.after_ended.get_or(AfterEnded::None) {
            AfterEnded::None | AfterEnded::Bmc => false,
            AfterEnded::PowerCycle
            | AfterEnded::HardReset
            | AfterEnded::PowerOff
            | AfterEnded::Nmi
            | AfterEnded::SoftOff => true,
        }
    }

    /// What needs a login, in words.
    pub(super) fn needs_login(&self) -> Option<&'static str> {
        match (self.chassis(), self.handshake.ok().map(String::as_str)) {
            (true, _) => Some("a chassis command"),
            (false, Some("none")) => None,
            (false, Some(_) | None) => Some("the handshake"),
        }
    }
}
