"""E_l and L_style (eq. 4 and 5) and their gradient (eq. 6)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..network.network import Injection
from ..network.vgg19 import WIDTH, map_size
from ..task import Program, Task
from .conventions import style_factor
from .differences import of_grams
from .gram import apply_each, gram, positions
from .layer_loss import LayerLoss, Term, as_maps


class StyleLoss(LayerLoss):
    """k sum (G/M - A/M_a)^2 of every style layer; the target is A^l / M_a, (N, N), float32."""

    name = "style"

    def layers(self, program: Program) -> tuple[str, ...]:
        """The style layers."""
        return program.style_layers

    def picture(self, task: Task) -> tuple[np.ndarray | None, str]:
        """The artwork, of any size."""
        return task.style, task.style_key

    def target(self, F: Tensor) -> Tensor:
        """A / M_a."""
        return gram(F)[0] / F.shape[1]

    def factor(self, program: Program, layer: str, task: Task) -> float:
        """4 k / M beta w_l."""
        height, width = map_size(layer, program.height, program.width)
        w_l = task.style_weights[program.style_layers.index(layer)]
        return 4 * self._k(program, layer) / (height * width) * task.beta * w_l

    def term(self, program: Program, layer: str, response: Tensor, target: Tensor, factor: Tensor) -> Term:
        """E_l, and F D with D = 4 k / M beta w_l (G/M - A/M_a)."""
        F = positions(response)
        D, squares = of_grams(gram(F), F.shape[1], target, factor, F.dtype)
        return Term(layer, self._k(program, layer) * squares, _product(D, response))

    def total(self, task: Task, values: np.ndarray) -> float:
        """Sum of w_l E_l."""
        return float(sum(w_l * E_l for w_l, E_l in zip(task.style_weights, values, strict=True)))

    def weight(self, task: Task) -> float:
        """beta."""
        return task.beta

    def _k(self, program: Program, layer: str) -> float:
        return style_factor(program.convention, WIDTH[layer])


def _product(D: Tensor, response: Tensor) -> Injection:
    """F D, added while it is made, which saves two passes over memory."""

    def add(g: Tensor | None) -> Tensor:
        return as_maps(apply_each(positions(response), D, to=None if g is None else positions(g)), response)

    return add
