"""A context on loopback, in either mode."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator

import bmcnotice
import pytest
import street

# Whoever starts us in the background lets us ignore SIGINT, and the programs that we start and interrupt as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["thread", "loop"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hot() -> Iterator[str]:
    path = street.folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def text(hot: str) -> str:
    return street.config(street.free_port(), hot)


@pytest.fixture
def ctx(mode: str, text: str) -> Iterator[bmcnotice.Context]:
    with bmcnotice.Context(bmcnotice.Config.from_text(text), mode=mode) as context:
        yield context


@pytest.fixture
def pump() -> Callable[[bmcnotice.Context, Callable[[], object]], None]:
    """Waits and dispatches until something has happened."""

    def until(context: bmcnotice.Context, done: Callable[[], object]) -> None:
        end = time.monotonic() + street.DEADLINE
        while not done():
            assert time.monotonic() < end, "not in time"
            context.wait(0.05)
            context.dispatch()

    return until
