//! The audit of a BMC: every finding can be provoked and is explained, a good BMC has none, what is planned mends
//! what was found, and no answer whatever breaks the asking.
#![cfg(feature = "sim")]

#[path = "audit/bench.rs"]
mod bench;

use bench::{Bench, LISTEN, us};
use bmcnotice::audit::ask::Asking;
use bmcnotice::audit::finding::{Reaches, Severity};
use bmcnotice::audit::judge::{Deadly, Us, judge};
use bmcnotice::audit::rules;
use bmcnotice::audit::told::{Told, Unsaid};
use bmcnotice::audit::wanted::{Options, plan};
use bmcnotice::audit::write::Writing;
use bmcnotice::bmc::dialogue::{Dialogue, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::Checked;
use bmcnotice::crypto::{Random, Secret};
use bmcnotice::notice::deadly::{fatal_events, is_fatal};
use bmcnotice::now::Now;
use bmcnotice::sim::Fault;
use bmcnotice::wire::account::{GET_CHANNEL_ACCESS, GET_USER_ACCESS, SET_CHANNEL_ACCESS};
use bmcnotice::wire::command::{AUTH_CAPABILITIES, CHANNEL_INFO, CIPHER_SUITES, THIS_CHANNEL};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use bmcnotice::wire::lan::{self, SuitePrivileges};
use bmcnotice::wire::pef::filter::Filter;
use bmcnotice::wire::pef::{self, PetGuid, action, control};
use bmcnotice::words::Guid;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a change makes of a BMC that has nothing wrong.
type Spoil = fn(&mut Told, &mut Us<'_>);

static OTHER: std::sync::LazyLock<Secret> = std::sync::LazyLock::new(|| Secret::new(*b"another"));

fn each_filter(told: &mut Told, change: impl Fn(&mut Filter)) {
    told.filters.iter_mut().filter_map(|(_, filter)| filter.as_mut().ok()).for_each(change);
}

/// For each rule what breaks it. Nothing else changes, but for what follows of itself.
const BREACHES: &[(&str, Spoil)] = &[
    ("BMCN-A001", |told, _| told.control = Err(Unsaid::Refused(Completion::PRIVILEGE))),
    ("BMCN-A002", |told, _| told.clock = Err(Unsaid::Unknown(Completion::UNKNOWN_COMMAND))),
    ("BMCN-A003", |told, _| told.device.as_mut().unwrap().updating = true),
    ("BMCN-A004", |told, _| told.device.as_mut().unwrap().ipmi_version = 0x51),
    ("BMCN-A010", |told, _| told.control = Ok(0)),
    ("BMCN-A011", |told, _| told.actions = Ok(action::RESET)),
    ("BMCN-A012", |told, _| told.pef.as_mut().unwrap().actions = action::RESET),
    ("BMCN-A013", |told, _| told.channel.as_mut().unwrap().alerting = false),
    ("BMCN-A014", |told, _| told.channel_kept.as_mut().unwrap().alerting = false),
    ("BMCN-A015", |told, _| {
        told.control = Ok(control::PEF | control::ALERT_DELAY);
        told.alert_delay = Ok(60);
    }),
    ("BMCN-A016", |told, _| told.postpone = Ok(0xFE)),
    ("BMCN-A020", |_, us| us.listen = Some("10.0.0.9:162".parse().unwrap())),
    ("BMCN-A021", |told, _| told.destinations[0].how.as_mut().unwrap().kind = 7),
    ("BMCN-A022", |told, _| told.destinations[0].how.as_mut().unwrap().acknowledged = false),
    ("BMCN-A023", |told, _| told.destinations[0].how.as_mut().unwrap().retries = 2),
    ("BMCN-A024", |told, _| told.policies.iter_mut().for_each(|(_, entry)| entry.as_mut().unwrap().enabled = false)),
    ("BMCN-A025", |told, _| told.policies[0].1.as_mut().unwrap().rule = 1),
    ("BMCN-A026", |_, us| us.listen = Some("127.0.0.1:1162".parse().unwrap())),
    ("BMCN-A027", |_, us| us.community = &OTHER),
    ("BMCN-A028", |_, us| us.listen = None),
    ("BMCN-A029", |_, us| us.retry_span = Some(Duration::from_secs(34))),
    ("BMCN-A030", |told, _| told.filters[0].1.as_mut().unwrap().actions |= action::RESET),
    ("BMCN-A031", |told, _| told.filters[0].1.as_mut().unwrap().actions |= action::NMI),
    ("BMCN-A040", |told, _| each_filter(told, |filter| filter.enabled = false)),
    ("BMCN-A041", |told, _| {
        let first = told.filters[0].1;
        told.filters.iter_mut().for_each(|(_, filter)| *filter = first);
    }),
    ("BMCN-A042", |told, _| told.filters[0].1.as_mut().unwrap().policy = 2),
    ("BMCN-A043", |told, _| each_filter(told, |filter| filter.sensor = 9)),
    ("BMCN-A050", |told, _| told.sel.as_mut().unwrap().overflow = true),
    ("BMCN-A051", |told, _| {
        let sel = told.sel.as_mut().unwrap();
        (sel.entries, sel.free) = (75, 25 * 16);
    }),
    ("BMCN-A052", |told, _| told.enables = Ok(0)),
    ("BMCN-A053", |told, _| told.clock.as_mut().unwrap().0 += 61),
    ("BMCN-A060", |told, _| {
        told.suite_table = Ok(vec![0, 17]);
        told.suite_privileges = Ok(SuitePrivileges([4; 16]));
    }),
    ("BMCN-A061", |told, _| {
        told.suites = Ok(vec![17, 0]);
        told.suite_table = Ok(vec![17, 3]);
    }),
    ("BMCN-A062", |told, _| told.logins.as_mut().unwrap().anonymous = true),
    ("BMCN-A063", |told, _| told.logins.as_mut().unwrap().null_names = true),
    ("BMCN-A064", |told, _| told.users.last_mut().unwrap().name = Ok(b"ADMIN".to_vec())),
    ("BMCN-A065", |told, _| told.logins.as_mut().unwrap().types = 0x10),
    ("BMCN-A066", |told, _| told.channel.as_mut().unwrap().user_level = false),
    ("BMCN-A067", |told, _| {
        let sessions = told.sessions.as_mut().unwrap();
        (sessions.slots, sessions.active) = (4, 3);
    }),
    ("BMCN-A068", |told, _| told.channel.as_mut().unwrap().mode = 1),
    ("BMCN-A070", |_, us| us.identity = Checked::NotChecked),
    ("BMCN-A071", |_, us| us.guid = Guid([0; 16])),
    ("BMCN-A072", |told, _| told.pet_guid = Ok(PetGuid { used: true, guid: Guid([3; 16]) })),
];

#[test]
fn a_bmc_that_is_set_up_has_nothing_wrong() {
    let mut bench = Bench::sound();
    let told = bench.ask();
    let verdict = judge(&told, &us(&told));
    assert_eq!((verdict.reaches, verdict.findings.as_slice()), (Reaches::Yes, &[][..]), "{told:#?}");
    assert_eq!(verdict.retry_span, Some(Duration::from_secs(35)));
    assert_eq!(plan(&told, &us(&told), Options::default()), Default::default());
}

#[test]
fn every_rule_can_be_broken_and_its_finding_is_one() {
    let told = Bench::sound().ask();
    let tried: BTreeSet<&str> = BREACHES.iter().map(|(id, _)| *id).collect();
    let known: BTreeSet<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(tried, known);
    assert_eq!(known.len(), rules::ALL.len(), "an id is used twice");
    for (id, spoil) in BREACHES {
        let (mut told, mut us) = (told.clone(), us(&told));
        spoil(&mut told, &mut us);
        let verdict = judge(&told, &us);
        let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.rule.id).collect();
        // A zero GUID is another one than that of the traps; the rest stands alone.
        assert_eq!(found, [*id], "{:#?}", verdict.findings);
        let finding = &verdict.findings[0];
        let reaches = match (finding.rule.blocks, *id) {
            (true, _) => Reaches::No,
            (false, "BMCN-A001") => Reaches::Unknown,
            (false, _) => Reaches::Yes,
        };
        assert_eq!(verdict.reaches, reaches, "{id}");
        assert!(!finding.subject.is_empty() && !finding.remedy.is_empty() && !finding.remedy.ends_with('.'), "{id}");
    }
}

#[test]
fn the_document_explains_exactly_the_rules_that_exist() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit.md")).unwrap();
    let explained: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("### ")).filter_map(|line| line.split_once(' ')).collect();
    let known: Vec<(&str, String)> = rules::ALL.iter().map(|rule| (rule.id, rule.severity.to_string())).collect();
    let known: Vec<(&str, &str)> = known.iter().map(|(id, severity)| (*id, severity.as_str())).collect();
    assert_eq!(explained, known);
}

#[test]
fn the_fatal_events_are_those_that_notices_are_judged_by() {
    assert!(Deadly::all().count() > 30);
    for event in Deadly::all() {
        let Deadly { sensor_type, event_type, offset } = event;
        assert!(is_fatal(sensor_type.unwrap_or(0xC0), event_type, offset), "{event:?}");
        assert!(!event.name().contains("event"), "{event:?} has no name: {}", event.name());
    }
    let rows = fatal_events().count();
    assert!(rows <= 16, "{rows} filters are more than some BMCs have");
}

/// Spoils a BMC by commands.
type Harm = Box<dyn Fn(&mut Bench)>;

/// Each thing that setup can mend, spoilt in the simulated BMC by the very commands that a vendor's tool sends.
#[test]
fn what_setup_writes_mends_what_the_audit_finds() {
    let mute = Request::new(SET_CHANNEL_ACCESS, [0x01, 0x80 | 0x20 | 0x02, 0]);
    let resets = |bench: &mut Bench| {
        let (number, filter) = bench.ask().filters().map(|(number, filter)| (number, *filter)).next().unwrap();
        let acts = Filter { actions: filter.actions | action::POWER_CYCLE, ..filter };
        bench.command(&pef::set(6, &pef::numbered(number, &acts.emit())));
    };
    let faults: Vec<(&str, Harm)> = vec![
        ("BMCN-A010", Box::new(|bench| bench.command(&pef::set(1, &[0])))),
        ("BMCN-A011", Box::new(|bench| bench.command(&pef::set(2, &[action::RESET])))),
        ("BMCN-A013", Box::new(move |bench| bench.command(&mute))),
        ("BMCN-A020", Box::new(|bench| bench.command(&lan::set(1, 19, &[1, 0, 0, 10, 9, 9, 9, 0, 0, 0, 0, 0, 0])))),
        ("BMCN-A021", Box::new(|bench| bench.command(&lan::set(1, 18, &[1, 0x87, 4, 7])))),
        ("BMCN-A022", Box::new(|bench| bench.command(&lan::set(1, 18, &[1, 0x00, 4, 7])))),
        ("BMCN-A023", Box::new(|bench| bench.command(&lan::set(1, 18, &[1, 0x80, 4, 0])))),
        ("BMCN-A024", Box::new(|bench| bench.command(&pef::set(9, &[1, 0, 0, 0])))),
        ("BMCN-A025", Box::new(|bench| bench.command(&pef::set(9, &[1, 0x19, 0x11, 0])))),
        ("BMCN-A027", Box::new(|bench| bench.command(&lan::set(1, 16, &lan::community(b"private").unwrap())))),
        ("BMCN-A030", Box::new(resets)),
        ("BMCN-A040", Box::new(|bench| bench.disable_filters())),
    ];
    for (id, spoil) in faults {
        let mut bench = Bench::sound();
        spoil(&mut bench);
        let told = bench.ask();
        let found = judge(&told, &us(&told)).findings;
        assert!(found.iter().any(|finding| finding.rule.id == id), "{id}: {found:#?}");
        let options = Options { alert_only: true, destination: None };
        let wanted = plan(&told, &us(&told), options);
        assert_eq!(wanted.cannot, Vec::<String>::new(), "{id}");
        assert!(!wanted.changes.is_empty(), "{id}");
        let written = bench.hold(&mut Writing::new(wanted.clone(), false));
        assert_eq!((written.done.len(), &written.stopped), (wanted.changes.len(), &None), "{id}");
        let told = bench.ask();
        let verdict = judge(&told, &us(&told));
        let errors: Vec<_> = verdict.of(Severity::Error).collect();
        assert!(errors.is_empty() && verdict.reaches == Reaches::Yes, "{id}: {errors:#?}");
        assert_eq!(plan(&told, &us(&told), options), Default::default(), "{id}: a second run finds nothing to do");
    }
}

#[test]
fn a_reset_of_the_makers_is_taken_away_on_request_alone() {
    let mut bench = Bench::sound();
    let (number, filter) = bench.ask().filters().map(|(number, filter)| (number, *filter)).next().unwrap();
    let acts = Filter { actions: filter.actions | action::RESET | action::OEM, ..filter };
    bench.command(&pef::set(6, &pef::numbered(number, &acts.emit())));
    let told = bench.ask();
    let shown = plan(&told, &us(&told), Options::default());
    assert!(shown.changes.is_empty() && shown.on_request.len() == 1, "{shown:#?}");
    let wanted = plan(&told, &us(&told), Options { alert_only: true, destination: None });
    bench.hold(&mut Writing::new(wanted, false));
    let after = bench.ask().filters().map(|(_, filter)| *filter).next().unwrap();
    assert_eq!(after.actions, filter.actions | action::OEM, "what is the maker's own stays");
}

#[test]
fn our_filters_only_alert_and_take_every_fatal_event() {
    let mut bench = Bench::sound();
    bench.disable_filters();
    let told = bench.ask();
    let wanted = plan(&told, &us(&told), Options::default());
    let written: Vec<Filter> = wanted
        .changes
        .iter()
        .filter(|change| change.request.data[0] == pef::parameter::FILTER)
        .map(|change| Filter::parse(&change.request.data[2..]).unwrap())
        .collect();
    assert!(!written.is_empty());
    for filter in &written {
        assert!(filter.enabled && filter.actions == action::ALERT && filter.kind == 0, "{filter:?}");
    }
    bench.hold(&mut Writing::new(wanted, false));
    let example = Fault::PRESETS[0];
    for event in Deadly::all() {
        let Deadly { sensor_type, event_type, offset } = event;
        // A fault of the simulated BMC that resets nothing by itself, on a sensor type of the maker's where any will do.
        let fault = Fault { sensor_type: sensor_type.unwrap_or(0xC0), event_type, offset, fatal: false, ..example };
        assert_eq!(bench.traps_of(&fault), 1, "{}", event.name());
    }
    let mended = Fault { sensor_type: 0x0C, event_type: 0x6F, offset: 0, fatal: false, ..example };
    assert_eq!(bench.traps_of(&mended), 0, "a correctable error is none of our filters'");
}

#[test]
fn filters_that_alert_somebody_else_do_not_count() {
    let mut told = Bench::sound().ask();
    each_filter(&mut told, |filter| filter.policy = 2);
    let verdict = judge(&told, &us(&told));
    let ids: Vec<&str> = verdict.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(ids, ["BMCN-A040", "BMCN-A042"]);
    // Then ours is their policy, in an entry that nobody has used, and no filter is written anew.
    told.policies.iter_mut().for_each(|(_, entry)| entry.as_mut().unwrap().enabled = false);
    let wanted = plan(&told, &us(&told), Options::default());
    let what: Vec<&str> = wanted.changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(what, ["policy entry 2"], "{wanted:#?}");
    assert!(wanted.changes[0].to.starts_with("policy 2, always, to destination 1"), "{wanted:#?}");
}

#[test]
fn what_others_use_is_not_written_over() {
    let mut bench = Bench::sound();
    bench.disable_filters();
    let mut told = bench.ask();
    let fans = |filter: &mut Filter| {
        *filter = Filter { enabled: true, kind: 0, sensor_type: 0x04, event_type: 0x01, offsets: 1, ..*filter };
    };
    each_filter(&mut told, fans);
    let full = plan(&told, &us(&told), Options::default());
    assert!(full.changes.is_empty() && full.cannot.len() == 1, "{full:#?}");
    assert!(full.cannot[0].contains("no free filter of the 16 is left for: Processor: IERR"), "{full:#?}");

    let mut told = bench.ask();
    let numbers = [1, told.filters.len()];
    for number in numbers {
        fans(told.filters[number - 1].1.as_mut().unwrap());
    }
    let some = plan(&told, &us(&told), Options::default());
    assert!(!some.changes.is_empty());
    for change in &some.changes {
        assert!(!numbers.contains(&usize::from(change.request.data[1])), "{change}");
    }

    told.destinations.iter_mut().for_each(|to| {
        to.at = Ok(lan::DestinationAddress {
            number: to.number,
            to: lan::To::V4 { gateway: 0, address: [10, 9, 9, to.number].into(), mac: [0; 6] },
        });
    });
    let taken = plan(&told, &us(&told), Options::default());
    assert!(taken.cannot[0].contains("all 4 alert destinations are in use; name one with --destination N"));
    let named = plan(&told, &us(&told), Options { alert_only: false, destination: Some(3) });
    assert_eq!(named.changes[0].to_string(), "address of destination 3: 10.9.9.3 -> 127.0.0.1");
    let absent = plan(&told, &us(&told), Options { alert_only: false, destination: Some(9) });
    assert!(absent.cannot[0].contains("there is no destination 9"), "{absent:#?}");
}

#[test]
fn an_entry_that_is_not_the_one_asked_for_is_not_taken_for_it() {
    let mut bench = Bench::sound();
    let told = bench.hold_with(&mut Asking::new(), |request| {
        let another = |answer: &[u8]| Some(Response::ok(lan::answer(answer)));
        match (request.netfn, request.command, request.data.as_slice()) {
            (4, 0x13, [9, 1, _]) => another(&[2, 0x18, 0x11, 0]),
            (0x0C, 2, [_, 18, 1, _]) => another(&[2, 0x80, 4, 7]),
            _ => None,
        }
    });
    let malformed = Unsaid::Malformed(bmcnotice::wire::ipmi::Error::Field);
    assert_eq!(told.policies[0].1.unwrap_err(), malformed);
    assert_eq!(told.destinations[0].how.unwrap_err(), malformed);
    assert_eq!(judge(&told, &us(&told)).reaches, Reaches::Unknown);
}

#[test]
fn writing_stops_at_the_first_refusal_and_leaves_in_good_order() {
    let mut bench = Bench::sound();
    bench.command(&pef::set(1, &[0]));
    bench.command(&pef::set(9, &[1, 0, 0, 0]));
    bench.command(&lan::set(1, 16, &lan::community(b"private").unwrap()));
    let told = bench.ask();
    let wanted = plan(&told, &us(&told), Options::default());
    assert_eq!(wanted.changes.len(), 3);
    let mut writing = Writing::new(wanted, false);
    let (mut asked, policy) = (Vec::new(), pef::parameter::POLICY);
    let written = bench.hold_with(&mut writing, |request| {
        asked.push((request.netfn, request.data.clone()));
        (request.netfn == 4 && request.data[0] == policy).then(|| Response::refusal(Completion(lan::READ_ONLY)))
    });
    assert_eq!((written.done.len(), written.left.len()), (1, 1));
    let (at, why) = written.stopped.unwrap();
    assert!(at.contains("policy entry 1") && why.contains("82h"), "{at}: {why}");
    let lan: Vec<u8> = asked.iter().filter(|(netfn, _)| *netfn == 0x0C).map(|(_, data)| data[1]).collect();
    let pef: Vec<&[u8]> = asked.iter().filter(|(netfn, _)| *netfn == 4).map(|(_, data)| &data[..2]).collect();
    assert_eq!(lan, [0, 16, 0, 0], "in progress, community, commit, complete");
    assert_eq!(pef, [[0, 1].as_slice(), &[9, 1], &[0, 0]], "what was begun is completed");
}

#[test]
fn somebody_elses_writing_is_respected() {
    let spoilt = || {
        let mut bench = Bench::sound();
        bench.command(&pef::set(1, &[0]));
        bench
    };
    let in_progress = |request: &Request, left: &mut u32| {
        let begins = request.netfn == 4 && request.data == [0, 1] && *left > 0;
        begins.then(|| Response::refusal(Completion(lan::IN_PROGRESS)))
    };
    for force in [false, true] {
        let mut bench = spoilt();
        let told = bench.ask();
        let mut writing = Writing::new(plan(&told, &us(&told), Options::default()), force);
        let mut left = 1;
        let written = bench.hold_with(&mut writing, |request| {
            let answer = in_progress(request, &mut left);
            if request.netfn == 4 && request.data == [0, 0] {
                left = 0; // whoever says "complete" frees it
            }
            answer
        });
        assert_eq!(written.done.len(), usize::from(force));
        assert_eq!(written.stopped.is_some(), !force);
    }
}

#[test]
fn who_is_cut_short_still_leaves() {
    let mut bench = Bench::sound();
    bench.command(&pef::set(1, &[0]));
    let told = bench.ask();
    let mut writing = Writing::new(plan(&told, &us(&told), Options::default()), false);
    let begin = writing.poll(bench.now());
    assert!(matches!(&begin, Step::Submit(request) if request.data == [0, 1]), "{begin:?}");
    writing.handle_answer(bench.now(), Ok(Response::ok([])));
    assert!(matches!(writing.poll(bench.now()), Step::Submit(_)));
    writing.leave("SIGINT");
    let complete = writing.poll(bench.now());
    assert!(matches!(&complete, Step::Submit(request) if request.data == [0, 0]), "{complete:?}");
    writing.handle_answer(bench.now(), Err(Failure::Silent));
    let Step::Over(written) = writing.poll(bench.now()) else { panic!("it is over") };
    assert_eq!((written.done.len(), written.stopped.unwrap().1.as_str()), (0, "SIGINT"));
}

#[test]
fn a_bmc_without_alerting_is_told_truthfully() {
    let mut bench = Bench::sound();
    bench.bmc.quirks_mut().no_pef = true;
    let told = bench.ask();
    let verdict = judge(&told, &us(&told));
    let unknown = verdict.findings.iter().find(|finding| finding.rule.id == "BMCN-A001").expect("it is said");
    assert!(unknown.subject.contains("PEF control") && unknown.subject.contains("does not know it"), "{unknown}");
    assert_ne!(verdict.reaches, Reaches::Yes);
    let plan = plan(&told, &us(&told), Options::default());
    assert!(!plan.cannot.is_empty() && plan.changes.is_empty(), "{plan:#?}");
}

/// In-band "this channel" is the system interface, which has no alerts: the LAN channel is looked for.
#[test]
fn in_band_the_same_is_told_as_over_lan() {
    let mut bench = Bench::sound();
    let over_lan = bench.ask();
    let mut of_this = Vec::new();
    let mut told = *bench.hold_with(&mut Asking::new(), |request| {
        let channel = request.data.first().map(|octet| octet & 0x0F);
        let first = [CHANNEL_INFO, AUTH_CAPABILITIES, CIPHER_SUITES].iter().any(|command| request.is(*command));
        let names_one = first || request.netfn == 0x0C || request.is(GET_CHANNEL_ACCESS) || request.is(GET_USER_ACCESS);
        if request.is(CHANNEL_INFO) {
            return Some(match channel {
                Some(THIS_CHANNEL) => Response::ok([0x0F, 0x0C, 0x05, 0x00, 0, 0, 0, 0, 0]),
                Some(1) => Response::ok([1, 0x04, 0x01, 0x80, 0, 0, 0, 0, 0]),
                _ => Response::refusal(Completion::FIELD),
            });
        }
        (names_one && channel != Some(1)).then(|| {
            of_this.push(request.clone());
            Response::refusal(Completion::FIELD)
        })
    });
    assert_eq!((told.lan, told.channel_number(), of_this), (Some(1), Some(1), Vec::new()));
    told.sessions = over_lan.sessions;
    assert_eq!(judge(&told, &us(&told)).reaches, Reaches::Yes);
    let findings = |told: &Told| judge(told, &us(told)).findings.iter().map(|f| f.rule.id).collect::<Vec<_>>();
    assert_eq!(findings(&told), findings(&over_lan));
    assert!(told.channel.is_ok() && told.suites.is_ok() && told.users.len() == over_lan.users.len());
}

#[test]
fn a_silent_bmc_is_not_asked_everything() {
    let mut asking = Asking::new();
    let mut asked = 0;
    let told = loop {
        match asking.poll(Bench::at(0)) {
            Step::Submit(_) => {
                asked += 1;
                asking.handle_answer(Bench::at(0), Err(Failure::Silent));
            }
            Step::Wait(_) => panic!("nothing to wait for"),
            Step::Over(told) => break told,
        }
    };
    assert_eq!(asked, 4, "two questions, each twice");
    assert_eq!(told.device.unwrap_err(), Unsaid::Unanswered(Failure::Silent));
    assert_eq!(told.sel.unwrap_err(), Unsaid::NotAsked);
}

#[test]
fn a_bmc_that_restarts_in_the_middle_tells_everything() {
    let mut bench = Bench::sound();
    let (mut asking, mut asked) = (Asking::new(), 0);
    let told = loop {
        match asking.poll(bench.now()) {
            Step::Submit(request) => {
                asked += 1;
                let answer = if asked == 9 { Err(Failure::Silent) } else { Ok(bench.answer(&request)) };
                asking.handle_answer(bench.now(), answer);
            }
            Step::Wait(_) => panic!("nothing to wait for"),
            Step::Over(told) => break told,
        }
    };
    let whole = bench.ask();
    assert_eq!((asked, format!("{:?}", told.filters)), (told.asked, format!("{:?}", whole.filters)));
    assert_eq!(told.asked, whole.asked + 1);
    assert!(told.control.is_ok() && told.channel.is_ok() && told.processed.is_ok());
}

#[test]
fn a_busy_bmc_is_asked_again_later() {
    let (mut asking, busy) = (Asking::new(), Response::refusal(Completion::BUSY));
    let Step::Submit(first) = asking.poll(Bench::at(0)) else { panic!("a question") };
    asking.handle_answer(Bench::at(0), Ok(busy.clone()));
    let Step::Wait(Some(wake)) = asking.poll(Bench::at(0)) else { panic!("a pause") };
    let later = Now { boottime: wake, wall: wake };
    assert!(matches!(asking.poll(later), Step::Submit(again) if again == first));
    for _ in 0..3 {
        asking.handle_answer(later, Ok(busy.clone()));
    }
    // Not for ever.
    let far = Bench::at(1000);
    let mut asked = 0;
    while let Step::Submit(request) = asking.poll(far) {
        assert_ne!(request, first);
        asking.handle_answer(far, Ok(Response::refusal(Completion::UNKNOWN_COMMAND)));
        asked += 1;
    }
    assert!(asked > 10);
}

/// Whatever a BMC answers, the asking ends, within a bound, and judging and planning take what came of it.
#[test]
fn hostile_answers_break_nothing() {
    let mut random = Random::from_seed([0x5A; 32]);
    let mut most = 0;
    for round in 0..2000_u32 {
        let mut asking = Asking::new();
        let mut asked = 0;
        let mut at = 0;
        let told = loop {
            assert!(asked < 2500, "round {round}: it does not end");
            match asking.poll(Bench::at(at)) {
                Step::Submit(_) => asked += 1,
                Step::Wait(Some(_)) => {
                    at += 1;
                    continue;
                }
                Step::Wait(None) => panic!("round {round}: nobody is waited for"),
                Step::Over(told) => break *told,
            }
            let [kind, length, fill] = random.array();
            let answer = match kind % 16 {
                0 => Err(Failure::Malformed),
                1 => Ok(Response { completion: fill, data: Vec::new() }),
                _ => {
                    let mut data = vec![fill; usize::from(length % 40)];
                    if kind % 2 == 0 {
                        random.fill(&mut data);
                    }
                    Ok(Response { completion: 0, data })
                }
            };
            asking.handle_answer(Bench::at(at), answer);
        };
        most = most.max(asked);
        for listen in [Some(LISTEN), None] {
            let us = Us { listen, ..us(&told) };
            let verdict = judge(&told, &us);
            verdict.findings.iter().for_each(|finding| drop(finding.to_string()));
            let _ = plan(&told, &us, Options { alert_only: true, destination: Some(3) });
        }
    }
    assert!(most > 100, "nothing was asked but the first questions: {most}");
}
