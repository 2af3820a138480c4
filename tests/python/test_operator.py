"""What the operator says to a context: hold and release, cancel, clear, maintenance, reload; the steps of a recovery;
and that one which fails in any way leaves the context at work. In both modes."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import time

import bmcnotice
import pytest
import street
from bmcnotice import Stage


@pytest.fixture
def steps(ctx):
    told = []
    ctx.on_progress(told.append)
    return told


def stages(steps):
    return [step.stage for step in steps]


def closed(steps):
    return lambda: Stage.CLOSED in stages(steps)


def held(ctx, pump, steps, sequence=1):
    """Raises a fault that is held; its record."""
    ctx.maintenance = True
    street.send(ctx.port, street.pet(sequence))
    pump(ctx, lambda: any("held" in step.text for step in steps))
    return steps[-1].record


def test_every_step_is_told_and_can_be_kept(ctx, pump, steps):
    ctx.recovery(lambda recovery: True)
    street.send(ctx.port, street.pet())
    pump(ctx, closed(steps))
    found = stages(steps)
    wanted = [Stage.RECORDED, Stage.RECOVERING, Stage.ANSWERED, Stage.AWAITING_RESET, Stage.CLOSED]
    assert [stage for stage in found if stage in wanted] == wanted, found
    first = steps[0]
    assert (first.monitor, first.record, first.level) == ("mrw1", 1, 20) and "emory" in first.text
    assert 0 <= first.after < 20 and abs(first.at.boottime - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.text = "none"
    assert pickle.loads(pickle.dumps(first)) == first and str(first.stage) == "recorded"


def test_what_a_progress_callback_raises_changes_no_recovery(ctx, pump):
    ctx.recovery(lambda recovery: True)
    ctx.on_progress(lambda step: 1 / 0)
    street.send(ctx.port, street.pet())
    end = time.monotonic() + street.DEADLINE
    raised = 0
    while not ctx.statistics()["done"] and time.monotonic() < end:
        ctx.wait(0.05)
        try:
            ctx.dispatch()
        except ZeroDivisionError:
            raised += 1
    assert raised and ctx.statistics()["done"] == 1


def test_maintenance_holds_until_released_and_outlives_the_context(ctx, mode, text, pump, steps, caplog):
    assert ctx.maintenance is False
    record = held(ctx, pump, steps)
    assert ctx.maintenance is True and ctx.statistics()["recoveries"] == 0
    ctx.close()
    with pytest.raises(bmcnotice.Error):
        _ = ctx.maintenance

    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as again:
        calls = []
        again.recovery(calls.append)
        pump(again, lambda: any("maintenance is ON" in entry.message for entry in caplog.records))
        assert again.maintenance is True
        again.maintenance = False
        with pytest.raises(bmcnotice.StaleError):
            again.release(record + 7)
        again.release(record)
        pump(again, lambda: again.statistics()["done"])
        assert [call.record for call in calls] == [record]
    with pytest.raises((TypeError, bmcnotice.Error)):
        again.maintenance = "on"


@pytest.mark.parametrize("word", ["cancel", "clear"])
def test_a_held_one_is_closed(ctx, pump, steps, word):
    ctx.recovery(lambda recovery: pytest.fail("called"))
    record = held(ctx, pump, steps)
    getattr(ctx, word)(record)
    pump(ctx, closed(steps))
    with pytest.raises(bmcnotice.StaleError):
        getattr(ctx, word)(record)


def test_a_running_one_is_cancelled_from_inside_another_callback(ctx, pump, steps):
    tokens = []

    @ctx.recovery
    def move(recovery):
        tokens.append(recovery.token)
        with pytest.raises(bmcnotice.Error, match="runs"):
            ctx.clear(recovery.record)
        with pytest.raises(bmcnotice.Error, match="not held"):
            ctx.release(recovery.record)
        ctx.cancel(recovery.record)
        return bmcnotice.LATER

    street.send(ctx.port, street.pet())
    pump(ctx, closed(steps))
    assert ctx.statistics()["done"] == 0
    with pytest.raises(bmcnotice.StaleError):
        ctx.complete(tokens[0])


# --- whatever goes wrong, the next one is run ------------------------------------------------------------------


def raises(recovery):
    raise KeyError("the target")


def blocks(recovery):
    time.sleep(0.4)
    return True  # too late


BAD = [
    pytest.param(lambda recovery: False, None, False, id="failed"),
    pytest.param(lambda recovery: 42, TypeError, False, id="unknown"),
    pytest.param(raises, KeyError, False, id="raised"),
    pytest.param(lambda recovery: bmcnotice.LATER, None, True, id="never-completed"),
    pytest.param(blocks, None, True, id="overran"),
]


@pytest.mark.parametrize("bad, error, overruns", BAD)
def test_a_bad_recovery_has_failed_and_the_next_one_is_run(mode, text, bad, error, overruns):
    text = text.replace('deadline = "20s"', 'deadline = "200ms"', 1)
    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as ctx:
        steps, raised, calls = [], [], []
        ctx.on_progress(steps.append)

        @ctx.recovery
        def move(recovery):
            calls.append(recovery)
            return bad(recovery) if len(calls) == 1 else True

        def until(done):
            end = time.monotonic() + street.DEADLINE
            while not done():
                assert time.monotonic() < end, stages(steps)
                ctx.wait(0.05)
                try:
                    ctx.dispatch()
                except Exception as caught:
                    raised.append(type(caught))

        street.send(ctx.port, street.pet(1))
        until(closed(steps))
        assert (ctx.statistics()["failed"], ctx.statistics()["done"]) == (1, 0)
        assert raised == ([error] if error else []) and (Stage.OVERRUN in stages(steps)) == overruns
        with pytest.raises(bmcnotice.StaleError):
            ctx.complete(calls[0].token)
        street.send(ctx.port, street.pet(2))
        until(lambda: ctx.statistics()["done"])
        assert len(calls) == 2


# --- reload ----------------------------------------------------------------------------------------------------


def test_a_bad_configuration_changes_nothing(ctx, text, pump, tmp_path):
    port = ctx.port
    with pytest.raises(bmcnotice.ConfigError) as caught:
        ctx.reload(bmcnotice.Config.from_text(text.replace('"address"', '"blind"'), "bad.toml"))
    assert any(finding.place.file == "bad.toml" for finding in caught.value.findings)
    with pytest.raises(bmcnotice.Error, match="restart"):
        ctx.reload(bmcnotice.Config.from_text(text.replace('hot = "', f'hot = "{tmp_path}')))
    with pytest.raises(FileNotFoundError):
        ctx.reload(str(tmp_path / "nowhere.toml"))
    assert ctx.port == port
    ctx.recovery(lambda recovery: True)
    street.send(port, street.pet())
    pump(ctx, lambda: ctx.statistics()["done"])


def test_a_reload_waits_for_the_recovery_and_moves_the_port(ctx, text, pump, caplog):
    caplog.set_level(logging.INFO, "bmcnotice")
    tokens = []

    @ctx.recovery
    def move(recovery):
        tokens.append(recovery.token)
        return bmcnotice.LATER

    old, new = ctx.port, street.free_port()
    street.send(old, street.pet())
    pump(ctx, lambda: tokens)
    assert ctx.reload(bmcnotice.Config.from_text(text.replace(f":{old}", f":{new}"))) is False
    assert ctx.port == old
    ctx.complete(tokens[0])
    pump(ctx, lambda: ctx.port == new)
    assert ctx.statistics()["done"] == 1
    notices = []
    ctx.on_notice(notices.append)
    street.send(new, street.pet(2, deasserted=True))
    pump(ctx, lambda: notices)
    pump(ctx, lambda: any("was reloaded" in entry.message for entry in caplog.records))


def test_a_reload_inside_a_callback(ctx, text, pump):
    done = []

    @ctx.on_notice
    def hear(notice):
        done.append(ctx.reload(bmcnotice.Config.from_text(text.replace('"20s"', '"19s"'))))

    street.send(ctx.port, street.pet(deasserted=True))
    pump(ctx, lambda: done)
    assert done == [True]


def test_a_drill_is_refused_in_words_and_its_status_is_a_value(ctx):
    status = ctx.drill_status()
    assert status == pickle.loads(pickle.dumps(status))
    assert status.state is bmcnotice.DrillState.NEVER and status.number == 0 and status.why == ""
    steps = (status.asked, status.accepted, status.received, status.journalled, status.delivered)
    assert steps == (None,) * 5 and status.proven_at is None and status.proven_in is None
    with pytest.raises(bmcnotice.Error, match="a drill needs a login"):
        ctx.drill()
    assert ctx.statistics()["keepalives"] == 0
