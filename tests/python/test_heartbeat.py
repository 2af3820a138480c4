"""What the heartbeat says in Python, against the simulated BMC of the command line: server1 feeds its watchdog, server2
watches, and asks whether it may take over."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import threading
import time

import bmcnotice
import pytest
import street
from bmcnotice import Doubt, FedBy, Pulse, TakeOver, TakeOverAnswer, Verdict

COMMAND = street.command_line()
needs_bmc = pytest.mark.skipif(
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
    print("the BMC's story:", *simulated.events())


@pytest.fixture
def watcher(bmc, port, hot, mode):
    text = street.pair("server2", bmc.address, port, hot)
    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as context:
        yield context


class Server1:
    """Its program: a thread that dispatches, and one that vouches for it as long as it is said to."""

    def __init__(self, text: str) -> None:
        self.ctx = bmcnotice.Context(bmcnotice.Config.from_text(text))
        self.vouches, self.over = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.ctx.run), threading.Thread(target=self._vouch)]
        for thread in self.threads:
            thread.start()

    def _vouch(self) -> None:
        while not self.over.wait(0.1):
            if self.vouches.is_set():
                self.ctx.vouch()

    def __enter__(self) -> Server1:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.threads[1].join(street.DEADLINE)
        self.ctx.close()  # run() returns
        self.threads[0].join(street.DEADLINE)


@pytest.fixture
def server1(bmc, port, hot):
    with Server1(street.pair("server1", bmc.address, port, hot)) as server:
        yield server


@needs_bmc
def test_what_is_known_and_what_it_entitles_to(watcher, server1, bmc, pump):
    told = []
    watcher.on_peer(told.append)
    sees = lambda verdict: lambda: watcher.peer("server1").verdict is verdict  # noqa: E731
    answer = watcher.may_take_over("server1")
    assert answer.answer is TakeOver.NO_ANSWER and not answer and answer.why

    pump(watcher, lambda: watcher.peer("server1").pulse is Pulse.STOPPED)
    peer = watcher.peer("server1")
    assert (peer.verdict, peer.doubt, peer.power, peer.own, peer.misses) == (Verdict.POWERED, None, True, False, 0)
    assert (peer.fed_by, peer.fed_ago, peer.restarts) == (None, None, 0) and 0 < peer.round_trip < street.DEADLINE
    assert server1.ctx.pulse is None

    server1.vouches.set()
    pump(watcher, sees(Verdict.ALIVE))
    peer, own = watcher.peers()
    assert (peer.pulse, peer.fed_by) == (Pulse.FED, FedBy.APPLICATION) and 0 <= peer.fed_ago <= 2
    assert own.own and own.server == "server2" and own.power is None and own.round_trip is None
    assert watcher.may_take_over("server1").answer is TakeOver.NO
    assert watcher.may_take_over("server2") == TakeOverAnswer(TakeOver.NO, "it is this server")
    assert "bears our pulse" in server1.ctx.pulse

    bmc.power("off")
    pump(watcher, sees(Verdict.OFF))
    off = watcher.peer("server1")
    assert (off.power, off.pulse, off.fed_by) == (False, Pulse.UNREAD, None)
    answer = watcher.may_take_over("server1")
    assert answer and answer.answer is TakeOver.YES and "no power" in answer.why

    bmc.power("on")
    pump(watcher, lambda: watcher.peer("server1").restarts == 1)
    assert not watcher.may_take_over("server1")
    pump(watcher, lambda: told and told[-1].restarts == 1)
    words = [peer.verdict for peer in told if peer.server == "server1"]
    assert words[:3] == [Verdict.POWERED, Verdict.ALIVE, Verdict.OFF], words
    statistics = watcher.statistics()
    assert statistics["probes"] > statistics["probes_missed"] and statistics["pulses_absurd"] == 0
    for wrong in (watcher.may_take_over, watcher.peer):
        with pytest.raises(bmcnotice.Error, match="server9"):
            wrong("server9")


@needs_bmc
@pytest.mark.parametrize("mode", ["thread"], indirect=True)
def test_who_does_not_vouch_any_more_is_fenced_first_and_who_leaves_says_goodbye(watcher, server1, pump):
    told = []
    watcher.on_peer(told.append)
    server1.vouches.set()
    pump(watcher, lambda: watcher.peer("server1").verdict is Verdict.ALIVE)
    server1.vouches.clear()
    pump(watcher, lambda: watcher.peer("server1").verdict is Verdict.SILENT)
    answer = watcher.may_take_over("server1")
    assert answer.answer is TakeOver.FENCE_FIRST and not answer and "services" in answer.why
    assert "not vouched" in server1.ctx.pulse
    pump(watcher, lambda: told[-1].verdict is Verdict.SILENT)
    assert told[-2].verdict is Verdict.DELAYED  # a warning comes first

    server1.vouches.set()
    pump(watcher, lambda: watcher.peer("server1").verdict is Verdict.ALIVE)
    server1.__exit__()
    pump(watcher, lambda: watcher.peer("server1").verdict is Verdict.LEFT)
    assert watcher.peer("server1").pulse is Pulse.GOODBYE
    assert watcher.may_take_over("server1").answer is TakeOver.NO_ANSWER


@needs_bmc
def test_a_word_that_nobody_asks_for_is_refused(bmc, port, hot, mode, pump):
    text = street.pair("server1", bmc.address, port, hot, vouch="")
    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as ctx:
        with pytest.raises(bmcnotice.Error, match='vouch = "application"'):
            ctx.vouch()
        pump(ctx, lambda: ctx.peer("server1").fed_by is FedBy.LIBRARY)
        assert ctx.may_take_over("server1").why == "it is this server"
    with pytest.raises(bmcnotice.Error, match="closed"):
        ctx.vouch()


@needs_bmc
def test_changes_are_iterated_over(watcher, server1, bmc):
    async def main():
        seen = []
        async for peer in watcher.peer_changes():
            if peer.server != "server1":
                continue
            seen.append(peer)
            if peer.verdict is Verdict.POWERED and not peer.restarts:
                server1.vouches.set()
            elif peer.verdict is Verdict.ALIVE and not peer.restarts:
                bmc.power("off")
            elif peer.verdict is Verdict.OFF:
                assert watcher.may_take_over(peer.server)
                bmc.power("on")
            elif peer.restarts:
                return seen

    seen = asyncio.run(asyncio.wait_for(main(), 60))
    assert [peer.verdict for peer in seen[:3]] == [Verdict.POWERED, Verdict.ALIVE, Verdict.OFF]
    assert seen[-1].restarts == 1 and all(isinstance(peer, bmcnotice.Peer) for peer in seen)


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", list(TakeOver))
def test_only_yes_is_true(answer):
    told = TakeOverAnswer(answer, "because")
    assert bool(told) is (answer is TakeOver.YES)
    assert pickle.loads(pickle.dumps(told)) == told
    with pytest.raises(dataclasses.FrozenInstanceError):
        told.answer = TakeOver.YES


def test_the_words_are_those_of_the_documents():
    verdicts = ["alive", "powered", "booting", "delayed", "silent", "left", "off", "unknown"]
    assert [str(verdict) for verdict in Verdict] == verdicts
    assert [str(answer) for answer in TakeOver] == ["no", "yes", "fence_first", "no_answer"]
    assert "elsewhere" in list(Doubt) and len(Doubt) == 9 and len(Pulse) == 6 and len(FedBy) == 3


def test_what_is_not_known_says_so(ctx, pump):
    peer = ctx.peer("server1")
    assert peer.own and (peer.power, peer.pulse, peer.fed_by, peer.round_trip) == (None, Pulse.UNREAD, None, None)
    begin = time.monotonic()
    pump(ctx, lambda: ctx.peer("server1").misses >= 2)
    assert time.monotonic() - begin < street.DEADLINE and ctx.statistics()["probes_missed"] >= 2
    ctx.close()
    for call in (lambda: ctx.may_take_over("server1"), lambda: ctx.pulse, ctx.peer_changes):
        with pytest.raises(bmcnotice.Error, match="closed"):
            call()
