"""Whose fault it was when a worker died: only that of a pair alone in it, and not where the machine is at fault."""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.events import Cause

if TYPE_CHECKING:
    from collections.abc import Hashable

    from neckar.pipeline.scheduling.pair_state import PairState, SoloDeath


class Consequence(Enum):
    """What follows for a pair whose worker died."""

    AGAIN = auto()  # like any other pair
    ALONE = auto()  # a suspect: it reruns with no company
    QUARANTINE = auto()


class FaultRecord:
    """What pairs and nodes have done to workers so far.

    A node on which `node_deaths` different witnesses died (pairs alone in a worker, workers in setup) with no
    picture finished in between is avoided where another node works, and its deaths count against no pair. So is a node
    that has made no picture, but failed at `contradictions` pairs that another node then made.
    """

    def __init__(self, *, solo_deaths: int, node_losses: int, node_deaths: int, contradictions: int) -> None:
        self._solo_deaths = solo_deaths
        self._node_losses = node_losses
        self._node_deaths = node_deaths
        self._contradictions = contradictions
        self._contradicted: Counter[str] = Counter()
        self._proven: set[str] = set()  # nodes that have made a picture
        self._witnesses: dict[str, set[Hashable]] = {}
        self.avoided: set[str] = set()

    def picture_finished(self, node: str) -> None:
        """A picture was finished on this node: it works."""
        self._witnesses.pop(node, None)
        self._proven.add(node)

    def contradicted(self, node: str, *, others: set[str]) -> None:
        """A pair that failed on this node, for what may be the place's fault, was made elsewhere."""
        self._contradicted[node] += 1
        bad = self._contradicted[node] >= self._contradictions and node not in self._proven
        if bad and others - self.avoided - {node}:
            self.avoided.add(node)

    def worker_died(self, node: str, witness: Hashable, *, others: set[str]) -> None:
        """A worker died on this node; `others` are the nodes that have workers ready."""
        if not node:
            return
        witnesses = self._witnesses.setdefault(node, set())
        witnesses.add(witness)
        if len(witnesses) >= self._node_deaths and others - self.avoided - {node}:  # never the last one
            self.avoided.add(node)

    def consequence(self, state: PairState, *, alone: bool, cause: Cause, death: SoloDeath) -> Consequence:
        """Decide about one pair of a dead worker.

        A machine that goes away may be preempted without notice, so a pair is suspected only after several.
        """
        if cause in {Cause.PREEMPTED, Cause.REPLACED}:
            return Consequence.AGAIN
        if cause is Cause.NODE_LOST:
            state.losses += 1
            if state.losses < self._node_losses:
                return Consequence.ALONE if alone else Consequence.AGAIN
        if not alone:
            return Consequence.ALONE
        state.solo_deaths.append(death)
        return Consequence.QUARANTINE if self.solo_deaths(state) >= self._solo_deaths else Consequence.ALONE

    def may_rerun_on(self, node: str, state: PairState, nodes: set[str]) -> bool:
        """Once on each of `nodes` before twice on one: that tells the pair's fault from the machine's."""
        seen = {death.node for death in state.solo_deaths}
        return node not in seen or nodes <= seen

    def solo_deaths(self, state: PairState) -> int:
        """The deaths of workers with this pair alone in them, but for those on nodes that proved bad."""
        return sum(death.node not in self.avoided for death in state.solo_deaths)
