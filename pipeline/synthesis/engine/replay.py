"""Evaluations that CUDA records once and plays again."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from ..losses.batch import Batch
from ..losses.objective import Objective
from ..network.network import Network
from ..task import Program
from .cuda_graph import Recorder, recorded

log = logging.getLogger(__name__)


class ReplayedObjective(Objective):
    """`Objective` for an engine whose slots are full most of the time.

    The evaluation of a full batch is recorded, after the first one by the operators, and has to give the very same
    numbers; where it does not, or cannot be recorded, all go on by the operators.

    Args:
        network: on a CUDA device.
        program: layers and convention.
        full: images of a full batch.
        record: see `recorded`; another one is for tests.
    """

    def __init__(self, network: Network, program: Program, full: int, record: Recorder = recorded) -> None:
        super().__init__(network, program)
        self._full = full
        self._record = record
        self._recording: _Recording | None = None
        self._trusted = True  # until a recording failed

    def measure(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Objective`."""
        if len(x) < self._full:
            self._recording = None  # its memory is of more use to the images that are left
        elif self._recording is not None:
            return self._recording.play(x, batch)
        found = super().measure(x, batch)
        if len(x) == self._full and self._trusted:
            self._try(x, batch, found)
        return found

    def _try(self, x: Tensor, batch: Batch, expected: tuple[Tensor, Tensor]) -> None:
        """Record this evaluation and keep what was recorded if it tells the same."""
        try:
            recording = _Recording(super().measure, x, batch, self._record)
            same = all(map(_equal, recording.play(x, batch), expected))
        except RuntimeError as error:  # an error that the device does not recover from comes again with the next kernel
            reason = str(error).splitlines()[0]
        else:
            if same:
                self._recording = recording
                return
            reason = "what it plays differs from what was recorded"
        self._trusted = False
        log.warning("%s: without CUDA graphs, which is slower with few images: %s", self.program, reason)


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
