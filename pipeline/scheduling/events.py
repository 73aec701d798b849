"""What the schedule hears (events) and what it answers (commands): all that passes to and from the driver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.pipeline.messages.outcome import Outcome
    from neckar.schemas.errors import ErrorCode
    from neckar.schemas.pair import Pair
    from neckar.schemas.status import Status


class Cause(StrEnum):
    """Why a worker is gone."""

    CRASHED = "crashed"  # its process died, or an exception left it unusable
    SILENT = "silent"  # it missed its heartbeat and was killed for it
    NODE_LOST = "node_lost"  # its machine stopped answering
    PREEMPTED = "preempted"  # its machine was taken away, with notice
    REPLACED = "replaced"  # it asked for a new process in its place, for reasons that are no pair's


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Staffed:
    """The cluster has grown or shrunk: so many workers are wanted from now on, on so many nodes."""

    workers: int
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A worker's process runs on this node, or has come a step nearer to being ready there."""

    worker: str
    node: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker is ready: it has its weights and its device."""

    worker: str
    node: str
    slots: int


@dataclass(frozen=True, slots=True)
class SetupFailed:
    """A worker could not be made ready, or died before it was; `node` is empty where it is not known."""

    worker: str
    node: str
    message: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A call came back: the heartbeat.

    Attributes:
        outcomes: pairs settled since the last call.
        running: indices of the pairs that are being optimised now.
        evaluations: of the engine since the last call, of all images.
        slots: images it optimises at a time now; 0 leaves it at what it was.
    """

    worker: str
    outcomes: tuple[Outcome, ...] = ()
    running: tuple[int, ...] = ()
    evaluations: int = 0
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Died:
    """A worker is gone with everything it held."""

    worker: str
    cause: Cause
    message: str


Event = Tick | Staffed | Placed | Joined | SetupFailed | Returned | Died


@dataclass(frozen=True, slots=True)
class Start:
    """Start a worker of this name, on none of the nodes to avoid."""

    worker: str
    avoid: frozenset[str]


@dataclass(frozen=True, slots=True)
class Advance:
    """Call the worker: hand it new pairs and have it drop those over their time."""

    worker: str
    pairs: tuple[Pair, ...] = ()
    drop: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Kill:
    """End the worker's process now; nothing it says afterwards counts."""

    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """Let the worker go: it holds nothing and nothing is left for it."""

    worker: str


@dataclass(frozen=True, slots=True)
class Settle:
    """The pair is done; its row is to be written. Given exactly once a pair."""

    pair: Pair
    status: Status
    attempts: int
    worker: str
    code: ErrorCode | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run early, incomplete, and tell this reason."""

    reason: str


Command = Start | Advance | Kill | Release | Settle | Stop
