//! Commands as the engine orders them: what is logged, what is kept, and in which order it is told.

use bmcnotice::engine::{Command, CommandEvent, Print, Urgency};
use bmcnotice::io::action::Actions;
use std::time::{Duration, Instant};

const KEPT: usize = 8 * 1024 * 1024;

fn command(token: u64, script: &str, print: Print) -> Command {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).into();
    Command { token, argv, env: vec!["WORD=sa\0id".into()], print, time: Duration::from_secs(30), alone: None }
}

/// All that happens until this many commands have ended.
fn events(actions: &mut Actions, mut ends: usize) -> Vec<(u64, CommandEvent)> {
    let (mut all, limit) = (Vec::new(), Instant::now() + Duration::from_secs(30));
    while ends > 0 {
        assert!(Instant::now() < limit, "{all:?}");
        actions.epoll().wait(Some(Duration::from_millis(100)));
        while let Some(happened) = actions.poll() {
            ends -= usize::from(!matches!(happened.event, CommandEvent::Printed(_) | CommandEvent::Kept(_)));
            all.push((happened.token, happened.event));
        }
    }
    all
}

fn run(script: &str, print: Print) -> Vec<CommandEvent> {
    let mut actions = Actions::new(None).unwrap();
    assert!(actions.run(command(1, script, print)).is_none());
    events(&mut actions, 1).into_iter().map(|(_, event)| event).collect()
}

fn printed(line: &str) -> CommandEvent {
    CommandEvent::Printed(line.into())
}

#[test]
fn kept_output_comes_whole_before_the_end() {
    let exited = CommandEvent::Exited;
    assert_eq!(
        run("echo loud >&2; printf '<xml>\\n\\000\\377'; exit 3", Print::Keep),
        [printed("loud"), CommandEvent::Kept(b"<xml>\n\0\xFF".to_vec()), exited(3)]
    );
    assert_eq!(run("exit 0", Print::Keep), [CommandEvent::Kept(vec![]), exited(0)]);
    let most = format!("head -c {KEPT} /dev/zero");
    assert_eq!(run(&most, Print::Keep), [CommandEvent::Kept(vec![0; KEPT]), exited(0)]);
    let kept = run("seq 300000; kill -9 $$", Print::Keep);
    let all: String = (1..=300_000).map(|n| format!("{n}\n")).collect();
    assert!(kept == [CommandEvent::Kept(all.into_bytes()), CommandEvent::Killed(9)]);
}

#[test]
fn more_than_is_kept_is_a_failure_at_once() {
    for script in [format!("head -c {} /dev/zero", KEPT + 1), "yes".into()] {
        let begun = Instant::now();
        assert_eq!(run(&script, Print::Keep), [CommandEvent::Overflowed], "{script}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

#[test]
fn logged_output_is_lines_and_bounded() {
    assert_eq!(
        run("echo $WORD; echo loud >&2; printf 'tab\\there'", Print::Log),
        [printed("sa id"), printed("loud"), printed("tab here"), CommandEvent::Exited(0)]
    );
    let flood = run("yes | head -n 1000000", Print::Log);
    assert_eq!(flood.len(), 202, "200 lines, a word that there are more, the end");
    assert_eq!(run("kill -TERM $$", Print::Log), [CommandEvent::Killed(15)]);
}

#[test]
fn a_missing_program_is_told_at_its_end() {
    let mut actions = Actions::new(None).unwrap();
    let missing = Command { argv: vec!["/no/such/program".into()], ..command(1, "", Print::Keep) };
    assert!(actions.run(missing).is_none());
    let all = events(&mut actions, 1);
    assert!(matches!(&all[..], [(1, CommandEvent::NotStarted(why))] if why.contains("No such file")), "{all:?}");
    let zero = Command { argv: vec!["/bin/e\0cho".into()], ..command(2, "", Print::Log) };
    assert!(matches!(actions.run(zero).map(|happened| happened.event), Some(CommandEvent::NotStarted(_))));
}

/// Many at once, each with its own fate.
#[test]
fn commands_do_not_disturb_each_other() {
    let mut actions = Actions::new(None).unwrap();
    for token in 0..20 {
        assert!(actions.run(command(token, &format!("echo {token}; exit {token}"), Print::Keep)).is_none());
    }
    assert!(actions.run(command(20, "sleep 60", Print::Log)).is_none());
    actions.signal(20, Urgency::Ask);
    let all = events(&mut actions, 21);
    for token in 0..20 {
        assert!(all.contains(&(token, CommandEvent::Kept(format!("{token}\n").into_bytes()))), "{all:?}");
        assert!(all.contains(&(token, CommandEvent::Exited(token as i32))), "{all:?}");
    }
    assert!(all.contains(&(20, CommandEvent::Killed(15))), "{all:?}");
}
