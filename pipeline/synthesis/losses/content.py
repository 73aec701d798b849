"""L_content (eq. 1) and its gradient (eq. 2)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..network.network import Injection
from ..network.vgg19 import WIDTH, map_size
from ..task import Program, Task
from .conventions import content_factor
from .differences import of_maps
from .gram import positions
from .layer_loss import LayerLoss, Term, as_maps


class ContentLoss(LayerLoss):
    """k sum (F - P)^2 of every content layer; the target is P^l, (M, N), in the network's data type."""

    name = "content"

    def layers(self, program: Program) -> tuple[str, ...]:
        """The content layers."""
        return program.content_layers

    def picture(self, task: Task) -> tuple[np.ndarray | None, str]:
        """The photograph."""
        return task.content, task.content_key

    def target(self, F: Tensor) -> Tensor:
        """P."""
        return F[0].clone()

    def factor(self, program: Program, layer: str, task: Task) -> float:
        """2 k alpha."""
        return 2 * self._k(program, layer) * task.alpha

    def term(self, program: Program, layer: str, response: Tensor, target: Tensor, factor: Tensor) -> Term:
        """k sum (F - P)^2, and 2 k alpha (F - P)."""
        gradient, squares = of_maps(positions(response), target, factor)
        return Term(layer, self._k(program, layer) * squares, _added(as_maps(gradient, response)))

    def total(self, task: Task, values: np.ndarray) -> float:  # noqa: ARG002 - no weights within it
        """Their sum."""
        return float(values.sum())

    def weight(self, task: Task) -> float:
        """alpha."""
        return task.alpha

    def _k(self, program: Program, layer: str) -> float:
        height, width = map_size(layer, program.height, program.width)
        return content_factor(program.convention, N=WIDTH[layer], M=height * width)


def _added(gradient: Tensor) -> Injection:
    def add(g: Tensor | None) -> Tensor:
        return gradient if g is None else g.add_(gradient)

    return add
