"""Lets services leave a dying server before its BMC resets it.

The BMC's trap becomes a notice, a serious one starts a recovery, and that is yours:

>>> config = Config.from_text(example_text, "bmcnotice.toml")       # or the path of a file
>>> with Context(config) as ctx:
...     @ctx.recovery                   # of every monitor; @ctx.recovery("mrw1") for one
...     def move(recovery):
...         print(recovery.monitor, recovery.target, recovery.notice.sentence)
...     send_example_trap(ctx.port)     # stands for the BMC
...     while not ctx.statistics()["done"]:
...         if ctx.wait(5):
...             _ = ctx.dispatch()
mrw1 failover1 Memory (sensor 20h): Uncorrectable memory error asserted; severity non-recoverable; reported by BMC of server1

A recovery returns True or None (done), False (failed) or LATER (Context.complete() tells the end later). What it
raises is a failure as well. What the library has to say goes to the logger "bmcnotice" of the module logging.
"""

from ._bmcnotice import Config, Context, __version__
from .exceptions import BrokenError, BusyError, ConfigError, Error, ForkError, StaleError
from .values import Drill, Finding, Notice, Now, Peer, Pet, Place, Progress, Recovery, Statistics, TakeOverAnswer
from .words import (
    Answer,
    Class,
    Doubt,
    DrillState,
    FedBy,
    Pulse,
    RecoveryAction,
    Severity,
    Stage,
    TakeOver,
    Trust,
    Verdict,
)

DONE = Answer.DONE
FAILED = Answer.FAILED
LATER = Answer.LATER

__all__ = [
    "DONE",
    "FAILED",
    "LATER",
    "Answer",
    "BrokenError",
    "BusyError",
    "Class",
    "Config",
    "ConfigError",
    "Context",
    "Doubt",
    "Drill",
    "DrillState",
    "Error",
    "FedBy",
    "Finding",
    "ForkError",
    "Notice",
    "Now",
    "Peer",
    "Pet",
    "Place",
    "Progress",
    "Pulse",
    "Recovery",
    "RecoveryAction",
    "Severity",
    "Stage",
    "StaleError",
    "Statistics",
    "TakeOver",
    "TakeOverAnswer",
    "Trust",
    "Verdict",
    "__version__",
]
