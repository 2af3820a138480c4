//! The application's callables, as the core calls them: inside dispatch, on the thread that dispatches.

use crate::values;
use bmcnotice::{Answer, Heard, Line, PeerStatus, Progress, Recover};
use pyo3::PyTraverseError;
use pyo3::PyVisit;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

thread_local! {
    /// What a callback raised in the dispatch that runs on this thread.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// What a callback raised since this was last asked on this thread.
pub fn raised() -> Option<PyErr> {
    RAISED.take()
}

fn keep(py: Python<'_>, error: PyErr) {
    RAISED.with_borrow_mut(|raised| match raised {
        None => *raised = Some(error),
        Some(_) => error.write_unraisable(py, None), // the log's callback, after another: the first one counts
    });
}

/// What a callable was registered for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Slot {
    /// Of this monitor, or of all.
    Recovery(Option<String>),
    Notice,
    Log,
    Peer,
    Progress,
}

/// One callable. The core's closure holds it, and so does the [`Table`], to show it to the garbage collector.
pub struct Registered(Mutex<Option<Py<PyAny>>>);

/// The callables of one context, and who listens to the heartbeat beside them.
#[derive(Default)]
pub struct Table {
    slots: Mutex<HashMap<Slot, Arc<Registered>>>,
    /// Each with `put(Peer)` and `end()`, which wait for nothing.
    listeners: Mutex<Vec<Py<PyAny>>>,
}

impl Table {
    /// What is put in place of what was there; what was there goes when its last call returns.
    pub fn put(&self, slot: Slot, registered: Arc<Registered>) {
        let old = lock(&self.slots).insert(slot, registered);
        drop(old); // may run foreign code: not under the lock
    }

    /// Lets go of everything, so that a callback that knows its context does not keep it for ever.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.slots));
        for registered in all.into_values() {
            let callable = lock(&registered.0).take();
            drop(callable);
        }
    }

    /// The garbage collector has found a circle.
    pub fn break_circle(&self) {
        self.clear();
        let all = std::mem::take(&mut *lock(&self.listeners));
        drop(all);
    }

    /// Shows the callables. What is locked right now is in use and needs no showing.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(all) = self.slots.try_lock() {
            for registered in all.values() {
                if let Ok(callable) = registered.0.try_lock() {
                    visit.call(&*callable)?;
                }
            }
        }
        if let Ok(listeners) = self.listeners.try_lock() {
            listeners.iter().try_for_each(|listener| visit.call(listener))?;
        }
        Ok(())
    }

    /// One more listens.
    pub fn listen(&self, listener: &Bound<'_, PyAny>) {
        lock(&self.listeners).push(listener.clone().unbind());
    }

    /// It does no more.
    pub fn unlisten(&self, listener: &Bound<'_, PyAny>) {
        let mut listeners = lock(&self.listeners);
        let place = listeners.iter().position(|other| other.is(listener));
        let gone = place.map(|place| listeners.swap_remove(place));
        drop(listeners);
        drop(gone); // may run foreign code
    }

    /// Nothing more will be told.
    pub fn end(&self, py: Python<'_>) {
        let all = std::mem::take(&mut *lock(&self.listeners));
        for listener in all {
            if let Err(error) = listener.call_method0(py, "end") {
                error.write_unraisable(py, None);
            }
        }
    }

    /// Tells what the heartbeat says: the callback, and who listens beside it.
    pub fn peer(&self, status: &PeerStatus) {
        let callback = lock(&self.slots).get(&Slot::Peer).cloned();
        if callback.is_none() && lock(&self.listeners).is_empty() {
            return;
        }
        Python::attach(|py| {
            let peer = match values::peer(py, status) {
                Ok(peer) => peer,
                Err(error) => return keep(py, error),
            };
            let listeners: Vec<_> = lock(&self.listeners).iter().map(|listener| listener.clone_ref(py)).collect();
            for listener in listeners {
                if let Err(error) = listener.call_method1(py, "put", (&peer,)) {
                    keep(py, error);
                }
            }
            if let Some(Err(error)) = callback.map(|callback| callback.call(py, |py| (peer,).into_pyobject(py))) {
                keep(py, error);
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registered {
    /// Takes a callable. A coroutine function is refused now: called, it would only make a coroutine.
    pub fn new(callable: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        if !callable.is_callable() {
            return Err(PyTypeError::new_err("the callback is not callable"));
        }
        let asynchronous = callable.py().import("inspect")?.call_method1("iscoroutinefunction", (callable,))?;
        if asynchronous.is_truthy()? {
            let text = "a callback is no async function; start a task in it, answer LATER, and call complete()";
            return Err(PyTypeError::new_err(text));
        }
        Ok(Arc::new(Self(Mutex::new(Some(callable.clone().unbind())))))
    }

    /// Calls it with what `arguments` makes; none when the context was closed meanwhile.
    fn call<'py>(
        &self,
        py: Python<'py>,
        arguments: impl FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let callable = lock(&self.0).as_ref().map(|callable| callable.clone_ref(py));
        callable.map(|callable| callable.into_bound(py).call1(arguments(py)?)).transpose()
    }

    /// Runs a recovery; raising is failing.
    pub fn recover(&self, recover: &Recover) -> Answer {
        Python::attach(|py| {
            let answered = self.call(py, |py| (values::recovery(py, recover)?,).into_pyobject(py));
            match answered.and_then(|value| value.map_or(Ok(Answer::Failed), |value| answer(&value))) {
                Ok(answer) => answer,
                Err(error) => {
                    keep(py, error);
                    Answer::Failed
                }
            }
        })
    }

    /// Tells of a notice.
    pub fn hear(&self, heard: &Heard) {
        self.tell(|py| (values::notice(py, &heard.notice, &heard.server)?,).into_pyobject(py));
    }

    /// Tells a line of the log, with its level as `logging` numbers it.
    pub fn log(&self, line: &Line) {
        self.tell(|py| (values::level(line.level), &line.text).into_pyobject(py));
    }

    /// Tells a step of a recovery.
    pub fn progress(&self, progress: &Progress) {
        self.tell(|py| (values::progress(py, progress)?,).into_pyobject(py));
    }

    fn tell(&self, arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>) {
        Python::attach(|py| {
            if let Err(error) = self.call(py, arguments) {
                keep(py, error);
            }
        });
    }
}

/// What a recovery returned, strictly: an exit status 0 would otherwise be a failure, and 1 a success.
pub fn answer(value: &Bound<'_, PyAny>) -> PyResult<Answer> {
    if value.is_none() {
        return Ok(Answer::Done);
    }
    if let Ok(done) = value.cast::<PyBool>() {
        return Ok(if done.is_true() { Answer::Done } else { Answer::Failed });
    }
    let py = value.py();
    for (word, answer) in [("done", Answer::Done), ("failed", Answer::Failed), ("later", Answer::Later)] {
        if value.is(values::word(py, "Answer", word)?) {
            return Ok(answer);
        }
    }
    let kind = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("a recovery answers True, None, False, or one of bmcnotice.Answer, not {kind}")))
}
