//! The whole street, with real sockets: a simulated BMC raises a fault and sends its trap, the context
//! tells it *started*, runs the recovery, tells it *ended*, and only then it resets.
#![cfg(feature = "sim")]

use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::sim::{self, Alert, Fault, Handshaking};
use bmcnotice::words::Guid;
use bmcnotice::{Answer, Config, Context, Mode};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const GUID: Guid = Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8]);

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

struct Street {
    bmc: SimulatedBmc,
    context: Context,
    log: Arc<Mutex<Vec<String>>>,
    _hot: tempdir::TempDir,
}

mod tempdir {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    /// A folder on tmpfs, gone with its value.
    pub struct TempDir(PathBuf);

    impl TempDir {
        pub fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
            let path = base.join(format!("bmcnotice-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst)));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for TempDir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn street(mode: Mode) -> Street {
    let port = free_port();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let options = sim::Options { guid: GUID, alert: Some(Alert::to(listen)), ..sim::Options::default() };
    let bmc = SimulatedBmc::start((Ipv4Addr::LOCALHOST, 0).into(), options, None).unwrap();
    let hot = tempdir::TempDir::new();
    let text = format!(
        r#"
        [cluster]
        name = "street"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["127.0.0.1"]
        [server.bmc]
        address = "{}"
        trap_sources = ["127.0.0.1"]
        user = "admin"
        password = "password"
        guid = "{GUID}"
        handshake = "sim"
        after_ended = "bmc"
        patience = "100s"
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0], accept = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1], accept = [0] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"], accept = [0] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3], accept = [0] }}
        [[monitor]]
        name = "mrw1"
        category = "BMCNOTICE"
        trust = "address"
        recovery = "callback"
        target = "failover1"
        deadline = "20s"
        [monitor.keywords]
        server1 = "127.0.0.1:{port}"
        [heartbeat]
        lan = ["lan1"]
        bmc = true
        interval = "100ms"
        timeout = "1s"
        [journal]
        hot = "{}"
        disk = false
        "#,
        bmc.address(),
        hot.path().display()
    );
    let config = Config::from_text(text, "street.toml");
    let context = Context::new(&config, mode).unwrap_or_else(|error| panic!("{error}"));
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = log.clone();
    context
        .on_log(Arc::new(move |line| lines.lock().unwrap().push(format!("{:?} {}", line.level, line.text))))
        .unwrap();
    Street { bmc, context, log, _hot: hot }
}

impl Street {
    fn pump_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !done() {
            assert!(Instant::now() < end, "{what}: not in time\nlog: {:#?}\nbmc: {:#?}", self.log(), self.story());
            self.context.wait(Some(Duration::from_millis(20))).unwrap();
            self.context.dispatch(16).unwrap();
        }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn story(&self) -> Vec<String> {
        self.bmc.events().iter().map(|happened| happened.event.to_string()).collect()
    }
}

fn whole_handshake(mode: Mode) {
    let street = street(mode);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    street
        .context
        .on_recovery(
            None,
            Arc::new(move |recover| {
                counted.fetch_add(1, SeqCst);
                assert_eq!((&*recover.monitor, &*recover.target), ("mrw1", "failover1"));
                Answer::Done
            }),
        )
        .unwrap();
    street.pump_until("armed", || street.bmc.with(|bmc, _| bmc.handshaking() == Handshaking::Armed));
    street.bmc.raise(&Fault::preset("uncorrectable-memory").unwrap());
    street.pump_until("reset", || street.bmc.with(|bmc, _| bmc.resets()) == 1);
    assert_eq!(calls.load(SeqCst), 1);
    eprintln!("{:#?}\n{:#?}", street.story(), street.log());
}

#[test]
fn whole_handshake_in_loop_mode() {
    whole_handshake(Mode::Loop);
}

#[test]
fn whole_handshake_in_thread_mode() {
    whole_handshake(Mode::Thread);
}

#[test]
fn a_recovery_is_completed_later_by_its_token() {
    for mode in [Mode::Loop, Mode::Thread] {
        let street = street(mode);
        let token = Arc::new(AtomicU64::new(0));
        let kept = token.clone();
        street
            .context
            .on_recovery(
                Some("mrw1"),
                Arc::new(move |recover| {
                    kept.store(recover.token, SeqCst);
                    Answer::Later
                }),
            )
            .unwrap();
        street.pump_until("armed", || street.bmc.with(|bmc, _| bmc.handshaking() == Handshaking::Armed));
        street.bmc.raise(&Fault::preset("uncorrectable-memory").unwrap());
        street.pump_until("callback", || token.load(SeqCst) != 0);
        assert_eq!(street.bmc.with(|bmc, _| bmc.resets()), 0, "it holds");
        street.context.complete(token.load(SeqCst), Answer::Done).unwrap();
        street.pump_until("reset", || street.bmc.with(|bmc, _| bmc.resets()) == 1);
        assert!(matches!(street.context.complete(token.load(SeqCst), Answer::Done), Err(bmcnotice::Error::Stale)));
    }
}
