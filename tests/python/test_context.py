"""What a Python program may rely on: callbacks, waiting, the end, threads, forks, loops. Handshake "none": a trap
from a socket stands for the BMC."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import gc
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
import weakref

import bmcnotice
import pytest
import street


def counted(ctx, name):
    return lambda: ctx.statistics()[name]


# --- recoveries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [True, None, bmcnotice.DONE])
def test_a_recovery_is_done(ctx, pump, answer):
    calls = []

    @ctx.recovery("mrw1")
    def move(recovery):
        calls.append(recovery)
        return answer

    assert move is not None and move.__name__ == "move"
    street.send(ctx.port, pet := street.pet(7), pet, pet)
    pump(ctx, counted(ctx, "done"))
    pump(ctx, lambda: ctx.statistics()["datagrams"] == 3)
    assert len(calls) == 1 and ctx.statistics()["repeats"] == 2
    assert (calls[0].monitor, calls[0].server, calls[0].target) == ("mrw1", "server1", "failover1")
    assert calls[0].deadline == 20.0 and calls[0].token > 0 and calls[0].record > 0


@pytest.mark.parametrize("answer", [False, bmcnotice.FAILED])
def test_a_recovery_has_failed(ctx, pump, answer):
    ctx.recovery(lambda recovery: answer)
    street.send(ctx.port, street.pet())
    pump(ctx, counted(ctx, "failed"))
    assert ctx.statistics()["done"] == 0


@pytest.mark.parametrize("answer", [0, 1, "done", object()])
def test_any_other_answer_is_a_failure_and_raises(ctx, answer):
    ctx.recovery()(lambda recovery: answer)
    street.send(ctx.port, street.pet())
    with pytest.raises(TypeError, match="answers True"):
        for _ in range(100):
            ctx.wait(0.1)
            ctx.dispatch()
    assert ctx.statistics()["failed"] == 1


def test_the_monitor_s_own_recovery_comes_before_the_one_for_all(ctx, pump):
    calls = []
    ctx.recovery(lambda recovery: calls.append("all"))
    ctx.recovery("mrw1")(lambda recovery: calls.append("mrw1"))
    street.send(ctx.port, street.pet())
    pump(ctx, counted(ctx, "done"))
    assert calls == ["mrw1"]


def test_without_a_callback_the_recovery_fails_loudly(ctx, pump, caplog):
    street.send(ctx.port, street.pet())
    pump(ctx, counted(ctx, "failed"))
    pump(ctx, lambda: any("no callback" in record.message for record in caplog.records))


def test_what_cannot_be_registered(ctx):
    with pytest.raises(bmcnotice.Error, match="nobody"):
        ctx.recovery("nobody")(print)
    with pytest.raises(TypeError):
        ctx.recovery(3)
    with pytest.raises(TypeError, match="callable"):
        ctx.on_notice(3)

    async def later(recovery):
        pass

    with pytest.raises(TypeError, match="LATER"):
        ctx.recovery(later)


def test_a_recovery_is_completed_later_on_another_thread(ctx, pump):
    tokens = []

    @ctx.recovery
    def move(recovery):
        tokens.append(recovery.token)
        return bmcnotice.LATER

    street.send(ctx.port, street.pet())
    pump(ctx, lambda: tokens)
    assert ctx.statistics()["done"] == 0
    for wrong in (bmcnotice.LATER,):
        with pytest.raises(bmcnotice.Error):
            ctx.complete(tokens[0], wrong)
    with pytest.raises(TypeError):
        ctx.complete(tokens[0], 1)
    thread = threading.Thread(target=ctx.complete, args=(tokens[0], True))
    thread.start()
    pump(ctx, counted(ctx, "done"))
    thread.join()
    with pytest.raises(bmcnotice.StaleError):
        ctx.complete(tokens[0])


def test_a_token_that_never_was_is_stale(ctx):
    with pytest.raises(bmcnotice.StaleError):
        ctx.complete(12345, False)


def test_a_recovery_may_complete_itself(ctx, pump):
    @ctx.recovery
    def move(recovery):
        ctx.complete(recovery.token, False)
        return True  # too late: it is over

    street.send(ctx.port, street.pet())
    pump(ctx, counted(ctx, "failed"))
    assert ctx.statistics()["done"] == 0


# --- what is raised --------------------------------------------------------------------------------------------


def test_what_a_recovery_raises_is_a_failure_and_raised_by_dispatch(ctx, pump):
    notices = []
    ctx.on_notice(notices.append)

    @ctx.recovery
    def move(recovery):
        raise KeyError("the target")

    street.send(ctx.port, street.pet(1), street.pet(2))
    with pytest.raises(KeyError, match="the target"):
        pump(ctx, counted(ctx, "failed"))
        pytest.fail("nothing was raised")
    pump(ctx, lambda: len(notices) == 2)  # the rest was kept
    assert ctx.statistics()["failed"] == 1


def test_what_a_notice_callback_raises_changes_no_recovery(ctx):
    ctx.recovery(lambda recovery: True)

    @ctx.on_notice
    def hear(notice):
        raise RuntimeError(notice.sentence)

    street.send(ctx.port, street.pet())
    raised = 0
    end = time.monotonic() + street.DEADLINE
    while not (ctx.statistics()["done"] and raised) and time.monotonic() < end:
        ctx.wait(0.05)
        try:
            ctx.dispatch()
        except RuntimeError:
            raised += 1
    assert (raised, ctx.statistics()["done"]) == (1, 1)


def test_run_logs_what_is_raised_and_goes_on(ctx, caplog):
    calls = []

    @ctx.on_notice
    def hear(notice):
        calls.append(notice)
        if len(calls) == 2:
            ctx.stop()
        raise bmcnotice.StaleError("mine")

    street.send(ctx.port, street.pet(1), street.pet(2))
    ctx.run()
    assert len(calls) == 2
    raised = [record for record in caplog.records if record.exc_info]
    assert len(raised) == 2
    assert raised[0].name == "bmcnotice" and raised[0].levelno == logging.ERROR
    assert raised[0].exc_info[0] is bmcnotice.StaleError


def test_run_lets_an_exit_through(ctx):
    ctx.on_notice(lambda notice: sys.exit(3))
    street.send(ctx.port, street.pet())
    with pytest.raises(SystemExit) as caught:
        ctx.run()
    assert caught.value.code == 3


# --- notices ---------------------------------------------------------------------------------------------------


def test_a_notice_tells_everything_and_can_be_kept(ctx, pump):
    kept = []
    ctx.on_notice(kept.append)
    before = datetime.datetime.now(datetime.timezone.utc)
    street.send(ctx.port, street.pet(77))
    pump(ctx, lambda: kept)
    (notice,) = kept
    assert notice.class_ is bmcnotice.Class.FATAL and notice.trust is bmcnotice.Trust.ADDRESS
    assert (notice.degradation, notice.predictive) == (False, False)
    assert notice.server == "server1" and notice.source[0] == "127.0.0.1" and notice.source[1] > 0
    assert notice.trap_oid == "1.3.6.1.4.1.3183.1.1.0.814849"
    assert notice.sentence == "Memory (sensor 20h): Uncorrectable memory error asserted; severity non-recoverable; reported by BMC of server1" and "emory" in notice.region
    assert abs(notice.received.wall - before) < datetime.timedelta(seconds=60)
    assert abs(notice.received.boottime - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    pet = notice.pet
    assert (pet.sensor_type, pet.event_type, pet.offset, pet.deasserted) == (0x0C, 0x6F, 1, False)
    assert pet.guid == uuid.UUID(bytes=street.GUID) and pet.sequence == 77 and pet.utc_offset is None
    assert (pet.severity, pet.sensor_number, pet.entity, pet.entity_instance) == (0x20, 0x20, 0x20, 1)
    assert pet.event_data == bytes.fromhex("a100050000000000") and pet.manufacturer == 0x157
    for value, name in ((notice, "sentence"), (pet, "offset"), (notice.received, "wall")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)
    assert hash(notice) == hash(dataclasses.replace(notice))


def test_a_cleared_one_starts_nothing(ctx, pump):
    kept = []
    ctx.on_notice(kept.append)
    ctx.recovery(lambda recovery: pytest.fail("called"))
    street.send(ctx.port, street.pet(deasserted=True))
    pump(ctx, lambda: kept)
    assert kept[0].class_ is bmcnotice.Class.CLEARED
    assert ctx.statistics()["recoveries"] == 0


def test_drops_are_counted_by_reason(ctx, pump):
    street.send(ctx.port, b"hello", street.pet()[:20], street.pet().replace(b"public", b"secret"))
    pump(ctx, lambda: ctx.statistics()["datagrams"] == 3)
    statistics = ctx.statistics()
    assert statistics["drops"]["wrong_community"] == 1
    assert sum(statistics["drops"].values()) == 3 and len(statistics["drops"]) > 15
    assert statistics["drops"]["other_servers_bmc"] == 0
    for mapping, name in ((statistics, "notices"), (statistics["drops"], "wrong_community")):
        with pytest.raises(TypeError):
            mapping[name] = 7
    assert set(statistics) == set(bmcnotice.Statistics.__annotations__)
    assert ctx.statistics()["notices"] == 0


def test_peers(ctx, pump):
    told = []
    ctx.on_peer(told.append)
    pump(ctx, lambda: ctx.peer("server1").doubt is bmcnotice.Doubt.SILENT)
    (peer,) = ctx.peers()
    assert peer.server == "server1" and peer.verdict is bmcnotice.Verdict.UNKNOWN
    assert peer.heard is None and peer.restarts == 0
    assert 0 < peer.since <= time.clock_gettime(time.CLOCK_BOOTTIME)
    pump(ctx, lambda: told)
    assert isinstance(told[-1], bmcnotice.Peer)
    with pytest.raises(bmcnotice.Error, match="server2"):
        ctx.peer("server2")


# --- the log ---------------------------------------------------------------------------------------------------


def test_the_log_goes_to_logging(ctx, pump, caplog):
    caplog.set_level(logging.DEBUG, "bmcnotice")
    ctx.recovery(lambda recovery: False)
    street.send(ctx.port, street.pet())
    pump(ctx, lambda: any("FAILED" in record.message for record in caplog.records))
    lines = {record.message: record for record in caplog.records}
    assert {record.name for record in caplog.records} == {"bmcnotice"}
    failed = next(record for text, record in lines.items() if "FAILED" in text)
    assert failed.levelno == logging.ERROR
    assert any(record.levelno == logging.INFO for record in caplog.records)


def test_the_log_goes_where_it_is_told(ctx, pump, caplog):
    lines = []
    ctx.on_log(lambda level, text: lines.append((level, text)))
    ctx.recovery(lambda recovery: True)
    street.send(ctx.port, street.pet())
    pump(ctx, lambda: any("Uncorrectable" in text for _, text in lines))
    assert all(level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR) for level, _ in lines)
    assert not caplog.records


# --- waiting and running ---------------------------------------------------------------------------------------


def test_wait_ends_in_time(ctx, pump):
    pump(ctx, lambda: ctx.peer("server1").doubt is bmcnotice.Doubt.SILENT)
    ctx.dispatch(1000)
    if ctx.fileno() >= 0 and not ctx.wait(0):
        begin = time.monotonic()
        while time.monotonic() < begin + 0.3 and not ctx.wait(0.1):
            pass
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError):
            ctx.wait(wrong)


def test_other_threads_run_while_we_wait(text):
    with bmcnotice.Context(bmcnotice.Config.from_text(text)) as ctx:
        stop, ticks = threading.Event(), []

        def tick():
            while not stop.is_set():
                ticks.append(time.monotonic())
                time.sleep(0.005)

        thread = threading.Thread(target=tick)
        thread.start()
        begin = time.monotonic()
        while ctx.wait(0.4):  # it looks after its BMC's link now and then
            ctx.dispatch()
            begin = time.monotonic()
        inside = [t for t in ticks if begin + 0.05 < t < begin + 0.35]
        stop.set()
        thread.join()
        assert len(inside) > 5


def test_the_library_works_while_a_callback_blocks(text):
    """Thread mode: a recovery may take minutes; meanwhile the library listens, and other Python threads run."""
    with bmcnotice.Context(bmcnotice.Config.from_text(text)) as ctx:
        inside, leave = threading.Event(), threading.Event()

        @ctx.recovery
        def move(recovery):
            inside.set()
            assert leave.wait(street.DEADLINE)

        runner = threading.Thread(target=ctx.run)
        runner.start()
        try:
            street.send(ctx.port, street.pet(1))
            assert inside.wait(street.DEADLINE)
            street.send(ctx.port, street.pet(2), b"hello")
            end = time.monotonic() + street.DEADLINE
            while ctx.statistics()["datagrams"] < 3 and time.monotonic() < end:
                time.sleep(0.01)
            assert (ctx.statistics()["notices"], ctx.statistics()["done"]) == (2, 0)
            with pytest.raises(bmcnotice.BusyError):
                ctx.dispatch()
        finally:
            leave.set()
            ctx.stop()
            runner.join()
        assert ctx.statistics()["done"] == 1


def test_dispatch_inside_a_callback_is_busy(ctx, pump):
    caught = []

    @ctx.on_notice
    def hear(notice):
        for call in (ctx.dispatch, ctx.run):
            try:
                call()
            except bmcnotice.Error as error:
                caught.append(error)

    street.send(ctx.port, street.pet())
    pump(ctx, lambda: caught)
    assert [type(error) for error in caught] == [bmcnotice.BusyError, bmcnotice.BusyError]


def test_run_goes_on_when_another_thread_has_dispatched(text):
    """An event loop that dispatches once, at the wrong moment, must not end the thread that stands by."""
    with bmcnotice.Context(bmcnotice.Config.from_text(text)) as ctx:
        inside, leave, heard, ended, busy = threading.Event(), threading.Event(), [], [], []

        @ctx.on_notice
        def hear(notice):
            heard.append((notice.pet.sequence, threading.current_thread()))
            inside.set()
            leave.wait(street.DEADLINE)

        def run():
            try:
                ended.append(ctx.run())
            except bmcnotice.Error as error:
                ended.append(error)
            busy.append(time.thread_time())

        def dispatch_once():
            while not heard:
                ctx.wait(1)
                ctx.dispatch()

        other, runner = threading.Thread(target=dispatch_once), threading.Thread(target=run)
        other.start()
        street.send(ctx.port, street.pet(1, deasserted=True))
        assert inside.wait(street.DEADLINE)
        street.send(ctx.port, street.pet(2, deasserted=True))  # news that waits, and keeps the descriptor readable
        runner.start()
        time.sleep(0.5)
        assert runner.is_alive() and not ended
        leave.set()
        other.join(street.DEADLINE)
        end = time.monotonic() + street.DEADLINE
        while len(heard) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        ctx.stop()
        runner.join(street.DEADLINE)
    assert ended == [None] and heard == [(1, other), (2, heard[1][1])] and heard[1][1] in (other, runner)
    assert busy[0] < 0.2, "it spins"


def test_dispatch_keeps_to_its_limit(ctx, pump):
    kept = []
    ctx.on_notice(kept.append)
    street.send(ctx.port, *(street.pet(n) for n in range(1, 6)))
    pump(ctx, lambda: ctx.statistics()["notices"] == 5 or kept)
    assert ctx.dispatch(0) == 0
    while ctx.dispatch(1):
        assert ctx.wait(0) or True
    pump(ctx, lambda: len(kept) == 5)
    assert [notice.pet.sequence for notice in kept] == [1, 2, 3, 4, 5]


def test_stop_comes_from_anywhere_and_before(ctx):
    ctx.stop()
    ctx.run()
    timer = threading.Timer(0.1, ctx.stop)
    timer.start()
    ctx.run()
    timer.join()
    assert select.select([ctx], [], [], 0)[0] == [] or ctx.dispatch() >= 0
    ended = threading.Thread(target=ctx.run)
    ended.start()
    ctx.stop()
    ended.join(street.DEADLINE)
    assert not ended.is_alive()


def test_close_on_another_thread_ends_run(ctx):
    ended = threading.Thread(target=ctx.run)
    ended.start()
    time.sleep(0.1)
    begin = time.monotonic()
    ctx.close()
    ended.join(street.DEADLINE)
    assert not ended.is_alive() and time.monotonic() - begin < 3


@pytest.mark.parametrize("script", ["ctx.run()", "while True:\n        ctx.wait() and ctx.dispatch()"])
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_signals(text, mode, script, ends):
    """Ctrl-C ends run() quietly, and raises out of wait(); a handler's stop() ends run()."""
    program = f"""
import bmcnotice, signal, sys, threading
with bmcnotice.Context(bmcnotice.Config.from_text({text!r}), mode={mode!r}) as ctx:
    signal.signal(signal.SIGTERM, lambda *_: ctx.stop() if "run" in {script!r} else sys.exit(7))
    print("ready", flush=True)
    {script}
print("clean", flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        child.send_signal(ends)
        said, errors = child.communicate(timeout=street.DEADLINE)
    finally:
        child.kill()
        child.wait()
    if "run" in script:
        assert (child.returncode, said, "Traceback" in errors) == (0, "clean\n", False)
    elif ends is signal.SIGINT:
        assert child.returncode == -signal.SIGINT and "KeyboardInterrupt" in errors and not said
    else:
        assert child.returncode == 7 and not said


def test_ctrl_c_inside_a_recovery_fails_it_and_ends_run(text, mode):
    program = f"""
import bmcnotice, logging, time
with bmcnotice.Context(bmcnotice.Config.from_text({text!r}), mode={mode!r}) as ctx:
    @ctx.recovery
    def move(recovery):
        print("inside", flush=True)
        time.sleep(30)
    print(ctx.port, flush=True)
    ctx.run()
    print(ctx.statistics()["failed"], flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        street.send(int(child.stdout.readline()), street.pet())
        assert child.stdout.readline() == "inside\n"
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=street.DEADLINE)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, said) == (0, "1\n")


def test_asyncio(ctx):
    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        @ctx.recovery
        def move(recovery):
            async def work():
                await asyncio.sleep(0.01)
                ctx.complete(recovery.token, True)
                done.set_result(recovery)

            tasks.append(loop.create_task(work()))
            return bmcnotice.LATER

        tasks = []
        loop.add_reader(ctx.fileno(), ctx.dispatch)
        try:
            street.send(ctx.port, street.pet())
            recovery = await asyncio.wait_for(done, street.DEADLINE)
        finally:
            loop.remove_reader(ctx.fileno())
        return recovery

    assert asyncio.run(main()).monitor == "mrw1"
    assert ctx.statistics()["done"] == 1


# --- the end ---------------------------------------------------------------------------------------------------


def test_a_closed_context_is_refused(ctx):
    ctx.close()
    ctx.close()
    for call in (ctx.dispatch, ctx.wait, ctx.run, ctx.stop, ctx.fileno, ctx.peers, ctx.statistics):
        with pytest.raises(bmcnotice.Error, match="closed"):
            call()
    with pytest.raises(bmcnotice.Error, match="closed"):
        ctx.recovery(print)
    with pytest.raises(bmcnotice.Error, match="closed"):
        ctx.complete(1)


def test_close_in_a_callback_ends_the_dispatch(ctx):
    seen = []

    @ctx.on_notice
    def hear(notice):
        seen.append(notice)
        ctx.close()

    street.send(ctx.port, street.pet(1), street.pet(2))
    end = time.monotonic() + street.DEADLINE
    with pytest.raises(bmcnotice.Error, match="closed"):
        while time.monotonic() < end:
            ctx.wait(0.05)
            ctx.dispatch()
    assert len(seen) == 1


def test_close_in_a_callback_ends_run(ctx):
    ctx.on_notice(lambda notice: ctx.close())
    street.send(ctx.port, street.pet())
    ctx.run()


def test_the_port_is_free_again_after_the_with(text, mode):
    for _ in range(3):
        with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as ctx:
            assert ctx.port


def test_the_with_block_lets_exceptions_through(text, mode):
    with pytest.raises(ZeroDivisionError):
        with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as ctx:
            1 // 0
    with pytest.raises(bmcnotice.Error, match="closed"):
        ctx.dispatch()


def test_a_forgotten_context_is_collected_with_its_callbacks(text, mode):
    ctx = bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode)

    class Service:
        def move(self, recovery):
            return self.ctx

    service = Service()
    service.ctx = ctx
    ctx.recovery(service.move)
    ctx.on_notice(lambda notice, service=service: None)
    gone = weakref.ref(ctx), weakref.ref(service)
    del ctx, service
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode).close()  # and the port is free


def test_a_forked_child_is_refused_and_harms_nothing(ctx, pump):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            refused = 0
            for call in (ctx.dispatch, ctx.fileno, ctx.statistics, ctx.stop, ctx.run, ctx.wait):
                try:
                    call()
                except bmcnotice.ForkError:
                    refused += 1
            ctx.close()
            code = 0 if refused == 6 else 2
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    ctx.recovery(lambda recovery: True)
    street.send(ctx.port, street.pet())
    pump(ctx, counted(ctx, "done"))


def test_many_threads_at_once(text):
    """Any method, any thread: nothing hangs and nothing but the listed errors comes out."""
    with bmcnotice.Context(bmcnotice.Config.from_text(text)) as ctx:
        seen, stop = [], threading.Event()
        ctx.on_notice(seen.append)
        ctx.recovery(lambda recovery: True)
        wrong = []

        def work(call):
            while not stop.is_set():
                try:
                    call()
                except bmcnotice.BusyError:
                    pass
                except Exception as error:
                    wrong.append(error)

        calls = (ctx.dispatch, ctx.dispatch, lambda: ctx.wait(0.01), ctx.statistics, ctx.peers)
        calls += (lambda: ctx.on_log(lambda level, text: None),)
        threads = [threading.Thread(target=work, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        street.send(ctx.port, *(street.pet(n) for n in range(1, 33)))
        end = time.monotonic() + street.DEADLINE
        while len(seen) < 32 and time.monotonic() < end:
            time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join(street.DEADLINE)
        assert not wrong and len(seen) == 32
        assert not any(thread.is_alive() for thread in threads)
