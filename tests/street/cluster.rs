//! Several servers with a BMC each, and who watches them: a context of this process, and daemons of the servers themselves.

use crate::drivers::bmcnotice;
use crate::site::{Folder, quoted};
use crate::wait;
use bmcnotice::engine::{PeerStatus, Statistics};
use bmcnotice::heartbeat::TakeOver;
use bmcnotice::io::sys::now;
use bmcnotice::words::Guid;
use bmcnotice::{Config, Context, Mode};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A server, and how its BMC is reached.
pub struct Server {
    pub name: &'static str,
    pub bmc: SocketAddr,
    pub login: (&'static str, &'static str),
    pub guid: Guid,
}

/// The cluster. The watcher, who has no BMC that answers, is no server of the list.
pub struct Cluster {
    folder: Folder,
    servers: Vec<Server>,
    /// Lines of `[heartbeat]`.
    heartbeat: &'static str,
}

/// Who watches.
pub const WATCHER: &str = "watcher";
/// Asked five times a second; fed twice a second; late after two seconds, silent after four.
pub const FAST: &str = "interval = \"200ms\"\ntimeout = \"4s\"\nwarning = 50\npulse_period = \"500ms\"\n";

impl Cluster {
    pub fn new(heartbeat: &'static str, servers: Vec<Server>) -> Self {
        Self { folder: Folder::new(), servers, heartbeat }
    }

    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter()
    }

    pub fn server(&self, name: &str) -> &Server {
        self.servers.iter().find(|server| server.name == name).unwrap()
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.servers.iter().map(|server| server.name)
    }

    /// As `this` has it; `road`: where it reaches a server's BMC, if not where that is.
    fn text(&self, this: &str, road: impl Fn(&Server) -> SocketAddr) -> String {
        let mut text = format!(
            "[cluster]\nname = \"street\"\nthis_server = \"{this}\"\n\n\
             [heartbeat]\nlan = true\nwatchers = [\"{WATCHER}\"]\n{}\n[journal]\nhot = false\ndisk = false\n\n\
             [[server]]\nname = \"{WATCHER}\"\naddresses = [\"127.0.1.1\"]\n\
             [server.bmc]\naddress = \"127.0.0.9:623\"\nhandshake = \"none\"\n",
            self.heartbeat
        );
        for (n, server) in (2..).zip(&self.servers) {
            let (user, password) = server.login;
            let bmc = [
                ("address", road(server).to_string()),
                ("user", user.into()),
                ("password", password.into()),
                ("guid", server.guid.to_string()),
                ("handshake", "none".into()),
            ];
            text += &format!("\n[[server]]\nname = \"{}\"\naddresses = [\"127.0.1.{n}\"]\n[server.bmc]\n", server.name);
            bmc.iter().for_each(|(key, value)| text += &format!("{key} = {}\n", quoted(value)));
        }
        text
    }

    /// Somebody of this process watches all of them.
    pub fn watch(&self) -> Watcher {
        self.watch_over(|server| server.bmc)
    }

    /// And reaches their BMCs by these roads.
    pub fn watch_over(&self, road: impl Fn(&Server) -> SocketAddr) -> Watcher {
        Watcher::new(&Config::from_text(self.text(WATCHER, road), "cluster.toml"))
    }

    /// A server's own daemon, or the watcher's: `bmcnotice run`.
    pub fn daemon(&self, name: &'static str) -> Daemon {
        self.daemon_over(name, |server| server.bmc)
    }

    /// And it reaches the BMCs by these roads.
    pub fn daemon_over(&self, name: &'static str, road: impl Fn(&Server) -> SocketAddr) -> Daemon {
        let file = self.folder.path().join(format!("{name}.toml"));
        fs::write(&file, self.text(name, road)).unwrap();
        Daemon::start(file, self.folder.path().join(name))
    }
}

/// What it says of the servers, in order: the server's name and the verdict's words, or "restarted".
type Said = Arc<Mutex<Vec<(Arc<str>, String)>>>;

pub struct Watcher {
    pub context: Arc<Context>,
    said: Said,
    runner: Option<JoinHandle<()>>,
}

impl Watcher {
    fn new(config: &Config) -> Self {
        let context = Context::new(config, Mode::Thread).unwrap_or_else(|error| panic!("{error}"));
        let (context, said) = (Arc::new(context), Said::default());
        let hears = said.clone();
        let restarts: Mutex<Vec<(Arc<str>, u32)>> = Mutex::default();
        let told = move |peer: &PeerStatus| {
            let (mut said, mut restarts) = (hears.lock().unwrap(), restarts.lock().unwrap());
            let before = restarts.iter().rfind(|(name, _)| *name == peer.server).map_or(0, |(_, count)| *count);
            if peer.restarts != before {
                restarts.push((peer.server.clone(), peer.restarts));
                said.push((peer.server.clone(), "restarted".into()));
            }
            said.push((peer.server.clone(), peer.verdict.to_string()));
        };
        context.on_peer(Arc::new(told)).unwrap();
        let runs = context.clone();
        let runner = Some(std::thread::spawn(move || runs.run().unwrap_or_else(|error| panic!("run: {error}"))));
        Self { context, said, runner }
    }

    /// All that it has said of a server, each once until it says something else; not what it did not know at first.
    pub fn words(&self, name: &str) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let mut words: Vec<String> = Vec::new();
        for (_, word) in said.iter().filter(|(server, _)| **server == *name) {
            let at_first = words.is_empty() && word.starts_with("unknown");
            if !at_first && words.iter().rfind(|word| *word != "restarted") != Some(word) {
                words.push(word.clone());
            }
        }
        words
    }

    pub fn peer(&self, name: &str) -> PeerStatus {
        self.context.peer(name).unwrap()
    }

    /// Waits until it says this of a server, and that it entitles to that.
    pub fn sees(&self, name: &str, word: &str, entitles: TakeOver) {
        let story = || format!("{:?}\n{:?}", self.peer(name), self.words(name));
        // It is shown before it is told; that nothing is known at first is not among the words.
        let told = || match self.words(name).into_iter().rfind(|told| told != "restarted") {
            Some(told) => told == word,
            None => word.starts_with("unknown"),
        };
        let shown = || self.peer(name).verdict.to_string() == word;
        wait::until(&format!("{name} is {word}"), story, || shown() && told());
        let peer = self.peer(name);
        assert_eq!(peer.take_over(now().boottime).0, entitles, "{peer:?}");
    }

    pub fn statistics(&self) -> Statistics {
        self.context.statistics().unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.context.stop().unwrap();
        let ended = self.runner.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn start(config: PathBuf, log: PathBuf) -> Self {
        let out = File::create(&log).unwrap();
        let mut command = bmcnotice();
        command.args(["run", "--verbose", "--config"]).arg(config);
        let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        Self { child, log }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A signal, by its name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    /// Ends it by this signal, and waits.
    pub fn end(mut self, name: &str) {
        self.signal(name);
        self.child.wait().unwrap();
    }

    pub fn hears(&self, part: &str) {
        wait::until(part, || self.log(), || self.log().contains(part));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
