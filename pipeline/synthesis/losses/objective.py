"""Losses and their gradient for a batch of images, every image with its own targets and weights (eq. 1-7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..network.network import Injection, Network
from ..task import Losses, Program, Task
from .batch import Batch, Targets
from .layer_loss import LayerLoss, Term
from .table import LOSSES

TOGETHER = 2 * 256 * 256  # positions of the images judged at a time: their kernels are read once, their tape is small


@dataclass(frozen=True)
class Evaluation:
    """Losses and gradient of a batch.

    Attributes:
        losses: float64 (B, 1 + losses + style layers): total, L_content, L_style, then E_l.
        gradient: dL/dx, (B, 3, H, W), float32 (float64 in a float64 network).
    """

    losses: np.ndarray
    gradient: Tensor


class Objective:
    """L of eq. 7 for the images of one program.

    Args:
        network: deep enough for the program's layers.
        program: layers and convention.
        losses: those that are summed.
    """

    def __init__(self, network: Network, program: Program, losses: Sequence[LayerLoss] = LOSSES) -> None:
        self.network = network
        self.program = program
        self.columns = ("total", *(loss.name for loss in losses), *program.style_layers)
        self._losses = losses
        self._layers = [loss.layers(program) for loss in losses]

    def batch(self, targets: Sequence[Targets], tasks: Sequence[Task]) -> Batch:
        """The targets of several images side by side; worth keeping while the images stay the same.

        Args:
            targets: one an image, through the objective's network.
            tasks: one an image; their alpha, beta and w_l are used.
        """
        kinds, factors = [], []
        for loss, layers, given in zip(
            self._losses, self._layers, zip(*(one.kinds for one in targets), strict=True), strict=True
        ):
            side_by_side = tuple(torch.stack(layer) for layer in zip(*given, strict=True))
            kinds.append(side_by_side)
            factors.append(
                tuple(
                    _column([loss.factor(self.program, layer, task) for task in tasks], t, self.network.device)
                    for layer, t in zip(layers, side_by_side, strict=True)
                )
            )
        return Batch(tuple(tasks), tuple(kinds), tuple(factors))

    def evaluate(self, x: Tensor, batch: Batch) -> Evaluation:
        """Losses and gradient at x.

        Args:
            x: (B, 3, H, W), RGB on the 0-255 scale minus the VGG mean.
            batch: of the same images.
        """
        losses, gradient = self.measure(x, batch)
        return Evaluation(self._table(losses, batch.tasks), gradient)

    def measure(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """`evaluate` without a word to or from the device's host.

        Returns:
            Losses (B, layers of all losses), without alpha, beta and w_l; and dL/dx (B, 3, H, W).
        """
        tape = self.network.respond(x)
        terms = self._terms(tape, batch)
        losses = _side_by_side(terms)
        injected: dict[str, list[Injection]] = defaultdict(list)
        for term in terms:
            injected[term.layer].append(term.injection)
        del term, terms  # they hold responses, whose memory the way back is to use
        gradient = self.network.pull_back(tape, injected)
        wide = torch.promote_types(gradient.dtype, torch.float32)
        return losses, gradient.to(wide).contiguous()

    def judge(self, x: Tensor, batch: Batch) -> np.ndarray:
        """The losses of `evaluate` alone, without the way back; the same bits."""
        tape = self.network.respond(x, layers={layer for layers in self._layers for layer in layers})
        return self._table(_side_by_side(self._terms(tape, batch)), batch.tasks)

    def losses(self, x: Tensor, targets: Sequence[Targets], tasks: Sequence[Task]) -> list[Losses]:
        """Losses alone, one an image; a few images at a time, for none is waited for."""
        together = max(1, TOGETHER // (x.shape[2] * x.shape[3]))
        found: list[Losses] = []
        for first in range(0, len(tasks), together):
            these = slice(first, first + together)
            found += map(as_losses, self.judge(x[these], self.batch(targets[these], tasks[these])))
        return found

    def _terms(self, tape: Mapping[str, Tensor], batch: Batch) -> list[Term]:
        """Loss by loss, layer by layer."""
        return [
            loss.term(self.program, layer, tape[layer], target, factor)
            for loss, layers, targets, factors in zip(
                self._losses, self._layers, batch.targets, batch.factors, strict=True
            )
            for layer, target, factor in zip(layers, targets, factors, strict=True)
        ]

    def _table(self, losses: Tensor, tasks: Sequence[Task]) -> np.ndarray:
        """float64 (B, columns), of the losses (B, layers of all losses); one transfer from the device."""
        found = losses.double().cpu().numpy()
        ends = np.cumsum([len(layers) for layers in self._layers])[:-1]
        table = np.zeros((len(tasks), len(self.columns)))
        for row, values, task in zip(table, found, tasks, strict=True):
            kinds = dict(zip([loss.name for loss in self._losses], np.split(values, ends), strict=True))
            for column, (loss, layers) in enumerate(zip(self._losses, self._layers, strict=True), start=1):
                row[column] = loss.total(task, kinds[loss.name])
                if layers:
                    row[0] += loss.weight(task) * row[column]
            row[1 + len(self._losses) :] = kinds["style"]
        return table


def _column(values: Sequence[float], like: Tensor, device: torch.device) -> Tensor:
    """(B, 1, 1), in float32 or better."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


def _side_by_side(terms: Sequence[Term]) -> Tensor:
    """(B, terms)."""
    return torch.stack([term.losses for term in terms], dim=1)


def as_losses(row: np.ndarray) -> Losses:
    """One row of an evaluation's table by name."""
    layers = tuple(map(float, row[1 + len(LOSSES) :]))
    return Losses(total=float(row[0]), content=float(row[1]), style=float(row[2]), layers=layers)
