//! The public context: dispatch, callbacks, re-entry, deferred free, fork. C and Python translate it.
//!
//! Uses `feed` for deliveries; its input is calls of the application, from any thread.

mod callbacks;
mod heartbeat;
mod overview;
mod register;

pub use callbacks::{OnLog, OnNotice, OnPeer, OnProgress, OnRecovery};
pub use overview::{Overview, Watched};

use crate::engine::{Delivery, Drill, Line, Statistics};
use crate::feed::Feed;
use crate::io::{
    fork::{ForkMark, Kept},
    sys,
};
use crate::model::{Error, Mode};
pub use crate::plant::Reload;
use crate::setup::Config;
use crate::words::Answer;
use callbacks::{Callbacks, tell};
use parking_lot::RawThreadId;
use parking_lot::lock_api::GetThreadId as _;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Deliveries of one round of [`Context::run`].
const DELIVERIES_PER_ROUND: usize = 64;
/// How long [`Context::run`] leaves it alone when another thread dispatches: the descriptor stays readable meanwhile.
const BESIDE: Duration = Duration::from_millis(5);
/// Nobody dispatches.
const NOBODY: usize = 0;

/// Receives notices, runs recoveries, talks to BMCs. Every method may be called from any thread.
pub struct Context {
    // In this order: the feed's thread has ended before the callbacks' destructors run.
    feed: Kept<Feed>,
    callbacks: Kept<Callbacks>,
    mark: Arc<ForkMark>,
    /// The thread that dispatches, or `NOBODY`.
    turn: AtomicUsize,
    closed: AtomicBool,
    halted: AtomicBool,
}

impl Context {
    /// Binds, opens the journal, and in thread mode starts the library's thread.
    pub fn new(config: &Config, mode: Mode) -> Result<Self, Error> {
        let mark = Arc::new(ForkMark::new()?);
        let site = config.site()?;
        Ok(Self {
            feed: Kept::new(Feed::new(site, mode)?, &mark),
            callbacks: Kept::new(Callbacks::default(), &mark),
            mark,
            turn: AtomicUsize::new(NOBODY),
            closed: AtomicBool::new(false),
            halted: AtomicBool::new(false),
        })
    }

    /// Readable while dispatch has work; the same for life. Never read or close it. Given out on a
    /// broken context, too: poll(2) ignores a negative number, and a host that asks anew would sleep.
    pub fn fd(&self) -> Result<RawFd, Error> {
        if self.mark.in_child() {
            return Err(Error::Forked);
        }
        Ok(self.feed.epoll().raw())
    }

    /// Where traps are received; none when no monitor listens on this server.
    pub fn listen(&self) -> Result<Option<SocketAddr>, Error> {
        self.usable().map(|()| self.feed.plant.listen())
    }

    /// Takes over another configuration, all of it or nothing: an error has changed nothing. Done at once, unless a
    /// recovery is between its record and its end: then as soon as the last has ended. Callbacks, counters, open
    /// records and what is known of the servers stay; so does the socket, if the address does. The journal's folders
    /// must be the same. Any thread, a callback included.
    pub fn reload(&self, config: &Config) -> Result<Reload, Error> {
        self.usable()?;
        self.feed.reload(config.site()?)
    }

    /// What was counted since the context was made, or rebuilt.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        self.usable().map(|()| self.feed.plant.statistics())
    }

    /// Completes a recovery whose callback answered `Later`. Any thread, a callback included.
    pub fn complete(&self, token: u64, answer: Answer) -> Result<(), Error> {
        self.usable()?;
        match answer {
            Answer::Later => Err(Error::invalid("a recovery is completed as done or failed")),
            answer => self.feed.answer(token, answer),
        }
    }

    /// Lets a held recovery go on, by its record's number. Any thread, a callback included; so with those below.
    /// [`Error::Stale`]: no recovery is about this record; [`Error::Invalid`]: it is not held.
    pub fn release(&self, record: u64) -> Result<(), Error> {
        self.usable()?;
        self.feed.order(|engine, now| engine.release(now, record))
    }

    /// Ends a recovery: what runs is killed and has failed, what is held or awaits its reset is closed.
    /// [`Error::Invalid`]: the BMC is being told of its end already.
    pub fn cancel(&self, record: u64) -> Result<(), Error> {
        self.usable()?;
        self.feed.order(|engine, now| engine.cancel(now, record))
    }

    /// The fault is over, as if the BMC had said so: what is held or awaits its reset is closed, and what the
    /// recovery set in the cluster is taken back. [`Error::Invalid`]: the recovery runs, or is just ending.
    pub fn clear(&self, record: u64) -> Result<(), Error> {
        self.usable()?;
        self.feed.order(|engine, now| engine.clear(now, record))
    }

    /// Begins a drill: this server's BMC is made to send a test alert, and every step is measured, up to the notice's
    /// callback. Nothing is recovered. Its steps are progress, for [`Context::on_progress`] and the log;
    /// [`Context::drill_status`] tells how it stands. Any thread, a callback included.
    ///
    /// [`Error::Invalid`]: not now, or never with this configuration; the text says why.
    pub fn drill(&self) -> Result<(), Error> {
        self.usable()?;
        self.feed.order(|engine, now| engine.drill(now).map(drop))
    }

    /// How the drill stands that runs, or how the last one ended; and when the path was proven last, by any context.
    pub fn drill_status(&self) -> Result<Drill, Error> {
        self.usable().map(|()| self.feed.plant.drill_status())
    }

    /// Whether maintenance is on.
    pub fn maintenance(&self) -> Result<bool, Error> {
        self.usable().map(|()| self.feed.plant.maintenance())
    }

    /// Switches maintenance: while it is on, new recoveries are held. What runs goes on; what is held stays held
    /// until it is released. Outlives a restart and a boot; [`Error::Io`]: it holds, but could not be written down.
    pub fn set_maintenance(&self, on: bool) -> Result<(), Error> {
        self.usable()?;
        self.feed.set_maintenance(on)
    }

    /// Calls back for at most `max` deliveries, without blocking; the number of them.
    pub fn dispatch(&self, max: usize) -> Result<usize, Error> {
        self.usable()?;
        let _turn = Turn::take(self)?;
        let mut count = 0;
        while count < max && self.usable().is_ok() {
            let Some(delivery) = self.feed.next()? else { break };
            self.deliver(delivery)?;
            count += 1;
        }
        Ok(count)
    }

    fn deliver(&self, delivery: Delivery) -> Result<(), Error> {
        match delivery {
            Delivery::Recover(recover) => {
                // It lay in the queue beyond its deadline: the BMC has heard that it failed, and may reset any time.
                if !self.feed.is_due(recover.token) {
                    let line =
                        format!("{}: a recovery came to its callback too late and was not begun", recover.monitor);
                    self.log(&Line::error(line));
                    return Ok(());
                }
                let answer = match self.callbacks.recovery(&recover.monitor) {
                    Some(callback) => callback(&recover),
                    None => {
                        self.log(&Line::error(format!(
                            "monitor {}: a recovery is due and no callback is registered for it",
                            recover.monitor
                        )));
                        Answer::Failed
                    }
                };
                // Closed in its callback: the journal keeps the recovery open, and the next start tells its end.
                if self.usable().is_err() {
                    return Ok(());
                }
                match self.feed.answer(recover.token, answer) {
                    Err(Error::Stale) => Ok(()), // completed by its token meanwhile, or too late: reported by the engine
                    other => other,
                }
            }
            Delivery::Notice(heard) => {
                tell(&self.callbacks.notice, &heard);
                Ok(())
            }
            Delivery::Peer(status) => {
                tell(&self.callbacks.peer, &status);
                Ok(())
            }
            Delivery::Progress(progress) => {
                tell(&self.callbacks.progress, &progress);
                self.log(&progress.line());
                Ok(())
            }
            Delivery::Log(line) => {
                self.log(&line);
                Ok(())
            }
            // The notice's callback has returned.
            Delivery::Echo(echo) if self.usable().is_ok() => self.feed.order(|engine, now| {
                engine.drill_delivered(now, echo);
                Ok(())
            }),
            Delivery::Echo(_) => Ok(()),
        }
    }

    fn log(&self, line: &Line) {
        tell(&self.callbacks.log, line);
    }

    /// Blocks until dispatch has work; false when `timeout` ran out or a signal came.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.usable().map(|()| self.feed.epoll().wait(timeout))
    }

    /// Waits and dispatches until [`Context::stop`], for callers without a loop of their own.
    pub fn run(&self) -> Result<(), Error> {
        self.usable()?;
        if self.is_within() {
            return Err(Error::Busy); // inside a callback nothing would ever wake it
        }
        while !self.stopped() {
            self.wait(None)?;
            self.dispatch_beside(DELIVERIES_PER_ROUND)?;
        }
        Ok(())
    }

    /// As [`Context::dispatch`]; but when another thread dispatches just now, which does the work, that is none done
    /// after a short sleep, and no error. For callers who write a `run` of their own.
    pub fn dispatch_beside(&self, max: usize) -> Result<usize, Error> {
        match self.dispatch(max) {
            Err(Error::Busy) if !self.is_within() => {
                std::thread::sleep(BESIDE);
                Ok(0)
            }
            done => done,
        }
    }

    /// Whether this thread is inside a callback.
    fn is_within(&self) -> bool {
        self.turn.load(SeqCst) == this_thread()
    }

    /// Whether [`Context::stop`] was called since this last said so; for callers who write a `run` of their own.
    pub fn stopped(&self) -> bool {
        let stopped = self.halted.swap(false, SeqCst);
        if stopped && !self.mark.in_child() {
            self.feed.resume();
        }
        stopped
    }

    /// Makes [`Context::run`] return; before it is entered, at once. Any thread, and a signal handler.
    pub fn stop(&self) -> Result<(), Error> {
        if self.mark.in_child() {
            return Err(Error::Forked);
        }
        // In this order: the other way round, `stopped` could lower the flag before it is raised, and nobody
        // would lower it any more.
        self.feed.halt();
        self.halted.store(true, SeqCst);
        Ok(())
    }

    /// No callback starts after this; a dispatch that is running returns after the present one.
    /// What the context holds is given back when it is dropped. In a forked child: closes the
    /// descriptors and touches nothing else, for locks and threads of the parent are not there.
    pub fn close(&self) {
        if self.closed.swap(true, SeqCst) {
            return;
        }
        if self.mark.in_child() {
            self.feed.descriptors().for_each(sys::close);
        } else {
            self.feed.halt(); // another thread may be asleep in `run`
        }
    }

    /// Whether this process is a child of the one that made the context.
    pub fn in_child(&self) -> bool {
        self.mark.in_child()
    }

    /// Why nothing can be done with it any more, if so.
    pub fn usable(&self) -> Result<(), Error> {
        if self.mark.in_child() {
            return Err(Error::Forked);
        }
        if self.closed.load(SeqCst) {
            return Err(Error::invalid("the context is closed"));
        }
        self.feed.plant.broken().map_or(Ok(()), Err)
    }

    /// A panic was caught above the engine.
    #[cfg(feature = "capi")]
    pub(crate) fn strike(&self, report: String) -> Error {
        self.feed.plant.strike(report)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.close();
    }
}

/// The right to dispatch, for one caller at a time; given back even when a callback unwinds.
struct Turn<'a>(&'a Context);

impl<'a> Turn<'a> {
    fn take(context: &'a Context) -> Result<Self, Error> {
        if context.turn.compare_exchange(NOBODY, this_thread(), SeqCst, SeqCst).is_err() {
            return Err(Error::Busy);
        }
        context.feed.begin();
        Ok(Self(context))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.0.in_child() {
            self.0.feed.settle(); // a child would write into the parent's descriptors
        }
        self.0.turn.store(NOBODY, SeqCst);
    }
}

/// A number that no other living thread has, and none has as `NOBODY`.
fn this_thread() -> usize {
    RawThreadId.nonzero_thread_id().get()
}
