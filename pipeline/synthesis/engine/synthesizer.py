"""Tasks of any program in, pictures out: what a worker process holds."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from ..kernels.threads import one_thread
from ..losses.objective import Objective
from ..losses.targets import TargetCache
from ..network.network import DTYPES, Network
from ..network.normalisation import normalised
from ..network.pictures import to_network
from ..network.vgg19 import DEPTH
from ..network.weights import Weights
from ..task import Failure, Losses, Program, Solution, Task
from . import device as devices
from . import memory
from .lanes import Lanes, Pause, lanes

log = logging.getLogger(__name__)

# Of a thread. Two images of 256 px fill it; smaller ones need more company to spread the cost of a call, and of reading
# the kernels, over. More than these gain another 3 % at best, and all are lost when the process is killed.
CPU_PIXELS, CPU_SLOTS = 2 * 256 * 256, 9
GPU_PIXELS = 16 * 512 * 512  # a guess, not measured: enough work a kernel for the largest chips

_NetworkKey = tuple[str, str, str, bool]  # deepest layer, pooling, precision, normalised


class Synthesizer:
    """One network on one device and a queue of tasks.

    Tasks of the program that is running refill its slots; when they run out, the program with the longest queue is
    next. Which one that is changes no picture, only the order.

    Args:
        weights: of VGG-19.
        device: a torch device name, or "auto".
        slots: images at a time; None chooses by the device and the image size.
        calibration: gives pictures (h, w, 3) RGB 0-255 for `normalised` programs, asked when the first one comes.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        device: str = "auto",
        slots: int | None = None,
        calibration: Callable[[], Sequence[np.ndarray]] = tuple,
    ) -> None:
        self.device = devices.choose(device)
        self.targets = TargetCache()
        self._weights = weights
        self._normalised: Weights | None = None
        self._calibration = calibration
        self._slots = slots
        self._networks: dict[_NetworkKey, Network] = {}
        self._queues: dict[Program, deque[Task]] = {}
        self._engine: Lanes | None = None
        self._program: Program | None = None  # that of the engine, also while it is being made
        self._before = 0  # evaluations of engines that are gone
        self._most: dict[Program, int] = {}  # slots of each program

    @property
    def backlog(self) -> int:
        """Tasks submitted and not yet answered."""
        return sum(len(queue) for queue in self._queues.values()) + (self._engine.busy if self._engine else 0)

    @property
    def slots(self) -> int:
        """Images at a time of the program that runs; 0 before the first one."""
        return self._engine.slots if self._engine else 0

    @property
    def running(self) -> dict[str, float]:
        """Keys of the tasks that are in slots, with the fraction of their evaluations that is done."""
        return self._engine.running if self._engine else {}

    @property
    def evaluations(self) -> int:
        """All so far, of all images and programs."""
        return self._before + (self._engine.evaluations if self._engine else 0)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self._queues.setdefault(task.program, deque()).append(task)

    def evict(self, key: str) -> bool:
        """Drop a task, queued or running; False if it is not here."""
        if self._engine is not None and self._engine.evict(key):
            return True
        for queue in self._queues.values():
            for task in queue:
                if task.key == key:
                    queue.remove(task)
                    return True
        return False

    def step(self, pause: Pause = lambda: True) -> list[Solution | Failure]:
        """Evaluations of every occupied slot, one at least, until an image ends or `pause` says so.

        Args:
            pause: asked after every evaluation.

        Returns:
            The images that ended.
        """
        try:
            engine = self._filled()
            return engine.step(pause) if engine is not None else []
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
            return self._shrink(str(error).splitlines()[0])

    @torch.no_grad()
    def losses(self, tasks: Sequence[Task], pictures: Sequence[np.ndarray]) -> list[Losses]:
        """Each task's losses at its picture, 8-bit (height, width, 3), in float32: what an observer's picture has.

        Args:
            tasks: of one program.
            pictures: one a task.
        """
        (program,) = {task.program for task in tasks}
        with self._apart():
            network = self._network(program, "float32")
            targets = [self.targets.targets(network, task) for task in tasks]
            x = torch.cat([to_network(pixels, self.device) for pixels in pictures])
            return Objective(network, program).losses(x, targets, tasks)

    def _filled(self) -> Lanes | None:
        """The engine of the program that runs, its free slots refilled from the queue."""
        if self._engine is None or (self._engine.busy == 0 and not self._queues.get(self._engine.program)):
            self._before = self.evaluations
            self._engine = self._next_engine()
        engine = self._engine
        if engine is None:
            return None
        queue = self._queues.get(engine.program)
        while queue and engine.has_room(queue):
            task = queue.popleft()
            with torch.no_grad(), self._apart():
                exact = self._exact(task.program)
                targets = self.targets.targets(self._network(task.program, task.program.precision), task)
                engine.admit(task, targets, self.targets.targets(exact, task) if exact is not None else None)
        if not queue:
            self._queues.pop(engine.program, None)
        return engine

    def _apart(self) -> AbstractContextManager[None]:
        """Beside lanes that compute, their caller takes one thread for itself: they have all the others."""
        return one_thread() if self._engine is not None and self._engine.beside else nullcontext()

    def _next_engine(self) -> Lanes | None:
        if not self._queues:
            return None
        program = max(self._queues, key=lambda p: len(self._queues[p]))
        self._program = program
        network = self._network(program, program.precision)
        return lanes(network, program, self._slots_for(program), exact=self._exact(program))

    def _shrink(self, reason: str) -> list[Solution | Failure]:
        """After running out of memory: begin the images in the slots again with half as many slots.

        Their bits do not depend on it. One that does not even fit alone fails.
        """
        program, engine = self._program, self._engine
        assert program is not None
        queue = self._queues.setdefault(program, deque())
        slots = self._slots_for(program)
        ended = engine.stop() if engine is not None else []
        if engine is not None and engine.program == program:
            queue.extendleft(reversed(engine.tasks))
        self._before = self.evaluations
        self._engine = engine = None  # frees its memory before the next one asks for some
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if slots > 1:
            self._most[program] = slots // 2
            log.warning("%s: %d slots are too many, trying %d: %s", program, slots, slots // 2, reason)
            return ended
        task = queue.popleft()
        if not queue:
            del self._queues[program]
        return [*ended, Failure(task.key, "out_of_memory", f"does not fit into memory even alone: {reason}")]

    def _slots_for(self, program: Program) -> int:
        """As asked for, or by the image size; no more than free memory holds, or than did not run out of it."""
        if program in self._most:
            return self._most[program]
        pixels = program.height * program.width
        if self._slots is not None:
            wanted = self._slots
        elif self.device.type == "cuda":
            wanted = max(1, GPU_PIXELS // pixels)
        else:
            wanted = torch.get_num_threads() * max(1, min(CPU_SLOTS, round(CPU_PIXELS / pixels)))
        fitting = memory.slots_that_fit(program, self.device)
        if fitting is not None and fitting < wanted:
            log.warning("%s: %d slots do not fit into free memory, taking %d", program, wanted, fitting)
            wanted = fitting
        self._most[program] = wanted
        return wanted

    def _exact(self, program: Program) -> Network | None:
        """The float32 network that judges what bfloat16 made."""
        return self._network(program, "float32") if program.precision == "bfloat16" else None

    def _network(self, program: Program, precision: str) -> Network:
        deepest = max((*program.content_layers, *program.style_layers), key=DEPTH.__getitem__)
        key = (deepest, program.pooling, precision, program.normalised)
        if key not in self._networks:
            self._networks[key] = Network(
                self._weights_for(program),
                [deepest],
                pooling=program.pooling,
                dtype=DTYPES["bfloat16" if precision == "bfloat16" else "float32"],
                device=self.device,
            )
        return self._networks[key]

    def _weights_for(self, program: Program) -> Weights:
        if not program.normalised:
            return self._weights
        if self._normalised is None:
            self._normalised = normalised(self._weights, self._calibration())
        return self._normalised
