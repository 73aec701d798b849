"""The waiting pairs the driver holds at one time, ordered so that a worker's slots fill with one program."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from neckar.pipeline.scheduling.suspects import Charge
    from neckar.schemas.pair import Pair


@dataclass(slots=True, eq=False)
class Ticket:
    """A pair on its way, with its history.

    Attributes:
        pair: the pair.
        program: what pairs must share to be optimised in one batch.
        cost: expected work, in any unit; only the order counts.
        attempts: times handed to a worker.
        refusals: times the store did not answer for it.
        losses: nodes that went away under it without notice.
        charges: deaths of workers it was alone in.
    """

    pair: Pair
    program: Hashable
    cost: float
    attempts: int = 0
    refusals: int = 0
    losses: int = 0
    charges: list[Charge] = field(default_factory=list)

    @property
    def rank(self) -> tuple[float, int]:
        """Longest expected first, then the manifest's order."""
        return (-self.cost, self.pair.index)


class Window:
    """Tickets in groups of one program; the group with the longest pair comes first."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, list[tuple[tuple[float, int], Ticket]]] = {}
        self._heads: list[tuple[tuple[float, int], Hashable]] = []  # (a group's first rank, its program), or stale
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, ticket: Ticket) -> None:
        """Add a ticket."""
        group = self._groups.setdefault(ticket.program, [])
        heapq.heappush(group, (ticket.rank, ticket))
        self._count += 1
        if group[0][1] is ticket:
            self._enter(ticket.program)

    def take(self, program: Hashable) -> Ticket:
        """The longest of `program`, or where none is left the longest of all; not from an empty window."""
        group = self._groups.get(program) or self._groups[self._first_program()]
        _, ticket = heapq.heappop(group)
        self._count -= 1
        if group:
            self._enter(ticket.program)
        else:
            del self._groups[ticket.program]
        return ticket

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
