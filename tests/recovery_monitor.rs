//! Which monitors a notice concerns, and what their policy allows.

use bmcnotice::config::model::{
    AfterEnded, AfterFailure, Bmc, Cluster, Commands, FinalAction, Handshake, Heartbeat, Journal, LinkChoice, Meanings,
    Monitor, Probes, Recovery, Server, StartsOn, WhenUnverifiable,
};
use bmcnotice::crypto::Secret;
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::monitor::{Purpose, WhyNot, matches};
use bmcnotice::recovery::policy::Policy;
use bmcnotice::words::{Class, MonitorId, ServerId, Trust};
use std::time::Duration;

fn monitor(trust: Trust, starts_on: StartsOn) -> Monitor {
    Monitor {
        name: "memory".into(),
        keywords: vec![(ServerId(0), "192.0.2.1:162".parse().unwrap())],
        trust,
        when_unverifiable: WhenUnverifiable::Hold,
        starts_on,
        recovery: Recovery::Callback,
        target: None,
        deadline: Duration::from_secs(300),
        tell_deadline: Duration::from_secs(30),
        wait_for_started: Duration::ZERO,
        reset_deadline: Duration::from_secs(600),
        restart: 0,
        failover: 1,
        script: None,
        final_action: FinalAction::None,
        final_action_on_address: false,
        after_failure: AfterFailure::Ended,
        cool_down: Duration::from_secs(60),
        budget: 3,
        budget_window: Duration::from_secs(3600),
        rerun: false,
        chassis_on_address: false,
    }
}

fn cluster(monitors: Vec<Monitor>) -> Cluster {
    let server = |name: &str| Server { name: name.into(), addresses: vec![], bmc: None };
    let heartbeat = Heartbeat { enabled: false, ..Heartbeat::default() };
    Cluster {
        clusterpro: None,
        observe: false,
        name: "pair".into(),
        this: ServerId(0),
        users: Vec::new(),
        servers: vec![server("one"), server("two")],
        monitors,
        heartbeat,
        journal: Journal { hot: None, disk: None },
        commands: Commands::default(),
        meanings: Meanings::default().into(),
    }
}

fn notice(server: u16, class: Class, trust: Trust) -> Notice {
    let time = Duration::from_secs(1);
    Notice {
        id: NoticeId(1),
        server: ServerId(server),
        class,
        trust,
        source: "192.0.2.9:1024".parse().unwrap(),
        received: Now { boottime: time, wall: time },
        trap_oid: "".into(),
        pet: None,
        fault: None,
        region: "".into(),
        sentence: "".into(),
    }
}

fn answer(monitor: Monitor, notice: &Notice) -> Result<Purpose, WhyNot> {
    let cluster = cluster(vec![monitor]);
    let all: Vec<_> = matches(&cluster, notice).collect();
    assert_eq!((all.len(), all[0].id), (1, MonitorId(0)));
    all[0].answer
}

#[test]
fn class_and_trust_decide() {
    use Trust::{Address, Authenticated, Corroborated};
    let predictive = Class::Recoverable { degradation: false, predictive: true };
    let cases = [
        (Class::Fatal, StartsOn::Fatal, Ok(Purpose::Recover)),
        (Class::Fatal, StartsOn::Recoverable, Ok(Purpose::Recover)),
        (predictive, StartsOn::Recoverable, Ok(Purpose::Recover)),
        (predictive, StartsOn::Fatal, Err(WhyNot::ClassTooLow)),
        (Class::Info, StartsOn::Recoverable, Err(WhyNot::ClassTooLow)),
        (Class::Cleared, StartsOn::Fatal, Ok(Purpose::Clear)),
    ];
    for (class, starts_on, expected) in cases {
        assert_eq!(answer(monitor(Address, starts_on), &notice(0, class, Authenticated)), expected, "{class:?}");
    }
    let cases = [
        (Address, Address, Ok(Purpose::Recover)),
        (Corroborated, Address, Ok(Purpose::Recover)), // once the BMC has been asked
        (Corroborated, Corroborated, Ok(Purpose::Recover)),
        (Corroborated, Authenticated, Ok(Purpose::Recover)),
        (Authenticated, Address, Err(WhyNot::TrustTooLow)),
        (Authenticated, Corroborated, Err(WhyNot::TrustTooLow)),
        (Authenticated, Authenticated, Ok(Purpose::Recover)),
    ];
    for (wants, has, expected) in cases {
        assert_eq!(answer(monitor(wants, StartsOn::Fatal), &notice(0, Class::Fatal, has)), expected);
    }
    let cleared = notice(0, Class::Cleared, Address);
    let forged = answer(monitor(Authenticated, StartsOn::Fatal), &cleared);
    assert_eq!(forged, Err(WhyNot::TrustTooLow), "nor does a weak word end a recovery");
}

#[test]
fn another_servers_notice_never_moves_this_one() {
    let fatal = notice(1, Class::Fatal, Trust::Authenticated);
    assert_eq!(answer(monitor(Trust::Address, StartsOn::Fatal), &fatal), Err(WhyNot::OtherServer));
    let elsewhere = Monitor { keywords: vec![], ..monitor(Trust::Address, StartsOn::Fatal) };
    assert_eq!(answer(elsewhere, &notice(0, Class::Fatal, Trust::Authenticated)), Err(WhyNot::NotHere));
}

#[test]
fn a_policy_touches_the_chassis_only_where_it_was_written_out() {
    let bmc = |after_ended| Bmc {
        address: "192.0.2.9:623".parse().unwrap(),
        trap_sources: vec![],
        relays: vec![],
        retry_span: None,
        community: Secret::default(),
        lan: None,
        link: LinkChoice::Lan,
        device: String::new(),
        guid: None,
        by_address: false,
        handshake: Handshake::None,
        after_ended,
        patience: None,
        in_sel: true,
        sel_catch_up: true,
        dump: None,
        probes: Probes::default(),
        version3: Default::default(),
    };
    let cycling = bmc(AfterEnded::PowerCycle);
    let weak = monitor(Trust::Address, StartsOn::Fatal);
    assert!(!Policy::new(&weak, Some(&cycling)).chassis_allowed);
    assert!(Policy::new(&Monitor { chassis_on_address: true, ..weak.clone() }, Some(&cycling)).chassis_allowed);
    let strong = monitor(Trust::Corroborated, StartsOn::Fatal);
    let policy = Policy::new(&strong, Some(&cycling));
    assert!(policy.chassis_allowed && policy.verify);
    assert!(!Policy::new(&weak, None).verify, "an address needs no evidence");
    assert_eq!(policy.chassis(), Some((AfterEnded::PowerCycle, true)));
    for nothing in [AfterEnded::None, AfterEnded::Bmc] {
        assert_eq!(Policy::new(&strong, Some(&bmc(nothing))).chassis(), None);
    }
    assert_eq!(Policy::new(&strong, None).chassis(), None);
}
