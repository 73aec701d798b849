"""The workers as the schedule knows them, and what each holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

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
    placed_at: float | None = None  # since when it runs without being ready; None while it waits for a machine
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
    """All workers by name, those still starting too.

    What the schedule asks at every event is counted as it changes: a thousand workers cost an event no more than ten.

    Attributes:
        ready: workers ready.
        in_flight: pairs on workers.
        hungry: ready workers with room for a call, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ready = 0
        self.in_flight = 0
        self.hungry: dict[str, Worker] = {}
        self._added = 0
        self._on_node: Counter[str] = Counter()  # ready workers
        self._coming: Counter[str] = Counter()  # the others, by node; "" while they wait for one

    def add(self) -> Worker:
        """A new worker under a name never used before."""
        self._added += 1
        worker = Worker(f"worker-{self._added}")
        self[worker.name] = worker
        self._coming[worker.node] += 1
        return worker

    def place(self, worker: Worker, node: str, now: float) -> None:
        """Its process runs on this node, or has come a step nearer to being ready there."""
        if not worker.ready:
            self._coming -= Counter([worker.node])
            self._coming[node] += 1
        worker.node, worker.placed_at = node, now

    def join(self, worker: Worker, node: str, slots: int) -> None:
        """It is ready."""
        if not worker.ready:
            self.ready += 1
            self._on_node[node] += 1
            self._coming -= Counter([worker.node])
            self.hungry[worker.name] = worker
        worker.node = node
        worker.set_slots(slots)

    def remove(self, name: str) -> Worker | None:
        """It is gone; the worker with what it held, None where it was gone already."""
        worker = self.pop(name, None)
        if worker is None:
            return None
        self.hungry.pop(name, None)
        self.in_flight -= len(worker.assignments)
        if worker.ready:
            self.ready -= 1
            self._on_node[worker.node] -= 1
            if not self._on_node[worker.node]:
                del self._on_node[worker.node]
        else:
            self._coming -= Counter([worker.node])
        return worker

    def assign(self, worker: Worker, states: list[PairState]) -> None:
        """Give it these pairs."""
        for state in states:
            state.attempts += 1
            worker.assignments[state.pair.index] = Assignment(state)
            worker.program = state.program
        self.in_flight += len(states)

    def take_back(self, worker: Worker, index: int) -> Assignment | None:
        """The assignment it is done with, None where it had none of this pair."""
        assignment = worker.assignments.pop(index, None)
        self.in_flight -= assignment is not None
        return assignment

    def called(self, worker: Worker, calls: int) -> None:
        """So many calls are in flight to it, as many as there may be."""
        worker.calls = calls
        self.hungry.pop(worker.name, None)

    def answered(self, worker: Worker) -> None:
        """A call of it came back."""
        worker.calls -= 1
        worker.doubts = max(0, worker.doubts - 1)
        self.hungry[worker.name] = worker

    def nodes(self) -> set[str]:
        """Where ready workers are."""
        return set(self._on_node)

    def coming(self) -> set[str]:
        """Where workers are that are not ready yet; "" stands for those that wait for a node."""
        return set(self._coming)

    def doubt(self, node: str) -> None:
        """The workers of a lost machine die one by one: what one held shall not go to the next to die."""
        for worker in self.values():
            if worker.node == node:
                worker.doubts = worker.calls
