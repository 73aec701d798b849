"""Losses and their gradient for a batch of images, every image with its own targets and weights (eq. 1-7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.synthesis.conventions import content_factor, style_factor
from pipeline.synthesis.gram import apply_each, gram, positions
from pipeline.synthesis.network import Injection, Network
from pipeline.synthesis.task import Losses, Program, Task
from pipeline.synthesis.vgg19 import WIDTH


@dataclass(frozen=True)
class Targets:
    """What one image is compared with.

    Attributes:
        content: P^l (M, N) for every content layer, in the network's data type.
        style: A^l / M_a (N, N) for every style layer, float32.
    """

    content: tuple[Tensor, ...]
    style: tuple[Tensor, ...]


@dataclass(frozen=True)
class Evaluation:
    """Losses and gradient of a batch.

    Attributes:
        losses: float64 (B, 3 + style layers): total, L_content, L_style, then E_l.
        gradient: dL/dx, (B, 3, H, W), float32 (float64 in a float64 network).
    """

    losses: np.ndarray
    gradient: Tensor


@dataclass(frozen=True)
class _Term:
    """One layer's loss, (B,), without alpha, beta and w_l, and its gradient, with them."""

    layer: str
    losses: Tensor
    injection: Injection


def content_targets(network: Network, layers: Sequence[str], x: Tensor) -> tuple[Tensor, ...]:
    """P^l of one photograph (1, 3, H, W)."""
    tape = network.respond(x)
    return tuple(positions(tape[layer])[0].clone() for layer in layers)


def style_targets(network: Network, layers: Sequence[str], x: Tensor) -> tuple[Tensor, ...]:
    """A^l / M_a of one artwork (1, 3, h, w) of any size."""
    tape = network.respond(x)
    maps = [positions(tape[layer]) for layer in layers]
    return tuple(gram(F)[0] / F.shape[1] for F in maps)


def _sum_each(t: Tensor) -> Tensor:
    """Sum over all but the first dimension, the last one first.

    One `sum` over everything would split its work by the number of threads and by the batch; these stages do not.
    """
    while t.dim() > 1:
        t = t.sum(-1)
    return t


class Objective:
    """L of eq. 7 for the images of one program.

    Args:
        network: deep enough for the program's layers.
        program: layers and convention.
    """

    def __init__(self, network: Network, program: Program) -> None:
        self.network = network
        self.program = program
        self.columns = ("total", "content", "style", *program.style_layers)

    def evaluate(self, x: Tensor, targets: Sequence[Targets], tasks: Sequence[Task]) -> Evaluation:
        """Losses and gradient at x.

        Args:
            x: (B, 3, H, W), RGB on the 0-255 scale minus the VGG mean.
            targets: one an image.
            tasks: one an image; their alpha, beta and w_l are used.
        """
        tape = self.network.respond(x)
        content, style = self._content(tape, targets, tasks), self._style(tape, targets, tasks)
        injected: dict[str, list[Injection]] = defaultdict(list)
        for term in (*content, *style):
            injected[term.layer].append(term.injection)
        gradient = self.network.pull_back(tape, injected)
        return Evaluation(
            losses=_table(content, style, tasks),
            gradient=gradient.to(torch.promote_types(gradient.dtype, torch.float32)).contiguous(),
        )

    def losses(self, x: Tensor, targets: Sequence[Targets], tasks: Sequence[Task]) -> list[Losses]:
        """Losses alone, one an image, without a way back."""
        tape = self.network.respond(x)
        table = _table(self._content(tape, targets, tasks), self._style(tape, targets, tasks), tasks)
        return [as_losses(row) for row in table]

    def _content(self, tape: Mapping[str, Tensor], targets: Sequence[Targets], tasks: Sequence[Task]) -> list[_Term]:
        """L_content of every content layer (eq. 1), and alpha times its gradient (eq. 2)."""
        terms = []
        for i, layer in enumerate(self.program.content_layers):
            F = positions(tape[layer])
            P = torch.stack([target.content[i] for target in targets])
            difference = F.to(torch.promote_types(F.dtype, torch.float32)) - P
            k = content_factor(self.program.convention, N=F.shape[2], M=F.shape[1])
            scale = _column([2 * k * task.alpha for task in tasks], difference)
            terms.append(_Term(layer, k * _sum_each(difference.square()), _difference(difference, scale, tape[layer])))
        return terms

    def _style(self, tape: Mapping[str, Tensor], targets: Sequence[Targets], tasks: Sequence[Task]) -> list[_Term]:
        """E_l of every style layer (eq. 4), and beta w_l times its gradient (eq. 6)."""
        terms = []
        for i, layer in enumerate(self.program.style_layers):
            F = positions(tape[layer])
            M = F.shape[1]
            difference = gram(F).div_(M).sub_(torch.stack([target.style[i] for target in targets]))
            k = style_factor(self.program.convention, WIDTH[layer])
            scale = _column([4 * k / M * task.beta * task.style_weights[i] for task in tasks], difference)
            terms.append(_Term(layer, k * _sum_each(difference.square()), _product(difference, scale, tape[layer])))
        return terms


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


def _difference(difference: Tensor, scale: Tensor, F: Tensor) -> Injection:
    """Eq. 2: scale (F - P)."""

    def add(g: Tensor | None) -> Tensor:
        own = _as_maps((difference * scale).to(F.dtype), F)
        return own if g is None else g.add_(own)

    return add


def _product(difference: Tensor, scale: Tensor, F: Tensor) -> Injection:
    """Eq. 6: scale F (G - A), added while it is made, which saves two passes over memory."""

    def add(g: Tensor | None) -> Tensor:
        D = (difference * scale).to(F.dtype)
        return _as_maps(apply_each(positions(F), D, to=None if g is None else positions(g)), F)

    return add


def _as_maps(t: Tensor, F: Tensor) -> Tensor:
    """(B, M, N) as (B, N, H, W), without a copy; the inverse of `positions`."""
    B, N, H, W = F.shape
    return t.view(B, H, W, N).permute(0, 3, 1, 2)


def _table(content: Sequence[_Term], layers: Sequence[_Term], tasks: Sequence[Task]) -> np.ndarray:
    """float64 (B, 3 + style layers); one transfer from the device."""
    B = len(tasks)
    stacked = torch.stack([term.losses for term in (*content, *layers)], dim=1).double().cpu().numpy()
    table = np.empty((B, 3 + len(layers)))
    for row, values, task in zip(table, stacked, tasks, strict=True):
        row[1] = values[: len(content)].sum()
        row[3:] = values[len(content) :]
        row[2] = sum(w_l * E_l for w_l, E_l in zip(task.style_weights, row[3:], strict=True))
        row[0] = (task.alpha * row[1] if content else 0.0) + (task.beta * row[2] if layers else 0.0)
    return table


def as_losses(row: np.ndarray) -> Losses:
    """One row of an evaluation's table by name."""
    return Losses(total=float(row[0]), content=float(row[1]), style=float(row[2]), layers=tuple(map(float, row[3:])))
