"""The slots of a program in lanes: engines side by side, each in a thread of its own with its share of the cores.

The threads of a kernel meet after every call, and small kernels gain little from the second one: two engines of one
thread each do more than one engine of two.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch

from ..losses.batch import Targets
from ..network.network import Network
from ..task import Failure, Program, Solution, Task
from .lane import Lane, LaneStatus
from .slots import SlotEngine

Pause = Callable[[], bool]


class Lanes(ABC):
    """S slots for images of one program, in L engines.

    Which lane an image is in changes nothing in its bits: they depend neither on batch mates nor on threads.

    Attributes:
        program: what all images share.
        count: L.
        slots: S.

    Args:
        engines: idle ones, of one program.
    """

    def __init__(self, engines: Sequence[SlotEngine]) -> None:
        self.program = engines[0].program
        self.count = len(engines)
        self.slots = sum(engine.free for engine in engines)
        self._engines = engines

    @property
    def running(self) -> dict[str, float]:
        """The tasks in the slots, with the fraction of their evaluations that is done."""
        return {key: done for engine in self._engines for key, done in engine.running.items()}

    @property
    def last_losses(self) -> dict[str, float]:
        """The tasks in the slots that have had an evaluation, with the total loss of the last one."""
        return {key: loss for engine in self._engines for key, loss in engine.last_losses.items()}

    @property
    def tasks(self) -> list[Task]:
        """The tasks in the slots; stop first."""
        return [task for engine in self._engines for task in engine.tasks]

    @property
    def evaluations(self) -> int:
        """Evaluations so far, of all images."""
        return sum(engine.evaluations for engine in self._engines)

    @property
    @abstractmethod
    def busy(self) -> int:
        """Images taken in and not answered."""

    @property
    @abstractmethod
    def beside(self) -> bool:
        """Whether lanes compute while their caller does something else."""

    @abstractmethod
    def has_room(self, waiting: Sequence[Task]) -> bool:
        """Whether the first of these tasks is to be admitted now."""

    @abstractmethod
    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """Put a task into a free slot; see `SlotEngine.admit`."""

    @abstractmethod
    def evict(self, key: str) -> bool:
        """Empty the slot of this task; False if it is in none."""

    @abstractmethod
    def step(self, pause: Pause) -> list[Solution | Failure]:
        """Evaluations of every occupied slot, one at least, until an image ends or `pause` says so.

        Args:
            pause: asked after every evaluation.

        Returns:
            The images that ended; their slots are free again.
        """

    @abstractmethod
    def stop(self) -> list[Solution | Failure]:
        """Stand still until the next `step`; the images that ended and were not told."""


def lanes(
    network: Network, program: Program, slots: int, *, exact: Network | None = None, graphs: bool = True
) -> Lanes:
    """As many as the CPU's kernels have threads, and no more than there are slots; a GPU has one.

    Args:
        network: deep enough for the program; all lanes use it at once.
        program: what all images share.
        slots: S >= 1, of all lanes together.
        exact: the float32 network that judges the results, if the network is another one.
        graphs: see `SlotEngine`.
    """
    count = min(slots, torch.get_num_threads()) if network.device.type == "cpu" else 1
    shares = [slots // count + (lane < slots % count) for lane in range(count)]
    engines = [SlotEngine(network, program, share, exact=exact, graphs=graphs) for share in shares]
    return Alone(engines) if count == 1 else Several(engines)


class Alone(Lanes):
    """One engine, in its caller's thread."""

    @property
    def busy(self) -> int:
        """Images in slots: each is answered by the step that ends it."""
        return self._engine.busy

    @property
    def beside(self) -> bool:
        """Never."""
        return False

    def has_room(self, waiting: Sequence[Task]) -> bool:
        """Wherever a slot is free."""
        return bool(waiting) and self._engine.free > 0

    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """At once."""
        self._engine.admit(task, targets, exact)

    def evict(self, key: str) -> bool:
        """At once."""
        return self._engine.evict(key)

    def step(self, pause: Pause) -> list[Solution | Failure]:
        """Here and now."""
        while not (ended := self._engine.step()):
            if pause():
                break
        return ended

    def stop(self) -> list[Solution | Failure]:
        """It stands still between steps."""
        return []

    @property
    def _engine(self) -> SlotEngine:
        return self._engines[0]


class Several(Lanes):
    """Engines that go on while their caller does something else.

    A lane stands still from the end of an image to the next `step`, so that its slot can be filled.
    """

    def __init__(self, engines: Sequence[SlotEngine]) -> None:
        super().__init__(engines)
        self._status = LaneStatus(torch.get_num_threads())
        self._lanes = [Lane(engine, self._status) for engine in engines]
        self._held: dict[str, Lane] = {}  # admitted and not answered
        weakref.finalize(self, _finish, self._lanes)

    @property
    def busy(self) -> int:
        """Images in slots, and those that ended since the last step."""
        return len(self._held)

    @property
    def beside(self) -> bool:
        """While a lane moves."""
        return any(lane.moves for lane in self._lanes)

    def has_room(self, waiting: Sequence[Task]) -> bool:
        """A lane takes no more than its share of the evaluations that are left, or the others starve.

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
        """Into the lane with the least to do, which stands still for it."""
        lane = self._next()
        assert lane is not None
        lane.stop()
        lane.engine.admit(task, targets, exact)
        self._held[task.key] = lane

    def evict(self, key: str) -> bool:
        """Its lane stands still for it."""
        lane = self._held.get(key)
        if lane is None:
            return False
        lane.stop()
        if not lane.engine.evict(key):
            return False  # it ended meanwhile, and the next step tells
        del self._held[key]
        return True

    def step(self, pause: Pause) -> list[Solution | Failure]:
        """All lanes at once; one that hangs is waited for."""
        status = self._status
        if status.error is None:
            for lane in self._lanes:
                lane.start()
        with status.changed:
            before = [lane.steps for lane in self._lanes]

            def done() -> bool:
                if status.ended or status.error is not None or not self.beside:
                    return True
                moved = (lane.steps > n or not lane.moves for lane, n in zip(self._lanes, before, strict=True))
                return all(moved) and pause()

            status.changed.wait_for(done)
        if status.error is not None:
            for lane in self._lanes:
                lane.stop()
            raise status.error
        return self._take_ended()

    def stop(self) -> list[Solution | Failure]:
        """After an evaluation at most."""
        for lane in self._lanes:
            lane.stop()
        return self._take_ended()

    def _take_ended(self) -> list[Solution | Failure]:
        with self._status.changed:
            ended, self._status.ended = self._status.ended, []
        for end in ended:
            del self._held[end.key]
        return ended


def _finish(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.finish()
