"""The workers as the schedule knows them, and what each holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from neckar.pipeline.scheduling.waiting import Ticket

LISTED = 3  # names told in messages; the rest is counted


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """The first few of many names."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{separator.join(names[:LISTED])}{more}"


@dataclass(slots=True)
class Lease:
    """A pair in a worker's hands."""

    ticket: Ticket
    running_since: float | None = None  # in a slot; None while it is fetched or queued
    dropped: bool = False  # the worker was told that its time is over


@dataclass(slots=True)
class Worker:
    """One process with one device."""

    name: str
    node: str = ""
    depth: int = 0  # pairs it may hold; 0 until it is ready
    leases: dict[int, Lease] = field(default_factory=dict)
    calls: int = 0  # in flight
    heard_at: float = 0.0
    program: Hashable = None  # of the pairs it was given last
    alone: bool = False  # its one pair reruns with no company

    @property
    def ready(self) -> bool:
        """It has its weights and its device."""
        return self.depth > 0

    def size(self, slots: int) -> None:
        """It may hold one set of pairs in its slots and one fetched meanwhile."""
        self.depth = 2 * slots

    @property
    def idle(self) -> bool:
        """Ready, and nothing is with it or on its way."""
        return self.ready and not self.leases and self.calls == 0

    def lease(self, tickets: list[Ticket]) -> None:
        """Take tickets on."""
        for ticket in tickets:
            ticket.attempts += 1
            self.leases[ticket.pair.index] = Lease(ticket)
            self.program = ticket.program

    def overdue(self, now: float, limit_s: float | None) -> tuple[int, ...]:
        """Pairs longer in a slot than `limit_s`; each is named once."""
        if limit_s is None:
            return ()
        late = {
            index: lease
            for index, lease in self.leases.items()
            if lease.running_since is not None and now - lease.running_since > limit_s and not lease.dropped
        }
        for lease in late.values():
            lease.dropped = True
        return tuple(late)

    def __str__(self) -> str:
        return f"{self.name} with {listed([lease.ticket.pair.pair_id for lease in self.leases.values()])}"


class Crew(dict[str, Worker]):
    """All workers by name, those still starting too."""

    def __init__(self) -> None:
        super().__init__()
        self._hired = 0

    def hire(self) -> Worker:
        """A new worker under a name never used before."""
        self._hired += 1
        worker = Worker(f"worker-{self._hired}")
        self[worker.name] = worker
        return worker

    @property
    def ready(self) -> int:
        """Workers ready."""
        return sum(worker.ready for worker in self.values())

    @property
    def in_flight(self) -> int:
        """Pairs on workers."""
        return sum(len(worker.leases) for worker in self.values())

    def nodes(self) -> set[str]:
        """Where ready workers are."""
        return {worker.node for worker in self.values() if worker.ready}

    def least_laden(self) -> Iterator[Worker]:
        """Ready workers, those with the fewest pairs first."""
        ready = (worker for worker in self.values() if worker.ready)
        yield from sorted(ready, key=lambda worker: len(worker.leases))
