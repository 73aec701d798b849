"""What a worker asks of its engine, and the function that sets one up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neckar.pipeline.messages.setup import WorkerSetup
from neckar.pipeline.synthesis.task import Failure, Losses, Solution, Task
from neckar.schemas.fields import ResolvedPrecision


class Engine(Protocol):
    """What computes; `synthesis.engine.synthesizer.Synthesizer` is the real one."""

    @property
    def backlog(self) -> int:
        """Tasks submitted and not yet answered."""

    @property
    def slots(self) -> int:
        """Images at a time; 0 where that is not known yet."""

    @property
    def running(self) -> Mapping[str, float]:
        """Keys of the tasks in slots, with the fraction of their evaluations that is done."""

    @property
    def last_losses(self) -> Mapping[str, float]:
        """Keys of the tasks in slots, with the total loss at the last evaluation; those without one are left out."""

    @property
    def evaluations(self) -> int:
        """All so far, of all images."""

    def submit(self, task: Task) -> None:
        """Queue a task."""

    def step(self, pause: Callable[[], bool]) -> list[Solution | Failure]:
        """Evaluations of all slots until an image ends or `pause` says so, one at least."""

    def evict(self, key: str) -> bool:
        """Drop a task."""

    def losses(self, tasks: Sequence[Task], pictures: Sequence[np.ndarray]) -> list[Losses]:
        """Of tasks of one program at their 8-bit pictures (H, W, 3)."""


@dataclass(frozen=True, slots=True)
class ReadyEngine:
    """An engine that is set up, and what the records say of it.

    Attributes:
        engine: what computes.
        device: name of the device.
        precision: what `auto` means on it.
        weights_sha256: of the network's weights, hex.
        torch_version: of torch.
        kernels: the class of those in C, or "torch".
        possible: the precisions that the device can compute.
    """

    engine: Engine
    device: str
    precision: ResolvedPrecision
    weights_sha256: str
    torch_version: str
    possible: tuple[ResolvedPrecision, ...] = ("float32", "bfloat16")
    kernels: str = "torch"


SetUpEngine = Callable[[WorkerSetup], ReadyEngine]
