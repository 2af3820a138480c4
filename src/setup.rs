//! From what the operator wrote to what a context needs: text, facts, findings, secrets, identity.
//!
//! Below `context`: the one place where configuration meets the operating system. Its input is a path
//! or a text, and settings made by calls.

mod users;
mod way;

pub use way::Way;

use crate::bmc::link::{Identity, Login, Manners};
use crate::config::facts::{Facts, Wanted};
use crate::config::finding::{Finding, Severity};
use crate::config::model::{AfterEnded, Bmc, Cluster, Handshake, Journal, Lan, Privilege, SecretSource};
use crate::config::native;
use crate::crypto::{Secret, Wiped};
use crate::engine::explain::Explainer;
use crate::engine::{Setup, not_started};
use crate::io::action::Actions;
use crate::io::{facts, host};
use crate::model::Error;
use crate::notice::usm::User;
use crate::recovery::journal::{BootId, replay};
use crate::suite::Suite;
use crate::words::ServerId;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Limit: how long a context that could not be made waits for the command that says so.
const ALERT_PATIENCE: Duration = Duration::from_secs(3);

/// Limit: octets of a BMC's password or key.
const MAX_PASSWORD: usize = 20;

/// What a context is made from: a text, settings made by calls, and what was found wrong with them.
#[derive(Clone, Default)]
pub struct Config {
    text: Wiped<String>,
    name: String,
    settings: Vec<(String, Wiped<String>)>,
    boot: Option<BootId>,
    /// Only the text is judged, whatever this host is like.
    blind: bool,
}

/// Text and settings may hold passwords.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Config {
    /// An empty configuration, to be filled by [`Config::set`].
    pub fn new() -> Self {
        Self { name: "(no file)".into(), ..Self::default() }
    }

    /// Reads a file; nothing is judged yet.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text =
            host::read_text(path).map_err(|error| Error::Io(format!("cannot read {}", path.display()), error))?;
        Ok(Self { text: Wiped::new(text), name: path.display().to_string(), ..Self::default() })
    }

    /// Takes a text; `name` stands in findings where a file would.
    pub fn from_text(text: impl Into<String>, name: impl Into<String>) -> Self {
        Self { text: Wiped::new(text.into()), name: name.into(), ..Self::default() }
    }

    /// Sets one value, whatever the text says: a dotted path as in `server.server1.bmc.address`, and the
    /// value as TOML (`"192.168.0.11"`, `3`, `true`). Judged with everything else.
    pub fn set(&mut self, path: impl Into<String>, value: impl Into<String>) {
        self.settings.push((path.into(), Wiped::new(value.into())));
    }

    /// Lets the journal believe that the host booted under another boot id; for simulations.
    pub fn pretend_boot(&mut self, id: [u8; 16]) {
        self.boot = Some(BootId(id));
    }

    /// Judges the text alone from now on: files, ports and addresses may be missing here and be no error. For the crash
    /// kernel, where the host is another one.
    pub fn judge_the_text_alone(&mut self) {
        self.blind = true;
    }

    /// Everything that is wrong or worth a word, in one pass, with what this host is like.
    pub fn check(&self) -> Vec<Finding> {
        self.read().1
    }

    /// The validated cluster, or every finding.
    pub fn cluster(&self) -> Result<Arc<Cluster>, Error> {
        match self.read() {
            (Some(cluster), _) => Ok(Arc::new(cluster)),
            (None, findings) => Err(Error::Config(findings)),
        }
    }

    /// Where the journal lies, whatever else is wrong; the defaults where that cannot be read.
    pub fn journal(&self) -> Journal {
        self.with_settings(|settings| native::journal(&self.text, &self.name, settings))
    }

    fn read(&self) -> (Option<Cluster>, Vec<Finding>) {
        self.with_settings(|settings| {
            let wanted = native::wanted(&self.text, &self.name, settings);
            let seen = facts::gather(&if self.blind { Wanted::default() } else { wanted });
            let seen = if self.blind { Facts { host_name: seen.host_name, ..Facts::default() } } else { seen };
            let outcome = native::parse(&self.text, &self.name, settings, &seen);
            (outcome.cluster, outcome.findings)
        })
    }

    /// Lends the settings as the readers want them, in memory that is wiped.
    fn with_settings<T>(&self, read: impl FnOnce(&[(String, String)]) -> T) -> T {
        let settings: Vec<_> = self.settings.iter().map(|(path, value)| (path.clone(), value.to_string())).collect();
        let outcome = read(&settings);
        settings.into_iter().for_each(|(_, value)| drop(Wiped::new(value)));
        outcome
    }

    /// Explains what a context of this configuration would make of datagrams.
    pub fn explainer(&self) -> Result<Explainer, Error> {
        let (cluster, findings) = self.read();
        let cluster = Arc::new(cluster.ok_or(Error::Config(findings))?);
        let users = keys(&cluster)?;
        Ok(Explainer::new(crate::io::sys::now(), cluster, users))
    }

    /// Everything that stays the same while a context lives.
    pub(crate) fn site(&self) -> Result<Site, Error> {
        let (cluster, findings) = self.read();
        let cluster = Arc::new(cluster.ok_or(Error::Config(findings.clone()))?);
        let logins = (0..)
            .map(ServerId)
            .zip(&cluster.servers)
            .map(|(id, server)| {
                let bmc = server.bmc.as_ref()?;
                Some(login(bmc.lan.as_ref()?, bmc, id == cluster.this, &cluster))
            })
            .map(Option::transpose)
            .collect::<Result<Vec<_>, Error>>()?;
        let users = keys(&cluster)?;
        let own = host::own_guids();
        // A BMC that is not this board's has another watchdog.
        let fed = cluster.heartbeat.pulse.is_some() && cluster.in_band(cluster.this).is_some();
        Ok(Site {
            watchdog_owner: if fed { facts::watchdog_owner() } else { None },
            cluster,
            logins,
            users,
            identity: if own.is_empty() { Identity::Unknown } else { Identity::Expected(own) },
            boot: match self.boot {
                Some(boot) => boot,
                None => BootId(host::boot_id().map_err(|error| Error::Io("cannot read the boot id".into(), error))?),
            },
            warnings: findings.into_iter().filter(|finding| finding.severity == Severity::Warning).collect(),
        })
    }
}

/// The users of SNMPv3 that may write to this server, with their keys.
fn keys(cluster: &Cluster) -> Result<Vec<User>, Error> {
    let users = cluster.users.iter().filter(|user| user.is_for(cluster.this));
    users.map(|user| users::user(user, secret)).collect()
}

/// What stays the same while a context lives, secrets included.
#[derive(Debug)]
pub struct Site {
    cluster: Arc<Cluster>,
    logins: Vec<Option<Login>>,
    users: Vec<User>,
    identity: Identity,
    boot: BootId,
    warnings: Vec<Finding>,
    watchdog_owner: Option<String>,
}

impl Site {
    /// What an engine is made from; `journal` is what the store holds.
    pub fn setup(&self, journal: &[u8]) -> Result<Setup, Error> {
        let seed = crate::io::sys::random()?;
        Ok(Setup {
            cluster: self.cluster.clone(),
            logins: self.logins.clone(),
            users: self.users.clone(),
            identity: self.identity.clone(),
            boot: self.boot,
            replay: replay(journal),
            seed,
            troubles: self.warnings.iter().map(Finding::to_string).collect(),
            maintenance: false,
            watchdog_owner: self.watchdog_owner.clone(),
        })
    }

    /// Tells CLUSTERPRO's alert log that a context could not be made, if there is one to tell.
    pub fn tell_not_started(&self, why: &Error) {
        if let Some(command) = not_started(&self.cluster, &why.to_string()) {
            // There is nobody to hear that this failed, too: the caller has an error already.
            let _ = Actions::run_alone(command, ALERT_PATIENCE);
        }
    }

    /// It is for the boot that `other` was made in, whatever was pretended.
    pub fn same_boot(&mut self, other: &Self) {
        self.boot = other.boot;
    }

    /// Where this server listens.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.cluster.listen()
    }

    /// Where the BMCs are.
    pub fn bmcs(&self) -> Vec<SocketAddr> {
        self.cluster.servers.iter().filter_map(|server| server.bmc.as_ref()).map(|bmc| bmc.address).collect()
    }

    /// The folder of the hot journal.
    pub fn hot(&self) -> Option<&Path> {
        self.cluster.journal.hot.as_deref().map(Path::new)
    }

    /// The folder that the journal is copied to.
    pub fn disk(&self) -> Option<&Path> {
        self.cluster.journal.disk.as_deref().map(Path::new)
    }

    /// Why the trap port could not be bound, and who is in the way. `check` finds both before; here is who
    /// was quicker since.
    pub fn explain_bind(&self, error: std::io::Error) -> Error {
        let Some(address) = self.listen() else { return error.into() };
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                let wanted = Wanted { ports: vec![address.port()], ..Wanted::default() };
                let holders = facts::gather(&wanted).port_holders;
                match holders.first().map(|holder| &holder.process) {
                    Some(Some((pid, name))) => format!(", it is held by {name} (process {pid})"),
                    Some(None) => ", it is held by a process that cannot be seen from here".into(),
                    // What is our own is no obstacle to a check, and not listed.
                    None => ", this very process holds it: another context?".into(),
                }
            }
            std::io::ErrorKind::PermissionDenied => ", a low port needs the capability CAP_NET_BIND_SERVICE".into(),
            _ => String::new(),
        };
        Error::Io(format!("cannot listen on {address}{why}"), error)
    }

    /// What the operator wrote.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }
}

/// A peer's BMC is only asked; our own hears the handshake's words, unless it has none. A vendor's own commands are
/// mostly guarded like those that configure (`ipmi_sim` does it, too).
fn login(lan: &Lan, bmc: &Bmc, own: bool, cluster: &Cluster) -> Result<Login, Error> {
    let fed = cluster.heartbeat.enabled && cluster.heartbeat.pulse.is_some();
    let least = match (&bmc.handshake, bmc.after_ended) {
        _ if !own => Privilege::User,
        (Handshake::Raw { .. }, _) => Privilege::Administrator,
        // Where the watchdog is fed over LAN an operator's commands are needed.
        (Handshake::None, AfterEnded::None | AfterEnded::Bmc) if fed => Privilege::Operator,
        (Handshake::None, AfterEnded::None | AfterEnded::Bmc) => Privilege::User,
        (Handshake::None | Handshake::Sel { .. }, _) => Privilege::Operator,
    };
    let suites = lan.suites.iter().filter_map(|&number| Suite::from_number(number)).collect();
    Ok(Login {
        user: lan.user.clone().into_bytes(),
        password: login_secret(&lan.password)?,
        kg: lan.kg.as_ref().map(login_secret).transpose()?,
        suites,
        privilege: lan.privilege.unwrap_or(least),
        manners: if own { Manners::Own } else { Manners::Peer },
    })
}

/// A BMC takes no longer one, and a cut one would only look wrong to it.
fn login_secret(source: &SecretSource) -> Result<Secret, Error> {
    let secret = secret(source)?;
    match (source, secret.expose().len()) {
        (SecretSource::File(path), length) if length > MAX_PASSWORD => {
            let why = format!("it has {length} octets, and IPMI 2.0 takes {MAX_PASSWORD}");
            Err(Error::Io(format!("cannot use the secret in {path}"), std::io::Error::other(why)))
        }
        (SecretSource::File(_) | SecretSource::Inline(_), _) => Ok(secret),
    }
}

fn secret(source: &SecretSource) -> Result<Secret, Error> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.clone()),
        SecretSource::File(path) => host::read_secret(Path::new(path))
            .map_err(|error| Error::Io(format!("cannot read the secret in {path}"), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_shows_no_password() {
        let mut config = Config::from_text("[server.bmc]\npassword = \"open sesame\"", "here.toml");
        config.set("server.server1.bmc.password", "\"open sesame\"");
        let shown = format!("{config:?}");
        assert!(shown.contains("here.toml"), "{shown}");
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
