//! One server, its BMC and its monitor, as a configuration in a folder of its own.

use crate::bmcs::Bmc;
use crate::ipmi_peer::ports;
use bmcnotice::Config;
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A folder on tmpfs, gone with its value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let base = if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let path = base.join(format!("bmcnotice-{}-{}", process::id(), NEXT.fetch_add(1, SeqCst)));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The address of the neighbour's BMC; it is never there.
pub const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// What is configured. Values are TOML.
pub struct Site {
    pub folder: Folder,
    pub listen: SocketAddr,
    bmc: BTreeMap<&'static str, String>,
    monitor: BTreeMap<&'static str, String>,
    heartbeat: bool,
    twin: bool,
    hot: Option<PathBuf>,
    disk: Option<PathBuf>,
    more: String,
}

pub fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

impl Site {
    /// This server with this BMC: the handshake of ours, a callback, and nothing else.
    pub fn of(bmc: &dyn Bmc) -> Self {
        let address = bmc.address();
        let (user, password) = bmc.login();
        let mut site = Self::at(address);
        site.bmc("user", quoted(user)).bmc("password", quoted(password)).bmc("guid", quoted(bmc.guid()));
        site
    }

    /// This server with a BMC at `address`, of which nothing else is known.
    pub fn at(address: SocketAddr) -> Self {
        let mut site = Self {
            folder: Folder::new(),
            listen: SocketAddr::new(address.ip(), ports::free()),
            bmc: BTreeMap::new(),
            monitor: BTreeMap::new(),
            heartbeat: false,
            twin: false,
            hot: None,
            disk: None,
            more: String::new(),
        };
        site.bmc("address", quoted(address))
            .bmc("trap_sources", format!("[\"{}\"]", address.ip()))
            .bmc("handshake", quoted("sim"))
            .bmc("after_ended", quoted("bmc"))
            .bmc("patience", quoted("100s"))
            .monitor("trust", quoted("address"))
            .monitor("recovery", quoted("callback"))
            .monitor("target", quoted("failover1"))
            .monitor("deadline", quoted("20s"));
        site
    }

    /// Sets a value of `[server.bmc]`.
    pub fn bmc(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.bmc.insert(key, value.into());
        self
    }

    /// Sets a value of `[[monitor]]`.
    pub fn monitor(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.monitor.insert(key, value.into());
        self
    }

    /// More tables.
    pub fn more(&mut self, text: &str) -> &mut Self {
        self.more.push_str(text);
        self
    }

    /// A command is the recovery: a shell script.
    pub fn script(&mut self, script: &str) -> &mut Self {
        let value = format!("{{ command = [\"/bin/sh\", \"-c\", '''{script}'''] }}");
        self.monitor("recovery", value)
    }

    /// The heartbeat runs, ten times a second.
    pub fn heartbeat(&mut self) -> &mut Self {
        self.heartbeat = true;
        self
    }

    /// A second monitor, `mrw2`, wants the same.
    pub fn twin(&mut self) -> &mut Self {
        self.twin = true;
        self
    }

    /// The folder of the hot journal.
    fn hot(&self) -> PathBuf {
        self.hot.clone().unwrap_or_else(|| self.folder.path().join("journal"))
    }

    /// Both keep their journal in one folder, which cannot be.
    pub fn share_journal(&mut self, other: &Self) {
        self.hot = Some(other.hot());
    }

    /// The journal is copied there.
    pub fn disk(&mut self, folder: &Path) -> &mut Self {
        self.disk = Some(folder.into());
        self
    }

    pub fn text(&self) -> String {
        let lines = |map: &BTreeMap<&str, String>| -> String {
            map.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
        };
        let keywords = format!(
            "[monitor.keywords]\nserver1 = \"{0}\"\nserver2 = \"127.0.0.2:{1}\"",
            self.listen,
            self.listen.port()
        );
        let twin = match self.twin {
            true => format!("[[monitor]]\nname = \"mrw2\"\n{}{keywords}\n", lines(&self.monitor)),
            false => String::new(),
        };
        format!(
            r#"
[cluster]
name = "street"
this_server = "server1"

[[server]]
name = "server1"
addresses = ["{ip}"]
[server.bmc]
{bmc}
[[server]]
name = "server2"
addresses = ["127.0.0.2"]
[server.bmc]
address = "{NEIGHBOUR}:623"
handshake = "none"

[handshake.sim]
armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
started = {{ netfn = 0x30, command = 0x70, data = [1] }}
ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}

[[monitor]]
name = "mrw1"
category = "BMCNOTICE"
{monitor}
{keywords}
{twin}
[heartbeat]
lan = ["lan1"]
bmc = {heartbeat}
interval = "100ms"
timeout = "1s"

[journal]
hot = "{hot}"
disk = {disk}
{more}
"#,
            ip = self.listen.ip(),
            bmc = lines(&self.bmc),
            monitor = lines(&self.monitor),
            heartbeat = self.heartbeat,
            hot = self.hot().display(),
            disk = self.disk.as_ref().map_or("false".into(), |disk| quoted(disk.display())),
            more = self.more,
        )
    }

    pub fn config(&self) -> Config {
        Config::from_text(self.text(), "street.toml")
    }

    /// As a file, for programs.
    pub fn file(&self) -> PathBuf {
        let path = self.folder.path().join("bmcnotice.toml");
        fs::write(&path, self.text()).unwrap();
        path
    }
}
