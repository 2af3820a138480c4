//! Starts the shipped example on loopback: two simulated BMCs, two contexts, one story to be told.

use super::story::Fact;
use bmcnotice::config::model::Privilege;
use bmcnotice::heartbeat::Verdict;
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::io::sys::now;
use bmcnotice::io::{sys, udp};
use bmcnotice::sim::{Alert, FatalAction, Fault, Handshaking, Options, User};
use bmcnotice::words::{Guid, Level};
use bmcnotice::{Answer, Config, Context, Error, Mode, PeerStatus};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The example, as it is shipped.
const EXAMPLE: &str = include_str!("../../../../examples/seed.toml");
const EXAMPLE_NAME: &str = "examples/seed.toml";
/// How long the BMC's maker says that it waits.
const DECLARED_PATIENCE: &str = "120s";
/// How long the simulated servers take to boot.
const BOOT_TIME: Duration = Duration::from_millis(200);
/// Limit: facts that wait to be told; more are lost, for nobody waits for the teller.
const QUEUE_FACTS: usize = 4096;

/// What the viewer may choose.
pub struct Wishes {
    /// Where the servers listen; none: a free port.
    pub port: Option<u16>,
    /// How long server1's BMC really waits.
    pub patience: Duration,
    /// How long the recovery takes.
    pub recovery_takes: Duration,
    /// Whether it fails.
    pub fail: bool,
}

/// One server of the example, moved to loopback.
pub struct Host {
    /// As in the example.
    pub name: &'static str,
    /// Where it listens for traps.
    pub listen: SocketAddr,
    /// Where its BMC answers.
    pub bmc: SocketAddr,
}

/// The cluster as it runs. Dropping it ends everything and leaves nothing behind.
pub struct Stage {
    /// server1, server2.
    pub hosts: [Host; 2],
    contexts: [Arc<Context>; 2],
    runs: Vec<JoinHandle<()>>,
    bmcs: [SimulatedBmc; 2],
    _folder: Folder,
}

impl Stage {
    /// Starts everything; the facts come out of the receiver.
    pub fn new(wishes: &Wishes) -> Result<(Self, Receiver<Fact>), Error> {
        let folder = Folder::new()?;
        let (inlet, facts) = sync_channel(QUEUE_FACTS);
        let port = match wishes.port {
            Some(port) => port,
            None => free_port()?,
        };
        // As in the example 192.168.0.1 and .2 listen, and 192.168.0.11 and .12 are the BMCs.
        let listens = [1, 2].map(|n| SocketAddr::from(([127, 0, 0, n], port)));
        let guids = [1, 2].map(|n| Guid([0x62, 0x6D, 0x63, 0x6E, 0x6F, 0x74, 0x69, 0x63, 0x65, 0, 0, 0, 0, 0, 0, n]));
        let password = sys::random()?.iter().take(10).map(|octet| format!("{octet:02x}")).collect::<String>();
        let password_file = folder.secret("bmc.password", &password)?;

        let start = |n: usize, patience| {
            let address = SocketAddr::from(([127, 0, 0, 11 + n as u8], 0));
            let options = Options {
                guid: guids[n],
                users: vec![User::new("bmcnotice", &password, Privilege::Operator)],
                alert: Some(Alert { agent: [127, 0, 0, 11 + n as u8].into(), ..Alert::to(listens[n]) }),
                patience,
                fatal_action: FatalAction::PowerCycle, // which the heartbeat can see
                boot_time: BOOT_TIME,
                ..Options::default()
            };
            let inlet = inlet.clone();
            let tell =
                (n == 0).then(|| Arc::new(move |event: &_| put(&inlet, Fact::Bmc(Clone::clone(event)))) as Arc<_>);
            SimulatedBmc::start(address, options, tell)
                .map_err(|error| Error::Io(format!("cannot start a simulated BMC at {}", address.ip()), error))
        };
        let bmcs = [start(0, wishes.patience)?, start(1, Options::default().patience)?];
        let [first, second] = &bmcs;
        let hosts = [
            Host { name: "server1", listen: listens[0], bmc: first.address() },
            Host { name: "server2", listen: listens[1], bmc: second.address() },
        ];

        let context = |n: usize, mode| {
            let config = configuration(&hosts, &guids, n, &password_file, &folder);
            let context = Context::new(&config, mode)?;
            let lines = inlet.clone();
            context.on_log(Arc::new(move |line| {
                // Findings about the example's own host are no part of the story.
                if matches!(line.level, Level::Error | Level::Warning) && !line.text.contains("BMCN-C") {
                    put(&lines, Fact::Trouble(line.text.clone()));
                }
            }))?;
            Ok::<_, Error>(Arc::new(context))
        };
        // One of each: with the library's thread, and without.
        let contexts = [context(0, Mode::Thread)?, context(1, Mode::Loop)?];
        recover(&contexts[0], wishes, &inlet)?;
        let seen = inlet;
        contexts[1].on_peer(Arc::new(move |peer| put(&seen, Fact::Peer(peer.clone()))))?;
        let runs = contexts.iter().map(run).collect();
        Ok((Self { hosts, contexts, runs, bmcs, _folder: folder }, facts))
    }

    /// The fault appears on server1's board.
    pub fn raise(&self, fault: &Fault) {
        self.bmcs[0].raise(fault);
    }

    /// What server2 sees.
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.contexts[1].peers().unwrap_or_default()
    }

    /// Whether server2 sees both servers powered.
    pub fn all_powered(&self) -> bool {
        self.peers().iter().all(|peer| peer.verdict == Verdict::Powered)
    }

    /// Whether both BMCs are armed.
    pub fn all_armed(&self) -> bool {
        self.bmcs.iter().all(|bmc| bmc.with(|bmc, _| bmc.handshaking() == Handshaking::Armed))
    }

    /// Whether server2 has seen server1 come back, once.
    pub fn has_seen_restart(&self) -> bool {
        self.peers().first().is_some_and(|peer| peer.verdict == Verdict::Powered && peer.restarts == 1)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for context in &self.contexts {
            let _ = context.stop();
        }
        for run in self.runs.drain(..) {
            let _ = run.join();
        }
    }
}

fn put(inlet: &SyncSender<Fact>, fact: Fact) {
    let _ = inlet.try_send(fact);
}

/// The recovery of failover1, which takes its time on a thread of its own and is completed by its token: so
/// the library's words go on being told meanwhile, and an end need not wait for it.
fn recover(context: &Arc<Context>, wishes: &Wishes, inlet: &SyncSender<Fact>) -> Result<(), Error> {
    let (takes, fails, calls, steps) = (wishes.recovery_takes, wishes.fail, inlet.clone(), inlet.clone());
    let to_complete = Arc::downgrade(context);
    context.on_recovery(
        Some("mrw1"),
        Arc::new(move |recover| {
            put(&calls, Fact::Called { at: now().boottime, target: recover.target.to_string() });
            let (calls, to_complete, token) = (calls.clone(), to_complete.clone(), recover.token);
            thread::spawn(move || {
                thread::sleep(takes);
                put(&calls, Fact::Answered { at: now().boottime, moved: !fails });
                if let Some(context) = to_complete.upgrade() {
                    // Too late, it is no answer, and the library has said so.
                    let _ = context.complete(token, if fails { Answer::Failed } else { Answer::Done });
                }
            });
            Answer::Later
        }),
    )?;
    context.on_progress(Arc::new(move |progress| put(&steps, Fact::Progress(progress.clone()))))
}

fn run(context: &Arc<Context>) -> JoinHandle<()> {
    let context = context.clone();
    thread::spawn(move || {
        // What goes wrong in there shows as a step that is not done.
        let _ = context.run();
    })
}

/// The shipped example, with what loopback needs laid over it.
fn configuration(hosts: &[Host; 2], guids: &[Guid; 2], n: usize, password: &Path, folder: &Folder) -> Config {
    let mut config = Config::from_text(EXAMPLE, EXAMPLE_NAME);
    let text = |value: &dyn std::fmt::Display| format!("\"{value}\"");
    config.set("cluster.this_server", text(&hosts[n].name));
    for (host, guid) in hosts.iter().zip(guids) {
        let server = format!("server.{}", host.name);
        config.set(format!("{server}.addresses"), format!("[\"{}\"]", host.listen.ip()));
        config.set(format!("{server}.bmc.address"), text(&host.bmc));
        config.set(format!("{server}.bmc.password_file"), text(&password.display()));
        config.set(format!("{server}.bmc.guid"), text(guid));
        config.set(format!("{server}.bmc.after_ended"), "\"bmc\""); // the simulated BMC resets by itself
        config.set(format!("{server}.bmc.patience"), text(&DECLARED_PATIENCE));
        config.set(format!("monitor.mrw1.keywords.{}", host.name), text(&host.listen));
    }
    config.set("heartbeat.interval", "\"100ms\"");
    config.set("heartbeat.timeout", "\"1s\"");
    config.set("journal.hot", text(&folder.0.join(hosts[n].name).display()));
    config.set("journal.disk", "false");
    config
}

/// A UDP port that is free on loopback.
fn free_port() -> Result<u16, Error> {
    let socket = udp::bind_traps((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok(socket.local_addr()?.port())
}

/// A folder of ours alone, gone with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Error> {
        let tmpfs = Path::new("/dev/shm");
        let base = if tmpfs.is_dir() { tmpfs.to_owned() } else { std::env::temp_dir() };
        let path = base.join(format!("bmcnotice-demo-{}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Error::Io(format!("cannot make the folder {}", path.display()), error))?;
        Ok(Self(path))
    }

    fn secret(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        use std::io::Write;
        let path = self.0.join(name);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{text}")?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
