"""The words, the same as in Rust, C, on the command line and in the documents. Each is a string as well."""

from __future__ import annotations

import sys

__all__ = [
    "Answer",
    "Class",
    "Doubt",
    "DrillState",
    "FedBy",
    "Pulse",
    "RecoveryAction",
    "Severity",
    "Stage",
    "TakeOver",
    "Trust",
    "Verdict",
]

if sys.version_info >= (3, 11):
    from enum import StrEnum as _Word
else:
    from enum import Enum

    class _Word(str, Enum):
        """What enum.StrEnum is from Python 3.11 on."""

        __str__ = str.__str__

        def __format__(self, format_spec: str) -> str:
            return str.__format__(self, format_spec)


class Answer(_Word):
    """What a recovery answers."""

    DONE = "done"
    """The recovery is complete. True and None say the same."""
    FAILED = "failed"
    """It failed. False and an exception say the same."""
    LATER = "later"
    """It goes on; Context.complete() will say how it ended."""


class RecoveryAction(_Word):
    """What one attempt of a recovery does."""

    RESTART = "restart"
    """Starts the target again where it is."""
    FAILOVER = "failover"
    """Moves the target to another server."""
    STOP_SERVICE = "stop_service"
    """Stops the cluster service on this server, which makes everything leave it."""


class Class(_Word):
    """What a notice means for its server."""

    FATAL = "fatal"
    """The board is dying; starts a recovery."""
    RECOVERABLE = "recoverable"
    """The server goes on, with less or not for long."""
    CLEARED = "cleared"
    """An earlier event is over."""
    INFO = "info"
    """For the record."""


class Trust(_Word):
    """How the sender of a notice was accepted."""

    ADDRESS = "address"
    """By its source address alone, which anyone on the network can forge."""
    CORROBORATED = "corroborated"
    """The BMC, asked over its authenticated link, showed a fresh matching event."""
    AUTHENTICATED = "authenticated"
    """The trap itself was authenticated."""


class Verdict(_Word):
    """What a BMC's words mean for its server."""

    ALIVE = "alive"
    """The power is on, and the server's own software feeds the watchdog in time."""
    POWERED = "powered"
    """The power is on; whether anything runs is not known: no watchdog is fed, or it is not readable."""
    BOOTING = "booting"
    """Firmware or a loader runs the watchdog: the server boots."""
    DELAYED = "delayed"
    """The watchdog was fed, but late."""
    SILENT = "silent"
    """The power is on, and the watchdog was not fed for longer than the time-out."""
    LEFT = "left"
    """The power is on, and the feeder said goodbye."""
    OFF = "off"
    """The power is off: read twice, over a session, from the right BMC."""
    UNKNOWN = "unknown"
    """Nothing can be said; Peer.doubt says why. BMCs often die with their host: never take this for off."""


class Doubt(_Word):
    """Why nothing can be said of a server."""

    NOT_ASKED = "not_asked"
    """Nothing was asked yet."""
    SILENT = "silent"
    """The BMC is silent."""
    LOGIN = "login"
    """It refused our login."""
    NO_SLOT = "no_slot"
    """It has no session left for us."""
    IDENTITY = "identity"
    """Another BMC answers at its address."""
    NO_LOGIN = "no_login"
    """It answers, but no login is configured."""
    MALFORMED = "malformed"
    """It answers what we do not understand."""
    UNPROVEN = "unproven"
    """It says that the power is off, but whose BMC it is was not proven: no GUID is pinned."""
    ELSEWHERE = "elsewhere"
    """It answers; two other servers hold the sessions that a cluster may have on it."""


class Pulse(_Word):
    """What a server's watchdog shows, as its BMC told last."""

    UNREAD = "unread"
    """Nothing that can be used: not asked, refused, or nonsense."""
    STOPPED = "stopped"
    """It was never started, or it was stopped."""
    GOODBYE = "goodbye"
    """It was stopped by a library like this one that ended cleanly."""
    BOOT = "boot"
    """Firmware or a loader runs it."""
    FED = "fed"
    """It counts, and is fed: Peer.fed_by, Peer.fed_ago."""
    EXPIRED = "expired"
    """It ran out while it was watched: nobody has fed it."""


class FedBy(_Word):
    """Who feeds a watchdog."""

    LIBRARY = "library"
    """A library like this one, whose thread, or loop, lives."""
    APPLICATION = "application"
    """A library like this one, as long as its application vouches."""
    ANOTHER = "another"
    """The kernel's ipmi_watchdog, bmc-watchdog, or whoever else."""


class TakeOver(_Word):
    """May I take over what a server runs?"""

    NO = "no"
    """It lives, or may come to life any moment."""
    YES = "yes"
    """It has no power."""
    FENCE_FIRST = "fence_first"
    """After it has been fenced: its feeder is dead, its services may not be."""
    NO_ANSWER = "no_answer"
    """The BMC does not know: ask the cluster's other witnesses."""


class DrillState(_Word):
    """How a drill stands."""

    NEVER = "never"
    """There was none since the context was made."""
    RUNNING = "running"
    PROVEN = "proven"
    """The path from the BMC to the callback is proven."""
    FAILED = "failed"
    """It is not; Drill.why says what failed."""


class Severity(_Word):
    """Whether a finding stands in the way."""

    INFO = "info"
    """Worth knowing."""
    WARNING = "warning"
    """It will run, and someone should look."""
    ERROR = "error"
    """It does not run like this."""


class Stage(_Word):
    """Which step a recovery took. A later version may know more of them."""

    RECORDED = "recorded"
    """A genuine, new and serious notice is in the journal."""
    JOINED = "joined"
    """A further notice joined the recovery."""
    TELLING = "telling"
    """The BMC is being told started or ended."""
    TOLD = "told"
    """It has understood."""
    UNTOLD = "untold"
    """It has not, within the deadline."""
    RECOVERING = "recovering"
    """The recovery runs."""
    ANSWERED = "answered"
    """It answered."""
    OVERRUN = "overrun"
    """It took too long."""
    CHASSIS = "chassis"
    """A chassis command was sent, or why not."""
    AWAITING_RESET = "awaiting_reset"
    """The BMC's reset is awaited."""
    CLOSED = "closed"
    """The record is closed."""
    REMARK = "remark"
    """Something the operator should know: held, released, ..."""
    DRILL = "drill"
    """A drill took a step; it is about no recovery."""
