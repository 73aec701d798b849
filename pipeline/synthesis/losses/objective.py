"""Losses and their gradient for a batch of images, every image with its own targets and weights (eq. 1-7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..network.network import Injection, Network
from ..network.vgg19 import WIDTH, map_size
from ..task import Losses, Program, Task
from . import differences
from .conventions import content_factor, style_factor
from .gram import apply_each, gram, positions

TOGETHER = 2 * 256 * 256  # positions of the images judged at a time: their kernels are read once, their tape is small


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
class Batch:
    """What the images of a batch are compared with, side by side; the factors are those of the gradients.

    Attributes:
        tasks: one an image.
        content: P^l (B, M, N) for every content layer.
        content_factors: 2 k alpha, (B, 1, 1), likewise.
        style: A^l / M_a (B, N, N) for every style layer.
        style_factors: 4 k / M beta w_l, (B, 1, 1), likewise.
    """

    tasks: tuple[Task, ...]
    content: tuple[Tensor, ...]
    content_factors: tuple[Tensor, ...]
    style: tuple[Tensor, ...]
    style_factors: tuple[Tensor, ...]

    def clone(self) -> Batch:
        """The same on memory of its own."""
        content, content_factors, style, style_factors = (tuple(t.clone() for t in kind) for kind in self._tensors)
        return Batch(self.tasks, content, content_factors, style, style_factors)

    def take(self, other: Batch) -> None:
        """Copy the tensors of a batch of the same shapes into this one's memory."""
        for mine, given in zip(self._tensors, other._tensors, strict=True):
            for t, new in zip(mine, given, strict=True):
                t.copy_(new)

    @property
    def _tensors(self) -> tuple[tuple[Tensor, ...], ...]:
        return self.content, self.content_factors, self.style, self.style_factors


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

    def batch(self, targets: Sequence[Targets], tasks: Sequence[Task]) -> Batch:
        """The targets of several images side by side; worth keeping while the images stay the same.

        Args:
            targets: one an image, through the objective's network.
            tasks: one an image; their alpha, beta and w_l are used.
        """
        device = self.network.device
        content = tuple(torch.stack(P) for P in zip(*(target.content for target in targets), strict=True))
        style = tuple(torch.stack(A) for A in zip(*(target.style for target in targets), strict=True))
        content_factors, style_factors = [], []
        for P in content:
            k = content_factor(self.program.convention, N=P.shape[2], M=P.shape[1])
            content_factors.append(_column([2 * k * task.alpha for task in tasks], P, device))
        for i, A in enumerate(style):
            k, M = self._style_factor(i), self._positions(i)
            style_factors.append(_column([4 * k / M * task.beta * task.style_weights[i] for task in tasks], A, device))
        return Batch(tuple(tasks), content, tuple(content_factors), style, tuple(style_factors))

    def evaluate(self, x: Tensor, batch: Batch) -> Evaluation:
        """Losses and gradient at x.

        Args:
            x: (B, 3, H, W), RGB on the 0-255 scale minus the VGG mean.
            batch: of the same images.
        """
        losses, gradient = self.measure(x, batch)
        return Evaluation(_table(losses, batch.tasks, len(batch.content)), gradient)

    def measure(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """`evaluate` without a word to or from the device's host.

        Returns:
            Losses (B, content layers + style layers), without alpha, beta and w_l; and dL/dx (B, 3, H, W).
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
        terms = self._terms(self.network.respond(x), batch)
        return _table(_side_by_side(terms), batch.tasks, len(batch.content))

    def losses(self, x: Tensor, targets: Sequence[Targets], tasks: Sequence[Task]) -> list[Losses]:
        """Losses alone, one an image; a few images at a time, for none is waited for."""
        together = max(1, TOGETHER // (x.shape[2] * x.shape[3]))
        found: list[Losses] = []
        for first in range(0, len(tasks), together):
            these = slice(first, first + together)
            found += map(as_losses, self.judge(x[these], self.batch(targets[these], tasks[these])))
        return found

    def _terms(self, tape: Mapping[str, Tensor], batch: Batch) -> list[_Term]:
        """Content layers first."""
        content = zip(self.program.content_layers, batch.content, batch.content_factors, strict=True)
        style = zip(range(len(batch.style)), batch.style, batch.style_factors, strict=True)
        return [
            *(self._content(layer, tape[layer], P, factor) for layer, P, factor in content),
            *(self._style(i, tape[self.program.style_layers[i]], A, factor) for i, A, factor in style),
        ]

    def _content(self, layer: str, response: Tensor, P: Tensor, factor: Tensor) -> _Term:
        """L_content of a layer (eq. 1), and alpha times its gradient (eq. 2)."""
        F = positions(response)
        own, squares = differences.of_maps(F, P, factor)
        k = content_factor(self.program.convention, N=F.shape[2], M=F.shape[1])
        return _Term(layer, k * squares, _added(_as_maps(own, response)))

    def _style(self, i: int, response: Tensor, A: Tensor, factor: Tensor) -> _Term:
        """E_l of a layer (eq. 4), and beta w_l times its gradient (eq. 6)."""
        F = positions(response)
        D, squares = differences.of_grams(gram(F), F.shape[1], A, factor, F.dtype)
        return _Term(self.program.style_layers[i], self._style_factor(i) * squares, _product(D, response))

    def _style_factor(self, i: int) -> float:
        """k of E_l."""
        return style_factor(self.program.convention, WIDTH[self.program.style_layers[i]])

    def _positions(self, i: int) -> int:
        """M of the i-th style layer."""
        height, width = map_size(self.program.style_layers[i], self.program.height, self.program.width)
        return height * width


def _column(values: Sequence[float], like: Tensor, device: torch.device) -> Tensor:
    """(B, 1, 1), in float32 or better."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


def _added(own: Tensor) -> Injection:
    """Eq. 2: 2 k alpha (F - P)."""

    def add(g: Tensor | None) -> Tensor:
        return own if g is None else g.add_(own)

    return add


def _product(D: Tensor, F: Tensor) -> Injection:
    """Eq. 6: F D, D = 4 k / M beta w_l (G - A), added while it is made, which saves two passes over memory."""

    def add(g: Tensor | None) -> Tensor:
        return _as_maps(apply_each(positions(F), D, to=None if g is None else positions(g)), F)

    return add


def _as_maps(t: Tensor, F: Tensor) -> Tensor:
    """(B, M, N) as (B, N, H, W), without a copy; the inverse of `positions`."""
    B, N, H, W = F.shape
    return t.view(B, H, W, N).permute(0, 3, 1, 2)


def _side_by_side(terms: Sequence[_Term]) -> Tensor:
    """(B, terms)."""
    return torch.stack([term.losses for term in terms], dim=1)


def _table(losses: Tensor, tasks: Sequence[Task], content: int) -> np.ndarray:
    """float64 (B, 3 + style layers), of the losses of so many content layers and then the style layers.

    One transfer from the device.
    """
    found = losses.double().cpu().numpy()
    style = found.shape[1] - content
    table = np.empty((len(tasks), 3 + style))
    for row, values, task in zip(table, found, tasks, strict=True):
        row[1] = values[:content].sum()
        row[3:] = values[content:]
        row[2] = sum(w_l * E_l for w_l, E_l in zip(task.style_weights, row[3:], strict=True))
        row[0] = (task.alpha * row[1] if content else 0.0) + (task.beta * row[2] if style else 0.0)
    return table


def as_losses(row: np.ndarray) -> Losses:
    """One row of an evaluation's table by name."""
    return Losses(total=float(row[0]), content=float(row[1]), style=float(row[2]), layers=tuple(map(float, row[3:])))
