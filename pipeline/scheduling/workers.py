"""The workers as the schedule knows them, and what each holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from neckar.pipeline.scheduling.pair_state import PairState

LISTED = 3  # names told in messages; the rest is counted


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """The first few of many names."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{separator.join(names[:LISTED])}{more}"


@dataclass(slots=True)
class Assignment:
    """A pair on a worker."""

    state: PairState
    running_since: float | None = None  # in a slot; None while it is fetched or queued
    dropped: bool = False  # the worker was told that its time is over


@dataclass(slots=True)
class Worker:
    """One process with one device."""

    name: str
    node: str = ""
    depth: int = 0  # pairs it may hold; 0 until it is ready
    assignments: dict[int, Assignment] = field(default_factory=dict)
    calls: int = 0  # in flight
    heard_at: float = 0.0
    program: Hashable = None  # of the pairs it was given last
    alone: bool = False  # its one pair reruns with no company
    doubts: int = 0  # calls in flight when its machine lost another worker: no new pairs until all are answered

    @property
    def ready(self) -> bool:
        """It has its weights and its device."""
        return self.depth > 0

    def set_slots(self, slots: int) -> None:
        """It may hold one set of pairs in its slots and one fetched meanwhile."""
        self.depth = 2 * slots

    @property
    def idle(self) -> bool:
        """Ready, and nothing is with it or on its way."""
        return self.ready and not self.assignments and self.calls == 0

    def assign(self, states: list[PairState]) -> None:
        """Give it these pairs."""
        for state in states:
            state.attempts += 1
            self.assignments[state.pair.index] = Assignment(state)
            self.program = state.program

    def overdue(self, now: float, limit_s: float | None) -> tuple[int, ...]:
        """Pairs longer in a slot than `limit_s`; each is named once."""
        if limit_s is None:
            return ()
        late = {
            index: given
            for index, given in self.assignments.items()
            if given.running_since is not None and now - given.running_since > limit_s and not given.dropped
        }
        for given in late.values():
            given.dropped = True
        return tuple(late)

    def __str__(self) -> str:
        return f"{self.name} with {listed([given.state.pair.pair_id for given in self.assignments.values()])}"


class Workers(dict[str, Worker]):
    """All workers by name, those still starting too."""

    def __init__(self) -> None:
        super().__init__()
        self._added = 0

    def add(self) -> Worker:
        """A new worker under a name never used before."""
        self._added += 1
        worker = Worker(f"worker-{self._added}")
        self[worker.name] = worker
        return worker

    @property
    def ready(self) -> int:
        """Workers ready."""
        return sum(worker.ready for worker in self.values())

    @property
    def in_flight(self) -> int:
        """Pairs on workers."""
        return sum(len(worker.assignments) for worker in self.values())

    def nodes(self) -> set[str]:
        """Where ready workers are."""
        return {worker.node for worker in self.values() if worker.ready}

    def doubt(self, node: str) -> None:
        """The workers of a lost machine die one by one: what one held shall not go to the next to die."""
        for worker in self.values():
            if worker.node == node:
                worker.doubts = worker.calls

    def least_busy(self) -> Iterator[Worker]:
        """Ready workers, those with the fewest pairs first."""
        ready = (worker for worker in self.values() if worker.ready)
        yield from sorted(ready, key=lambda worker: len(worker.assignments))
