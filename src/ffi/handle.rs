//! The context handle and every call on it.

use super::callback::{Registered, bmcn_destroy_fn, bmcn_log_fn, bmcn_notice_fn, bmcn_recovery_fn};
use super::config::{self, bmcn_config};
use super::options::{self, bmcn_options};
use super::result::{bmcn_result::*, code, shielded};
use super::{statistics, text};
use crate::words::Answer;
use crate::{Config, Context, Error, shield};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex};

/// A context, opaque.
// The pointer is one count of an Arc, and every call holds a second one: that is how a free inside a
// callback, or from another thread, waits for the end of dispatch.
pub struct bmcn_ctx {
    context: Context,
    message: Mutex<String>,
}

/// A count for the length of a call.
unsafe fn hold(ctx: *const bmcn_ctx) -> Option<Arc<bmcn_ctx>> {
    // SAFETY: NULL, or made by bmcn_ctx_new and not freed yet, by contract.
    (!ctx.is_null()).then(|| Arc::clone(&ManuallyDrop::new(unsafe { Arc::from_raw(ctx) })))
}

/// The door of the library: NULL, panic, message and code are dealt with here and nowhere else.
pub(super) unsafe fn enter(ctx: *const bmcn_ctx, body: impl FnOnce(&Context) -> Result<c_int, Error>) -> c_int {
    let Some(ctx) = (unsafe { hold(ctx) }) else { return BMCN_EINVAL as c_int };
    let outcome = shield::catch(|| body(&ctx.context)).unwrap_or_else(|report| Err(ctx.context.strike(report)));
    let code = outcome.unwrap_or_else(|error| {
        if !ctx.context.in_child() {
            *text::lock(&ctx.message) = error.to_string(); // a child may find the lock taken for ever
        }
        code(&error)
    });
    // This may be the last count, and all of the context's end with it.
    let _ = shield::catch(|| drop(ctx));
    code
}

/// Make a context.
///
/// Binds the socket, opens the journal and, in thread mode, starts the library's thread.  Nothing is called
/// back yet: register, then dispatch.  `config` and `options` are copied; NULL options mean loop mode.  `*out`
/// is written only on success; free it with bmcn_ctx_free().  On failure the message is on `config`.  Any
/// thread.
///
/// Returns BMCN_EINVAL (a bad option, `config` or `out` is NULL), BMCN_E2BIG, BMCN_ECONFIG (the message lists
/// every finding, one a line), BMCN_EIO (port taken, not permitted, ...: the message says who or what is in
/// the way).  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_new(
    config: *const bmcn_config,
    options: *const bmcn_options,
    out: *mut *mut bmcn_ctx,
) -> c_int {
    let make = |config: &mut Config| {
        // SAFETY: by contract, as documented above.
        let (mode, out) = unsafe { (options::read(options)?, out.as_mut()) };
        let out = out.ok_or(Error::invalid("out is NULL"))?;
        let context = Context::new(config, mode)?;
        *out = Arc::into_raw(Arc::new(bmcn_ctx { context, message: Mutex::default() })).cast_mut();
        Ok(BMCN_OK as c_int)
    };
    unsafe { config::enter(config, make) }
}

/// Free a context; NULL is a no-op.
///
/// Tells the BMC that we no longer listen, and waits at most a second for its answer.  Destructors run before
/// it returns, on this thread; inside a callback, or while another thread dispatches, that is put off: no
/// further callback starts, and all goes when that dispatch returns, on its thread.  bmcn_ctx_run() on another
/// thread returns BMCN_EINVAL.  In a forked child only the descriptors are closed, and no destructor runs.  A
/// recovery that goes on is not ended: the next start finds it in the journal, and tells the BMC that its end
/// is unknown.  The pointer is invalid afterwards, for every thread and signal handler.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_free(ctx: *mut bmcn_ctx) {
    shielded(|| {
        // SAFETY: by contract; what is given up is the count that bmcn_ctx_new handed out.
        if let Some(held) = unsafe { hold(ctx) } {
            unsafe { Arc::decrement_strong_count(ctx) };
            held.context.close();
        }
        Ok(BMCN_OK as c_int)
    });
}

/// Return the descriptor to poll for readability.
///
/// The same until bmcn_ctx_free(); never read or close it, and poll it level-triggered.  Readable means that
/// dispatch has work, not that a notice is certain, and stays so while anything is undelivered.  Works on a
/// broken context.  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_fd(ctx: *const bmcn_ctx) -> c_int {
    unsafe { enter(ctx, Context::fd) }
}

/// Return the UDP port where traps are received, or 0 if no monitor listens on this server.  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_port(ctx: *const bmcn_ctx) -> c_int {
    unsafe { enter(ctx, |context| Ok(context.listen()?.map_or(0, |address| c_int::from(address.port())))) }
}

/// Call back for at most `max_events` events, without blocking, and return how many there were.
///
/// Call it when the descriptor is readable, from one thread at a time.  What is left over keeps the
/// descriptor readable; 16 is a good number of events, 0 only looks.  Callbacks run in the order in which
/// things happened, but that in thread mode a recovery overtakes what is only news.
///
/// Returns BMCN_EBUSY (inside a callback, or on two threads), BMCN_EINVAL (NULL, or freed inside a callback),
/// BMCN_EPANIC (call again; what this call had delivered before is not counted), BMCN_EFORK, BMCN_EBROKEN.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_dispatch(ctx: *mut bmcn_ctx, max_events: c_uint) -> c_int {
    let max = max_events.min(c_int::MAX as c_uint) as usize; // the count must fit the result
    unsafe { enter(ctx, |context| context.dispatch(max).map(|count| count as c_int)) }
}

/// Wait and dispatch until bmcn_ctx_stop(), for callers without a loop of their own.
///
/// Where another thread dispatches meanwhile, it leaves the work to that one, and goes on when it has ended.
///
/// Returns BMCN_OK when stopped; BMCN_EBUSY (inside a callback), BMCN_EINVAL (NULL, or freed meanwhile),
/// BMCN_EPANIC (call again), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_run(ctx: *mut bmcn_ctx) -> c_int {
    unsafe { enter(ctx, |context| context.run().map(|()| BMCN_OK as c_int)) }
}

/// Make bmcn_ctx_run() return; if it is not running, at once when it is next entered.
///
/// Any thread, and inside a signal handler; not after bmcn_ctx_free().  In a loop of your own there is nothing
/// to stop, and the descriptor would stay readable.
///
/// Returns BMCN_EINVAL, BMCN_EFORK.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_stop(ctx: *mut bmcn_ctx) -> c_int {
    // Not through `enter`: nothing here takes a lock or memory, so that a signal handler may call it.
    let Some(ctx) = (unsafe { hold(ctx) }) else { return BMCN_EINVAL as c_int };
    let outcome = ctx.context.stop().map_or_else(|error| code(&error), |()| BMCN_OK as c_int);
    // The handler interrupts a thread that holds a count itself, so this is never the last one.
    drop(ctx);
    outcome
}

/// Register the recovery of one monitor, or with a NULL name of every monitor that has none of its own, in
/// place of what was there.
///
/// `destroy`, which may be NULL, is called with `user` exactly once, after the last possible call of
/// `function`; if this call fails it is not called.  Allowed inside a callback.  Any thread.
///
/// Returns BMCN_EINVAL (no such monitor, `function` is NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_on_recovery(
    ctx: *mut bmcn_ctx,
    monitor: *const c_char,
    function: bmcn_recovery_fn,
    user: *mut c_void,
    destroy: bmcn_destroy_fn,
) -> c_int {
    let register = |context: &Context| {
        let function = function.ok_or(Error::invalid("function is NULL"))?;
        // SAFETY: NULL or a C string, by contract.
        let monitor = if monitor.is_null() { None } else { Some(unsafe { text::given(monitor, "monitor")? }) };
        context.registrable(monitor)?; // from here on nothing fails, so the destructor can be ours
        let callback = Registered { function, user, destroy };
        context.register_recovery(monitor, Arc::new(move |recover| callback.recover(recover)));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, register) }
}

/// Register what is told of every new notice, in place of what was there; `destroy` as in
/// bmcn_ctx_on_recovery().  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_on_notice(
    ctx: *mut bmcn_ctx,
    function: bmcn_notice_fn,
    user: *mut c_void,
    destroy: bmcn_destroy_fn,
) -> c_int {
    let register = |context: &Context| {
        let function = function.ok_or(Error::invalid("function is NULL"))?;
        context.usable()?; // as in bmcn_ctx_on_recovery
        let callback = Registered { function, user, destroy };
        context.register_notice(Arc::new(move |heard| callback.hear(heard)));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, register) }
}

/// Register what is told the log's lines, in place of what was there; `destroy` as in
/// bmcn_ctx_on_recovery().  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_on_log(
    ctx: *mut bmcn_ctx,
    function: bmcn_log_fn,
    user: *mut c_void,
    destroy: bmcn_destroy_fn,
) -> c_int {
    let register = |context: &Context| {
        let function = function.ok_or(Error::invalid("function is NULL"))?;
        context.usable()?;
        let callback = Registered { function, user, destroy };
        context.register_log(Arc::new(move |line| callback.log(line)));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, register) }
}

/// Complete a recovery whose callback returned BMCN_LATER: `answer` is BMCN_DONE, or BMCN_FAILED, for which
/// any other number but BMCN_LATER counts.
///
/// Any thread, and inside a callback.
///
/// Returns BMCN_ESTALE (it is over: completed already, or beyond its deadline), BMCN_EINVAL (BMCN_LATER),
/// BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_complete(ctx: *mut bmcn_ctx, token: u64, answer: c_int) -> c_int {
    let answer = match answer {
        0 => Answer::Done,
        2 => Answer::Later,
        _ => Answer::Failed,
    };
    unsafe { enter(ctx, |context| context.complete(token, answer).map(|()| BMCN_OK as c_int)) }
}

/// Return a counter, one of bmcn_counter; BMCN_EINVAL if there is no such counter.
///
/// Any thread.  Returns BMCN_EFORK, BMCN_EBROKEN, too.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_count(ctx: *const bmcn_ctx, counter: c_int) -> i64 {
    unsafe { counted(ctx, |all| statistics::count(all, counter)) }
}

/// Return how many datagrams were dropped for one reason, by the number that bmcn_drop_name() names;
/// BMCN_EINVAL if there is no such reason.
///
/// Any thread.  Returns BMCN_EFORK, BMCN_EBROKEN, too.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_drops(ctx: *const bmcn_ctx, reason: c_int) -> i64 {
    unsafe { counted(ctx, |all| statistics::drops(all, reason)) }
}

unsafe fn counted(ctx: *const bmcn_ctx, read: impl FnOnce(&crate::engine::Statistics) -> i64) -> i64 {
    let mut count = 0;
    let body = |context: &Context| {
        count = read(&context.statistics()?);
        Ok(BMCN_OK as c_int)
    };
    match unsafe { enter(ctx, body) } {
        0 => count,
        error => error.into(),
    }
}

/// Copy the message of the last failed call on this context, by whatever thread, into `buffer`, cut to `size`, with a NUL.
///
/// Returns the message's full length, so that a result of `size` or more means it was cut.  Works on a
/// broken context.  BMCN_EINVAL if ctx is NULL, or `buffer` is NULL and `size` is not 0; BMCN_EFORK.
/// Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_message(ctx: *const bmcn_ctx, buffer: *mut c_char, size: usize) -> c_int {
    let Some(ctx) = (unsafe { hold(ctx) }) else { return BMCN_EINVAL as c_int };
    shielded(|| {
        if ctx.context.in_child() {
            return Err(Error::Forked);
        }
        // SAFETY: the caller vouches for the buffer.
        unsafe { text::copy(&text::lock(&ctx.message), buffer, size) }
    })
}
