//! The heartbeat: what is known of every server, whether one may be taken over, and this server's own word.

use super::callback::{Registered, bmcn_destroy_fn, bmcn_peer_fn};
use super::handle::{bmcn_ctx, enter};
use super::peer::{self, bmcn_peer};
use super::result::{
    bmcn_result::{BMCN_EINVAL, BMCN_OK},
    shielded,
};
use super::text;
use crate::engine::PeerStatus;
use crate::io::sys::now;
use crate::{Context, Error};
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::ptr::null;
use std::sync::Arc;

/// What the heartbeat said of all servers at one moment, opaque and unchanging.
pub struct bmcn_peers(Vec<(CString, PeerStatus)>);

/// Register what is told when what the heartbeat says of a server changes, and when a server was seen to restart,
/// in place of what was there; `destroy` as in bmcn_ctx_on_recovery().  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_on_peer(
    ctx: *mut bmcn_ctx,
    function: bmcn_peer_fn,
    user: *mut c_void,
    destroy: bmcn_destroy_fn,
) -> c_int {
    let register = |context: &Context| {
        let function = function.ok_or(Error::invalid("function is NULL"))?;
        context.usable()?; // as in bmcn_ctx_on_recovery
        let callback = Registered { function, user, destroy };
        context.register_peer(Arc::new(move |status| callback.peer(status)));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, register) }
}

/// Write what the heartbeat says of one server.
///
/// Any thread, at any rate: nothing is asked of the BMC for it.
///
/// Returns BMCN_EINVAL (no such server, or it has no BMC; a NULL), BMCN_E2BIG, BMCN_EFORK, BMCN_EBROKEN.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_peer(ctx: *const bmcn_ctx, server: *const c_char, out: *mut bmcn_peer) -> c_int {
    let body = |context: &Context| {
        // SAFETY: by contract.
        let status = context.peer(unsafe { text::given(server, "server")? })?;
        unsafe { peer::write(&status, now().boottime, out)? };
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, body) }
}

/// Copy the name of a server that has a BMC, by its place (from 0) in the configuration, as
/// bmcn_ctx_message() copies; BMCN_EINVAL behind the last one.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_peer_name(
    ctx: *const bmcn_ctx,
    place: c_uint,
    buffer: *mut c_char,
    size: usize,
) -> c_int {
    let body = |context: &Context| {
        let peers = context.peers()?;
        let peer = peers.get(place as usize).ok_or(Error::invalid("no server with a BMC at this place"))?;
        // SAFETY: the caller vouches for the buffer.
        unsafe { text::copy(&peer.server, buffer, size) }
    };
    unsafe { enter(ctx, body) }
}

/// Take down what the heartbeat says of every server that has a BMC, in the configuration's order.
///
/// All of it is of one moment.  `*out` is written only on success; free it with bmcn_peers_free().  It outlives
/// the context.  Any thread, at any rate.
///
/// Returns BMCN_EINVAL (a NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_peers(ctx: *const bmcn_ctx, out: *mut *mut bmcn_peers) -> c_int {
    let body = |context: &Context| {
        // SAFETY: NULL or writable, by contract.
        let out = unsafe { out.as_mut() }.ok_or(Error::invalid("out is NULL"))?;
        let named = |status: PeerStatus| (text::owned(&status.server), status);
        *out = Box::into_raw(Box::new(bmcn_peers(context.peers()?.into_iter().map(named).collect())));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, body) }
}

/// Return how many servers there are.  BMCN_EINVAL if peers is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_peers_count(peers: *const bmcn_peers) -> c_int {
    // SAFETY: NULL or valid, by contract; so in every function here.
    let peers = unsafe { peers.as_ref() };
    peers.map_or(BMCN_EINVAL as c_int, |peers| c_int::try_from(peers.0.len()).unwrap_or(c_int::MAX))
}

/// Return a server's name, by its place from 0; valid until bmcn_peers_free().  NULL behind the last one, and if
/// peers is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_peers_name(peers: *const bmcn_peers, place: c_uint) -> *const c_char {
    let peers = unsafe { peers.as_ref() };
    peers.and_then(|peers| peers.0.get(place as usize)).map_or(null(), |(name, _)| name.as_ptr())
}

/// Write what was said of a server, by its place from 0.  Only `take_over` is of now, not of then.
///
/// Returns BMCN_EINVAL (behind the last one; a NULL; a struct smaller than the first version), BMCN_E2BIG.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_peers_get(peers: *const bmcn_peers, place: c_uint, out: *mut bmcn_peer) -> c_int {
    shielded(|| {
        let peers = unsafe { peers.as_ref() }.ok_or(Error::invalid("peers is NULL"))?;
        let (_, status) = peers.0.get(place as usize).ok_or(Error::invalid("no server at this place"))?;
        // SAFETY: NULL or valid, by contract.
        unsafe { peer::write(status, now().boottime, out) }.map(|()| BMCN_OK as c_int)
    })
}

/// Free what bmcn_ctx_peers() made; NULL is a no-op.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_peers_free(peers: *mut bmcn_peers) {
    if !peers.is_null() {
        // SAFETY: made by bmcn_ctx_peers, given up by the caller.
        drop(unsafe { Box::from_raw(peers) });
    }
}

/// Say whether what a server runs may be taken over now, and copy the reason into `why`, cut to `size`, with a
/// NUL.
///
/// Nothing is asked of the BMC for it: what it has said counts, and how long ago.  `why` may be NULL if `size` is 0;
/// 128 octets are enough for every reason of this version.  A *yes* is for now and does not keep: ask again before
/// you act, and never let a BMC be the only witness.  Any thread.
///
/// Returns one of bmcn_take_over, of which BMCN_TAKE_OVER_YES alone is a yes; BMCN_EINVAL (no such server, or it has
/// no BMC; a NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_take_over(
    ctx: *const bmcn_ctx,
    server: *const c_char,
    why: *mut c_char,
    size: usize,
) -> c_int {
    let body = |context: &Context| {
        // SAFETY: by contract.
        let (answer, reason) = context.take_over(unsafe { text::given(server, "server")? })?;
        // SAFETY: the caller vouches for the buffer.
        unsafe { text::copy(reason, why, size)? };
        Ok(peer::take_over(answer) as c_int)
    };
    unsafe { enter(ctx, body) }
}

/// Say that the application lives.
///
/// Where the configuration says vouch = "application", this server's pulse is fed only while this is said at least
/// every `vouch_within`; say it from the code whose life matters, not from a timer beside it.  In loop mode the
/// feeding itself is done by dispatch.
/// Any thread, and inside a callback.
///
/// Returns BMCN_EINVAL (nobody asks the application for its word: the context's message says so), BMCN_EFORK,
/// BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_vouch(ctx: *mut bmcn_ctx) -> c_int {
    unsafe { enter(ctx, |context| context.vouch().map(|()| BMCN_OK as c_int)) }
}

/// Copy what has become of this server's own pulse, in words for a person, as bmcn_ctx_message() copies; "" if it is
/// not fed, or if nothing is known yet.
///
/// Returns the text's full length; BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_pulse(ctx: *const bmcn_ctx, buffer: *mut c_char, size: usize) -> c_int {
    let body = |context: &Context| {
        let said = context.pulse()?.unwrap_or_default();
        // SAFETY: the caller vouches for the buffer.
        unsafe { text::copy(&said, buffer, size) }
    };
    unsafe { enter(ctx, body) }
}

#[cfg(test)]
mod tests {
    use crate::heartbeat::{Doubt, Verdict, take_over};
    use std::time::Duration;

    /// What the comment of `bmcn_ctx_take_over` promises.
    const WHY_BYTES: usize = 128;

    #[test]
    fn every_reason_fits() {
        use Verdict::*;
        let verdicts = [Alive, Powered, Booting, Delayed, Silent, Left, Off, Unknown(Doubt::Elsewhere)];
        for (verdict, age) in verdicts.into_iter().flat_map(|verdict| [(verdict, 0), (verdict, 9)]) {
            let (_, why) = take_over(verdict, Duration::from_secs(age), Duration::from_secs(5));
            assert!(why.is_ascii() && why.len() < WHY_BYTES, "{why}");
        }
    }
}
