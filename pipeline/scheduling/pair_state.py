"""A pair on its way through the schedule, and what happened to it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from neckar.schemas.errors import ErrorCode
    from neckar.schemas.pair import Pair


@dataclass(frozen=True, slots=True)
class SoloDeath:
    """A worker died with this pair alone in it."""

    node: str
    code: ErrorCode
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pair failed on a node, where another node may come to another end."""

    worker: str
    code: ErrorCode
    message: str | None
    unwritten: bool = False  # it was the output that failed


@dataclass(slots=True, eq=False)
class PairState:
    """A pair on its way, with its history.

    Attributes:
        pair: the pair.
        program: what pairs must share to be optimised in one batch.
        cost: expected work, in any unit; only the order counts.
        attempts: times handed to a worker.
        refusals: times the store did not answer for it.
        losses: nodes that went away under it without notice.
        solo_deaths: deaths of workers it was alone in.
        verdicts: of the nodes on which it failed for what may be the place's fault.
    """

    pair: Pair
    program: Hashable
    cost: float
    attempts: int = 0
    refusals: int = 0
    losses: int = 0
    solo_deaths: list[SoloDeath] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[float, int]:
        """Longest expected first, then the manifest's order."""
        return (-self.cost, self.pair.index)
