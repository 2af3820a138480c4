//! The Pacemaker action: what real clusters print, every guard, the trigger and the proof.
//!
//! `tests/vectors/pacemaker/` is what `crm_mon -1 --output-as=xml` of Pacemaker 2.1.5 printed in real clusters
//! of two and three nodes. The claim among several servers is `tests/pacemaker_claim.rs`.

use bmcnotice::now::Now;
use bmcnotice::recovery::pacemaker::claim::{self, State};
use bmcnotice::recovery::pacemaker::cluster::{Cluster, Health, MAX_OUTPUT, Role, Unreadable};
use bmcnotice::recovery::pacemaker::members::{Members, peers};
use bmcnotice::recovery::pacemaker::tool::{HEALTH, TOOLS};
use bmcnotice::recovery::pacemaker::why::{NotYet, Unfit};
use bmcnotice::recovery::pacemaker::{Ask, Attempt, Ending, Output, Reply, Settings, Trigger, Why, withdraw};
use std::collections::BTreeMap;
use std::time::Duration;

const START: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_800_000_000) };

fn vector(name: &str) -> String {
    let path = format!("{}/tests/vectors/pacemaker/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn cluster(name: &str) -> Cluster {
    Cluster::read(vector(name).as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"))
}

// ---- what crm_mon prints

#[test]
fn a_healthy_cluster_is_read() {
    let cluster = cluster("healthy-two");
    assert!(cluster.coordinator && cluster.quorum && !cluster.maintenance && !cluster.stop_all && !cluster.fencing);
    let names: Vec<&str> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["node1", "node2"]);
    assert!(cluster.nodes.iter().all(|node| node.online && node.member && node.health == Some(Health::Green)));
    assert_eq!(cluster.resources.len(), 3);
    for resource in &cluster.resources {
        assert_eq!((resource.role, resource.within.as_slice()), (Role::Started, ["failover1".to_owned()].as_slice()));
        assert!(resource.active && resource.managed && !resource.blocked && !resource.failed && !resource.copies);
        assert_eq!(resource.nodes, ["node1"]);
    }
    assert!(cluster.history.contains(&("node1".into(), "app2".into())));
}

#[test]
fn every_captured_state_has_its_meaning() {
    let quorum = |name| cluster(name).quorum;
    assert!(quorum("healthy-two") && !quorum("no-quorum"));
    assert!(cluster("maintenance-mode").maintenance && cluster("stonith").fencing);
    assert!(cluster("peer-maintenance").node("node2").unwrap().maintenance);
    assert!(cluster("standby").node("node1").unwrap().standby);
    assert_eq!(cluster("both-red").nodes.iter().filter(|node| node.health == Some(Health::Red)).count(), 2);
    assert!(!cluster("peer-down").is_online("node1"));
    let find = |name: &str, id: &str| {
        let resources = cluster(name).resources;
        resources.into_iter().filter(|resource| resource.id == id).collect::<Vec<_>>()
    };
    assert_eq!(find("starting", "app2")[0].role, Role::Starting);
    assert_eq!(find("stopping", "app2")[0].role, Role::Other);
    assert!(find("blocked", "app2")[0].blocked && find("blocked", "app2")[0].failed);
    assert!(find("disabled", "lone")[0].disabled && !find("unmanaged", "app1")[0].managed);
    assert!(find("mixed", "c1").len() == 2 && find("mixed", "c1")[0].copies);
    assert_eq!(find("promotable", "db").iter().filter(|db| db.role == Role::Promoted).count(), 1);
    assert!(find("stonith", "fencing")[0].fence);
    assert_eq!(Cluster::read(vector("down").as_bytes()), Err(Unreadable::Incomplete));
}

#[test]
fn hostile_output_is_refused_whole() {
    let healthy = vector("mixed");
    for cut in (0..healthy.len() - 2).step_by(37) {
        assert!(Cluster::read(&healthy.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    let long = format!("{healthy}{}", " ".repeat(MAX_OUTPUT));
    assert_eq!(Cluster::read(long.as_bytes()), Err(Unreadable::TooLong));
    assert_eq!(Cluster::read(b"\xFF\xFE"), Err(Unreadable::NotText));
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>{healthy}");
    assert_eq!(Cluster::read(bomb.as_bytes()), Err(Unreadable::NotXml));
    let deep = format!("{}{}", "<a>".repeat(500_000), "</a>".repeat(500_000));
    assert!(Cluster::read(deep.as_bytes()).is_err());
    let inside = "<group id=\"g\">".repeat(20_000) + &"</group>".repeat(20_000);
    let nested = healthy.replace("<resources>", &format!("<resources>{inside}"));
    assert_eq!(Cluster::read(nested.as_bytes()), Err(Unreadable::Incomplete));
    // A name or a word taken away never makes a move look done.
    for word in ["name=", "id=", "<node ", "<nodes>", "</resources>", "current_dc", "cluster_options"] {
        let _ = Cluster::read(healthy.replacen(word, "x", 1).as_bytes());
    }
}

// ---- what has to run elsewhere

fn members(name: &str, target: Option<&str>) -> Result<Members, Why> {
    Members::of(&cluster(name), "node1", target, false)
}

#[test]
fn members_are_what_ran_here() {
    let all = members("before-blocked", None).unwrap();
    assert_eq!(all.movable.iter().map(String::as_str).collect::<Vec<_>>(), ["app1", "app2", "app3", "lone"]);
    assert_eq!(members("mixed", Some("failover1")).unwrap().movable.len(), 3);
    assert_eq!(members("mixed", Some("lone")).unwrap().movable.len(), 1, "named, wherever it runs");
    assert!(members("mixed", Some("everywhere")).unwrap().copies.contains("c1"));
    assert_eq!(members("mixed", Some("nowhere")), Err(Why::UnknownTarget("nowhere".into())));
    assert_eq!(members("unmanaged", Some("failover1")), Err(Why::Unmanaged("app1".into())));
    assert!(members("disabled", Some("lone")).unwrap().movable.is_empty(), "meant to be stopped");
    assert!(members("stonith", None).unwrap().movable.iter().all(|id| id.starts_with("app")), "no fence device");
    // A move that was cut off: what this node has stopped already is known from its history.
    let resumed = Members::of(&cluster("both-red"), "node1", None, true).unwrap();
    assert!(resumed.movable.contains("app1") && resumed.movable.contains("app3"), "{resumed:?}");
}

#[test]
fn elsewhere_means_all_of_it_well_and_nothing_here() {
    let group = members("mixed", Some("failover1")).unwrap();
    let verdict = |name| group.elsewhere(&cluster(name), "node1");
    assert_eq!(verdict("mixed-moved"), Ok(()));
    assert_eq!(verdict("standby"), Ok(()));
    assert_eq!(verdict("healthy-two"), Err(NotYet::StillHere("app1".into())));
    assert_eq!(verdict("both-red"), Err(NotYet::Stopped("app1".into())));
    assert_eq!(verdict("stopping"), Err(NotYet::Stopped("app3".into())), "which comes before what is still here");
    assert_eq!(verdict("blocked"), Err(NotYet::Blocked("app2".into())));
    assert!(verdict("starting").is_err());
    let app2 = Members { movable: ["app2".to_owned()].into(), ..Members::default() };
    let starting = NotYet::Starting { resource: "app2".into(), node: "node2".into() };
    assert_eq!(app2.elsewhere(&cluster("starting"), "node1"), Err(starting));
    // Each doubt alone is enough.
    for (was, is) in [
        ("active=\"true\"", "active=\"false\""),
        ("failed=\"false\"", "failed=\"true\""),
        ("blocked=\"false\"", "blocked=\"true\""),
        ("role=\"Started\"", "role=\"Migrating\""),
        ("orphaned=\"false\"", "orphaned=\"true\""),
        ("online=\"true\"", "online=\"false\""),
    ] {
        let xml = vector("mixed-moved").replace(was, is);
        assert!(group.elsewhere(&Cluster::read(xml.as_bytes()).unwrap(), "node1").is_err(), "{is}");
    }
}

#[test]
fn promoted_here_means_promoted_there() {
    let before = Members::of(&cluster("promotable"), "node2", None, false).unwrap();
    assert!(before.promoted.contains("db") && before.copies.contains("db"));
    assert_eq!(before.elsewhere(&cluster("promotable-moved"), "node2"), Ok(()));
    let xml = vector("promotable-moved").replace("role=\"Promoted\"", "role=\"Unpromoted\"");
    let verdict = before.elsewhere(&Cluster::read(xml.as_bytes()).unwrap(), "node2");
    assert_eq!(verdict, Err(NotYet::NotPromoted("db".into())));
}

#[test]
fn unfit_peers_are_named() {
    let of = |name| peers(&cluster(name), "node1", Health::Yellow);
    assert!(of("healthy-two").0.contains("node2"));
    assert_eq!(of("both-red").1, [("node2".to_owned(), Unfit::Ill)]);
    assert_eq!(of("peer-maintenance").1, [("node2".to_owned(), Unfit::Maintenance)]);
    let offline = |node: &str| (node.to_owned(), Unfit::Offline);
    assert_eq!(of("no-quorum").1, [offline("node2"), offline("node3")]);
    let yellow = vector("healthy-two").replace("health=\"green\"", "health=\"yellow\"");
    let yellow = Cluster::read(yellow.as_bytes()).unwrap();
    assert_eq!(peers(&yellow, "node1", Health::Yellow).0.len(), 1);
    assert_eq!(peers(&yellow, "node1", Health::Green).1[0].1, Unfit::Ill);
}

// ---- claims as attrd_updater prints them

#[test]
fn claims_are_read_or_refused() {
    let line = |host: &str, value: &str| format!("name=\"bmcnotice-claim\" host=\"{host}\" value=\"{value}\"\n");
    let text =
        line("node1", "1:00000000000000ff:waiting:00000000000000aa") + &line("node2", "") + &line("node3", "later:x");
    let claims = claim::read_claims(text.as_bytes()).unwrap();
    assert_eq!(claims["node1"].nonce, 255);
    assert_eq!(claims["node1"].state, State::Waiting([0xAA].into()));
    assert!(!claims.contains_key("node2"), "an empty value is none");
    assert!(claims["node3"].is_live(), "one that cannot be read counts");
    assert_eq!(claims["node1"].to_string(), "1:00000000000000ff:waiting:00000000000000aa");
    for bad in ["hello", "name=\"other\" host=\"a\" value=\"b\"", "name=\"bmcnotice-claim\" host=\"a\" value=\"b"] {
        assert_eq!(claim::read_claims(bad.as_bytes()), None, "{bad}");
    }
    let many: String = (0..=claim::MAX_CLAIMS).map(|i| line(&format!("n{i}"), "1:1:gone")).collect();
    assert_eq!(claim::read_claims(many.as_bytes()), None);
}

// ---- an attempt, step by step

struct Stage {
    attempt: Attempt,
    now: Now,
    strategy: (i32, &'static str),
    look: (Reply, String),
    /// This server's claim, as it was last published.
    claim: String,
    others: String,
    triggers: Vec<String>,
    refuse_trigger: Option<i32>,
    /// What `crm_mon` prints once the trigger has run, in turn; the last one stays.
    after: Vec<String>,
    remarks: Vec<String>,
}

impl Stage {
    fn new(trigger: Trigger, target: Option<&str>, look: &str) -> Self {
        let settings = Settings {
            target: target.map(str::to_owned),
            trigger,
            health: HEALTH.into(),
            tools: TOOLS.into(),
            nonce: 7,
            put_off: false,
        };
        Self {
            attempt: Attempt::new(START, settings),
            now: START,
            strategy: (0, "migrate-on-red\n"),
            look: (Reply::Exited(0), vector(look)),
            claim: String::new(),
            others: String::new(),
            triggers: Vec::new(),
            refuse_trigger: None,
            after: vec![vector("mixed-moved")],
            remarks: Vec::new(),
        }
    }

    fn answer(&mut self, ask: &Ask) -> (Reply, String) {
        let words: Vec<&str> = ask.argv.iter().map(String::as_str).collect();
        assert!(words[0].starts_with("/usr/sbin/"), "{words:?}");
        let fine = Reply::Exited(0);
        match (&words[0]["/usr/sbin/".len()..], &words[1..]) {
            ("crm_mon", _) if self.triggers.is_empty() => self.look.clone(),
            ("crm_mon", _) if self.after.len() > 1 => (fine, self.after.remove(0)),
            ("crm_mon", _) => (fine, self.after[0].clone()),
            ("crm_attribute", ["-t", "crm_config", ..]) => (Reply::Exited(self.strategy.0), self.strategy.1.into()),
            ("attrd_updater", ["-n", "bmcnotice-claim", "-Q", "-A"]) => {
                let mine = format!("name=\"bmcnotice-claim\" host=\"node1\" value=\"{}\"\n", self.claim);
                (fine, mine + &self.others)
            }
            ("attrd_updater", ["-p", "-n", "bmcnotice-claim", "-U", value]) => {
                self.claim = (*value).to_owned();
                (fine, String::new())
            }
            ("attrd_updater" | "crm_attribute", words) => {
                self.triggers.push(words.join(" "));
                (Reply::Exited(self.refuse_trigger.unwrap_or(0)), String::new())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Runs for so long, unless it ends.
    fn play(&mut self, seconds: u64) -> Option<Ending> {
        let end = self.now.after(Duration::from_secs(seconds));
        loop {
            while let Some(output) = self.attempt.poll() {
                if let Output::Run(ask) = output {
                    let (reply, stdout) = self.answer(&ask);
                    self.now = self.now.after(Duration::from_millis(10));
                    self.attempt.handle_answer(self.now, ask.id, &reply, stdout.as_bytes());
                }
            }
            while let Some(remark) = self.attempt.poll_remark() {
                self.remarks.push(remark.text);
            }
            if let Some(ending) = self.attempt.ending() {
                return Some(ending.clone());
            }
            let deadline = self.attempt.next_deadline().expect("it waits for something");
            let wait = deadline.saturating_sub(self.now.boottime);
            self.now = self.now.after(wait);
            if self.now.boottime > end.boottime {
                return None;
            }
            self.attempt.handle_timeout(self.now);
        }
    }

    /// It fails like this, nothing was triggered, and no claim stands.
    fn fails(mut self, why: &Why) {
        assert_eq!(self.play(30), Some(Ending::Failed(why.clone())));
        assert!(self.triggers.is_empty(), "{why}: {:?}", self.triggers);
        assert!(self.claim.ends_with(":stepped-back"), "{why}: {}", self.claim);
        assert!(!self.attempt.has_triggered());
    }
}

#[test]
fn red_then_proof() {
    let mut stage = Stage::new(Trigger::Auto, None, "before-blocked");
    stage.after = ["before-blocked", "stopping", "starting", "mixed-moved"].map(vector).into();
    assert_eq!(stage.play(10), Some(Ending::Done));
    assert_eq!(stage.triggers, ["-n #health-bmc -U red"]);
    assert!(stage.claim.ends_with(":gone"), "{}", stage.claim);
    assert_eq!(stage.attempt.node(), Some("node1"));
    assert!(stage.now.boottime - START.boottime < Duration::from_millis(400));
}

#[test]
fn the_strategy_decides_about_red() {
    for (strategy, trigger) in [
        ((0, "only-green\n"), "-n #health-bmc -U red"),
        ((105, ""), "-N node1 -n standby -v on -l reboot"),
        ((0, "none\n"), "-N node1 -n standby -v on -l reboot"),
        ((0, "progressive\n"), "-N node1 -n standby -v on -l reboot"),
    ] {
        let mut stage = Stage::new(Trigger::Auto, None, "before-blocked");
        stage.strategy = strategy;
        stage.after = vec![vector(if trigger.contains("standby") { "standby" } else { "mixed-moved" })];
        assert_eq!(stage.play(10), Some(Ending::Done), "{strategy:?}");
        assert_eq!(stage.triggers, [trigger], "{strategy:?}");
    }
    let mut stage = Stage::new(Trigger::Health, None, "healthy-two");
    stage.strategy = (105, "");
    stage.fails(&Why::StrategyIgnoresRed(None));
    let mut stage = Stage::new(Trigger::Health, None, "healthy-two");
    stage.strategy = (0, "none");
    stage.fails(&Why::StrategyIgnoresRed(Some("none".into())));
}

#[test]
fn every_guard_fails_before_the_trigger() {
    let stage = |look| Stage::new(Trigger::Auto, None, look);
    stage("no-quorum").fails(&Why::NoQuorum);
    stage("maintenance-mode").fails(&Why::MaintenanceMode);
    stage("peer-maintenance").fails(&Why::NoHealthyPeer(vec![("node2".into(), Unfit::Maintenance)]));
    let target = |target| Stage::new(Trigger::Auto, Some(target), "unmanaged");
    target("failover1").fails(&Why::Unmanaged("app1".into()));
    target("nowhere").fails(&Why::UnknownTarget("nowhere".into()));
    let changed = |was: &str, is: &str| {
        let mut stage = stage("healthy-two");
        stage.look.1 = stage.look.1.replace(was, is);
        stage
    };
    changed("stop-all-resources=\"false\"", "stop-all-resources=\"true\"").fails(&Why::StopAll);
    changed("current_dc present=\"true\"", "current_dc present=\"false\"").fails(&Why::NoCoordinator);
    let red = "name=\"node2\" id=\"2\" online=\"true\" standby=\"true\"";
    let peer = Why::NoHealthyPeer(vec![("node2".into(), Unfit::Standby)]);
    changed("name=\"node2\" id=\"2\" online=\"true\" standby=\"false\"", red).fails(&peer);
    assert!(peer.to_string().contains("node2 is in standby"), "{peer}");
    // Pacemaker itself: down, not permitted, missing, silent.
    for (reply, part) in [
        (Reply::Exited(102), "does not run"),
        (Reply::Exited(4), "haclient"),
        (Reply::NotStarted("No such file".into()), "cannot be run (No such file)"),
        (Reply::Lost, "waits for all children"),
        (Reply::Exited(1), "status 1"),
    ] {
        let mut stage = stage("healthy-two");
        stage.look.0 = reply;
        match stage.play(30) {
            Some(Ending::Failed(why)) => assert!(why.to_string().contains(part), "{why}"),
            other => panic!("{part}: {other:?}"),
        }
        assert!(stage.triggers.is_empty(), "{part}");
    }
}

#[test]
fn a_refused_trigger_is_a_failure_and_a_silent_one_is_watched() {
    let mut stage = Stage::new(Trigger::Auto, None, "healthy-two");
    stage.refuse_trigger = Some(4);
    assert_eq!(stage.play(30), Some(Ending::Failed(Why::NotPermitted("attrd_updater"))));
    assert!(stage.claim.ends_with(":stepped-back"));
}

#[test]
fn a_failed_stop_is_said_at_once_and_is_the_reason_at_the_end() {
    let mut stage = Stage::new(Trigger::Auto, None, "before-blocked");
    stage.after = vec![vector("blocked")];
    assert_eq!(stage.play(60), None, "fencing may still act");
    assert_eq!(stage.remarks.len(), 1, "once: {:?}", stage.remarks);
    assert!(stage.remarks[0].contains("app2 failed to stop"), "{:?}", stage.remarks);
    assert_eq!(stage.attempt.obstacle(), Why::NotYet(NotYet::Blocked("app2".into())));
    stage.attempt.abandon(stage.now);
    assert!(matches!(stage.attempt.ending(), Some(Ending::Failed(Why::NotYet(NotYet::Blocked(_))))));
    assert!(stage.attempt.has_triggered() && stage.claim.ends_with(":gone"), "red stays, and so does the claim");
}

#[test]
fn a_move_that_had_begun_is_taken_up_and_one_that_is_over_is_done() {
    let mut stage = Stage::new(Trigger::Auto, None, "mixed-moved");
    assert_eq!(stage.play(5), Some(Ending::Done));
    assert!(stage.triggers.is_empty(), "nothing is left to trigger");
    assert!(stage.claim.ends_with(":gone"));
    let mut stage = Stage::new(Trigger::Auto, None, "stopping");
    stage.after = ["stopping", "starting", "mixed-moved"].map(vector).into();
    assert_eq!(stage.play(5), Some(Ending::Done));
    assert_eq!(stage.triggers.len(), 1);
    // Red that the cluster ignores is no move.
    let mut stage = Stage::new(Trigger::Auto, None, "stopping");
    stage.strategy = (105, "");
    stage.others = "name=\"bmcnotice-claim\" host=\"node2\" value=\"1:9:gone\"\n".into();
    assert_eq!(stage.play(10), Some(Ending::Deferred(Why::PeerGoesFirst("node2".into()))));
    assert!(stage.triggers.is_empty());
}

#[test]
fn another_servers_claim_puts_it_off() {
    let with = |value: &str| {
        let mut stage = Stage::new(Trigger::Auto, None, "healthy-two");
        stage.others = format!("name=\"bmcnotice-claim\" host=\"node2\" value=\"{value}\"\n");
        stage
    };
    let mut stage = with("1:9:gone");
    assert_eq!(stage.play(20), Some(Ending::Deferred(Why::PeerGoesFirst("node2".into()))));
    assert!(stage.triggers.is_empty() && stage.claim.ends_with(":stepped-back"));
    let mut stage = with("1:9:asking");
    assert_eq!(stage.play(20), Some(Ending::Deferred(Why::PeerIsSilent("node2".into()))));
    assert!(stage.triggers.is_empty() && stage.claim.ends_with(":stepped-back"));
    assert_eq!(with("1:9:stepped-back").play(20), Some(Ending::Done));
    assert_eq!(with("").play(20), Some(Ending::Done));
    // It knows us and its name comes after ours: we go. It does not know us: it was first.
    assert_eq!(with("1:9:waiting:0000000000000007").play(20), Some(Ending::Done));
    let first = Ending::Deferred(Why::PeerGoesFirst("node2".into()));
    assert_eq!(with("1:9:waiting").play(20), Some(first));
}

/// The peer that went first is away for its reset when we are tried again: what it gave us must not fail here.
#[test]
fn a_peer_that_went_first_is_waited_for() {
    for deferred in [false, true] {
        let mut stage = Stage::new(Trigger::Auto, None, "healthy-two");
        stage.look.1 =
            stage.look.1.replace("name=\"node2\" id=\"2\" online=\"true\"", "name=\"node2\" id=\"2\" online=\"false\"");
        let settings = Settings {
            target: None,
            trigger: Trigger::Auto,
            health: HEALTH.into(),
            tools: TOOLS.into(),
            nonce: 7,
            put_off: deferred,
        };
        stage.attempt = Attempt::new(START, settings);
        let ending = stage.play(20);
        match deferred {
            false => assert!(matches!(ending, Some(Ending::Failed(Why::NoHealthyPeer(_)))), "{ending:?}"),
            true => assert!(matches!(ending, Some(Ending::Deferred(Why::NoHealthyPeer(_)))), "{ending:?}"),
        }
        assert!(stage.triggers.is_empty() && stage.claim.ends_with(":stepped-back"));
    }
}

/// Without permission `crm_attribute` says 102, as if nobody were there, and may say it first.
#[test]
fn who_is_not_permitted_is_told_so() {
    let mut attempt = Stage::new(Trigger::Auto, None, "healthy-two").attempt;
    let mut asks: Vec<Ask> = Vec::new();
    let mut of = |attempt: &mut Attempt, tool: &str| {
        let new = core::iter::from_fn(|| attempt.poll());
        asks.extend(new.filter_map(|output| if let Output::Run(ask) = output { Some(ask) } else { None }));
        asks.iter().find(|ask| ask.argv[0].ends_with(tool)).unwrap().id
    };
    let publish = of(&mut attempt, "attrd_updater");
    attempt.handle_answer(START, publish, &Reply::Exited(0), b"");
    let strategy = of(&mut attempt, "crm_attribute");
    attempt.handle_answer(START, strategy, &Reply::Exited(102), b"");
    assert_eq!(attempt.ending(), None);
    let look = of(&mut attempt, "crm_mon");
    attempt.handle_answer(START, look, &Reply::Exited(4), b"");
    assert!(matches!(attempt.obstacle(), Why::NotPermitted(_)), "{:?}", attempt.obstacle());
}

#[test]
fn a_tool_that_hangs_is_killed_and_said() {
    let settings = Settings {
        target: None,
        trigger: Trigger::Auto,
        health: HEALTH.into(),
        tools: "/opt/sbin/".into(),
        nonce: 1,
        put_off: false,
    };
    let mut attempt = Attempt::new(START, settings);
    let mut killed = Vec::new();
    for second in 0..30 {
        while let Some(output) = attempt.poll() {
            match output {
                Output::Run(ask) => assert!(ask.argv[0].starts_with("/opt/sbin/") && !ask.argv[0].contains("//")),
                Output::Kill(id) => killed.push(id),
            }
        }
        attempt.handle_timeout(START.after(Duration::from_secs(second)));
    }
    assert!(killed.len() >= 3, "{killed:?}");
    match attempt.ending() {
        Some(Ending::Failed(why)) => assert!(why.to_string().contains("does not answer"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_set_is_taken_away() {
    let words = |trigger| {
        let settings =
            Settings { target: None, trigger, health: HEALTH.into(), tools: TOOLS.into(), nonce: 1, put_off: false };
        let lines = withdraw(&settings, Some("node1")).into_iter().map(|argv| argv[1..].join(" "));
        lines.collect::<Vec<_>>()
    };
    let claim = "-n bmcnotice-claim -D";
    assert_eq!(words(Trigger::Health), ["-n #health-bmc -D", claim]);
    assert_eq!(words(Trigger::Standby), ["-N node1 -n standby -D -l reboot", claim]);
    assert_eq!(words(Trigger::Auto), ["-n #health-bmc -D", "-N node1 -n standby -D -l reboot", claim]);
}

/// No order of answers and no garbage makes it panic, run for ever or trigger without its guards.
#[test]
fn garbage_in_any_order_never_triggers() {
    let garbage = ["", "\u{0}", "<a/>", "name=\"bmcnotice-claim\" host=\"\" value=\"\"", "migrate-on-red"];
    for seed in 0..500_usize {
        let settings = Settings {
            target: None,
            trigger: Trigger::Auto,
            health: HEALTH.into(),
            tools: TOOLS.into(),
            nonce: 3,
            put_off: false,
        };
        let mut attempt = Attempt::new(START, settings);
        let mut running = BTreeMap::new();
        let mut now = START;
        for step in 0..200_usize {
            while let Some(output) = attempt.poll() {
                if let Output::Run(ask) = output {
                    assert!(!ask.argv.contains(&"red".to_owned()), "seed {seed}");
                    running.insert(ask.id, ask);
                }
            }
            let dice = seed.wrapping_mul(31).wrapping_add(step.wrapping_mul(17));
            now = now.after(Duration::from_millis((dice % 700) as u64));
            let Some(id) = running.keys().nth(dice % running.len().max(1)).copied() else {
                attempt.handle_timeout(now);
                continue;
            };
            running.remove(&id);
            let reply = [Reply::Exited(0), Reply::Exited(105), Reply::Killed, Reply::Lost][dice % 4].clone();
            attempt.handle_answer(now, id, &reply, garbage[(dice / 3) % garbage.len()].as_bytes());
            attempt.handle_answer(now, id, &reply, b"again");
        }
        for _ in 0..60 {
            now = now.after(Duration::from_secs(1));
            while attempt.poll().is_some() {}
            attempt.handle_timeout(now);
        }
        assert!(attempt.ending().is_some(), "seed {seed}: {attempt:?}");
    }
}
