"""The contract of a loss: its layers, its targets from a picture, its value, and the gradient that it injects.

A third loss is a module with one more implementation, and a line in `table.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..network.network import Injection, Network
from ..task import Program, Task
from .gram import positions


@dataclass(frozen=True)
class Term:
    """One layer's loss of every image of a batch.

    Attributes:
        layer: where its gradient is injected.
        losses: (B,), float32 or better, without the task's weights.
        injection: its gradient, with them.
    """

    layer: str
    losses: Tensor
    injection: Injection


class LayerLoss(ABC):
    """One kind of loss: layer by layer, the image's responses are compared with those of a picture.

    Attributes:
        name: of its column in the trace.
    """

    name: str

    @abstractmethod
    def layers(self, program: Program) -> tuple[str, ...]:
        """The layers it is taken at, in the network's order; none where the program is without it."""

    @abstractmethod
    def picture(self, task: Task) -> tuple[np.ndarray | None, str]:
        """What the image is compared with, (h, w, 3) RGB 0-255, and its name for the target cache."""

    @abstractmethod
    def target(self, F: Tensor) -> Tensor:
        """What is kept of a picture's response.

        Args:
            F: (1, M, N), M positions of N filters.
        """

    @abstractmethod
    def factor(self, program: Program, layer: str, task: Task) -> float:
        """What `term` multiplies its gradient with, the task's weights among it."""

    @abstractmethod
    def term(self, program: Program, layer: str, response: Tensor, target: Tensor, factor: Tensor) -> Term:
        """Value and gradient at one layer.

        Args:
            program: layers and convention.
            layer: name.
            response: (B, N, H, W), channels last.
            target: of every image, (B, ...).
            factor: of every image, (B, 1, 1), float32 or better.
        """

    @abstractmethod
    def total(self, task: Task, values: np.ndarray) -> float:
        """The loss of an image from that of its layers, float64 (layers,), without alpha or beta."""

    @abstractmethod
    def weight(self, task: Task) -> float:
        """Its factor in L (eq. 7)."""

    def targets(self, network: Network, layers: Sequence[str], x: Tensor) -> tuple[Tensor, ...]:
        """What is kept of one picture.

        Args:
            network: deep enough for the layers.
            layers: names.
            x: (1, 3, h, w), RGB on the 0-255 scale minus the VGG mean.
        """
        tape = network.respond(x, layers=layers)
        return tuple(self.target(positions(tape[layer])) for layer in layers)


def as_maps(t: Tensor, F: Tensor) -> Tensor:
    """(B, M, N) as (B, N, H, W), of F's shape, without a copy; the inverse of `positions`."""
    B, N, H, W = F.shape
    return t.view(B, H, W, N).permute(0, 3, 1, 2)
