//! A context of this process that runs on a thread of its own, and all that it said.

use crate::ipmi_peer::ports;
use crate::site::Site;
use crate::wait;
use bmcnotice::engine::{Line, Recover, Statistics};
use bmcnotice::words::Level;
use bmcnotice::{Answer, Config, Context, Error, Mode};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub struct Host {
    pub context: Arc<Context>,
    lines: Arc<Mutex<Vec<Line>>>,
    calls: Arc<AtomicUsize>,
    runner: Option<JoinHandle<()>>,
}

impl Host {
    /// A host whose recovery is done at once.
    pub fn start(site: &Site, mode: Mode) -> Self {
        Self::with(site, mode, |_| Answer::Done)
    }

    /// A host with this recovery.
    pub fn with(site: &Site, mode: Mode, recovery: impl Fn(&Recover) -> Answer + Send + Sync + 'static) -> Self {
        let recovery = Arc::new(recovery);
        let start = || {
            let recovery = recovery.clone();
            Self::of(&site.config(), mode, move |recover| recovery(recover))
        };
        ports::once_free(start).unwrap_or_else(|error| panic!("{error}\n{}", site.text()))
    }

    /// A host with this configuration, or why there is none.
    pub fn of(
        config: &Config,
        mode: Mode,
        recovery: impl Fn(&Recover) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let context = Arc::new(Context::new(config, mode)?);
        let (lines, calls) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (said, counted) = (lines.clone(), calls.clone());
        context.on_log(Arc::new(move |line| said.lock().unwrap().push(line.clone())))?;
        context.on_recovery(
            None,
            Arc::new(move |recover| {
                counted.fetch_add(1, SeqCst);
                recovery(recover)
            }),
        )?;
        let runs = context.clone();
        let runner = Some(std::thread::spawn(move || runs.run().unwrap_or_else(|error| panic!("run: {error}"))));
        Ok(Self { context, lines, calls, runner })
    }

    /// How often the recovery was called.
    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    pub fn statistics(&self) -> Statistics {
        self.context.statistics().unwrap()
    }

    /// What was logged.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|line| format!("{:?} {}", line.level, line.text)).collect()
    }

    /// Whether a line of this level has this text in it.
    pub fn said(&self, level: Level, part: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.level == level && line.text.contains(part))
    }

    /// Waits for a line.
    pub fn hear(&self, level: Level, part: &str) {
        self.until(&format!("{level:?}: {part}"), || self.said(level, part));
    }

    pub fn until(&self, what: &str, done: impl FnMut() -> bool) {
        wait::until(what, || format!("{:#?}", self.log()), done);
    }

    /// Waits until the library is at home: the BMC knows that we are armed.
    pub fn armed(&self) {
        self.hear(Level::Info, "the BMC knows that we are armed");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.context.stop().unwrap();
        let ended = self.runner.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
