//! Whose BMC answers, in words: what was found where another one was expected, and what follows from it.
//!
//! Part of [`Engine`], like `perform`. The GUID is a BMC's; who is expected, the operator's and the host's.

use super::Engine;
use super::output::Line;
use crate::bmc::link::{Checked, Identity};
use crate::words::{Guid, ServerId};

/// What the operator can do about a GUID that identifies nobody.
const OVERRIDE: &str = "write identity = \"address\" in [server.bmc] to trust its address alone";

impl Engine {
    /// What is known of a BMC that is talked to.
    pub(super) fn whose(&self, server: ServerId, identity: Checked) -> &'static str {
        match (identity, self.roads.expects(server)) {
            (Checked::Matched, _) => "it is the right one",
            (Checked::NotChecked, Some(Identity::Address)) => {
                "whoever answers at its address is taken for it (identity = \"address\"): no chassis command, no verdict off"
            }
            (Checked::NotChecked, _) => "whose it is was not checked: no guid is pinned or known",
        }
    }

    /// Another system's BMC answers.
    pub(super) fn wrong_identity(&self, server: ServerId, found: Guid) -> Line {
        let name = &self.names[usize::from(server.0)];
        let who = match self.roads.expects(server) {
            _ if found.is_unspecified() => {
                format!("it tells no GUID ({found}), so that nobody knows whose it is; {OVERRIDE}")
            }
            Some(Identity::Unknown) => format!(
                "it has become another one (GUID {found}) since we began; pin its guid, or restart to take it as it is"
            ),
            Some(Identity::Expected(_) | Identity::Address) | None => {
                format!("another system answers at its address (GUID {found}{})", self.known_as(server, found))
            }
        };
        Line::error(format!(
            "BMC of {name}: {who}. Nothing is said to it: no handshake, no chassis command, no verdict, no evidence"
        ))
    }

    /// Whose GUID it is, if the configuration or this host knows it.
    fn known_as(&self, server: ServerId, found: Guid) -> String {
        let pinned = |other: &&crate::config::model::Server| {
            other.bmc.as_ref().and_then(|bmc| bmc.guid).is_some_and(|guid| found.is_same_as(&guid))
        };
        let others = self.cluster.servers.iter().enumerate().filter(|(place, _)| *place != usize::from(server.0));
        if let Some(other) = others.map(|(_, other)| other).find(pinned) {
            return format!(", which is pinned as that of server {}: are the two addresses swapped?", other.name);
        }
        if server != self.cluster.this
            && let Some(Identity::Expected(own)) = self.roads.expects(self.cluster.this)
            && own.iter().any(|guid| found.is_same_as(guid))
        {
            return ", which is this very host's".into();
        }
        String::new()
    }
}
