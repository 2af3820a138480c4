//! `bmcnotice watch` in a real terminal (tmux): what is to be seen in 80 columns and 24 lines and in more, what keys do,
//! and that the terminal is as it was before on every way out.
#![cfg(feature = "cli")]

#[path = "cli/daemon.rs"]
mod daemon;
#[path = "peers/mod.rs"]
mod peers;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/terminal.rs"]
mod terminal;

use daemon::{Daemon, private};
use std::thread;
use std::time::{Duration, Instant};
use support::{Folder, PATIENCE, Running, free, program};
use terminal::Terminal;

const BIN: &str = env!("CARGO_BIN_EXE_bmcnotice");

/// A daemon that watches a simulated BMC as this server's own, and so many others that are not there.
fn daemon(others: usize) -> (Running, Daemon) {
    let (folder, listen) = (Folder::new(), free());
    let mut bmc = Running::start(program().args(["sim", "--json", "--listen", "127.0.0.1:0"]));
    let said: serde_json::Value = serde_json::from_str(&bmc.line("listening")).unwrap();
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let mut text = text
        .replace("127.0.0.1:9623", said["address"].as_str().unwrap())
        .replace("127.0.0.1:1162", &listen.to_string())
        .replace("/dev/shm/bmcnotice-demo", &folder.path("journal"))
        .replace("[heartbeat]\n", "[heartbeat]\nlan = true\n")
        .replace("/usr/bin/env", "/bin/true");
    for other in 1..=others {
        let name = format!("other{other:02}");
        text += &format!("[[server]]\nname = \"{name}\"\naddresses = [\"127.1.0.{other}\"]\n");
        text += &format!("[server.bmc]\naddress = \"127.2.0.{other}:9\"\nhandshake = \"none\"\n");
        let keyword = format!("{{ {name} = \"127.1.0.{other}:{}\", ", listen.port());
        text = text.replace("keywords = { ", &format!("keywords = {keyword}"));
    }
    let file = private(&folder, &text);
    (bmc, Daemon::start(folder, file, listen))
}

fn watch(daemon: &Daemon, more: &str) -> String {
    format!("{more} {BIN} watch --interval 100ms -c {}; echo ended with $?", daemon.file)
}

/// The row of the daemon's own server.
fn own(screen: &str) -> &str {
    screen.lines().find(|line| line.starts_with("here *")).unwrap_or_default()
}

#[test]
fn everything_is_to_be_seen_live_and_the_terminal_is_itself_again() {
    if !peers::have("cli_watch_live", &["tmux"]) {
        return;
    }
    let (_bmc, mut daemon) = daemon(1);
    let terminal = Terminal::shell(80, 24);
    terminal.enter("echo what stood here before");
    terminal.enter(&watch(&daemon, ""));
    let screen = terminal.until("three round trips", |screen| {
        own(screen).contains("alive") && own(screen).matches(['▁', '▂', '▃', '▄', '▅']).count() >= 3
    });
    assert_eq!((terminal.says("#{alternate_on}"), terminal.says("#{cursor_flag}")), ("1".into(), "0".into()));
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[0].starts_with("here of cluster demo, up ") && lines[0].ends_with(" UTC"), "{screen}");
    assert!(lines[1].starts_with("2 servers: 1 alive, 1 unknown"), "{screen}");
    assert!(
        lines[3].starts_with("SERVER") && lines[3].contains("EVIDENCE") && lines[3].ends_with("TAKE OVER"),
        "{screen}"
    );
    assert!(own(&screen).contains(" library ") && own(&screen).ends_with(" no"), "{screen}");
    assert_eq!(lines.last(), Some(&"q quit  space freeze  arrows PgUp PgDn scroll"), "{screen}");
    assert!(!screen.contains("what stood here before"));
    assert!(terminal.coloured().contains("\x1b[1m"), "the titles stand out");

    daemon.fault();
    let screen = terminal.until("the notice", |screen| screen.contains("LAST NOTICES"));
    assert!(screen.contains("here fatal Memory "), "{screen}");
    terminal.until("the recovery", |screen| screen.contains("OPEN RECOVERY\nrecord 1 try of nothing awaiting reset"));
    terminal.until("a miss", |screen| screen.lines().any(|line| line.starts_with("other01") && line.contains('×')));

    terminal.resize(130, 30);
    let screen = terminal.until("more of it", |screen| screen.contains("WHY"));
    assert!(own(&screen).ends_with("it is this server") && screen.lines().count() == 30, "{screen}");
    terminal.resize(80, 24);
    terminal.until("less of it", |screen| {
        let lines: Vec<&str> = screen.lines().collect();
        lines.len() == 24 && lines[0].ends_with(" UTC") && lines[3].ends_with("TAKE OVER")
    });

    // Frozen, its time stands still.
    terminal.press(&["Space"]);
    let frozen = terminal.until("FROZEN", |screen| screen.contains("FROZEN"));
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(terminal.screen(), frozen);
    terminal.press(&["Space"]);
    terminal.until("another moment", |screen| screen.lines().next() != frozen.lines().next());

    // The daemon goes, and comes back.
    daemon.running.signal("TERM");
    assert_eq!(daemon.running.code(), 0);
    let screen = terminal.until("its absence", |screen| screen.starts_with("NO ANSWER for "));
    assert!(screen.contains("no daemon runs at") && own(&screen).contains("alive"), "{screen}");
    daemon.running = Running::start(program().args(["run", "-c", &daemon.file]));
    terminal.until("its return", |screen| screen.starts_with("here of cluster demo"));
    // It stands still, without an end.
    daemon.running.signal("STOP");
    terminal.until("its silence", |screen| screen.contains("the daemon does not answer"));
    daemon.running.signal("CONT");
    terminal.until("its return", |screen| screen.starts_with("here of cluster demo"));

    terminal.press(&["q"]);
    as_before(&terminal, "what stood here before");
}

/// It has ended with 0, and the terminal is as it was.
#[track_caller]
fn as_before(terminal: &Terminal, before: &str) {
    let screen = terminal.until("the end", |screen| screen.contains("ended with 0\n$"));
    assert!(screen.contains(before) && !screen.contains("TAKE OVER"), "{screen}");
    assert_eq!((terminal.says("#{alternate_on}"), terminal.says("#{cursor_flag}")), ("0".into(), "1".into()));
    assert_eq!(terminal.says("#{wrap_flag}"), "1");
    terminal.enter("clear; stty -a");
    let screen = terminal.until("the settings", |screen| screen.contains("icanon"));
    let on = |word: &str| screen.split_whitespace().any(|set| set == word);
    assert!(on("icanon") && on("echo") && on("ixon") && screen.contains("susp = ^Z;"), "{screen}");
}

#[test]
fn signals_and_the_keys_that_make_them_leave_the_terminal_as_it_was() {
    if !peers::have("cli_watch_signals", &["tmux"]) {
        return;
    }
    let (_bmc, daemon) = daemon(0);
    let seen = |screen: &str| screen.contains("TAKE OVER") && screen.contains("here *");
    let terminal = Terminal::shell(80, 24);
    terminal.enter("echo before Ctrl-C");
    terminal.enter(&watch(&daemon, ""));
    terminal.until("the picture", seen);
    terminal.press(&["C-c"]);
    as_before(&terminal, "before Ctrl-C");

    terminal.enter(&format!("clear; echo before SIGTERM; {}", watch(&daemon, "")));
    terminal.until("the picture", seen);
    terminate(&terminal);
    as_before(&terminal, "before SIGTERM");

    // Stopped, and continued.
    terminal.enter(&format!("clear; echo before Ctrl-Z; {BIN} watch --interval 100ms -c {}", daemon.file));
    terminal.until("the picture", seen);
    terminal.press(&["C-z"]);
    let screen = terminal.until("that it stopped", |screen| screen.contains("Stopped"));
    assert!(screen.contains("before Ctrl-Z") && !seen(&screen), "{screen}");
    terminal.enter("echo typed mean''while; stty -a | grep -c -w -e '-echo'; fg; echo ended with $?");
    terminal.until("the picture", seen);
    terminal.press(&["q"]);
    let screen = terminal.until("its end", |screen| screen.contains("ended with 0"));
    assert!(screen.contains("typed meanwhile\n0\n"), "the shell had a terminal of its own: {screen}");
    as_before(&terminal, "before Ctrl-Z");
}

/// Sends SIGTERM to what runs in the foreground.
fn terminate(terminal: &Terminal) {
    let shell = terminal.says("#{pane_pid}");
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let child = children.split_whitespace().last().unwrap_or_else(|| panic!("{children}"));
    assert!(std::process::Command::new("kill").args(["-s", "TERM", child]).status().unwrap().success());
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    if !peers::have("cli_watch_closed", &["tmux"]) {
        return;
    }
    let (_bmc, daemon) = daemon(0);
    let terminal = Terminal::new(80, 24, &format!("exec {BIN} watch -c {}", daemon.file));
    terminal.until("the picture", |screen| screen.contains("here *"));
    let status = format!("/proc/{}/status", terminal.says("#{pane_pid}"));
    let runs = || std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ"));
    assert!(runs());
    terminal.close();
    let end = Instant::now() + PATIENCE;
    while runs() {
        assert!(Instant::now() < end, "it runs on without a terminal");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn more_servers_than_lines_are_scrolled_through_by_keys() {
    if !peers::have("cli_watch_scroll", &["tmux"]) {
        return;
    }
    let (_bmc, daemon) = daemon(40);
    let terminal = Terminal::shell(80, 24);
    terminal.enter(&watch(&daemon, ""));
    let shows = |what: &'static str| move |screen: &str| screen.contains(what);
    terminal.until("the first page", |screen| screen.contains("here *") && screen.contains("servers 1-19 of 41"));
    for (key, servers) in [
        ("Down", "servers 2-20 of 41"),
        ("NPage", "servers 21-39 of 41"),
        ("Up", "servers 20-38 of 41"),
        ("End", "servers 23-41 of 41"),
        ("Down", "servers 23-41 of 41"),
        ("PPage", "servers 4-22 of 41"),
        ("Home", "servers 1-19 of 41"),
    ] {
        terminal.press(&[key]);
        terminal.until(servers, shows(servers));
    }
    terminal.press(&["End"]);
    terminal.until("the last one", shows("\nother40 "));
    // A window without room for anything harms nobody.
    terminal.resize(10, 3);
    thread::sleep(Duration::from_millis(300));
    terminal.resize(80, 24);
    terminal.until("the last one", shows("\nother40 "));
    terminal.press(&["q"]);
    terminal.until("the end", shows("ended with 0"));
}

#[test]
fn neither_colours_nor_unicode_where_they_are_not_wanted() {
    if !peers::have("cli_watch_plain", &["tmux"]) {
        return;
    }
    let (_bmc, daemon) = daemon(1);
    let terminal = Terminal::shell(80, 24);
    terminal.enter(&watch(&daemon, "NO_COLOR=1 LC_ALL=C"));
    let screen = terminal.until("marks", |screen| {
        own(screen).contains(['_', '.'])
            && screen.lines().any(|line| line.starts_with("other01") && line.contains(" x"))
    });
    assert!(screen.is_ascii(), "{screen}");
    assert!(!terminal.coloured().contains("\x1b["), "{}", terminal.coloured());
    assert_eq!(terminal.says("#{alternate_on}"), "1");
    terminal.press(&["q"]);
    terminal.until("the end", |screen| screen.contains("ended with 0"));
    // A terminal that can do nothing gets plain pictures.
    terminal.enter(&format!("clear; TERM=dumb {BIN} watch --interval 100ms -c {}", daemon.file));
    terminal.until("two pictures", |screen| screen.matches("here of cluster demo").count() >= 2);
    assert_eq!(terminal.says("#{alternate_on}"), "0");
    terminal.press(&["C-c"]);
}
