"""An engine without a network, for tests of all around it. Seeds carry fates: some kill their process for real."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neckar.pipeline.messages.setup import WorkerSetup
from neckar.pipeline.synthesis.task import Failure, Losses, RecordingFailed, Solution, Task
from neckar.pipeline.worker import actor
from neckar.pipeline.worker.engine import ReadyEngine
from neckar.schemas.errors import UserError

PACE_S = 0.002  # of an evaluation
WEIGHTS_SHA256 = "5" * 64

SIGKILL, SEGFAULT, HANG, RAISE, CROWDED, HUGE, NON_FINITE, POISONED_SOLUTION = range(9001, 9009)  # seeds with a fate


class StandIn:
    """Every image takes its `iterations` evaluations and comes out as noise of its seed."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._queue: list[Task] = []
        self._busy: dict[str, tuple[Task, int, float]] = {}
        self.submitted = 0
        self.evaluations = 0

    @property
    def backlog(self) -> int:
        return len(self._queue) + len(self._busy)

    @property
    def running(self) -> dict[str, float]:
        return {key: done / task.iterations for key, (task, done, _) in self._busy.items()}

    @property
    def last_losses(self) -> dict[str, float]:
        return {key: float(task.iterations - done) for key, (task, done, _) in self._busy.items() if done}

    def submit(self, task: Task) -> None:
        self.submitted += 1
        self._queue.append(task)

    def evict(self, key: str) -> bool:
        before = self.backlog
        self._queue = [task for task in self._queue if task.key != key]
        self._busy.pop(key, None)
        return self.backlog < before

    def losses(self, tasks: Sequence[Task], pictures: Sequence[np.ndarray]) -> list[Losses]:
        if POISONED_SOLUTION in {task.seed for task in tasks}:
            raise ArithmeticError("no losses\nfor this one")
        layers = [(1.0,) * len(task.program.style_layers) for task in tasks]
        return [Losses(total=2.0, content=1.0, style=1.0, layers=each) for each in layers]

    def step(self, pause: Callable[[], bool] = lambda: True) -> list[Solution | Failure]:
        while self._queue and len(self._busy) < self.slots:
            task = self._queue.pop(0)
            self._busy[task.key] = (task, 0, time.time())
        time.sleep(PACE_S)
        self.evaluations += len(self._busy)
        ended: list[Solution | Failure] = []
        for key, (task, done, started) in list(self._busy.items()):
            end = self._fate(task)
            if end is None and done + 1 >= task.iterations:
                end = self._solution(task, started)
            if end is None:
                self._busy[key] = (task, done + 1, started)
            else:
                del self._busy[key]
                ended.append(end)
        return ended

    def _fate(self, task: Task) -> Failure | None:
        match task.seed:
            case _ if task.seed == SIGKILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case _ if task.seed == SEGFAULT:
                ctypes.string_at(0)
            case _ if task.seed == HANG:
                time.sleep(3600)
            case _ if task.seed == RAISE:
                raise RuntimeError("CUDA error:\nan illegal memory access was encountered")
            case _ if task.seed == HUGE or (task.seed == CROWDED and self.backlog > 1):
                return Failure(task.key, "out_of_memory", "8 GB more than there are")
            case _ if task.seed == NON_FINITE:
                return Failure(task.key, "non_finite_loss", "not finite")
        return None

    def _solution(self, task: Task, started: float) -> Solution:
        program = task.program
        image = np.random.default_rng(task.seed).uniform(-20, 275, (program.height, program.width, 3))
        columns = ("total", "content", "style", *program.style_layers)
        return Solution(
            key=task.key,
            image=image.astype(np.float32),
            losses=self.losses_of(task),
            iterations=task.iterations,
            stop_reason="iterations",
            trace_columns=columns,
            trace=np.ones((task.iterations, len(columns)), np.float32),
            started_at=started,
            finished_at=time.time(),
        )

    @staticmethod
    def losses_of(task: Task) -> Losses:
        return Losses(total=3.0, content=1.0, style=2.0, layers=(2.0,) * len(task.program.style_layers))


def set_up(setup: WorkerSetup) -> ReadyEngine:
    return ReadyEngine(StandIn(setup.slots or 2), "a stand-in", "float32", WEIGHTS_SHA256, "0.0")


class Recorder(StandIn):
    """On a GPU whose work cannot be recorded."""

    def step(self, pause: Callable[[], bool] = lambda: True) -> list[Solution | Failure]:
        raise RecordingFailed("24 x 24 px cannot be recorded")


def set_up_recorder(setup: WorkerSetup) -> ReadyEngine:
    ready = set_up(setup)
    return replace(ready, engine=Recorder(setup.slots or 2)) if setup.graphs else ready


def set_up_badly(setup: WorkerSetup) -> ReadyEngine:
    raise RuntimeError("the driver of the device\nis too old")


def set_up_by_mistake(setup: WorkerSetup) -> ReadyEngine:
    raise UserError.at("weights: nowhere", "no such file")


def set_up_and_die(setup: WorkerSetup) -> ReadyEngine:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def set_up_without_bfloat16(setup: WorkerSetup) -> ReadyEngine:
    return replace(set_up(setup), possible=("float32",))


def set_up_one_of_two(setup: WorkerSetup) -> ReadyEngine:
    """Of the workers of one Ray, the first has fast bfloat16, the others none at all."""
    try:
        Path(tempfile.gettempdir(), f"neckar-first-{os.getppid()}").touch(exist_ok=False)
    except FileExistsError:
        return set_up_without_bfloat16(setup)
    return replace(set_up(setup), precision="bfloat16")


def set_up_other_release(setup: WorkerSetup) -> ReadyEngine:
    """On a machine where another Neckar is installed."""
    actor.neckar_version = lambda: "0.0.9"
    return set_up(setup)
