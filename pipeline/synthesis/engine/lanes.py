"""The slots of a program in lanes: engines side by side, each in a thread of its own with its share of the cores.

The threads of a kernel meet after every call, and small kernels gain little from the second one: two engines of one
thread each do more than one engine of two.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from ..losses.batch import Targets
from ..network.network import Network
from ..task import Failure, Program, Solution, Task
from .lane import Board, Lane
from .slots import SlotEngine

Pause = Callable[[], bool]


class Lanes(Protocol):
    """S slots for images of one program, in L engines.

    Which lane an image is in changes nothing in its bits: they depend neither on batch mates nor on threads.
    """

    program: Program

    @property
    def count(self) -> int:
        """L."""

    @property
    def slots(self) -> int:
        """S."""

    @property
    def busy(self) -> int:
        """Images taken in and not answered."""

    @property
    def running(self) -> dict[str, float]:
        """The tasks in the slots, with the fraction of their evaluations that is done."""

    @property
    def beside(self) -> bool:
        """Whether lanes compute while their caller does something else."""

    def has_room(self, waiting: Sequence[Task]) -> bool:
        """Whether the first of these tasks is to be admitted now."""

    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """Put a task into a free slot; see `SlotEngine.admit`."""

    def evict(self, key: str) -> bool:
        """Empty the slot of this task; False if it is in none."""

    def step(self, pause: Pause) -> list[Solution | Failure]:
        """Evaluations of every occupied slot, one at least, until an image ends or `pause` says so.

        Args:
            pause: asked after every evaluation.

        Returns:
            The images that ended; their slots are free again.
        """

    def stop(self) -> list[Solution | Failure]:
        """Stand still until the next `step`; the images that ended and were not told."""

    @property
    def tasks(self) -> list[Task]:
        """The tasks in the slots; stop first."""

    @property
    def evaluations(self) -> int:
        """Evaluations so far, of all images."""


def lanes(network: Network, program: Program, slots: int, *, exact: Network | None = None) -> Lanes:
    """As many as the CPU's kernels have threads, and no more than there are slots; a GPU has one.

    Args:
        network: deep enough for the program; all lanes use it at once.
        program: what all images share.
        slots: S >= 1, of all lanes together.
        exact: the float32 network that judges the results, if the network is another one.
    """
    count = min(slots, torch.get_num_threads()) if network.device.type == "cpu" else 1
    shares = [slots // count + (lane < slots % count) for lane in range(count)]
    engines = [SlotEngine(network, program, share, exact=exact) for share in shares]
    return Alone(engines[0]) if count == 1 else Several(engines)


class Alone:
    """One engine, in its caller's thread. Its methods are those of `Lanes`."""

    beside = False
    count = 1

    def __init__(self, engine: SlotEngine) -> None:
        self.program = engine.program
        self._engine = engine

    @property
    def slots(self) -> int:
        """See `Lanes`."""
        return self._engine.busy + self._engine.free

    @property
    def busy(self) -> int:
        """See `Lanes`."""
        return self._engine.busy

    @property
    def running(self) -> dict[str, float]:
        """See `Lanes`."""
        return self._engine.running

    def has_room(self, waiting: Sequence[Task]) -> bool:
        """See `Lanes`; wherever a slot is free."""
        return bool(waiting) and self._engine.free > 0

    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """See `Lanes`."""
        self._engine.admit(task, targets, exact)

    def evict(self, key: str) -> bool:
        """See `Lanes`."""
        return self._engine.evict(key)

    def step(self, pause: Pause) -> list[Solution | Failure]:
        """See `Lanes`."""
        while not (ended := self._engine.step()):
            if pause():
                break
        return ended

    def stop(self) -> list[Solution | Failure]:
        """See `Lanes`."""
        return []

    @property
    def tasks(self) -> list[Task]:
        """See `Lanes`."""
        return self._engine.tasks

    @property
    def evaluations(self) -> int:
        """See `Lanes`."""
        return self._engine.evaluations


class Several:
    """Engines that go on while their caller does something else. Its methods are those of `Lanes`.

    A lane stands still from the end of an image to the next `step`, so that its slot can be filled.
    """

    def __init__(self, engines: Sequence[SlotEngine]) -> None:
        self.program = engines[0].program
        self.count = len(engines)
        self.slots = sum(engine.free for engine in engines)
        self._board = Board(torch.get_num_threads())
        self._lanes = [Lane(engine, self._board) for engine in engines]
        self._held: dict[str, Lane] = {}  # admitted and not answered
        weakref.finalize(self, _finish, self._lanes)

    @property
    def busy(self) -> int:
        """See `Lanes`."""
        return len(self._held)

    @property
    def running(self) -> dict[str, float]:
        """See `Lanes`."""
        return {key: done for lane in self._lanes for key, done in lane.engine.running.items()}

    @property
    def beside(self) -> bool:
        """See `Lanes`."""
        return any(lane.moves for lane in self._lanes)

    def has_room(self, waiting: Sequence[Task]) -> bool:
        """See `Lanes`; a lane takes no more than its share of the evaluations that are left, or the others starve.

        They may just be about to end theirs.
        """
        lane = self._next()
        if not waiting or lane is None:
            return False
        left = sum(other.engine.remaining for other in self._lanes) + sum(task.iterations for task in waiting)
        return self.count * lane.engine.remaining + waiting[0].iterations <= left

    def _next(self) -> Lane | None:
        """The lane with the least to do, of those with a free slot."""
        free = [lane for lane in self._lanes if lane.engine.free]
        return min(free, key=lambda lane: lane.engine.remaining, default=None)

    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """See `Lanes`."""
        lane = self._next()
        assert lane is not None
        lane.stop()
        lane.engine.admit(task, targets, exact)
        self._held[task.key] = lane

    def evict(self, key: str) -> bool:
        """See `Lanes`."""
        lane = self._held.get(key)
        if lane is None:
            return False
        lane.stop()
        if not lane.engine.evict(key):
            return False  # it ended meanwhile, and the next step tells
        del self._held[key]
        return True

    def step(self, pause: Pause) -> list[Solution | Failure]:
        """See `Lanes`. A lane that hangs is waited for."""
        board = self._board
        if board.error is None:
            for lane in self._lanes:
                lane.start()
        with board.changed:
            before = [lane.steps for lane in self._lanes]

            def done() -> bool:
                if board.ended or board.error is not None or not self.beside:
                    return True
                moved = (lane.steps > n or not lane.moves for lane, n in zip(self._lanes, before, strict=True))
                return all(moved) and pause()

            board.changed.wait_for(done)
        if board.error is not None:
            for lane in self._lanes:
                lane.stop()
            raise board.error
        return self._told()

    def stop(self) -> list[Solution | Failure]:
        """See `Lanes`."""
        for lane in self._lanes:
            lane.stop()
        return self._told()

    @property
    def tasks(self) -> list[Task]:
        """See `Lanes`."""
        return [task for lane in self._lanes for task in lane.engine.tasks]

    @property
    def evaluations(self) -> int:
        """See `Lanes`."""
        return sum(lane.engine.evaluations for lane in self._lanes)

    def _told(self) -> list[Solution | Failure]:
        with self._board.changed:
            ended, self._board.ended = self._board.ended, []
        for end in ended:
            del self._held[end.key]
        return ended


def _finish(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.finish()
