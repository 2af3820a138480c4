"""The whole handshake, with the simulated BMC of the command line: what it hears from a Python program."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import bmcnotice
import pytest
import street

COMMAND = street.command_line()
pytestmark = pytest.mark.skipif(
    COMMAND is None, reason="there is no command line that can be a BMC: cargo build --features cli"
)


@pytest.fixture
def port():
    return street.free_port()


@pytest.fixture
def bmc(port):
    simulated = street.SimulatedBmc(COMMAND, port)
    yield simulated
    simulated.close()
    print("the BMC's story:", *simulated.events())  # shown when the test has failed


@pytest.fixture
def ctx(bmc, port, hot, mode):
    text = street.config(port, hot, bmc=bmc.address, handshake="sim")
    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as context:
        yield context


def spoken(bmc):
    """What the handshake is about, in the BMC's order."""
    words = ("armed", "fault_detected", "holding", "recovery_started", "recovery_ended", "reset", "disarmed")
    return [event for event in bmc.events() if event in words]


def test_the_bmc_hears_started_and_ended_and_then_resets(ctx, bmc, pump):
    calls = []

    @ctx.recovery("mrw1")
    def move(recovery):
        bmc.wait_for("fault_detected")
        calls.append(list(bmc.events()))
        return True

    pump(ctx, lambda: bmc.has("armed"))
    bmc.raise_fault()
    pump(ctx, lambda: bmc.has("reset"))
    assert len(calls) == 1 and "recovery_ended" not in calls[0] and "reset" not in calls[0]
    assert bmc.outcome() == "done"
    ctx.close()
    bmc.wait_for("disarmed")
    heard = spoken(bmc)
    assert heard.index("fault_detected") < heard.index("recovery_started") < heard.index("recovery_ended")
    assert heard.index("recovery_ended") < heard.index("reset") < heard.index("disarmed")
    assert all(heard.count(word) == 1 for word in ("recovery_started", "recovery_ended", "reset"))


def test_the_reset_waits_for_a_recovery_that_answers_later(ctx, bmc, pump):
    tokens = []

    @ctx.recovery
    def move(recovery):
        tokens.append(recovery.token)
        return bmcnotice.LATER

    pump(ctx, lambda: bmc.has("armed"))
    bmc.raise_fault()
    pump(ctx, lambda: tokens and bmc.has("recovery_started"))
    end = time.monotonic() + 0.5
    pump(ctx, lambda: time.monotonic() > end)
    assert not bmc.has("recovery_ended") and not bmc.has("reset")
    thread = threading.Thread(target=ctx.complete, args=(tokens[0],))
    thread.start()
    pump(ctx, lambda: bmc.has("reset"))
    thread.join()
    assert bmc.outcome() == "done"


def test_the_bmc_hears_of_a_recovery_that_raised(ctx, bmc, pump):
    raised = []

    @ctx.recovery
    def move(recovery):
        raised.append(recovery)
        raise RuntimeError("no peer")

    pump(ctx, lambda: bmc.has("armed"))
    bmc.raise_fault()
    with pytest.raises(RuntimeError, match="no peer"):
        pump(ctx, lambda: bmc.has("reset"))
    pump(ctx, lambda: bmc.has("recovery_ended"))
    assert len(raised) == 1 and bmc.outcome() == "failed"


def test_the_heartbeat_sees_the_power(ctx, bmc, pump):
    told = []
    ctx.on_peer(told.append)
    pump(ctx, lambda: ctx.peer("server1").verdict is bmcnotice.Verdict.POWERED)
    (peer,) = ctx.peers()
    assert peer.doubt is None and peer.heard is not None
    pump(ctx, lambda: told and told[-1].verdict is bmcnotice.Verdict.POWERED)


def test_the_recovery_script_serves_a_real_bmc_and_says_goodbye(bmc, port, hot):
    Path(hot, "bmcnotice.toml").write_text(street.config(port, hot, bmc=bmc.address, handshake="sim"))
    script = street.REPOSITORY / "examples" / "recovery.py"
    child = subprocess.Popen([sys.executable, str(script)], cwd=hot, stdout=subprocess.PIPE, text=True)
    try:
        bmc.wait_for("armed")
        bmc.raise_fault()
        bmc.wait_for("reset")
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=street.DEADLINE)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0 and said.startswith("moving failover1 away: Memory")
    bmc.wait_for("disarmed")
    assert bmc.outcome() == "done"


def test_a_drill_proves_the_path_and_recovers_nothing(ctx, bmc, pump):
    notices, steps, recoveries = [], [], []
    ctx.on_notice(notices.append)
    ctx.on_progress(steps.append)
    ctx.recovery(recoveries.append)
    pump(ctx, lambda: bmc.has("armed"))

    ctx.drill()
    with pytest.raises(bmcnotice.Error):
        ctx.drill()  # one at a time
    pump(ctx, lambda: ctx.drill_status().state is not bmcnotice.DrillState.RUNNING)
    drill = ctx.drill_status()
    assert drill.state is bmcnotice.DrillState.PROVEN, drill.why
    assert (drill.number, drill.own_event) == (1, True) and drill.record > 0 and "PROVEN" in drill.why
    # An answer may come after the trap that it is about; the rest has its order.
    assert 0 <= drill.asked < min(drill.accepted, drill.received)
    assert drill.received <= drill.journalled <= drill.delivered < street.DEADLINE
    assert drill.proven_at is not None and abs(drill.proven_at.timestamp() - time.time()) < 60
    assert drill.proven_in == pytest.approx(drill.delivered, abs=0.002)

    pump(ctx, lambda: bmc.has("trap_acknowledged") and any("PROVEN" in step.text for step in steps))
    assert {step.stage for step in steps} == {bmcnotice.Stage.DRILL}
    assert len(notices) == 1 and recoveries == [] and ctx.statistics()["recoveries"] == 0
    assert not bmc.has("recovery_started") and not bmc.has("reset")
