//! The way to one server's BMC, for programs that visit it without a context.
//!
//! Part of `setup`; uses what it has read. Its input is a server's name, from the operator.

use super::{Config, Site};
use crate::bmc::link::{Identity, Login};
use crate::config::model::{Bmc, Cluster, Server};
use crate::model::Error;
use crate::words::ServerId;
use std::net::SocketAddr;
use std::sync::Arc;

/// The way to one server's BMC.
#[derive(Debug, Clone)]
pub struct Way {
    /// What the operator wrote.
    pub cluster: Arc<Cluster>,
    /// Whose BMC it is.
    pub server: ServerId,
    /// Where it answers.
    pub address: SocketAddr,
    /// How to log in; none is configured where the BMC is only pinged.
    pub login: Option<Login>,
    /// What its GUID must be.
    pub identity: Identity,
    /// This host's own GUIDs, if it says any.
    pub own: Identity,
}

impl Way {
    /// The server.
    pub fn server(&self) -> &Server {
        self.cluster.server(self.server)
    }

    /// Its BMC; a way leads to one.
    pub fn bmc(&self) -> Option<&Bmc> {
        self.server().bmc.as_ref()
    }

    /// Whether it is the BMC of the server that this process runs on.
    pub fn is_own(&self) -> bool {
        self.server == self.cluster.this
    }
}

impl Config {
    /// The way to the BMC of `server`; `None`: of this one.
    pub fn way(&self, server: Option<&str>) -> Result<Way, Error> {
        let site = self.site()?;
        let cluster = &site.cluster;
        let id = match server {
            None => cluster.this,
            Some(name) => {
                let named = (0..).map(ServerId).zip(&cluster.servers).find(|(_, server)| server.name == name);
                let names = || cluster.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
                named.map(|(id, _)| id).ok_or_else(|| {
                    Error::invalid(format!("there is no server {name} in the configuration; there is {}", names()))
                })?
            }
        };
        site.way(id).ok_or_else(|| {
            let name = &cluster.server(id).name;
            Error::invalid(format!("server {name} has no [server.bmc] in the configuration"))
        })
    }

    /// The ways to all BMCs.
    pub fn ways(&self) -> Result<Vec<Way>, Error> {
        let site = self.site()?;
        let ids = (0..).map(ServerId).take(site.cluster.servers.len());
        Ok(ids.filter_map(|id| site.way(id)).collect())
    }
}

impl Site {
    fn way(&self, server: ServerId) -> Option<Way> {
        let bmc = self.cluster.server(server).bmc.as_ref()?;
        let identity = match bmc.guid {
            None if bmc.by_address => Identity::Address,
            Some(guid) => Identity::Expected(vec![guid]),
            None if server == self.cluster.this => self.identity.clone(),
            None => Identity::Unknown,
        };
        Some(Way {
            cluster: self.cluster.clone(),
            server,
            address: bmc.address,
            login: self.logins.get(usize::from(server.0)).cloned().flatten(),
            identity,
            own: self.identity.clone(),
        })
    }
}
