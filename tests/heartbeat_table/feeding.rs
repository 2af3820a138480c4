//! Our pulse in a simulated BMC's watchdog, given in-band: fed, shown, given up, taken up again.

use crate::play::{TIMEOUT, ms, s};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::crypto::Random;
use bmcnotice::heartbeat::Feeder;
use bmcnotice::heartbeat::feeder::{Note, REFUSED_PAUSE, Settings};
use bmcnotice::heartbeat::mark::{self, Mark, SMS_OS, Vouched, start};
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Options};
use bmcnotice::wire::command::{Command, GET_WATCHDOG, RESET_WATCHDOG, SET_WATCHDOG, Watchdog};
use bmcnotice::wire::ipmi::Request;
use std::time::Duration;

const PERIOD: Duration = s(3);

/// A host with its BMC, and on it a process of ours.
struct Host {
    bmc: Bmc,
    feeder: Feeder,
    now: Now,
    /// The BMC's answers are lost.
    mute: bool,
    asked: Vec<(Duration, Request)>,
}

fn settings(boot: u16) -> Settings {
    Settings { period: PERIOD, timeout: TIMEOUT, vouched: Vouched::Library, word: Duration::MAX, tag: boot }
}

impl Host {
    fn new() -> Self {
        Self::of(Bmc::new(Options::default(), [3; 32]), settings(1))
    }

    fn of(bmc: Bmc, settings: Settings) -> Self {
        let now = Now { boottime: s(1000), wall: s(0) };
        let feeder = Feeder::new(now, settings, Random::from_seed([4; 32]));
        Self { bmc, feeder, now, mute: false, asked: Vec::new() }
    }

    /// It has been fed for a while.
    fn fed() -> Self {
        let mut host = Self::new();
        host.run(s(20));
        assert_eq!(host.feeder.said(), Some(Note::Fed));
        host
    }

    /// Another process on the same host.
    fn another(mut self, settings: Settings) -> Self {
        self.feeder = Feeder::new(self.now, settings, Random::from_seed([5; 32]));
        self.asked.clear();
        self
    }

    fn timer(&self) -> Watchdog {
        Watchdog::parse(&self.bmc.watchdog(self.now)).unwrap()
    }

    /// Somebody else on the host says something to the BMC.
    fn says(&mut self, command: Command, data: &[u8]) {
        assert_eq!(self.bmc.command(self.now, &Request::new(command, data)).completion, 0);
    }

    /// What the kernel's driver does when it is loaded with a time-out of ten seconds: Set, without "don't stop".
    fn kernel_loads(&mut self) {
        self.says(SET_WATCHDOG, &[SMS_OS, 0x01, 0, 0, 100, 0]);
    }

    fn run(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        loop {
            while let Some(request) = self.feeder.poll(self.now) {
                assert_eq!(self.feeder.poll(self.now), None, "one question at a time");
                self.asked.push((self.now.boottime, request.clone()));
                let answer = self.bmc.command(self.now, &request);
                let answer = if self.mute { Err(Failure::Silent) } else { Ok(answer) };
                self.feeder.handle_answer(self.now, answer);
            }
            let next = [self.feeder.next_deadline(), self.bmc.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = self.now.after(end - self.now.boottime);
                return self.bmc.handle_timeout(self.now);
            };
            self.now = self.now.after(next.saturating_sub(self.now.boottime));
            self.bmc.handle_timeout(self.now);
        }
    }

    fn count(&self, command: Command) -> usize {
        self.asked.iter().filter(|(_, request)| request.is(command)).count()
    }

    /// How long ago it was fed, as another server reads it.
    fn ago(&self) -> Duration {
        let timer = self.timer();
        ms(100) * u32::from(timer.initial - timer.present)
    }
}

#[test]
fn it_is_fed_and_bears_our_mark() {
    let mut host = Host::fed();
    let timer = host.timer();
    assert_eq!(mark::read(&timer), Some((Mark::Lives(Vouched::Library), 1)));
    assert!(timer.running && timer.dont_log && timer.actions == 0 && timer.pre_timeout == 0, "{timer:?}");
    assert_eq!(host.count(SET_WATCHDOG), 1);
    let mut gaps = Vec::new();
    for _ in 0..2000 {
        host.run(ms(50));
        assert!(host.ago() <= PERIOD + PERIOD / 8 + ms(100), "{:?}", host.ago());
    }
    let feedings = host.asked.iter().filter(|(_, request)| request.is(RESET_WATCHDOG));
    let times: Vec<Duration> = feedings.map(|(at, _)| *at).collect();
    gaps.extend(times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()));
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    // Fed a little earlier or later each time: it beats in time with nobody's questions.
    assert!(*least >= 2625 && *most <= 3375 && most - least > 500, "{least} to {most}");
    assert_eq!(
        host.count(GET_WATCHDOG),
        host.count(RESET_WATCHDOG) + 1,
        "looked at before each feeding, and once behind"
    );
    assert_eq!(host.bmc.sel().len(), 0);
}

#[test]
fn a_clean_end_says_goodbye() {
    let mut host = Host::fed();
    host.feeder.part(host.now);
    assert!(!host.feeder.is_over());
    host.run(s(1));
    assert!(host.feeder.is_over());
    let timer = host.timer();
    assert!(!timer.running);
    assert_eq!(mark::read(&timer), Some((Mark::Goodbye, 1)));
    host.asked.clear();
    host.run(s(600));
    assert_eq!((host.asked.len(), host.feeder.next_deadline()), (0, None));
    assert_eq!(host.timer(), timer);
}

/// We part while a question is out: whatever its answer is, the goodbye follows.
#[test]
fn a_clean_end_in_the_middle_says_goodbye() {
    for command in [GET_WATCHDOG, RESET_WATCHDOG, SET_WATCHDOG] {
        let mut host = if command == SET_WATCHDOG { Host::new() } else { Host::fed() };
        // Up to the question, whose answer is yet to come.
        let request = loop {
            match host.feeder.poll(host.now) {
                Some(request) if request.is(command) => break request,
                Some(request) => {
                    let answer = host.bmc.command(host.now, &request);
                    host.feeder.handle_answer(host.now, Ok(answer));
                }
                None => host.now = host.now.after(ms(10)),
            }
        };
        let answer = host.bmc.command(host.now, &request);
        host.feeder.part(host.now);
        host.feeder.handle_answer(host.now, Ok(answer));
        host.run(s(1));
        assert!(host.feeder.is_over());
        assert_eq!(mark::read(&host.timer()).map(|(mark, _)| mark), Some(Mark::Goodbye), "{command:?}");
        assert!(!host.timer().running);
    }
}

/// The kernel's driver is loaded while we feed: its Set stops our timer, and we never touch it again.
#[test]
fn the_kernel_takes_over() {
    let mut host = Host::fed();
    host.kernel_loads();
    let theirs = host.timer();
    host.asked.clear();
    host.run(s(600));
    assert_eq!(host.feeder.said(), Some(Note::Foreign { timer_use: SMS_OS, running: false }));
    assert_eq!((host.count(SET_WATCHDOG), host.count(RESET_WATCHDOG), host.asked.len()), (0, 0, 1), "{:?}", host.asked);
    assert_eq!(host.timer(), theirs);
    // Nor when it is stopped for good, nor when we part.
    host.says(SET_WATCHDOG, &[SMS_OS, 0x00, 0, 0, 100, 0]);
    host.feeder.part(host.now);
    host.run(s(600));
    assert!(host.feeder.is_over());
    assert_eq!(host.asked.len(), 1);
}

#[test]
fn a_timer_that_runs_for_another_is_theirs() {
    let theirs: &[(&str, [u8; 6])] = &[
        ("the kernel's", [SMS_OS, 0x01, 0, 0, 100, 0]),
        ("the kernel's, with an NMI before", [SMS_OS, 0x21, 2, 0, 100, 0]),
        ("the kernel's, that does nothing", [SMS_OS, 0x00, 0, 0, 0x2C, 0x01]),
        ("bmc-watchdog's", [SMS_OS, 0x01, 0, 0, 0x28, 0x23]),
        ("an OEM's", [5, 0x00, 0, 0, 0x28, 0x23]),
        ("FRB2's", [1, 0x01, 0, 0, 0x70, 0x17]),
        ("POST's", [2, 0x00, 0, 0, 0x70, 0x17]),
        ("a loader's", [3, 0x00, 0, 0, 0x70, 0x17]),
        ("ours, with an action", [0x80 | SMS_OS, 0x01, 0, 0, 0x16, 0x0E]),
    ];
    for (whose, octets) in theirs {
        let mut host = Host::new();
        host.says(SET_WATCHDOG, octets);
        host.says(RESET_WATCHDOG, &[]);
        host.run(s(5));
        let Some(Note::Foreign { timer_use, running: true }) = host.feeder.said() else {
            panic!("{whose}: {:?}", host.feeder.said())
        };
        assert_eq!(timer_use, octets[0] & 7, "{whose}");
        host.run(s(500)); // none of them runs out meanwhile
        host.feeder.part(host.now);
        host.run(s(5));
        let looks = host.asked.iter().all(|(_, request)| request.is(GET_WATCHDOG));
        let firmwares = (1..SMS_OS).contains(&timer_use);
        assert!(
            looks && (host.asked.len() == 1) != firmwares,
            "{whose}: looked at once; firmware's until it is stopped"
        );
        assert!(host.feeder.is_over());
        assert!(!host.feeder.said().unwrap().is_trouble(), "somebody feeds it");
    }
}

#[test]
fn what_nobody_uses_is_ours_to_use() {
    let leftovers: &[(&str, Option<[u8; 6]>, bool)] = &[
        ("never used", None, false),
        ("BIOS' FRB2, stopped", Some([1, 0x01, 0, 0, 0x70, 0x17]), false),
        ("POST's, stopped", Some([2, 0x00, 0, 0x02, 0x70, 0x17]), false),
        ("the kernel's, stopped", Some([SMS_OS, 0x01, 0, 0, 100, 0]), false),
        ("one that has run out", Some([SMS_OS, 0x00, 0, 0, 10, 0]), true),
    ];
    for (whose, octets, runs) in leftovers {
        let mut host = Host::new();
        if let Some(octets) = octets {
            host.says(SET_WATCHDOG, octets);
        }
        if *runs {
            host.says(RESET_WATCHDOG, &[]);
            host.now = host.now.after(s(30));
            host.bmc.handle_timeout(host.now);
            assert_eq!(host.timer().expired, 1 << SMS_OS);
        }
        host.run(s(10));
        assert_eq!(host.feeder.said(), Some(Note::Fed), "{whose}");
        let timer = host.timer();
        assert!(mark::read(&timer).is_some() && timer.expired & 1 << SMS_OS == 0, "{whose}: {timer:?}");
    }
}

/// Our own former process, in this boot or another one, killed without a word.
#[test]
fn our_former_process_left_it_running() {
    let host = Host::fed();
    let mut host = host.another(settings(1));
    host.run(s(10));
    assert_eq!((host.feeder.said(), host.count(SET_WATCHDOG)), (Some(Note::Fed), 0), "it goes on as it is");
    // The next boot bears another mark.
    let mut host = host.another(settings(2));
    host.run(s(10));
    assert_eq!((host.feeder.said(), host.count(SET_WATCHDOG)), (Some(Note::Fed), 1));
    assert_eq!(mark::read(&host.timer()), Some((Mark::Lives(Vouched::Library), 2)));
    // The same with another time-out, or for an application.
    for settings in [
        Settings { timeout: s(300), ..settings(2) },
        Settings { vouched: Vouched::Application, word: s(3600), ..settings(2) },
    ] {
        host = host.another(settings);
        host.feeder.vouch(host.now);
        host.run(s(10));
        assert_eq!((host.feeder.said(), host.count(SET_WATCHDOG)), (Some(Note::Fed), 1));
    }
    // After our goodbye.
    host.feeder.part(host.now);
    host.run(s(1));
    let mut host = host.another(settings(2));
    host.run(s(10));
    assert_eq!(host.feeder.said(), Some(Note::Fed));
    assert!(host.timer().running);
}

#[test]
fn the_bmc_was_restarted() {
    let mut host = Host::fed();
    for _ in 0..5 {
        let now = host.now;
        host.bmc.restart(now, s(0));
        host.run(PERIOD + PERIOD / 8);
        assert_eq!(host.feeder.said(), Some(Note::Fed));
        assert!(host.timer().running && host.ago() <= PERIOD, "{:?}", host.timer());
    }
    // Between a look and the feeding: it was never set (80h).
    let request = loop {
        match host.feeder.poll(host.now) {
            Some(request) if request.is(RESET_WATCHDOG) => break request,
            Some(request) => {
                let answer = host.bmc.command(host.now, &request);
                host.feeder.handle_answer(host.now, Ok(answer));
            }
            None => host.now = host.now.after(ms(10)),
        }
    };
    let now = host.now;
    host.bmc.restart(now, s(0));
    let answer = host.bmc.command(now, &request);
    assert_eq!(answer.completion, 0x80);
    host.feeder.handle_answer(now, Ok(answer));
    host.run(ms(10));
    assert!(host.timer().running && mark::read(&host.timer()).is_some());
}

/// The host slept for longer than the timer lasts.
#[test]
fn ours_that_has_run_out_is_set_again() {
    let mut host = Host::fed();
    host.now = host.now.after(s(3600));
    host.bmc.handle_timeout(host.now);
    assert_eq!(host.timer().expired, 1 << SMS_OS);
    host.run(s(1));
    assert!(host.timer().running && host.timer().expired == 0, "{:?}", host.timer());
    assert_eq!(host.feeder.said(), Some(Note::Fed));
    assert_eq!(host.bmc.sel().len(), 0, "and nobody logged it");
    assert_eq!(host.bmc.resets(), 0);
}

#[test]
fn nothing_is_said_twice_a_minute_to_a_bmc_that_refuses() {
    let mut host = Host::new();
    host.bmc.quirks_mut().no_countdown = true;
    host.run(s(600));
    assert_eq!(host.feeder.said(), Some(Note::Malformed));
    let most = 600 / REFUSED_PAUSE.as_secs() as usize + 1;
    assert!(host.asked.len() <= most && host.asked.len() > 5, "{}", host.asked.len());
    host.bmc.quirks_mut().no_countdown = false;
    host.run(s(61));
    assert_eq!(host.feeder.said(), Some(Note::Fed));
}

#[test]
fn a_timer_that_does_not_count_is_said_and_harms_nobody() {
    let mut host = Host::new();
    host.bmc.quirks_mut().running_bit_stuck = true;
    host.run(s(600));
    assert_eq!(host.feeder.said(), Some(Note::DoesNotCount));
    assert!(host.feeder.said().unwrap().is_trouble());
    assert!(host.asked.len() < 60, "{}", host.asked.len());
    assert_eq!(start(Mark::Lives(Vouched::Library), TIMEOUT, 1), host.timer().initial);
}

#[test]
fn while_the_bmc_is_silent_it_is_tried_every_period() {
    let mut host = Host::fed();
    host.mute = true;
    host.asked.clear();
    host.run(s(60));
    assert_eq!(host.feeder.said(), Some(Note::Unanswered(Failure::Silent)));
    assert!(host.asked.len() >= 15 && host.asked.len() <= 25, "{}", host.asked.len());
    host.mute = false;
    host.run(s(4));
    assert_eq!(host.feeder.said(), Some(Note::Fed));
}

#[test]
fn an_application_vouches() {
    let word = s(10);
    let settings = Settings { vouched: Vouched::Application, word, ..settings(1) };
    let mut host = Host::of(Bmc::new(Options::default(), [3; 32]), settings);
    host.run(s(60));
    assert_eq!((host.asked.len(), host.feeder.said()), (0, None), "before the first word nobody misses it");
    host.feeder.vouch(host.now);
    host.run(ms(1));
    assert_eq!(host.feeder.said(), Some(Note::Fed), "fed at once");
    assert_eq!(mark::read(&host.timer()).map(|(mark, _)| mark), Some(Mark::Lives(Vouched::Application)));
    for _ in 0..10 {
        host.run(s(9));
        host.feeder.vouch(host.now);
        assert_eq!(host.feeder.said(), Some(Note::Fed));
    }
    host.run(word);
    let fed = host.count(RESET_WATCHDOG);
    host.run(s(120));
    assert_eq!((host.count(RESET_WATCHDOG), host.feeder.said()), (fed, Some(Note::NoWord)));
    assert!(host.ago() > s(110), "others see it");
    host.feeder.vouch(host.now);
    host.run(ms(1));
    assert_eq!(host.feeder.said(), Some(Note::Fed));
    assert_eq!(host.ago(), s(0));
    host.feeder.part(host.now);
    host.run(s(1));
    assert_eq!(mark::read(&host.timer()).map(|(mark, _)| mark), Some(Mark::Goodbye));
}
