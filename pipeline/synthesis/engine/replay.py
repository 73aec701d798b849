"""Evaluations that CUDA records once and plays again."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..losses.batch import Batch
from ..losses.objective import Objective
from ..network.network import Network
from ..task import Program, RecordingFailed
from .cuda_graph import Recorder, recorded

log = logging.getLogger(__name__)


# Of a micro-batch. Guesses, not measured: enough work a kernel, and little of it in vain where few images are left.
PIXELS, IMAGES = 4 * 512 * 512, 8


def together(program: Program) -> int:
    """Images of a micro-batch: by the geometry alone, never by how many there are."""
    return max(1, min(IMAGES, PIXELS // (program.height * program.width)))


class ReplayedObjective(Objective):
    """`Objective` in micro-batches of one size; rows without an image repeat one that is there.

    cuDNN and cuBLAS choose their kernels by the shape, and other kernels round differently: so the shape is always
    the same one, and an image has the bits it would have in any company. One recording serves for all of them. It is
    made after the first evaluation by the operators, and has to give the very same numbers; where it does not, all go
    on by the operators.

    Args:
        network: on a CUDA device.
        program: layers and convention.
        record: see `recorded`; another one is for tests. None records nothing.

    Raises:
        RecordingFailed: from `evaluate`: the first one could not be recorded.
    """

    def __init__(self, network: Network, program: Program, record: Recorder | None = recorded) -> None:
        super().__init__(network, program)
        self._together = together(program)
        self._record = record
        self._recording: _Recording | None = None
        self._probed = False
        self._whole: Batch | None = None  # of which there are micro-batches
        self._parts: list[tuple[list[int], Batch]] = []

    def measure(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective`."""
        found = [self._measure(x[rows], part) for rows, part in self._split(batch)]
        losses, gradients = (torch.cat(tensors)[: len(x)] for tensors in zip(*found, strict=True))
        return losses, gradients

    def judge(self, x: Tensor, batch: Batch) -> np.ndarray:
        """See `Objective`."""
        found = [super(ReplayedObjective, self).judge(x[rows], part) for rows, part in self._split(batch)]
        return np.concatenate(found)[: len(x)]

    def _split(self, batch: Batch) -> list[tuple[list[int], Batch]]:
        """Micro-batches and their rows; made when images have come or gone."""
        if batch is not self._whole:
            count = len(batch.tasks)
            self._parts = []
            for first in range(0, count, self._together):
                rows = [row if row < count else first for row in range(first, first + self._together)]
                self._parts.append((rows, batch.rows(rows)))
            self._whole = batch
        return self._parts

    def _measure(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        if self._recording is not None:
            return self._recording.play(x, batch)
        found = super().measure(x, batch)
        if not self._probed:
            self._probe(x, batch)
            self._probed = True
        if self._record is not None:
            self._try(x, batch, found, self._record)
        return found

    def _probe(self, x: Tensor, batch: Batch) -> None:
        """See that one image has the same bits in every row, which is the device's word and not ours."""
        rows = [0] * len(x)
        losses, gradients = super().measure(x[rows], batch.rows(rows))
        if not (_equal(losses, losses[:1].expand_as(losses)) and _equal(gradients, gradients[:1].expand_as(gradients))):
            log.warning(
                "%s: an image's bits depend on its row here: it will not be the same, bit for bit, in other company",
                self.program,
            )

    def _try(self, x: Tensor, batch: Batch, expected: tuple[Tensor, Tensor], record: Recorder) -> None:
        """Record this evaluation and keep what was recorded if it tells the same."""
        try:
            recording = _Recording(super().measure, x, batch, record)
            same = all(map(_equal, recording.play(x, batch), expected))
        except RuntimeError as error:  # its allocator may go on believing that it is recording
            reason = (str(error).splitlines() or ["no reason given"])[0]
            raise RecordingFailed(f"{self.program} cannot be recorded as a CUDA graph: {reason}") from error
        if same:
            self._recording = recording
            return
        self._record = None
        log.warning(
            "%s: without CUDA graphs, which is slower with few images: what is played differs from what was recorded",
            self.program,
        )


class _Recording:
    """One evaluation on memory of its own; batches of the same shapes are copied into it."""

    def __init__(
        self, measure: Callable[[Tensor, Batch], tuple[Tensor, Tensor]], x: Tensor, batch: Batch, record: Recorder
    ) -> None:
        self._x, self._own = x.clone(), batch.clone()
        self._batch = batch  # what is in `_own`
        self._again, self._found = record(lambda: measure(self._x, self._own), x.device)

    def play(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Losses and gradient, the caller's own."""
        if batch is not self._batch:
            self._own.take(batch)
            self._batch = batch
        self._x.copy_(x)
        self._again()
        losses, gradient = (t.clone() for t in self._found)
        return losses, gradient


def _equal(a: Tensor, b: Tensor) -> bool:
    """Number by number, NaN like NaN."""
    return torch.allclose(a, b, rtol=0.0, atol=0.0, equal_nan=True)
