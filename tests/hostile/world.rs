//! A reception and an engine that live through the same datagrams, and what is promised of each.

use crate::dice::Dice;
use crate::logins;
use crate::site::{BMC, Site};
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::model::Privilege;
use bmcnotice::engine::explain::{Explainer, Outcome};
use bmcnotice::engine::{Delivery, Engine, Heard, Output, Setup, Statistics};
use bmcnotice::notice::recorder::{DATAGRAMS_KEPT, OCTETS_KEPT};
use bmcnotice::notice::usm::{Usm, own_boots, own_id};
use bmcnotice::notice::{DropReason, Notice, Received, Reception};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::suite::Suite;
use bmcnotice::wire;
use bmcnotice::wire::snmp::Message;
use bmcnotice::words::{Answer, Class, Trust};
use std::net::SocketAddr;
use std::time::Duration;

/// Outputs of one input at most.
const MOST_OUTPUTS: usize = 60;
/// Characters of what is said of one at most.
const MOST_SAID: usize = 4000;
const BOOT: BootId = BootId([1; 16]);

/// One datagram.
#[derive(Debug, Clone)]
pub struct Letter {
    pub bytes: Vec<u8>,
    /// The right key has signed exactly these octets.
    pub signed: bool,
}

#[derive(Debug, Default)]
pub struct Seen {
    pub notices: u64,
    pub repeats: u64,
    pub authenticated: u64,
    pub drops: Vec<u64>,
    pub reports: u64,
    pub responses: u64,
    pub explained: u64,
    pub reloads: u64,
    pub recoveries: u64,
    pub genuine: u64,
    pub most_outputs: u64,
}

pub struct World {
    pub site: Site,
    pub now: Now,
    pub began: Now,
    reception: Reception,
    engine: Engine,
    explainer: Explainer,
    /// Whether the explanation is compared, too, which takes as long as all the rest.
    pub explains: bool,
    journal: Vec<u8>,
    tokens: Vec<u64>,
    heard: Vec<Heard>,
    replies: usize,
    pub seen: Seen,
}

fn setup(dice: &mut Dice, site: &Site) -> Setup {
    let login = logins::login("admin", "password", &[Suite::Seventeen], Privilege::Administrator);
    Setup {
        cluster: site.cluster.clone(),
        users: site.users.clone(),
        logins: vec![Some(login), None],
        identity: Identity::Unknown,
        boot: BOOT,
        replay: replay(&[]),
        seed: dice.seed(),
        troubles: Vec::new(),
        maintenance: false,
        watchdog_owner: None,
    }
}

fn fates(statistics: &Statistics) -> u64 {
    let drops = statistics.dropped_in_all() - statistics.estimated;
    statistics.notices + statistics.repeats + statistics.answers + drops
}

fn fit(what: &str, text: &str) {
    assert!(text.len() <= MOST_SAID, "{what} of {} octets", text.len());
    assert!(!text.chars().any(char::is_control), "{what} for no terminal: {text:?}");
}

fn judge(notice: &Notice, letter: &Letter) {
    assert!(notice.trust != Trust::Authenticated || letter.signed, "nobody signed {:02x?}", letter.bytes);
    fit("a sentence", &notice.sentence);
    fit("a region", &notice.region);
    fit("a name", &notice.trap_oid);
}

/// A reception of this configuration that has heard nobody.
pub fn reception(now: Now, site: &Site) -> Reception {
    let mut reception = Reception::new(&site.cluster);
    if site.has_users() {
        let own = own_id("hostile", "server1");
        reception.read_version3(Some(Usm::new(now, site.table(), own, own_boots(now, None), 1)));
    }
    reception
}

/// What it makes of one datagram, and the octets of its Report.
pub fn receive(
    reception: &mut Reception,
    now: Now,
    from: SocketAddr,
    letter: &Letter,
) -> (Result<Received, DropReason>, usize) {
    let most = letter.bytes.len() + 200;
    let received = reception.handle_datagram(now, from, &letter.bytes);
    let report = reception.poll_report();
    while reception.poll_clock().is_some() || reception.poll_awaiting().is_some() {}
    reception.poll_held();
    match &received {
        Ok(Received { notice, reply, .. }) => {
            assert_eq!(report, None);
            judge(notice, letter);
            let inform = reply.inform.as_ref().map_or(0, Vec::len);
            assert!(inform <= most, "an answer of {inform} octets to {}", letter.bytes.len());
        }
        Err(_) => {
            let report = report.as_ref().map_or(0, Vec::len);
            assert!(report <= most, "a Report of {report} octets to {}", letter.bytes.len());
        }
    }
    (received, report.map_or(0, |report| report.len()))
}

/// The explanation says the same as the reception, of what needs no memory; whether there was anything to compare.
pub fn explain(
    explainer: &Explainer,
    now: Now,
    from: SocketAddr,
    bytes: &[u8],
    received: &Result<Received, DropReason>,
) -> bool {
    let way = explainer.explain(now, from, bytes);
    way.iter().for_each(|passage| fit(&passage.step, &passage.why));
    let ends = way.iter().filter(|passage| passage.outcome == Outcome::Ended && !passage.step.starts_with("monitor"));
    let ends: Vec<_> = ends.collect();
    let noticed = way.iter().any(|passage| passage.step == "notice");
    assert_eq!(ends.len(), usize::from(!noticed), "{way:?}");
    // It remembers no clock and no engine, and has started just now.
    let version3 = matches!(Message::parse(bytes), Err(wire::Error::Version3));
    let of_memory = [DropReason::NotInTimeWindow, DropReason::UnknownEngine];
    let said = |reason: &DropReason| ends.iter().any(|end| end.why.ends_with(&format!("({reason})")));
    if version3 && (received.as_ref().is_err_and(|reason| of_memory.contains(reason)) || of_memory.iter().any(said)) {
        return false;
    }
    match received {
        Ok(_) => assert!(noticed, "{way:?}"),
        Err(reason) => {
            assert!(ends.iter().all(|end| end.why.ends_with(&format!("({reason})"))), "{reason}: {way:?}");
            assert!(!noticed, "{reason}: {way:?}");
        }
    }
    true
}

impl World {
    pub fn new(dice: &mut Dice, site: Site) -> Self {
        let now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) };
        let reception = reception(now, &site);
        let mut engine = Engine::new(now, setup(dice, &site));
        engine.handle_timeout(now);
        let explainer = Explainer::new(now, site.cluster.clone(), site.users.clone());
        let (journal, tokens, heard) = (Vec::new(), Vec::new(), Vec::new());
        let seen = Seen { drops: vec![0; DropReason::ALL.len()], ..Seen::default() };
        let mut world = Self {
            site,
            now,
            began: now,
            reception,
            engine,
            explainer,
            explains: true,
            journal,
            tokens,
            heard,
            replies: 0,
            seen,
        };
        world.drain();
        world
    }

    /// Performs what the engine wants done; how much it was.
    fn drain(&mut self) -> usize {
        for count in 0.. {
            let Some(output) = self.engine.poll_output() else {
                self.seen.most_outputs = self.seen.most_outputs.max(count as u64);
                return count;
            };
            assert!(count < MOST_OUTPUTS, "one input made {count} outputs");
            match output {
                Output::Append(octets) => {
                    self.journal.extend(octets);
                    self.engine.handle_appended(self.now, true);
                }
                Output::Compact(octets) => {
                    self.journal = octets;
                    self.engine.handle_compacted(true);
                }
                Output::Reply { .. } => self.replies += 1,
                Output::Deliver(Delivery::Recover(recover)) => {
                    self.seen.recoveries += 1;
                    self.tokens.push(recover.token);
                    assert!(self.tokens.len() <= 3, "one recovery a monitor");
                }
                Output::Deliver(Delivery::Notice(heard)) => self.heard.push(heard),
                Output::Deliver(Delivery::Progress(progress)) => fit("a step", &progress.line().text),
                Output::Deliver(Delivery::Log(line)) => fit("a line", &line.text),
                Output::Deliver(Delivery::Peer(_) | Delivery::Echo(_)) | Output::Ask { .. } | Output::KeepNames(_) => {}
                // No kernel is here: nothing is kept away.
                Output::Filter(_) => {}
                Output::InBand(_) | Output::Run(_) | Output::Signal { .. } | Output::LookForDump(_) => {
                    panic!("no device is here, and no command")
                }
                Output::Panic(_) => panic!("nobody asked for that"),
            }
        }
        0
    }

    /// Time goes on.
    pub fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
        for round in 0.. {
            assert!(round < 100, "time does not move on");
            self.engine.handle_timeout(self.now);
            self.drain();
            if self.engine.next_deadline().is_none_or(|at| at > self.now.boottime) {
                break;
            }
        }
        self.tokens.retain(|token| self.engine.is_due(*token));
    }

    /// A recovery that the application has not answered, to be answered now.
    pub fn due(&mut self) -> Option<u64> {
        self.tokens.pop()
    }

    pub fn answer(&mut self, token: u64, answer: Answer) {
        self.engine.answer(self.now, token, answer).expect("it is due");
        self.drain();
    }

    /// Another configuration, if that may be now.
    pub fn reload(&mut self, dice: &mut Dice, site: &Site) {
        // Users that come or go make the reception of v3 anew: the engine does that by itself.
        if self.engine.reload_waits_for().is_some() || site.has_users() != self.site.has_users() {
            return;
        }
        self.site = site.clone();
        self.engine.reload(self.now, setup(dice, site));
        self.drain();
        self.explainer = Explainer::new(self.now, site.cluster.clone(), site.users.clone());
        self.reception.reload(&site.cluster);
        let (now, table) = (self.now, site.table());
        if let Some(usm) = self.reception.usm() {
            usm.reload(now, table);
        }
        self.seen.reloads += 1;
    }

    /// One datagram, through everything.
    pub fn hear(&mut self, from: SocketAddr, letter: &Letter) {
        let bytes = &letter.bytes;
        let before = self.engine.statistics().clone();
        self.replies = 0;
        self.heard.clear();
        self.engine.handle_datagram(self.now, from, bytes);
        self.drain();
        let after = self.engine.statistics().clone();
        assert_eq!(after.datagrams, before.datagrams + 1);
        assert_eq!(fates(&after), fates(&before) + 1, "a datagram has one fate");
        assert!(self.replies <= 3, "{} replies to one datagram", self.replies);
        assert!(after.notices > before.notices || self.heard.is_empty(), "a notice of nothing");
        self.heard.drain(..).for_each(|heard| judge(&heard.notice, letter));

        if after.answers > before.answers {
            return; // the engine alone knows these
        }
        let (received, report) = receive(&mut self.reception, self.now, from, letter);
        let new = |count: fn(&Statistics) -> u64| count(&after) > count(&before);
        match &received {
            Ok(Received { notice, repeated, reply }) => {
                assert!(new(|s| s.notices + s.repeats), "the engine drops what the reception takes: {after:?}");
                self.seen.responses += u64::from(reply.inform.is_some());
                self.seen.notices += u64::from(!repeated);
                self.seen.repeats += u64::from(*repeated);
                self.seen.authenticated += u64::from(notice.trust == Trust::Authenticated);
            }
            Err(reason) => {
                assert!(after.dropped(*reason) > before.dropped(*reason), "the engine does not drop it for {reason}");
                self.seen.drops[*reason as usize] += 1;
                self.seen.reports += u64::from(report > 0);
            }
        }
        if self.explains {
            self.seen.explained += u64::from(explain(&self.explainer, self.now, from, bytes, &received));
        }
    }

    /// Where a datagram ends, in words.
    pub fn why(&self, bytes: &[u8]) -> String {
        let way = self.explainer.explain(self.now, BMC.parse().expect("an address"), bytes);
        way.last().map(|passage| passage.why.clone()).unwrap_or_default()
    }

    /// After all that, a true one: it is new, it is heard, and the journal has it.
    pub fn genuine(&mut self, letter: &Letter) {
        self.now = self.now.after(Duration::from_secs(1));
        self.engine.handle_timeout(self.now);
        self.drain();
        self.heard.clear();
        let before = self.engine.statistics().clone();
        self.engine.handle_datagram(self.now, BMC.parse().expect("an address"), &letter.bytes);
        self.drain();
        let after = self.engine.statistics();
        assert_eq!(after.notices, before.notices + 1, "a genuine notice was not taken: {after:?}");
        let heard = self.heard.last().expect("it is heard");
        assert_eq!(heard.notice.class, Class::Fatal);
        let replay = replay(&self.journal);
        assert!(replay.records().any(|record| record.id.serial() == heard.record), "it has no record");
        self.seen.genuine += 1;
        let flight = self.engine.flight();
        assert!(flight.len() <= 3 * DATAGRAMS_KEPT && flight.iter().all(|one| one.octets.len() <= OCTETS_KEPT));
    }
}
