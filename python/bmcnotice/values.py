"""What the library tells: frozen, comparable, picklable, and free to be kept or made in a test of your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Optional, TypedDict
from uuid import UUID

from .words import (
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

__all__ = [
    "Drill",
    "Finding",
    "Notice",
    "Now",
    "Peer",
    "Pet",
    "Place",
    "Progress",
    "Recovery",
    "Statistics",
    "TakeOverAnswer",
]


@dataclass(frozen=True)
class Now:
    """A moment."""

    boottime: float
    """Seconds since the host booted, as time.clock_gettime(time.CLOCK_BOOTTIME)."""
    wall: datetime
    """The same in UTC, by a clock that may jump."""


@dataclass(frozen=True)
class Pet:
    """An IPMI platform event trap, decoded; the numbers of IPMI and of the PET specification."""

    sensor_type: int
    event_type: int
    """01h threshold, 02h to 0Ch generic, 6Fh sensor-specific, 70h up OEM."""
    offset: int
    deasserted: bool
    """The event is over."""
    guid: UUID
    """The system's GUID, its octets in wire order."""
    sequence: int
    """The same for every retransmission; 0 when the sender does not number."""
    timestamp: int
    """Local seconds since 1998-01-01; 0: unspecified."""
    utc_offset: Optional[int]
    """Minutes east of UTC."""
    trap_source: int
    event_source: int
    severity: int
    """01h monitor, 02h information, 04h OK, 08h non-critical, 10h critical, 20h non-recoverable."""
    sensor_device: int
    sensor_number: int
    entity: int
    entity_instance: int
    event_data: bytes
    """Eight octets, of which IPMI fills three."""
    language: int
    manufacturer: int
    """IANA number."""
    system_id: int


@dataclass(frozen=True)
class Notice:
    """What a verified trap means."""

    id: int
    """The same on every node and for every repetition."""
    server: str
    """The server whose BMC spoke."""
    class_: Class
    """What it means for that server. Elsewhere this is `class`, which Python keeps for itself."""
    degradation: bool
    """Of a recoverable one: the server runs worse than it should."""
    predictive: bool
    """Of a recoverable one: it is expected to fail."""
    trust: Trust
    """How the sender was accepted."""
    source: tuple[str, int]
    """Where the trap came from, address and port."""
    received: Now
    trap_oid: str
    """The trap's OID in v2 form, as dotted decimals."""
    pet: Optional[Pet]
    """The event, if the trap is a PET."""
    fault: Optional[int]
    """What it is about: the same for every notice of one fault but for the lowest octet, which is 1 where it is over."""
    region: str
    """What failed, as far as the trap says."""
    sentence: str
    """The sentence a person reads."""


@dataclass(frozen=True)
class Recovery:
    """A recovery that is due."""

    token: int
    """Completes it with Context.complete(), once; stale after that."""
    record: int
    """Its record in the journal."""
    monitor: str
    """The monitor that matched."""
    server: str
    """This server."""
    target: str
    """What is to be moved, as the operator named it, or an empty string."""
    action: RecoveryAction
    """What this attempt is to do."""
    attempt: int
    """Counts from 1 over the whole recovery: an attempt that fails is followed by the next."""
    notice: Notice
    """Why."""
    deadline: float
    """How many seconds it may take from the callback's beginning; after that it has failed."""


@dataclass(frozen=True)
class Progress:
    """A step of a recovery."""

    record: int
    """Its record in the journal."""
    monitor: str
    stage: Stage
    level: int
    """How loud it is, with the levels of logging."""
    at: Now
    after: float
    """How many seconds after the trap."""
    text: str
    """What happened, as a person reads it."""


@dataclass(frozen=True)
class Peer:
    """What the heartbeat says of one server."""

    server: str
    verdict: Verdict
    doubt: Optional[Doubt]
    """Why nothing can be said, where the verdict is unknown."""
    since: float
    """Since when the verdict holds, as time.clock_gettime(time.CLOCK_BOOTTIME)."""
    heard: Optional[Now]
    """When the BMC last answered."""
    restarts: int
    """How often the server was seen to restart."""
    power: Optional[bool] = None
    """Whether the power is on, as the BMC told last; None: it never did."""
    pulse: Pulse = Pulse.UNREAD
    """What the server's watchdog showed last."""
    fed_by: Optional[FedBy] = None
    """Who feeds it, if it is fed."""
    fed_ago: Optional[float] = None
    """How many seconds before that reading it was fed, if it is."""
    round_trip: Optional[float] = None
    """How many seconds the BMC's last answer took."""
    misses: int = 0
    """Rounds of questions without an answer since the last answer."""
    own: bool = False
    """It is this server."""


@dataclass(frozen=True)
class TakeOverAnswer:
    """May a server be taken over? True if, and only if, it is a yes; of the moment it was asked, and of no other."""

    answer: TakeOver
    why: str
    """Why, or why not, for a person."""

    def __bool__(self) -> bool:
        return self.answer is TakeOver.YES


@dataclass(frozen=True)
class Drill:
    """A drill: the one that runs, or the last one. Its steps are seconds from the order, None before they are done."""

    number: int
    """Counts the drills of this context from 1; 0: there was none."""
    state: DrillState
    asked: Optional[float]
    """The BMC was asked for a test alert."""
    accepted: Optional[float]
    """It accepted."""
    received: Optional[float]
    """Its trap was received, and its sender verified."""
    journalled: Optional[float]
    """The notice is in the journal, and acknowledged."""
    delivered: Optional[float]
    """The notice's callback has returned."""
    own_event: bool
    """The trap carried the drill's own number; otherwise it was a test alert that the BMC made up."""
    record: int
    """The notice's record in the journal; 0: none."""
    why: str
    """How it ended, in words; empty while it runs."""
    proven_at: Optional[datetime]
    """When the path was proven last, by any context, in UTC."""
    proven_in: Optional[float]
    """How many seconds that took, from the order to the callback."""


@dataclass(frozen=True)
class Place:
    """Where in the configuration."""

    file: str
    """The file's name as it was given, or the dotted path of a value that was set by a call."""
    line: int
    """From 1; 0: a value set by a call, which has no line."""
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Finding:
    """What is wrong with a configuration, and what to do about it. str() of it is one line."""

    id: str
    """The rule's id, BMCN-C..."""
    severity: Severity
    place: Place
    subject: str
    """What was found, about whom."""
    rule: str
    """The rule that it breaks."""
    remedy: str
    """What to write or to do."""

    def __str__(self) -> str:
        where = f"{self.place}: {self.severity} {self.id}: {self.subject}"
        return f"{where}. Rule: {self.rule}. Remedy: {self.remedy}."


class Statistics(TypedDict):
    """What was counted since the context was made. A read-only mapping when it comes from a context."""

    datagrams: int
    """At the trap socket; each becomes a notice, a repetition, a drop, or is an answer."""
    notices: int
    repeats: int
    drops: Mapping[str, int]
    """By reason; every reason is there, those that never occurred with 0."""
    answers: int
    estimated: int
    """In `drops` but not in `datagrams`: what the kernel's filter kept away, as its samples say."""
    filtered: int
    """What the kernel's filter kept away, as the kernel counts."""
    overflowed: int
    """Lost by the kernel because the trap socket's queue was full; at most so many while the filter is armed."""
    shed: int
    """Notices, none of them fatal, not handed on, because dispatch was too slow."""
    queue_asked: int
    """Octets of the trap socket's queue that were asked for."""
    queue_granted: int
    """Octets that the kernel granted."""
    acknowledged: int
    recoveries: int
    done: int
    failed: int
    told: int
    """Phases that a BMC understood."""
    untold: int
    """Phases that it did not, within the deadline."""
    supported: int
    """Notices that the BMC's log has proven."""
    contradicted: int
    """Notices that it shows to be none of the BMC's."""
    unanswerable: int
    """Notices about which the BMC could not be asked, or about which its log says neither."""
    journal_failures: int
    strangers: int
    """Datagrams at the BMC sockets that came from no BMC of ours."""
    unsent: int
    keepalives: int
    """Keep-alives that this server's BMC took."""
    keepalives_lost: int
    """Those that it did not."""
    probes: int
    """Questions of the heartbeat's."""
    probes_missed: int
    """Rounds of them that nobody answered."""
    pulses_absurd: int
    """Watchdogs that showed nonsense: a countdown above its start, or one that stands still."""
    sleeps: int
    """How often this process, or its host, stood still."""
    undelivered: int
    """Deliveries dropped because dispatch was too slow; thread mode only."""
