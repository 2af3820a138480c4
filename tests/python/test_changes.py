"""peer_changes(): in an event loop or beside a thread that dispatches, several at once, and nothing left behind. The BMC
is silent, so there is one change soon; more are made up."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import select
import subprocess
import sys
import threading
import time
import weakref

import bmcnotice
import pytest
import street
from bmcnotice import Doubt, Peer, Verdict
from bmcnotice.changes import MOST_WAITING, PeerChanges

SILENT = (Verdict.UNKNOWN, Doubt.SILENT)


def run(main):
    return asyncio.run(asyncio.wait_for(main, 2 * street.DEADLINE))


def watched():
    """What the running loop watches, beside what wakes it."""
    return len(asyncio.get_running_loop()._selector.get_map()) - 1


def descriptors():
    """The epoll instances that are open. Of other things the library's own thread opens and closes some."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            count += "eventpoll" in os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            pass  # closed meanwhile
    return count


async def first(changes):
    async for peer in changes:
        return peer
    return None


def change(server="server1", number=0):
    return Peer(server, Verdict.ALIVE, None, float(number), None, number)


class Desk:
    """Stands for a context: nothing is told but what a test puts."""

    def __init__(self):
        self.listeners = []

    def _listen(self, listener):
        self.listeners.append(listener)

    def _unlisten(self, listener):
        if listener in self.listeners:
            self.listeners.remove(listener)


def test_in_an_event_loop(ctx):
    peer = run(first(ctx.peer_changes()))
    assert (peer.verdict, peer.doubt) == SILENT and peer == dataclasses.replace(peer)


def test_several_at_once_and_the_callback_are_told_the_same(ctx):
    told = []
    ctx.on_peer(told.append)

    async def main():
        return await asyncio.gather(*(first(ctx.peer_changes()) for _ in range(3)))

    peers = run(main())
    assert (peers[0].verdict, peers[0].doubt) == SILENT and peers[1:] == peers[:2] and told[0] == peers[0]


def test_beside_a_thread_that_dispatches(ctx):
    threads = []
    ctx.on_peer(lambda peer: threads.append(threading.get_ident()))
    thread = threading.Thread(target=ctx.run)
    thread.start()

    async def main():
        peer = await first(ctx.peer_changes(dispatch=False))
        assert watched() == 0
        return peer

    peer = run(main())
    ctx.stop()
    thread.join(street.DEADLINE)
    assert (peer.verdict, peer.doubt) == SILENT and set(threads) == {thread.ident} != {threading.get_ident()}


def test_beside_a_reader_of_your_own(ctx):
    async def main():
        loop = asyncio.get_running_loop()
        loop.add_reader(ctx.fileno(), ctx.dispatch)
        peer = await first(ctx.peer_changes(dispatch=False))
        waiting = asyncio.create_task(first(ctx.peer_changes()))
        await asyncio.sleep(0)
        assert watched() == 2
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert watched() == 1 and loop.remove_reader(ctx.fileno())  # yours is still there
        return peer

    assert run(main()).doubt is Doubt.SILENT


def test_it_ends_when_the_context_is_closed(ctx):
    async def main():
        changes = ctx.peer_changes()
        await first(changes)
        waiting = asyncio.create_task(first(changes))
        await asyncio.sleep(0.05)
        assert watched() == 1
        ctx.close()
        assert await waiting is None
        assert watched() == 0
        assert [peer async for peer in changes] == []

    before = descriptors()
    run(main())
    assert descriptors() < before  # the context's own are gone, too


def test_a_close_on_another_thread_wakes_it(text, mode):
    ctx = bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode)

    async def main():
        changes = ctx.peer_changes()
        closes = threading.Timer(0.3, ctx.close)
        closes.start()
        count = len([peer async for peer in changes])
        closes.join()
        return count

    assert run(main()) <= 1


def test_what_was_told_before_the_end_is_read_before_it():
    async def main():
        desk = Desk()
        changes = PeerChanges(desk, False)
        desk.listeners[0].put(change(number=1))
        desk.listeners[0].put(change(number=2))
        desk.listeners[0].end()
        return [peer.restarts async for peer in changes]

    assert run(main()) == [1, 2]


def test_cancelling_who_waits_leaves_no_reader_and_loses_nothing(ctx):
    async def main():
        before = descriptors(), watched()
        changes = ctx.peer_changes()
        waiting = asyncio.create_task(changes.__anext__())
        await asyncio.sleep(0)
        assert watched() == 1 and descriptors() == before[0] + 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (descriptors(), watched()) == before
        with pytest.raises(asyncio.TimeoutError):
            while True:  # until it was told, and nothing more comes
                await asyncio.wait_for(changes.__anext__(), 2)
        assert watched() == 0
        changes._mailbox.put(change(number=7))
        assert (await changes.__anext__()).restarts == 7

    run(main())


def test_a_cancelled_task_leaves_no_reader(ctx):
    async def main():
        before = descriptors()

        async def watch():
            async for peer in ctx.peer_changes():
                await asyncio.sleep(1000)

        for pause in (0.0, 0.05, 2.0):  # before it waits, while it waits, in its body
            task = asyncio.create_task(watch())
            await asyncio.sleep(pause)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert watched() == 0
        assert descriptors() == before

    run(main())


def test_who_breaks_off_leaves_no_reader_and_aclose_ends_it(ctx):
    async def main():
        before = descriptors()
        async for peer in ctx.peer_changes():
            assert watched() == 1
            break
        assert watched() == 0 and descriptors() == before
        changes = ctx.peer_changes()
        waiting = asyncio.create_task(first(changes))
        await asyncio.sleep(0.05)
        await changes.aclose()
        await changes.aclose()
        assert await waiting is None and watched() == 0 and descriptors() == before
        changes = ctx.peer_changes()
        changes._mailbox.put(change())
        await changes.aclose()
        assert await first(changes) is None

    run(main())


def test_one_loop_after_another(ctx):
    changes = ctx.peer_changes()

    async def main(made_up):
        if made_up:
            changes._mailbox.put(made_up)
        return await changes.__anext__()

    assert run(main(change(number=7))).restarts == 7
    assert run(main(None)).doubt is Doubt.SILENT  # the first loop is closed, and its reader with it


def test_a_slow_reader_finds_the_latest_of_each_server():
    async def main():
        desk = Desk()
        changes = PeerChanges(desk, False)
        put = desk.listeners[0].put
        for number in range(MOST_WAITING):
            put(change(f"server{number % 3}", number))
        all_of_them = [(await changes.__anext__()).restarts for _ in range(MOST_WAITING)]
        assert all_of_them == list(range(MOST_WAITING)), "within its room nothing is left out"

        for number in range(10 * MOST_WAITING):
            put(change(f"server{number % 3}", number))
        assert len(changes._mailbox._waiting) <= MOST_WAITING
        desk.listeners[0].end()
        numbers = [peer.restarts async for peer in changes]
        assert numbers == sorted(numbers) and numbers[-3:] == [10 * MOST_WAITING - n for n in (3, 2, 1)]

        for number in (*range(2, 2 + MOST_WAITING), 1):
            put(change(f"server{number % 3}", number))
        assert changes._mailbox._waiting[-1].restarts == 1, "in the order of what was told"

        changes = PeerChanges(desk, False)  # more servers than it has room for
        for number in range(5 * MOST_WAITING):
            desk.listeners[-1].put(change(f"server{number % (2 * MOST_WAITING)}", number))
        desk.listeners[-1].end()
        latest = {peer.server: peer.restarts async for peer in changes}
        assert len(latest) == 2 * MOST_WAITING and min(latest.values()) == 3 * MOST_WAITING

    run(main())


def test_what_a_callback_raises_goes_to_the_loop_and_the_iteration_goes_on(ctx):
    raised = []

    @ctx.on_peer
    def hear(peer):
        ctx.dispatch()  # a mistake

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: raised.append(context["exception"]))
        return await first(ctx.peer_changes())

    assert (run(main()).verdict, len(raised)) == (Verdict.UNKNOWN, 1) and isinstance(raised[0], bmcnotice.BusyError)


def test_it_does_not_spin_while_another_thread_dispatches(text):
    """In thread mode the descriptor of a context whose callback takes its time becomes readable again."""
    with bmcnotice.Context(bmcnotice.Config.from_text(text)) as ctx:
        inside, leave, pauses = threading.Event(), threading.Event(), []

        @ctx.on_notice
        def hear(notice):
            inside.set()
            leave.wait(street.DEADLINE)

        thread = threading.Thread(target=ctx.run)
        thread.start()
        street.send(ctx.port, street.pet(1, deasserted=True))
        assert inside.wait(street.DEADLINE)  # there, and not in the event loop

        async def main():
            changes = ctx.peer_changes()
            pause = changes._mailbox._pause
            changes._mailbox._pause = lambda: pauses.append(pause())
            waiting = asyncio.create_task(changes.__anext__())
            end = time.monotonic() + 0.7
            while time.monotonic() < end:
                street.send(ctx.port, street.pet(2, deasserted=True))  # news that waits
                await asyncio.sleep(0.05)
            waiting.cancel()

        run(main())
        count = len(pauses)
        leave.set()
        ctx.stop()
        thread.join(street.DEADLINE)
        assert 0 < count < 30, count


def test_a_broken_one_is_told_once():
    async def main():
        desk = Desk()
        changes = PeerChanges(desk, False)
        desk.listeners[0].end(bmcnotice.BrokenError("twice"))
        with pytest.raises(bmcnotice.BrokenError, match="twice"):
            await changes.__anext__()
        assert [peer async for peer in changes] == []

    run(main())


def test_a_forked_child_does_not_touch_the_parents_loop(ctx):
    async def main():
        changes = ctx.peer_changes()
        waiting = asyncio.create_task(changes.__anext__())
        await asyncio.sleep(0)
        assert watched() == 1
        pid = os.fork()
        if pid == 0:
            try:
                changes._mailbox.close()
                ctx.close()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        woken, _, _ = select.select([asyncio.get_running_loop()._ssock], [], [], 0)
        assert not woken
        return await waiting  # its reader is still there

    assert (run(main()).verdict) is Verdict.UNKNOWN


def test_forgotten_ones_are_collected(text, mode):
    ctx = bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode)
    changes = ctx.peer_changes()
    ctx.on_notice(lambda notice, changes=changes: None)  # a circle
    gone = weakref.ref(ctx), weakref.ref(changes), weakref.ref(changes._mailbox)
    del ctx, changes
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]
    bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode).close()  # and the port is free


def test_who_does_not_use_asyncio_does_not_load_it():
    program = "import sys, bmcnotice; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_program_that_ends_in_the_middle_ends_quietly(text):
    program = f"""
import asyncio, bmcnotice
ctx = bmcnotice.Context(bmcnotice.Config.from_text({text!r}))
changes = ctx.peer_changes()
async def main():
    async for peer in changes:
        print(peer.verdict, flush=True)
        break
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "unknown\n", "")
