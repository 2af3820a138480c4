//! One attempt to move the services away: guards, claim, trigger, proof.
//!
//! Asks for runs of Pacemaker's tools, is told their answers, and ends as done, failed or put off. The
//! guards and the claim run side by side, since each run costs ten milliseconds of a dying server. Uses
//! `now`, `words` and its neighbours; its input comes from programs of this host. `guards` is what comes
//! before the trigger, `proof` what comes after.

mod guards;
mod proof;

use super::claim::{Claims, Contest, State, read_claims};
use super::cluster::Cluster;
use super::members::Members;
use super::runs::{Mode, Output, Remark, Runs, What};
use super::tool::{ATTRD_UPDATER, AskId, CRM_MON, Meaning, Reply, Settings, Trigger, forget_claim};
use super::why::{Down, NotYet, Why};
use crate::now::Now;
use crate::words::Level;
use core::time::Duration;

/// Before the next look when one failed or there is no coordinator.
const MISHAP_PAUSE: Duration = Duration::from_millis(250);

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Everything runs elsewhere, as the cluster says itself.
    Done,
    /// It does not.
    Failed(Why),
    /// Another server goes first: to be tried again in some seconds.
    Deferred(Why),
}

/// Where an attempt is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// Looking, and claiming at the same time.
    Guards,
    /// All healthy peers claim too.
    Waiting,
    /// About to start over with a new claim.
    StartingOver,
    /// The trigger runs.
    Trigger,
    /// Watching the cluster.
    Proof,
    /// The claim is being taken back.
    Release(Ending),
    /// Over.
    Ended(Ending),
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    settings: Settings,
    at: At,
    begun: Duration,
    triggered: Option<Duration>,
    /// Nobody knows whether the trigger's run did anything.
    unsure: bool,
    runs: Runs,
    wake: Option<Duration>,
    contest: Contest,
    /// Our claim, as far as anyone may have seen it.
    claimed: bool,
    /// One of its values may have arrived: a later one that does not, does not undo it.
    published: bool,
    claiming_since: Duration,
    cluster: Option<Cluster>,
    /// When that was answered.
    looked: Duration,
    /// When the last look of the proof began.
    look_asked: Duration,
    said_gone: bool,
    strategy: Option<Option<String>>,
    strategy_failed: Option<Why>,
    claims: Option<Claims>,
    mode: Mode,
    /// Red or standby were there before us: a move that a former process began.
    resumed: bool,
    members: Members,
    last: Option<Why>,
    /// Takes the claim back; until that has worked.
    release: Option<Vec<String>>,
}

impl Attempt {
    /// Begins: two runs are wanted at once.
    pub fn new(now: Now, settings: Settings) -> Self {
        let contest = Contest::new(settings.nonce);
        let mode = if settings.trigger == Trigger::Standby { Mode::Standby } else { Mode::Red };
        let mut this = Self {
            settings,
            at: At::Guards,
            begun: now.boottime,
            triggered: None,
            runs: Runs::default(),
            wake: None,
            contest,
            claimed: false,
            published: false,
            unsure: false,
            claiming_since: now.boottime,
            cluster: None,
            looked: now.boottime,
            look_asked: now.boottime,
            said_gone: false,
            strategy: None,
            strategy_failed: None,
            claims: None,
            mode,
            resumed: false,
            members: Members::default(),
            last: None,
            release: None,
        };
        this.publish(now, What::Publish, State::Asking);
        this.runs.ask(now, What::Look, this.settings.look());
        this
    }

    /// What to do next; several runs may go on at once.
    pub fn poll(&mut self) -> Option<Output> {
        self.runs.poll()
    }

    /// What people should know.
    pub fn poll_remark(&mut self) -> Option<Remark> {
        self.runs.poll_remark()
    }

    /// How it ended, if it has.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.at {
            At::Ended(ending) => Some(ending),
            At::Guards | At::Waiting | At::StartingOver | At::Trigger | At::Proof | At::Release(_) => None,
        }
    }

    /// Whether the trigger was run: services may have left, and [`super::withdraw`] takes it back.
    pub fn has_triggered(&self) -> bool {
        self.triggered.is_some() || self.resumed
    }

    /// This server's name in the cluster, once it is known.
    pub fn node(&self) -> Option<&str> {
        self.contest.me()
    }

    /// A claim that could not be taken back, and the command that does it: others wait for it.
    pub fn leftover(&self) -> Option<&[String]> {
        self.release.as_deref()
    }

    /// What keeps it from being done at this moment: the reason, when its time is over.
    pub fn obstacle(&self) -> Why {
        match &self.at {
            At::Release(Ending::Failed(why) | Ending::Deferred(why))
            | At::Ended(Ending::Failed(why) | Ending::Deferred(why)) => why.clone(),
            At::Guards | At::Trigger => {
                let tool = self.runs.any().map_or(CRM_MON, |what| what.tool(self.mode));
                self.last.clone().unwrap_or(Why::Down(Down::NoAnswer(tool)))
            }
            At::Waiting | At::StartingOver | At::Proof | At::Release(Ending::Done) | At::Ended(Ending::Done) => {
                self.last.clone().unwrap_or(Why::NotYet(NotYet::Unseen))
            }
        }
    }

    /// Its time is over, or the operator ended it. What runs is killed; a claim that has led to nothing is
    /// taken back. It may be polled until `ending` is there, or dropped.
    pub fn abandon(&mut self, now: Now) {
        let why = self.obstacle();
        match &self.at {
            At::Guards | At::Waiting | At::StartingOver => self.finish(now, Ending::Failed(why)),
            At::Trigger | At::Proof => {
                // Nobody knows whether it did anything. The claim stands until the others would see the trigger.
                if self.unsure || self.runs.has(What::Trigger) {
                    self.release = Some(forget_claim(&self.settings));
                }
                self.runs.kill(|_| true);
                self.at = At::Ended(Ending::Failed(why));
            }
            At::Release(_) | At::Ended(_) => {}
        }
    }

    /// When `handle_timeout` is wanted.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.runs.next_deadline().into_iter().chain(self.wake).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(id) = self.runs.late(now) {
            self.handle_answer(now, id, &Reply::Killed, &[]);
        }
        if self.wake.is_some_and(|wake| wake <= now.boottime) {
            self.wake = None;
            self.woken(now);
        }
    }

    /// A run has ended, with all that it printed. One that was killed or is not known is ignored.
    pub fn handle_answer(&mut self, now: Now, id: AskId, reply: &Reply, stdout: &[u8]) {
        let Some(what) = self.runs.ended(id) else { return };
        let meaning = reply.meaning(what.tool(self.mode));
        if what == What::Publish {
            self.published |= !never_ran(reply);
            self.claimed &= self.published;
        }
        match (&self.at, what) {
            (At::Release(ending), What::Publish) => {
                let ending = ending.clone();
                self.finish(now, ending); // now it can be taken back
            }
            (At::Release(ending), What::Release) => {
                let ending = ending.clone();
                if meaning == Meaning::Fine {
                    self.release = None;
                }
                self.at = At::Ended(ending);
            }
            (At::Release(_) | At::Ended(_), _) => {}
            (At::Guards | At::Waiting | At::StartingOver | At::Trigger | At::Proof, What::Look) => {
                self.looked(now, meaning, stdout);
            }
            (_, What::Strategy) => match meaning {
                Meaning::Fine => {
                    let text = String::from_utf8_lossy(stdout);
                    self.strategy = Some(Some(text.trim().chars().take(MAX_STRATEGY).collect()));
                    self.decide(now);
                }
                Meaning::NotSet => {
                    self.strategy = Some(None);
                    self.decide(now);
                }
                // Without permission this tool says that nobody answers, and only the others say why.
                Meaning::Bad(why) if self.runs.has(What::Look) => self.strategy_failed = Some(why),
                Meaning::Bad(why) => self.finish(now, Ending::Failed(why)),
            },
            (_, What::Publish) => match meaning {
                Meaning::Fine => {
                    self.read_claims(now);
                    // Beside it: three tools at once would only take the processors from each other.
                    if self.strategy.is_none() && !self.runs.has(What::Strategy) {
                        self.runs.ask(now, What::Strategy, self.settings.strategy());
                    }
                }
                Meaning::NotSet => self.finish(now, Ending::Failed(unexpected(reply))),
                Meaning::Bad(why) => self.finish(now, Ending::Failed(why)),
            },
            (_, What::Claims) => match meaning {
                Meaning::Fine => match read_claims(stdout) {
                    Some(claims) => {
                        self.claims = Some(claims);
                        self.decide(now);
                    }
                    None => self.finish(now, Ending::Failed(unreadable(ATTRD_UPDATER, "a line is of another form"))),
                },
                // Nobody's value has arrived yet, not even ours.
                Meaning::NotSet => {
                    self.claims = Some(Claims::new());
                    self.decide(now);
                }
                Meaning::Bad(why) => self.finish(now, Ending::Failed(why)),
            },
            (_, What::Trigger) => self.triggered(now, reply, meaning),
            (_, What::Gone) => match meaning {
                Meaning::Fine => {}
                Meaning::NotSet | Meaning::Bad(_) => {
                    self.runs.remark(
                        Level::Warning,
                        "the claim could not be marked as gone; other servers wait for it".into(),
                    );
                }
            },
            (_, What::Release) => {}
        }
    }

    fn publish(&mut self, now: Now, what: What, state: State) {
        self.claimed = true;
        let value = self.contest.claim(state).to_string();
        self.runs.ask(now, what, self.settings.publish(&value));
    }

    fn read_claims(&mut self, now: Now) {
        self.claims = None;
        self.runs.ask(now, What::Claims, self.settings.claims());
    }

    /// Says once what is in the way.
    fn obstructed(&mut self, level: Level, why: Why) {
        if self.last.as_ref() != Some(&why) {
            self.runs.remark(level, why.to_string());
            self.last = Some(why);
        }
    }

    fn wake_after(&mut self, now: Now, pause: Duration) {
        self.wake = Some(now.boottime.saturating_add(pause));
    }

    /// A pause is over.
    fn woken(&mut self, now: Now) {
        match &self.at {
            At::Guards if self.cluster.is_some() => self.read_claims(now),
            At::Guards => self.runs.ask(now, What::Look, self.settings.look()),
            At::Proof => self.look_again(now),
            At::Waiting => self.round(now),
            At::StartingOver => {
                self.at = At::Guards;
                self.publish(now, What::Publish, State::Asking);
                self.runs.ask(now, What::Look, self.settings.look());
            }
            At::Trigger | At::Release(_) | At::Ended(_) => {}
        }
    }

    /// One more reading of claims and cluster.
    fn round(&mut self, now: Now) {
        self.cluster = None;
        self.read_claims(now);
        self.runs.ask(now, What::Look, self.settings.look());
    }

    fn looked(&mut self, now: Now, meaning: Meaning, stdout: &[u8]) {
        let cluster = match meaning {
            Meaning::Fine => Cluster::read(stdout).map_err(|how| unreadable(CRM_MON, how.text())),
            Meaning::NotSet => Err(unreadable(CRM_MON, "it says that something is not set")),
            Meaning::Bad(why) => Err(why),
        };
        match (cluster, &self.at) {
            (Ok(cluster), At::Proof) => self.prove(now, &cluster),
            (Err(why), At::Proof) => {
                self.obstructed(Level::Warning, why);
                self.wake_after(now, MISHAP_PAUSE);
            }
            (Ok(cluster), _) => {
                if let Some(why) = self.strategy_failed.take() {
                    return self.finish(now, Ending::Failed(why));
                }
                self.cluster = Some(cluster);
                self.looked = now.boottime;
                self.decide(now);
            }
            (Err(why), _) => self.finish(now, Ending::Failed(why)),
        }
    }

    /// Ends, once no claim stands that would make others wait. A claim that is still on its way is let arrive first.
    fn finish(&mut self, now: Now, ending: Ending) {
        self.wake = None;
        self.runs.kill(|what| what != What::Publish);
        if !self.claimed {
            self.runs.kill(|_| true);
            self.at = At::Ended(ending);
        } else if self.runs.has(What::Publish) {
            self.at = At::Release(ending);
        } else {
            self.at = At::Release(ending);
            // A server that is emptied is no place for the services of another.
            let state = if self.resumed { State::Gone } else { State::SteppedBack };
            self.release = Some(self.settings.publish(&self.contest.claim(state.clone()).to_string()));
            self.publish(now, What::Release, state);
        }
    }
}

/// Limit: characters of the health strategy's name that are repeated to people.
const MAX_STRATEGY: usize = 64;

fn unreadable(tool: &'static str, how: &'static str) -> Why {
    Why::Unreadable { tool, how }
}

/// A status that says "not set" where something was set.
fn unexpected(reply: &Reply) -> Why {
    let status = match reply {
        Reply::Exited(status) => *status,
        Reply::Killed | Reply::NotStarted(_) | Reply::Lost => -1,
    };
    Why::Tool { tool: ATTRD_UPDATER, status }
}

/// Nothing can have come of this run.
fn never_ran(reply: &Reply) -> bool {
    match reply {
        Reply::Exited(status) => *status != 0,
        Reply::NotStarted(_) => true,
        Reply::Killed | Reply::Lost => false,
    }
}
