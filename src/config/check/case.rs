//! What a rule judges, and the questions that several rules ask of it.
//!
//! Uses `draft`, `facts` and `report`.

use crate::config::clusterpro::{Clusterpro, Template};
use crate::config::draft::{BmcDraft, Draft, HandshakeKind, MonitorDraft, RawDraft, ServerDraft, default};
use crate::config::facts::Facts;
use crate::config::finding::Rule;
use crate::config::model::{AfterEnded, LinkChoice, Recovery, SecretSource};
use crate::config::report::{At, Report};
use crate::words::Obstacle;
use core::net::SocketAddr;

/// What the rules judge.
pub(super) struct Case<'c> {
    pub(super) draft: &'c Draft,
    pub(super) facts: &'c Facts,
    /// The name of the configuration's file.
    pub(super) file: &'c str,
    /// The place of this server in the list, if it is known.
    pub(super) this: Option<usize>,
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
}

impl<'c> Case<'c> {
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
        self.draft.servers.iter().find(|server| server.name.ok().is_some_and(|own| own == name))
    }

    /// The raw handshake that a BMC uses, if it uses one.
    pub(super) fn raw(&self, bmc: &BmcDraft) -> Option<&'c RawDraft> {
        let name = bmc.handshake.ok()?;
        let draft = self.draft.handshakes.iter().find(|handshake| handshake.name == *name)?;
        match &draft.kind {
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
    pub(super) fn secret_files(&self) -> impl Iterator<Item = (At, &'c str, &'c str)> {
        let fields = self.bmcs().flat_map(|(server, bmc)| [(server, &bmc.password), (server, &bmc.kg)]);
        fields.filter_map(|(server, field)| match field.ok()? {
            SecretSource::File(path) => Some((field.at(), server, path.as_str())),
            SecretSource::Inline(_) => None,
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
