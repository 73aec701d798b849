"""Tasks of any program in, pictures out: what a worker process holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from ..kernels.threads import one_thread
from ..losses.objective import Objective
from ..losses.representation import Representation, representation
from ..losses.targets import TargetCache
from ..network.pictures import to_network
from ..network.weights import Weights
from ..task import Failure, Losses, Program, Solution, Task
from . import device as devices
from . import memory
from .lanes import Lanes, Pause, lanes
from .networks import Networks
from .slot_counts import SlotCounts
from .task_queue import TaskQueue


class Synthesizer:
    """One network on one device and a queue of tasks.

    Tasks of the program that is running refill its slots; when they run out, the program with the longest queue is
    next. Which one that is changes no picture, only the order.

    Args:
        weights: of VGG-19.
        device: a torch device name, or "auto".
        slots: images at a time; None chooses by the device and the image size.
        workers: that share the device's memory.
        calibration: gives pictures (h, w, 3) RGB 0-255 for `normalised` programs, asked when the first one comes.
        graphs: whether CUDA may record evaluations.

    Raises:
        RecordingFailed: from `step`: the tasks need an engine without graphs, in a new process.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        device: str = "auto",
        slots: int | None = None,
        workers: int = 1,
        calibration: Callable[[], Sequence[np.ndarray]] = tuple,
        graphs: bool = True,
    ) -> None:
        self.device = devices.choose(device)
        self.targets = TargetCache()
        self._networks = Networks(weights, self.device, calibration)
        self._slot_counts = SlotCounts(self.device, slots, workers)
        self._graphs = graphs
        self._queue = TaskQueue()
        self._engine: Lanes | None = None
        self._program: Program | None = None  # that of the engine, also while it is being made
        self._before = 0  # evaluations of engines that are gone

    @property
    def backlog(self) -> int:
        """Tasks submitted and not yet answered."""
        return len(self._queue) + (self._engine.busy if self._engine else 0)

    @property
    def slots(self) -> int:
        """Images at a time of the program that runs; 0 before the first one."""
        return self._engine.slots if self._engine else 0

    @property
    def running(self) -> dict[str, float]:
        """Keys of the tasks that are in slots, with the fraction of their evaluations that is done."""
        return self._engine.running if self._engine else {}

    @property
    def last_losses(self) -> dict[str, float]:
        """Keys of the tasks in slots that have had an evaluation, with the total loss of the last one."""
        return self._engine.last_losses if self._engine else {}

    @property
    def evaluations(self) -> int:
        """All so far, of all images and programs."""
        return self._before + (self._engine.evaluations if self._engine else 0)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self._queue.add(task)

    def evict(self, key: str) -> bool:
        """Drop a task, queued or running; False if it is not here."""
        return (self._engine is not None and self._engine.evict(key)) or self._queue.drop(key)

    def step(self, pause: Pause = lambda: True) -> list[Solution | Failure]:
        """Evaluations of every occupied slot, one at least, until an image ends or `pause` says so.

        Args:
            pause: asked after every evaluation.

        Returns:
            The images that ended.
        """
        try:
            refused = self._refused()
            if refused is not None:
                return [refused]
            engine = self._filled()
            return engine.step(pause) if engine is not None else []
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            reason = (str(error).splitlines() or ["no memory left"])[0]
        engine = None
        return self._shrink(reason)  # now that no traceback holds what the engine held

    @torch.no_grad()
    def losses(self, tasks: Sequence[Task], pictures: Sequence[np.ndarray]) -> list[Losses]:
        """Each task's losses at its picture, 8-bit (height, width, 3), in float32: what an observer's picture has.

        Args:
            tasks: of one program.
            pictures: one a task.

        Raises:
            MemoryError: they do not fit into memory beside what is in the slots.
        """
        (program,) = {task.program for task in tasks}
        try:
            with self._apart():
                network = self._networks.of(program, "float32")
                targets = [self.targets.targets(network, task) for task in tasks]
                x = torch.cat([to_network(pixels, self.device) for pixels in pictures])
                return Objective(network, program).losses(x, targets, tasks)
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
            raise MemoryError(f"no memory to judge the picture: {str(error).splitlines()[0]}") from error

    @torch.no_grad()
    def represent(self, program: Program, picture: np.ndarray) -> Representation:
        """What the float32 network of a program sees in a picture (height, width, 3), 0-255, in its layers.

        Raises:
            MemoryError: it does not fit into memory.
        """
        try:
            with self._apart():
                network = self._networks.of(program, "float32")
                return representation(network, program, to_network(picture, self.device))
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
            raise MemoryError(f"no memory to look at the picture: {str(error).splitlines()[0]}") from error

    def _refused(self) -> Failure | None:
        """The next task of the program that comes next, if one image of it does not fit into free memory."""
        if self._engine is not None and (self._engine.busy or self._queue.of(self._engine.program)):
            return None
        self._release()
        program = self._queue.longest
        if program is None or self._slot_counts.of(program):
            return None
        needed = memory.alone(program, self.device)
        return Failure(
            self._queue.take(program).key,
            "out_of_memory",
            f"one picture of {program.height} x {program.width} px needs about {needed / 2**30:.1f} GiB, more than is"
            f" free on {devices.describe(self.device)}; make `size` smaller",
        )

    def _filled(self) -> Lanes | None:
        """The engine of the program that runs, its free slots refilled from the queue."""
        if self._engine is None:
            self._engine = self._next_engine()
        engine = self._engine
        if engine is None:
            return None
        while engine.has_room(waiting := self._queue.of(engine.program)):
            task = waiting[0]  # it stays in the queue until it is in a slot: memory may run out on the way
            with torch.no_grad(), self._apart():
                exact = self._networks.exact(task.program)
                targets = self.targets.targets(self._networks.of(task.program), task)
                engine.admit(task, targets, self.targets.targets(exact, task) if exact is not None else None)
            self._queue.take(engine.program)
        return engine

    def _release(self) -> None:
        """Let the engine go, and its memory before anybody counts what is free."""
        self._before = self.evaluations
        self._engine = None

    def _apart(self) -> AbstractContextManager[None]:
        """Beside lanes that compute, their caller takes one thread for itself: they have all the others."""
        return one_thread() if self._engine is not None and self._engine.beside else nullcontext()

    def _next_engine(self) -> Lanes | None:
        program = self._queue.longest
        if program is None:
            return None
        self._program = program
        network = self._networks.of(program)  # before the slots are counted: it takes memory too
        slots, exact = self._slot_counts.of(program), self._networks.exact(program)
        return lanes(network, program, slots, exact=exact, graphs=self._graphs)

    def _shrink(self, reason: str) -> list[Solution | Failure]:
        """After running out of memory: begin the images in the slots again with half as many slots.

        Their bits do not depend on it. One that does not even fit alone fails: the one that was in the slot, or was
        about to come into it.
        """
        program, engine = self._program, self._engine
        assert program is not None
        ended = engine.stop() if engine is not None else []
        if engine is not None:
            self._queue.put_back(engine.program, engine.tasks)
        engine = None
        self._release()
        self.targets.clear()
        memory.give_back(self.device)
        if self._slot_counts.halve(program, reason):
            return ended
        task = self._queue.take(program)
        return [*ended, Failure(task.key, "out_of_memory", f"does not fit into memory even alone: {reason}")]
