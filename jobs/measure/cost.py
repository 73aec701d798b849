"""What pairs cost in floating-point operations, and how many of them this machine does in a second: measured."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from neckar.pipeline.synthesis.network.vgg19 import DEPTH, map_size, up_to
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings

if TYPE_CHECKING:
    from neckar.pipeline.synthesis.task import Precision, Task

_SIDE_MAX_PX = 256  # of the calibration: larger pictures cost nearly the same a pixel, this keeps it at seconds
_SECONDS = 3.0  # of measuring, after a warm-up
_TASKS, _EVALUATIONS = 64, 10_000  # more slots than an engine opens by itself, more than any device does in that time


class Work(NamedTuple):
    """An evaluation of loss and gradient, as far as its cost goes.

    Attributes:
        height, width: of the image, px.
        deepest: the layer after which the network is cut.
    """

    height: int
    width: int
    deepest: str

    @property
    def flops(self) -> int:
        """The convolutions forward, and as much again for their input-gradients; a multiply-add counts two."""
        total = 0
        for spec in up_to((self.deepest,)):
            height, width = map_size(spec.name, self.height, self.width)
            total += 2 * 2 * 9 * spec.inputs * spec.outputs * height * width
        return total


@dataclass(frozen=True, slots=True)
class Rate:
    """The engine's speed as measured.

    Attributes:
        flops_per_s: in the operations of `Work.flops`.
        evaluations: how many were timed.
        side_px: of the square picture they were timed on.
        device: its name.
        precision: float32, tf32 or bfloat16.
        workers: how many such a run starts on this machine; one was measured.
    """

    flops_per_s: float
    evaluations: int
    side_px: int
    device: str
    precision: str
    workers: int


def work_of(pairs: Iterable[Pair]) -> Counter[Work]:
    """How many evaluations of which cost the pairs ask for, at most.

    A size given as the longest side counts as a square: the pictures are not opened, and any other shape costs less.
    """
    counts: Counter[Work] = Counter()
    for pair in pairs:
        settings = pair.settings
        if not settings.synthesised:
            continue
        height, width = _square(settings)
        content = settings.content_layers if pair.content is not None else ()
        style = settings.style_layer_names if pair.style is not None else ()
        deepest = max((*content, *style), key=DEPTH.__getitem__)
        counts[Work(height, width, deepest)] += settings.iterations
    return counts


def measure(settings: Settings, weights: str) -> Rate:
    """Run a worker's engine on noise for a few seconds, with these settings at no more than 256 px."""
    import torch

    from neckar.pipeline.driver.staffing import Machine, staff
    from neckar.pipeline.messages.setup import WorkerSetup
    from neckar.pipeline.synthesis.engine import device as devices
    from neckar.pipeline.synthesis.engine.host import cores
    from neckar.pipeline.worker.engine_setup import synthesizer

    machine = Machine(cpus=cores(), gpus=torch.cuda.device_count())
    staffing = staff([machine], None)
    gpu = staffing.gpus > 0
    ready = synthesizer(WorkerSetup(weights=weights, gpu=gpu, slots=None, threads=staffing.threads))
    precision = devices.resolve(settings.precision, devices.choose("cuda" if gpu else "cpu"))
    side = min(_SIDE_MAX_PX, *_square(settings))
    for task in _noise(settings, side, precision):
        ready.engine.submit(task)
    ready.engine.step(lambda: True)  # the targets, and whatever the first call of a kernel does once
    begun, start = ready.engine.evaluations, time.perf_counter()
    until = start + _SECONDS
    ready.engine.step(lambda: time.perf_counter() >= until)
    seconds = time.perf_counter() - start
    evaluations = ready.engine.evaluations - begun
    deepest = max((*settings.content_layers, *settings.style_layer_names), key=DEPTH.__getitem__)
    flops = Work(side, side, deepest).flops * evaluations
    return Rate(flops / seconds, evaluations, side, ready.device, precision, staffing.workers)


def _noise(settings: Settings, side: int, precision: Precision) -> Iterator[Task]:
    """More pictures than an engine opens slots by itself, more evaluations than it can do in time."""
    import numpy as np

    from neckar.pipeline.synthesis.task import Program, Task

    picture = np.random.default_rng(0).uniform(0.0, 255.0, (side, side, 3)).astype(np.float32)
    program = Program(
        height=side,
        width=side,
        content_layers=settings.content_layers,
        style_layers=settings.style_layer_names,
        pooling=settings.pooling,
        precision=precision,
    )
    for i in range(_TASKS):
        yield Task(
            key=str(i),
            program=program,
            content=picture,
            style=picture,
            content_key="noise",
            style_key="noise",
            alpha=1e-3,
            beta=1.0,
            style_weights=settings.style_weights,
            seed=i,
            iterations=_EVALUATIONS,
        )


def _square(settings: Settings) -> tuple[int, int]:
    """Height and width, the longest side for both where only that is given."""
    return settings.size if isinstance(settings.size, tuple) else (settings.size, settings.size)
