//! What `crm_mon -1 -r --output-as=xml` says: nodes, resources, and what the cluster is able to do.
//!
//! Uses the crate `roxmltree`, named here alone; the input is a program's output and taken as hostile.
//! Read as Pacemaker 2.0.4 to 3.0 write it: an attribute that is missing has its harmless value, one
//! that would let a move look possible or done must be there.

use core::fmt;
use roxmltree::{Document, Node as Element, ParsingOptions};
use std::collections::BTreeSet;

/// Limit: octets of one tool's output; a longer one is refused whole, for half of it could look like
/// a cluster in which everything has moved.
pub const MAX_OUTPUT: usize = 4 << 20;
/// Limit: elements and texts of one document.
const MAX_ELEMENTS: u32 = 1 << 18;
/// Limit: levels of groups, clones and bundles around a resource; Pacemaker itself nests three.
const MAX_DEPTH: usize = 8;

/// The cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// It has a designated coordinator.
    pub coordinator: bool,
    /// This part of it has quorum.
    pub quorum: bool,
    /// Nothing is moved.
    pub maintenance: bool,
    /// Everything is to stop.
    pub stop_all: bool,
    /// A node whose stop failed is fenced.
    pub fencing: bool,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All resources, one entry an instance.
    pub resources: Vec<Resource>,
    /// (node, resource) of which the cluster remembers operations.
    pub history: BTreeSet<(String, String)>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// Part of the cluster now.
    pub online: bool,
    /// In standby, whoever wanted it.
    pub standby: bool,
    /// In maintenance.
    pub maintenance: bool,
    /// On its way in.
    pub pending: bool,
    /// Its state is unknown.
    pub unclean: bool,
    /// On its way out.
    pub shutdown: bool,
    /// The worst of its health attributes; `crm_mon` before 2.1 does not say it.
    pub health: Option<Health>,
    /// A full member, no remote or guest node.
    pub member: bool,
}

/// The worst of a node's health attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Good.
    Green,
    /// Not so good.
    Yellow,
    /// Bad, or a word that nobody knows.
    Red,
}

/// One instance of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its id, without an instance's number.
    pub id: String,
    /// The ids of the group, clone or bundle around it.
    pub within: Vec<String>,
    /// Runs on several nodes by design: in a clone, or in a bundle of several replicas.
    pub copies: bool,
    /// A fence device.
    pub fence: bool,
    /// What it does.
    pub role: Role,
    /// Any of it is active.
    pub active: bool,
    /// Not in the configuration any more.
    pub orphaned: bool,
    /// The cluster can do nothing with it.
    pub blocked: bool,
    /// The cluster may start and stop it.
    pub managed: bool,
    /// It has failed, and that counts.
    pub failed: bool,
    /// It is meant to be stopped.
    pub disabled: bool,
    /// Where it is active.
    pub nodes: Vec<String>,
}

/// What an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It runs.
    Started,
    /// It runs and leads.
    Promoted,
    /// It runs and follows.
    Unpromoted,
    /// It does not run.
    Stopped,
    /// On its way up.
    Starting,
    /// Any other word: on its way, and not there yet.
    Other,
}

/// Why an output is no description of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Longer than `MAX_OUTPUT`.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// Not XML, or with a DTD, or of too many elements.
    NotXml,
    /// XML, but not of `crm_mon`, or without a part that must be there.
    Incomplete,
}

impl Unreadable {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than 4 MiB",
            Self::NotText => "it is not UTF-8",
            Self::NotXml => "it is no XML, or was cut off",
            Self::Incomplete => "nodes, resources or the cluster's state are missing",
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Cluster {
    /// Reads the whole output, or nothing of it.
    pub fn read(output: &[u8]) -> Result<Self, Unreadable> {
        if output.len() > MAX_OUTPUT {
            return Err(Unreadable::TooLong);
        }
        let text = core::str::from_utf8(output).map_err(|_| Unreadable::NotText)?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_ELEMENTS, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|_| Unreadable::NotXml)?;
        read(document.root_element()).ok_or(Unreadable::Incomplete)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Whether a node of this name is part of the cluster now.
    pub fn is_online(&self, name: &str) -> bool {
        self.node(name).is_some_and(|node| node.online)
    }
}

type Xml<'a, 'i> = Element<'a, 'i>;

fn child<'a, 'i>(of: Xml<'a, 'i>, name: &str) -> Option<Xml<'a, 'i>> {
    of.children().find(|element| element.has_tag_name(name))
}

fn yes(of: Xml<'_, '_>, name: &str) -> bool {
    of.attribute(name) == Some("true")
}

fn read(root: Xml<'_, '_>) -> Option<Cluster> {
    let known = ["pacemaker-result", "crm_mon"].contains(&root.tag_name().name());
    let summary = child(root, "summary").filter(|_| known)?;
    let coordinator = child(summary, "current_dc")?;
    let options = child(summary, "cluster_options")?;
    let nodes = child(root, "nodes")?.children().filter(|element| element.has_tag_name("node"));
    let mut resources = Vec::new();
    collect(child(root, "resources")?, &[], false, &mut resources)?;
    let mut history = BTreeSet::new();
    for node in child(root, "node_history").iter().flat_map(Element::children) {
        let name = node.attribute("name");
        for resource in node.children().filter(|element| element.has_tag_name("resource_history")) {
            history.extend(name.zip(resource.attribute("id")).map(|(node, id)| (node.to_owned(), bare(id).to_owned())));
        }
    }
    Some(Cluster {
        coordinator: yes(coordinator, "present"),
        quorum: yes(coordinator, "with_quorum"),
        maintenance: yes(options, "maintenance-mode"),
        stop_all: yes(options, "stop-all-resources"),
        fencing: yes(options, "stonith-enabled"),
        nodes: nodes.map(node).collect::<Option<Vec<_>>>()?,
        resources,
        history,
    })
}

fn node(of: Xml<'_, '_>) -> Option<Node> {
    Some(Node {
        name: of.attribute("name")?.to_owned(),
        online: yes(of, "online"),
        standby: yes(of, "standby") || yes(of, "standby_onfail"),
        maintenance: yes(of, "maintenance"),
        pending: yes(of, "pending"),
        unclean: yes(of, "unclean"),
        shutdown: yes(of, "shutdown"),
        health: of.attribute("health").map(|word| match word {
            "green" => Health::Green,
            "yellow" => Health::Yellow,
            _ => Health::Red,
        }),
        member: of.attribute("type").is_none_or(|kind| kind == "member"),
    })
}

/// Every resource below `of`; none at all when they lie too deep.
fn collect(of: Xml<'_, '_>, within: &[String], copies: bool, into: &mut Vec<Resource>) -> Option<()> {
    for element in of.children().filter(Element::is_element) {
        let name = element.tag_name().name();
        if name == "resource" {
            into.push(resource(element, within, copies)?);
        } else if within.len() == MAX_DEPTH {
            return None;
        } else {
            let id = element.attribute("id").unwrap_or_default().to_owned();
            let deeper: Vec<String> = within.iter().cloned().chain([id]).collect();
            let several = || element.children().filter(|inner| inner.has_tag_name("replica")).count() > 1;
            collect(element, &deeper, copies || name == "clone" || (name == "bundle" && several()), into)?;
        }
    }
    Some(())
}

fn resource(of: Xml<'_, '_>, within: &[String], copies: bool) -> Option<Resource> {
    let id = of.attribute("id")?;
    let nodes = of.children().filter(|inner| inner.has_tag_name("node"));
    Some(Resource {
        id: if copies { bare(id) } else { id }.to_owned(),
        within: within.to_vec(),
        copies,
        fence: of.attribute("resource_agent").is_some_and(|agent| agent.starts_with("stonith:")),
        role: match of.attribute("role") {
            Some("Started") => Role::Started,
            Some("Promoted" | "Master") => Role::Promoted,
            Some("Unpromoted" | "Slave") => Role::Unpromoted,
            Some("Stopped") => Role::Stopped,
            Some("Starting") => Role::Starting,
            Some(_) | None => Role::Other,
        },
        active: yes(of, "active"),
        orphaned: yes(of, "orphaned"),
        blocked: yes(of, "blocked"),
        managed: yes(of, "managed"),
        failed: yes(of, "failed") && !yes(of, "failure_ignored"),
        disabled: of.attribute("target_role") == Some("Stopped"),
        nodes: nodes.filter_map(|node| node.attribute("name").map(str::to_owned)).collect(),
    })
}

/// A clone's instance may bear its number: `db:1` is `db`.
fn bare(id: &str) -> &str {
    match id.rsplit_once(':') {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()) => name,
        Some(_) | None => id,
    }
}
