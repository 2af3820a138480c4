//! The context. Whatever may wait does so detached from the interpreter, and so does a context's end.

use crate::callback::{self, Registered, Slot, Table};
use crate::{config, raise, values};
use bmcnotice::{Answer, Context as Core, Error, Mode, Reload};
use pyo3::PyTraverseError;
use pyo3::PyVisit;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMappingProxy};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a wait looks for signals: one that comes between the look and the wait, or on another thread, does
/// not interrupt the wait.
const LOOK: Duration = Duration::from_millis(500);
/// Deliveries of one round of run().
const DELIVERIES_PER_ROUND: usize = 64;
const LOGGER: &str = "bmcnotice";

/// Receives notices, runs recoveries, talks to BMCs. Every method may be called from any thread.
#[pyclass(frozen, weakref, module = "bmcnotice")]
pub struct Context {
    /// None once closed. Every call holds a count of its own, so a close in a callback waits.
    core: Mutex<Option<Arc<Core>>>,
    table: Arc<Table>,
}

impl Context {
    fn core(&self) -> PyResult<Arc<Core>> {
        self.held().clone().ok_or_else(raise::closed)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Arc<Core>>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.held().is_none()
    }

    /// Calls into the core while other threads run Python. The count is given back detached: it may be the last.
    fn call<T: Send>(&self, py: Python<'_>, body: impl FnOnce(&Core) -> Result<T, Error> + Send) -> PyResult<T> {
        let core = self.core()?;
        py.detach(move || body(&core)).map_err(|error| raise::from(py, error))
    }

    /// Calls back at most once; `how` is the core's dispatch.
    fn deliver(&self, py: Python<'_>, how: fn(&Core, usize) -> Result<usize, Error>) -> PyResult<Delivered> {
        let delivered = self.call(py, |core| how(core, 1));
        match (callback::raised(), delivered) {
            (Some(error), _) => Ok(Delivered::Raised(error)),
            (None, Ok(0)) => Ok(Delivered::Nothing),
            (None, Ok(_)) => Ok(Delivered::One),
            (None, Err(error)) => Err(error),
        }
    }

    /// Waits for a part of `LOOK` at most.
    fn wait_a_little(&self, py: Python<'_>, timeout: Duration) -> PyResult<bool> {
        let ready = self.call(py, |core| core.wait(Some(timeout.min(LOOK))))?;
        py.check_signals()?;
        Ok(ready)
    }

    /// Until there is a reason to end; what must be raised, if anything.
    fn rounds(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        while !self.call(py, |core| Ok(core.stopped()))? {
            self.wait_a_little(py, LOOK)?;
            for _ in 0..DELIVERIES_PER_ROUND {
                match self.deliver(py, Core::dispatch_beside)? {
                    Delivered::One => {}
                    Delivered::Nothing => break,
                    Delivered::Raised(error) if error.is_instance_of::<PyException>(py) => report(py, error)?,
                    Delivered::Raised(error) => return Ok(Some(error)), // KeyboardInterrupt, SystemExit
                }
                if self.is_closed() {
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }
}

/// What came of one step of a dispatch.
enum Delivered {
    Nothing,
    One,
    Raised(PyErr),
}

/// What a callback raised must not end the one who stands by a dying server: it is told, with its place.
fn report(py: Python<'_>, error: PyErr) -> PyResult<()> {
    let details = PyDict::new(py);
    details.set_item("exc_info", error.into_value(py))?;
    logger(py)?.call_method("error", ("a callback raised",), Some(&details)).map(drop)
}

fn logger(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("logging")?.call_method1("getLogger", (LOGGER,))
}

#[pymethods]
impl Context {
    /// Binds, opens the journal, and in thread mode starts the library's thread. A str is a path.
    ///
    /// Raises ConfigError with all findings, OSError (port taken or not permitted: the text says by whom).
    #[new]
    #[pyo3(signature = (config, *, mode="thread"))]
    fn new(config: &Bound<'_, PyAny>, mode: &str) -> PyResult<Self> {
        let mode = match mode {
            "thread" => Mode::Thread,
            "loop" => Mode::Loop,
            _ => return Err(PyValueError::new_err("mode is \"thread\" or \"loop\"")),
        };
        let (py, config) = (config.py(), config::given(config)?);
        let core = py.detach(|| Core::new(&config, mode)).map_err(|error| raise::from(py, error))?;
        let table = Arc::new(Table::default());
        let told = table.clone();
        core.on_peer(Arc::new(move |status| told.peer(status))).map_err(|error| raise::from(py, error))?;
        let context = Self { core: Mutex::new(Some(Arc::new(core))), table };
        context.on_log(&logger(py)?.getattr("log")?)?;
        Ok(context)
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (_kind, _value, _traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        self.close(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.table.traverse(&visit)
    }

    fn __clear__(&self) {
        self.table.break_circle();
    }

    /// The descriptor to watch, for select and asyncio: readable while dispatch() has work, the same for life.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        self.call(py, Core::fd)
    }

    /// The UDP port where traps are received; None when no monitor listens on this server.
    #[getter]
    fn port(&self, py: Python<'_>) -> PyResult<Option<u16>> {
        Ok(self.call(py, Core::listen)?.map(|address| address.port()))
    }

    /// Decorates the recovery of one monitor, or of every monitor that has none of its own, in place of what was
    /// there. It is called with a Recovery and answers True or None (done), False (failed) or LATER.
    #[pyo3(signature = (monitor=None, /))]
    fn recovery<'py>(this: &Bound<'py, Self>, monitor: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        match monitor {
            Some(callback) if callback.is_callable() => this.get().on_recovery(None, &callback),
            monitor => {
                let monitor = monitor.map(|name| name.extract::<String>()).transpose()?;
                let register = this.getattr("on_recovery")?;
                this.py().import("functools")?.call_method1("partial", (register, monitor))
            }
        }
    }

    /// Registers a recovery without decorating; returns it.
    fn on_recovery<'py>(&self, monitor: Option<String>, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (registered, name) = (Registered::new(callback)?, monitor.clone());
        let called = registered.clone();
        self.call(callback.py(), move |core| {
            core.on_recovery(name.as_deref(), Arc::new(move |recover| called.recover(recover)))
        })?;
        self.table.put(Slot::Recovery(monitor), registered);
        Ok(callback.clone())
    }

    /// Decorates what is told of every new Notice, whether it starts a recovery or not.
    fn on_notice<'py>(&self, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let registered = Registered::new(callback)?;
        let called = registered.clone();
        self.call(callback.py(), |core| core.on_notice(Arc::new(move |heard| called.hear(heard))))?;
        self.table.put(Slot::Notice, registered);
        Ok(callback.clone())
    }

    /// Decorates what is told the log's lines, as (level, text) with the levels of logging, in place of the logger
    /// "bmcnotice".
    fn on_log<'py>(&self, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let registered = Registered::new(callback)?;
        let called = registered.clone();
        self.call(callback.py(), |core| core.on_log(Arc::new(move |line| called.log(line))))?;
        self.table.put(Slot::Log, registered);
        Ok(callback.clone())
    }

    /// Decorates what is told when what the heartbeat says of a server changes, and when a server was seen to
    /// restart: a Peer.
    fn on_peer<'py>(&self, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let registered = Registered::new(callback)?;
        self.call(callback.py(), Core::usable)?;
        self.table.put(Slot::Peer, registered);
        Ok(callback.clone())
    }

    /// Decorates what is told every step of a recovery: a Progress.
    fn on_progress<'py>(&self, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let registered = Registered::new(callback)?;
        let called = registered.clone();
        self.call(callback.py(), |core| core.on_progress(Arc::new(move |step| called.progress(step))))?;
        self.table.put(Slot::Progress, registered);
        Ok(callback.clone())
    }

    /// Takes over another configuration, all of it or, when it raises, nothing. True: it holds; False: it will as
    /// soon as no recovery is under way. A str is a path. Any thread, and callbacks.
    ///
    /// Raises ConfigError with all findings, Error (another folder for the journal), OSError.
    fn reload(&self, config: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, config) = (config.py(), config::given(config)?);
        self.call(py, |core| core.reload(&config).map(|reload| reload == Reload::Done))
    }

    /// Lets a held recovery go on, by its record. Any thread, and callbacks; so with the next ones. Raises StaleError
    /// (no recovery is about this record), Error (it is not held).
    fn release(&self, py: Python<'_>, record: u64) -> PyResult<()> {
        self.call(py, |core| core.release(record))
    }

    /// Ends a recovery: one that runs has failed, one that is held or awaits its reset is closed. Raises StaleError,
    /// Error (the BMC is being told of its end already).
    fn cancel(&self, py: Python<'_>, record: u64) -> PyResult<()> {
        self.call(py, |core| core.cancel(record))
    }

    /// The fault of a record is over, as if the BMC had said so. Raises StaleError, Error (it runs, or is ending).
    fn clear(&self, py: Python<'_>, record: u64) -> PyResult<()> {
        self.call(py, |core| core.clear(record))
    }

    /// Begins a drill: this server's BMC is made to send a test alert, and every step is measured, up to the notice's
    /// callback. Nothing is recovered; drill_status() tells how it stands. Any thread, and callbacks. Raises Error: not
    /// now, or never with this configuration.
    fn drill(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Core::drill)
    }

    /// How the drill stands that runs, or how the last one ended, and when the path was proven last: a Drill.
    fn drill_status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::drill(py, &self.call(py, Core::drill_status)?)
    }

    /// Whether maintenance is on: then new recoveries are held. It outlives a restart and a boot; setting it raises
    /// OSError when it holds but cannot be written down.
    #[getter]
    fn maintenance(&self, py: Python<'_>) -> PyResult<bool> {
        self.call(py, Core::maintenance)
    }

    #[setter]
    fn set_maintenance(&self, py: Python<'_>, on: bool) -> PyResult<()> {
        self.call(py, |core| core.set_maintenance(on))
    }

    /// Completes a recovery whose callback answered LATER. Any thread. Raises StaleError when it is over.
    #[pyo3(signature = (token, ok=None))]
    fn complete(&self, py: Python<'_>, token: u64, ok: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let answer = ok.map_or(Ok(Answer::Done), callback::answer)?;
        self.call(py, |core| core.complete(token, answer))
    }

    /// What the heartbeat says of every server that has a BMC, in the configuration's order.
    fn peers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for peer in self.call(py, Core::peers)? {
            list.append(values::peer(py, &peer)?)?;
        }
        Ok(list)
    }

    /// What the heartbeat says of one server. Nothing is asked of the BMC for it.
    fn peer<'py>(&self, py: Python<'py>, server: &str) -> PyResult<Bound<'py, PyAny>> {
        values::peer(py, &self.call(py, |core| core.peer(server))?)
    }

    /// The same changes as on_peer() is told, from now on, for `async for`; ends when the context is closed. Several at
    /// once are several. While it is waited for it dispatches in the event loop, unless dispatch is False: then another
    /// thread, or a reader of your own, must.
    #[pyo3(signature = (*, dispatch=true))]
    fn peer_changes<'py>(this: &Bound<'py, Self>, dispatch: bool) -> PyResult<Bound<'py, PyAny>> {
        this.py().import("bmcnotice.changes")?.getattr("PeerChanges")?.call1((this, dispatch))
    }

    fn _listen(&self, listener: &Bound<'_, PyAny>) -> PyResult<()> {
        self.table.listen(listener);
        // In this order: a close that comes in between ends it, or is seen here.
        self.call(listener.py(), Core::usable).inspect_err(|_| self.table.unlisten(listener))
    }

    fn _unlisten(&self, listener: &Bound<'_, PyAny>) {
        self.table.unlisten(listener);
    }

    /// May what a server runs be taken over now? A TakeOverAnswer, which is true if it is a yes. Nothing is asked of the
    /// BMC for it: what it has said counts, and how long ago.
    fn may_take_over<'py>(&self, py: Python<'py>, server: &str) -> PyResult<Bound<'py, PyAny>> {
        let (answer, why) = self.call(py, |core| core.take_over(server))?;
        values::take_over(py, answer, why)
    }

    /// The application lives: where the configuration says vouch = "application", this server's pulse is fed only while
    /// this is said at least every vouch_within. Any thread, and callbacks. Raises Error: nobody asks for its word.
    fn vouch(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Core::vouch)
    }

    /// What has become of this server's own pulse, in words; None: it is not fed, or nothing is known yet.
    #[getter]
    fn pulse(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.call(py, Core::pulse)
    }

    /// What was counted since the context was made, drops by reason included; a read-only mapping.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        values::statistics(py, &self.call(py, Core::statistics)?)
    }

    /// Calls back for at most max_events events, without waiting, and returns how many there were. What a callback
    /// raises is raised here, and the rest stays for the next call.
    #[pyo3(signature = (max_events=32))]
    fn dispatch(&self, py: Python<'_>, max_events: usize) -> PyResult<usize> {
        let mut count = 0;
        drop(self.core()?);
        while count < max_events && !self.is_closed() {
            match self.deliver(py, Core::dispatch)? {
                Delivered::Nothing => break,
                Delivered::One => count += 1,
                Delivered::Raised(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Waits, while other threads run, until dispatch() has work; False when the timeout (seconds) ran out.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
        let timeout = timeout.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout)); // none: beyond all time
        loop {
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
            if self.wait_a_little(py, left)? {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Waits and dispatches until stop(), close() or Ctrl-C, for callers without a loop of their own. What a
    /// callback raises is logged, and it goes on. Where another thread dispatches meanwhile, that one does the work.
    fn run(&self, py: Python<'_>) -> PyResult<()> {
        drop(self.core()?);
        let end = match self.rounds(py) {
            Ok(None) => return Ok(()),
            Ok(Some(raised)) => raised,
            Err(_) if self.is_closed() => return Ok(()), // by another thread, while we waited
            Err(error) => error,
        };
        if end.is_instance_of::<PyKeyboardInterrupt>(py) { Ok(()) } else { Err(end) }
    }

    /// Makes run() return, at once when it is next entered if it is not running. Any thread, and signal handlers.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Core::stop)
    }

    /// Tells the BMC that we no longer listen, within a second, and gives everything back. No callback starts
    /// after this; closing twice is closing once. Inside a callback the end follows when it returns.
    fn close(&self, py: Python<'_>) {
        let mine = self.core().is_ok_and(|core| !core.in_child());
        if mine {
            self.table.end(py); // in a forked child their event loops are the parent's
        }
        let core = self.held().take();
        if let Some(core) = core {
            core.close();
            let _ = core.stop(); // wakes who waits; in a forked child there is nobody
            py.detach(move || drop(core)); // moved, or the library's thread would be joined while attached
            self.table.clear();
        }
        if mine {
            self.table.end(py); // who came in between
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let core = self.core.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(core) = core {
            // Never closed. At the interpreter's end nobody can be attached: then as it is.
            let mut core = Some(core);
            Python::try_attach(|py| py.detach(|| drop(core.take())));
        }
    }
}
