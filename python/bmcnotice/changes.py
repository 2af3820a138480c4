"""The heartbeat's changes, one after the other, for asyncio. Context.peer_changes() makes them, and imports this: who
does not use asyncio does not load it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Optional

from .exceptions import BrokenError, BusyError, Error, ForkError
from .values import Peer

if TYPE_CHECKING:
    from ._bmcnotice import Context

__all__ = ["PeerChanges"]

MOST_WAITING = 1000
"""So many changes wait for whoever reads slowly. Beyond that each server's latest stays: what is read last is true."""

BUSY_PAUSE = 0.05
"""So many seconds it is left alone when another thread dispatches: the descriptor stays readable meanwhile."""


class PeerChanges(AsyncIterator[Peer]):
    """What the heartbeat says of a server, whenever that changes, from the moment this was made. For `async for`.

    It ends when the context is closed. Cancelling who waits loses nothing: the next one who waits gets it. As long as it
    lives, from the first wait on, it dispatches in the event loop, if it was made to; aclose() ends that sooner.
    """

    def __init__(self, context: Context, dispatch: bool = True) -> None:
        self._mailbox = _Mailbox(context, dispatch)
        context._listen(self._mailbox)

    def __del__(self) -> None:
        self._mailbox.close()

    def __aiter__(self) -> PeerChanges:
        return self

    async def __anext__(self) -> Peer:
        return await self._mailbox.take()

    async def aclose(self) -> None:
        """Ends it: whoever waits is told that there are no more."""
        self._mailbox.close()


class _Mailbox:
    """What the context puts changes into and the event loop holds, so that the iterator itself is held by its user
    alone, and an iterator that is forgotten ends."""

    def __init__(self, context: Context, dispatch: bool) -> None:
        self._context = context
        self._dispatch = dispatch
        self._process = os.getpid()
        # Re-entered when the garbage collector closes it just then.
        self._lock = threading.RLock()
        self._waiting: deque[Peer] = deque()
        self._room = MOST_WAITING
        self._over = False
        self._error: Optional[Exception] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._takers: set[asyncio.Future[None]] = set()
        self._descriptor = -1  # ours, so that several may watch, and nobody else's reader is replaced

    # --- the context's side, on whatever thread -------------------------------------------------------------------

    def put(self, peer: Peer) -> None:
        with self._lock:
            self._waiting.append(peer)
            if len(self._waiting) > self._room:
                latest: dict[str, Peer] = {}
                for change in self._waiting:
                    latest.pop(change.server, None)  # to the end
                    latest[change.server] = change
                self._waiting = deque(latest.values())
                self._room = max(MOST_WAITING, 2 * len(latest))
        self._wake()

    def end(self, error: Optional[Exception] = None) -> None:
        with self._lock:
            self._error = self._error if self._over else error
            self._over = True
        self._wake()

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._wake_takers)
            except RuntimeError:
                pass  # it is closed, and nobody waits

    # --- the event loop's side, on its thread ---------------------------------------------------------------------

    def _wake_takers(self) -> None:
        for taker in self._takers:
            if not taker.done():
                taker.set_result(None)
        if self._over:
            self._stop_reading()

    async def take(self) -> Peer:
        loop = asyncio.get_running_loop()
        while True:
            self._enter(loop)  # before the look: what comes after it wakes us
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                if self._over:
                    error, self._error = self._error, None
                    raise StopAsyncIteration if error is None else error
            taker = loop.create_future()
            self._takers.add(taker)
            try:
                await taker
            except asyncio.CancelledError:
                if self._takers == {taker}:
                    self._stop_reading()
                raise
            finally:
                self._takers.discard(taker)

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            if self._takers:
                raise RuntimeError("it is waited for in another event loop")
            self._stop_reading()
            self._loop = loop
        if self._dispatch and self._descriptor < 0 and not self._over:
            try:
                self._descriptor = os.dup(self._context.fileno())
            except Error:
                if not self._over:  # closed just now
                    raise
            else:
                loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        try:
            self._context.dispatch()
        except BusyError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # by a callback
            self._pause()
        except (BrokenError, ForkError) as error:
            self.end(error)
        except Error:
            if not self._over:
                raise

    def _pause(self) -> None:
        """Another thread dispatches; it does the work."""
        loop, descriptor = self._loop, self._descriptor
        if loop is not None and descriptor >= 0:
            loop.remove_reader(descriptor)
            loop.call_later(BUSY_PAUSE, self._resume, descriptor)

    def _resume(self, descriptor: int) -> None:
        if self._loop is not None and self._descriptor == descriptor:
            self._loop.add_reader(descriptor, self._on_readable)

    def _stop_reading(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(descriptor)
            os.close(descriptor)

    # --- the end, on whatever thread ------------------------------------------------------------------------------

    def close(self) -> None:
        if os.getpid() != self._process:
            return  # in a forked child context and event loop are the parent's
        self._context._unlisten(self)
        with self._lock:
            self._waiting.clear()
        self.end()  # the loop stops reading when it hears of it
        if self._loop is None or self._loop.is_closed() or _runs_here(self._loop):
            self._stop_reading()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
