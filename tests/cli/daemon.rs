//! A real daemon on this machine's loopback, and commands that ask it.

#![allow(dead_code, reason = "each test program uses its part")]

use super::support::{Folder, PATIENCE, Running, code, free, program, run, stderr, stdout};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::{Duration, Instant};

pub struct Daemon {
    pub folder: Folder,
    pub file: String,
    pub listen: SocketAddr,
    pub running: Running,
    sequence: u16,
}

/// One without a BMC that answers: its recovery is this shell script.
pub fn configuration(folder: &Folder, listen: SocketAddr, script: &str) -> String {
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text
        .replace("127.0.0.1:9623", "127.0.0.1:9")
        .replace("127.0.0.1:1162", &listen.to_string())
        .replace("/dev/shm/bmcnotice-demo", &folder.path("journal"))
        .replace("{ command = [\"/usr/bin/env\"] }", &format!("{{ command = [\"/bin/sh\", \"-c\", '''{script}'''] }}"))
        .replace("tell_deadline = \"5s\"", "tell_deadline = \"1s\"");
    private(folder, &text)
}

/// Written where nobody else may read it.
pub fn private(folder: &Folder, text: &str) -> String {
    let file = folder.file("bmcnotice.toml", text);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    file
}

impl Daemon {
    pub fn new(script: &str) -> Self {
        let (folder, listen) = (Folder::new(), free());
        let file = configuration(&folder, listen, script);
        Self::start(folder, file, listen)
    }

    /// With this configuration, whose hot folder is `journal` in the folder.
    pub fn start(folder: Folder, file: String, listen: SocketAddr) -> Self {
        let mut running = Running::start(program().args(["run", "-c", &file]));
        running.error("watching over");
        let daemon = Self { folder, file, listen, running, sequence: 0 };
        daemon.until("the socket", || std::path::Path::new(&daemon.socket()).exists());
        daemon
    }

    pub fn socket(&self) -> String {
        self.folder.path("journal/control")
    }

    pub fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < end, "{what}: not in time\n{:#?}", self.running.rest());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn ask(&self, words: &[&str]) -> Output {
        run(&[words, &["-c", &self.file]].concat(), "")
    }

    /// Asks, and wants this code and these words.
    pub fn wants(&self, words: &[&str], expected: i32, said: &str) {
        let output = self.ask(words);
        let text = stdout(&output) + &stderr(&output);
        let right = code(&output) == expected && text.contains(said);
        assert!(right, "{words:?}: {} {text}\n{:#?}", code(&output), self.running.rest());
    }

    pub fn fault(&mut self) {
        self.sequence += 1;
        let output = run(&["send", &self.listen.to_string(), "--sequence", &self.sequence.to_string()], "");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }

    /// Ticks of the processor that it has used.
    pub fn used(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.running.child.id())).unwrap();
        let fields: Vec<u64> =
            stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2).map(|n| n.parse().unwrap()).collect();
        fields[0] + fields[1]
    }
}
