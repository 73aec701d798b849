"""The waiting pairs the driver holds at one time, ordered so that a worker's slots fill with one program."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from neckar.pipeline.scheduling.pair_state import PairState


class WaitingPairs:
    """Pairs in groups of one program; the group with the longest pair comes first."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, list[tuple[tuple[float, int], PairState]]] = {}
        self._heads: list[tuple[tuple[float, int], Hashable]] = []  # (a group's first rank, its program), or stale
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, state: PairState) -> None:
        """Add a pair."""
        group = self._groups.setdefault(state.program, [])
        heapq.heappush(group, (state.rank, state))
        self._count += 1
        if group[0][1] is state:
            self._enter(state.program)

    def take(self, program: Hashable) -> PairState:
        """The longest of `program`, or where none is left the longest of all; not where none waits."""
        group = self._groups.get(program) or self._groups[self._first_program()]
        _, state = heapq.heappop(group)
        self._count -= 1
        if group:
            self._enter(state.program)
        else:
            del self._groups[state.program]
        return state

    def _enter(self, program: Hashable) -> None:
        heapq.heappush(self._heads, (self._groups[program][0][0], program))
        if len(self._heads) > 2 * self._count + 64:  # stale entries must not pile up over a million pairs
            self._heads = [(group[0][0], name) for name, group in self._groups.items()]
            heapq.heapify(self._heads)

    def _first_program(self) -> Hashable:
        while True:
            rank, program = self._heads[0]
            group = self._groups.get(program)
            if group and group[0][0] == rank:
                return program
            heapq.heappop(self._heads)  # its pair was taken since, or a longer one came
