"""The pairs nobody works on: still in the manifest, waiting, paused, or suspects that rerun alone."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.waiting import Ticket, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from neckar.schemas.pair import Pair


class Backlog:
    """Reads `source` lazily and holds `size` waiting pairs of it at most, beside those that came back.

    Args:
        source: the pairs still to do.
        size: of the window.
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
        self._window = Window()
        self._paused: list[tuple[float, int, Ticket]] = []  # (until, index, ticket), a heap
        self._suspects: deque[Ticket] = deque()
        self.begun = False  # something of the manifest was read, or found to be nothing
        self.exhausted = False  # nothing is left in the manifest

    def __len__(self) -> int:
        return len(self._window) + len(self._paused) + len(self._suspects)

    @property
    def paused(self) -> int:
        """Pairs that wait for the store."""
        return len(self._paused)

    @property
    def first_suspect(self) -> Ticket | None:
        """The next pair that must run alone."""
        return self._suspects[0] if self._suspects else None

    def feed(self, now: float) -> None:
        """Fill the window up and end the pauses that are over."""
        self.begun = True
        while self._paused and self._paused[0][0] <= now:
            self._window.push(heapq.heappop(self._paused)[2])
        while not self.exhausted and len(self) < self._size:
            pair = next(self._source, None)
            if pair is None:
                self.exhausted = True
            else:
                self._window.push(Ticket(pair, self._program(pair), self._cost(pair)))

    def again(self, ticket: Ticket) -> None:
        """It runs again like any other."""
        self._window.push(ticket)

    def pause(self, ticket: Ticket, until: float) -> None:
        """It runs again, but not before `until`."""
        heapq.heappush(self._paused, (until, ticket.pair.index, ticket))

    def suspect(self, ticket: Ticket) -> None:
        """It runs again, but alone."""
        self._suspects.append(ticket)

    def take(self, program: Hashable, count: int) -> list[Ticket]:
        """At most `count` tickets: of `program` first, then of the program with the longest pair."""
        tickets: list[Ticket] = []
        while len(tickets) < count and self._window:
            ticket = self._window.take(program)
            program = ticket.program
            tickets.append(ticket)
        return tickets

    def take_suspect(self, allowed: Callable[[Ticket], bool]) -> list[Ticket]:
        """The first suspect that is allowed, or none."""
        for ticket in self._suspects:
            if allowed(ticket):
                self._suspects.remove(ticket)
                return [ticket]
        return []
