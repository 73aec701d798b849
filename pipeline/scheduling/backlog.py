"""The pairs nobody works on: still in the manifest, waiting, paused, or suspects that rerun alone."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.pair_state import PairState
from neckar.pipeline.scheduling.waiting import WaitingPairs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from neckar.schemas.pair import Pair


class Backlog:
    """Reads `source` lazily and holds `size` waiting pairs of it at most, beside those that came back.

    Args:
        source: the pairs still to do.
        size: how many.
        program: what pairs must share to be optimised in one batch.
        cost: expected work of a pair.
    """

    def __init__(
        self,
        source: Iterable[Pair],
        *,
        size: int,
        program: Callable[[Pair], Hashable],
        cost: Callable[[Pair], float],
    ) -> None:
        self._source = iter(source)
        self._size = size
        self._program = program
        self._cost = cost
        self._waiting = WaitingPairs()
        self._paused: list[tuple[float, int, PairState]] = []  # (until, index, state), a heap
        self._suspects: deque[PairState] = deque()
        self._contested: deque[PairState] = deque()  # failed on a node, and another is to say whether it agrees
        self.begun = False  # something of the manifest was read, or found to be nothing
        self.exhausted = False  # nothing is left in the manifest

    def __len__(self) -> int:
        return len(self._waiting) + len(self._paused) + len(self._suspects) + len(self._contested)

    @property
    def paused(self) -> int:
        """Pairs that wait for the store."""
        return len(self._paused)

    @property
    def first_suspect(self) -> PairState | None:
        """The next pair that must run alone."""
        return self._suspects[0] if self._suspects else None

    def feed(self, now: float) -> None:
        """Read up to `size` pairs and end the pauses that are over."""
        self.begun = True
        while self._paused and self._paused[0][0] <= now:
            self._waiting.push(heapq.heappop(self._paused)[2])
        while not self.exhausted and len(self) < self._size:
            pair = next(self._source, None)
            if pair is None:
                self.exhausted = True
            else:
                self._waiting.push(PairState(pair, self._program(pair), self._cost(pair)))

    def requeue(self, state: PairState) -> None:
        """It runs again like any other."""
        self._waiting.push(state)

    def pause(self, state: PairState, until: float) -> None:
        """It runs again, but not before `until`."""
        heapq.heappush(self._paused, (until, state.pair.index, state))

    def set_apart(self, state: PairState) -> None:
        """It runs again, but alone."""
        self._suspects.append(state)

    def contest(self, state: PairState) -> None:
        """It runs again, but on a node where it has not failed."""
        self._contested.append(state)

    def take_uncontested(self, nodes: set[str]) -> list[PairState]:
        """The pairs for which none of these nodes is left to ask."""
        left = [state for state in self._contested if nodes <= state.verdicts.keys()]
        for state in left:
            self._contested.remove(state)
        return left

    def take(self, program: Hashable, count: int, node: str) -> list[PairState]:
        """At most `count` pairs: those another node failed at, then of `program`, then of the one with the longest."""
        states = self._take_contested(count, node) if self._contested else []
        while len(states) < count and self._waiting:
            state = self._waiting.take(program)
            program = state.program
            states.append(state)
        return states

    def _take_contested(self, count: int, node: str) -> list[PairState]:
        states = [state for state in self._contested if node not in state.verdicts][: max(0, count)]
        for state in states:
            self._contested.remove(state)
        return states

    def take_suspect(self, allowed: Callable[[PairState], bool]) -> list[PairState]:
        """The first suspect that is allowed, or none."""
        for state in self._suspects:
            if allowed(state):
                self._suspects.remove(state)
                return [state]
        return []
