//! A real terminal: a shell in tmux, on a server of its own, that is typed into and looked at.

use super::support::{Folder, PATIENCE};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

pub struct Terminal {
    folder: Folder,
}

impl Terminal {
    /// So large, with a shell whose prompt is `$ `, or with this command in its place.
    pub fn new(columns: u16, rows: u16, command: &str) -> Self {
        let terminal = Self { folder: Folder::new() };
        let settings =
            terminal.folder.file("tmux.conf", "set -g status off\nset -g default-terminal screen-256color\n");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let output = terminal.run(&["-f", &settings, "new-session", "-d", "-x", &columns, "-y", &rows, command]);
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    pub fn shell(columns: u16, rows: u16) -> Self {
        let terminal = Self::new(columns, rows, "exec sh -i");
        terminal.until("a shell", |screen| screen.contains(['$', '#']));
        terminal.enter("PS1='$ '; PS2=; set -m; echo rea''dy");
        terminal.until("a prompt", |screen| screen.contains("ready\n$"));
        terminal
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.env("LC_ALL", "C.UTF-8").env("PS1", "$ ").env_remove("TMUX").env_remove("ENV");
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["-u", "-S", &self.folder.path("tmux")]).args(words).output().expect("tmux")
    }

    /// What tmux says of it.
    pub fn says(&self, format: &str) -> String {
        String::from_utf8(self.run(&["display-message", "-p", "-t", ":0", format]).stdout).unwrap().trim().to_owned()
    }

    /// Presses keys, by tmux's names.
    pub fn press(&self, keys: &[&str]) {
        assert!(self.run(&[&["send-keys", "-t", ":0"], keys].concat()).status.success());
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        assert!(self.run(&["send-keys", "-t", ":0", "-l", line]).status.success());
        self.press(&["Enter"]);
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        assert!(self.run(&["resize-window", "-t", ":0", "-x", &columns, "-y", &rows]).status.success());
    }

    /// What stands on it, every line with its newline.
    pub fn screen(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p", "-t", ":0"]).stdout).unwrap()
    }

    /// The same with its colours.
    pub fn coloured(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p", "-e", "-t", ":0"]).stdout).unwrap()
    }

    /// Waits until that is to be seen; what is.
    #[track_caller]
    pub fn until(&self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if done(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "{what} is not to be seen:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its end, whatever runs in it.
    pub fn close(&self) {
        self.run(&["kill-server"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}
