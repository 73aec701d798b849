"""Who is to blame when a worker dies: only a pair alone in it, and not where the machine is the culprit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.events import Cause

if TYPE_CHECKING:
    from collections.abc import Hashable

    from neckar.pipeline.scheduling.waiting import Ticket
    from neckar.schemas.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Charge:
    """A worker died with this pair alone in it."""

    node: str
    code: ErrorCode
    message: str


class Sentence(Enum):
    """What follows for a pair whose worker died."""

    AGAIN = auto()  # like any other pair
    ALONE = auto()  # a suspect: it reruns with no company
    QUARANTINE = auto()


class Blame:
    """The record of pairs and nodes.

    A node on which `node_deaths` different witnesses died (pairs alone in a worker, workers in setup) with no
    picture finished in between is avoided where another node works, and its charges are forgiven.
    """

    def __init__(self, *, solo_deaths: int, node_losses: int, node_deaths: int) -> None:
        self._solo_deaths = solo_deaths
        self._node_losses = node_losses
        self._node_deaths = node_deaths
        self._witnesses: dict[str, set[Hashable]] = {}
        self.avoided: set[str] = set()

    def vindicate(self, node: str) -> None:
        """A picture was finished on this node: it works."""
        self._witnesses.pop(node, None)

    def accuse(self, node: str, witness: Hashable, *, others: set[str]) -> None:
        """A worker died on this node; `others` are the nodes that have workers ready."""
        if not node:
            return
        witnesses = self._witnesses.setdefault(node, set())
        witnesses.add(witness)
        if len(witnesses) >= self._node_deaths and others - self.avoided - {node}:  # never the last one
            self.avoided.add(node)

    def judge(self, ticket: Ticket, *, alone: bool, cause: Cause, charge: Charge) -> Sentence:
        """Decide about one pair of a dead worker.

        A machine that goes away may be preempted without notice, so a pair is suspected only after several.
        """
        if cause is Cause.PREEMPTED:
            return Sentence.AGAIN
        if cause is Cause.NODE_LOST:
            ticket.losses += 1
            if ticket.losses < self._node_losses:
                return Sentence.ALONE if alone else Sentence.AGAIN
        if not alone:
            return Sentence.ALONE
        ticket.charges.append(charge)
        return Sentence.QUARANTINE if self.charged(ticket) >= self._solo_deaths else Sentence.ALONE

    def may_rerun_on(self, node: str, ticket: Ticket, nodes: set[str]) -> bool:
        """Once on each of `nodes` before twice on one: that tells the pair's fault from the machine's."""
        seen = {charge.node for charge in ticket.charges}
        return node not in seen or nodes <= seen

    def charged(self, ticket: Ticket) -> int:
        """Charges that stand: those from nodes that proved bad are forgiven."""
        return sum(charge.node not in self.avoided for charge in ticket.charges)
