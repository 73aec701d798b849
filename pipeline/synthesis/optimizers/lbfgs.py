"""L-BFGS for every image of a batch on its own (Liu & Nocedal 1989), its history in matrix form.

The direction needs of the history only its inner products (the compact form of Byrd, Nocedal & Schnabel 1994). Those
with the newest gradient g are one matrix-vector product an image; all others follow from
s_i.y_k = s_i.g_{k+1} - s_i.g_k. Small triangular systems, solved for all images at once, give the weights of one more
product. An evaluation reads the history twice and waits for the device three times, however long the history is and
however many the images are, and the steps equal those of `torch.optim.LBFGS` without line search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .compact import HISTORY, CompactForm
from .history import products, weighted_sum

CURVATURE_MIN = 1e-10  # smallest accepted s.y / y.Ky, against a division by rounding noise
DOUBLINGS = 30  # of the first step: 1e9 times as long; whoever rejects that many pairs is no better off with more


@dataclass(frozen=True)
class Steps:
    """How far to go; the defaults are those of `torch.optim.LBFGS` without line search.

    Attributes:
        first: Euclidean length of a step without history, doubled after every pair whose curvature was not positive;
            None: min(1, 1/|g|_1) times the gradient.
        longest: longer steps are shortened to this length.
        stretch: factor of gamma = s.y / y.Ky. The kinks of ReLU and the rounding of bfloat16 put into y what is not
            curvature along s, and gamma comes out too small.
    """

    first: float | None = None
    longest: float = math.inf
    stretch: float = 1.0


TORCH = Steps()


class LBFGS:
    """One optimiser state a slot.

    With a preconditioner K (symmetric, positive), the first Hessian approximation is gamma K in place of gamma I, which
    equals L-BFGS in the variable K^(-1/2) x. The history then holds K y in place of y: nothing else changes.

    Args:
        slots: images at a time.
        n: numbers an image.
        history: pairs kept.
        dtype: of images and gradients.
        kept: data type of the history; None: that of the gradients. In bfloat16 every s and Ky is rounded once and is
            then the same one in all products.
        device: where they are.
        precondition: K as a function of gradients (B, n), or None for the identity.
        steps: how far to go.
    """

    def __init__(
        self,
        slots: int,
        n: int,
        *,
        history: int = HISTORY,
        dtype: torch.dtype = torch.float32,
        kept: torch.dtype | None = None,
        device: torch.device | None = None,
        precondition: Callable[[Tensor], Tensor] | None = None,
        steps: Steps = TORCH,
    ) -> None:
        self._steps = steps
        self._precondition = precondition
        # (s_i, Ky_i) at every place of every slot; of those not in use yet nobody asks what is in them. Side by side,
        # for then all rows in use are one matrix.
        self._pairs = torch.empty(slots, history, 2, n, dtype=kept or dtype, device=device)
        self._last: dict[int, tuple[Tensor, Tensor]] = {}  # g and K g of the slots that moved since the reset
        self._step = torch.zeros(slots, n, dtype=dtype, device=device)
        self._compact = CompactForm(slots, history)
        self._rejected = [0] * slots  # pairs without positive curvature since the reset

    def reset(self, slot: int) -> None:
        """Forget the slot's history; its next step is along the gradient."""
        self._compact.forget(slot)
        self._last.pop(slot, None)
        self._rejected[slot] = 0

    def advance(self, x: Tensor, slots: Sequence[int], gradient: Tensor) -> None:
        """Move the images of these slots by one step, in place.

        Args:
            x: (all slots, n).
            slots: those that move.
            gradient: dL/dx at x, (len(slots), n), finite and of about 1, for that is the unit of `CURVATURE_MIN`: the
                caller takes the loss in a unit of its own for it. It is kept.
        """
        Kg = gradient if self._precondition is None else self._precondition(gradient)
        self._remember(slots, gradient, Kg)
        self._last.update((slot, (gradient[row], Kg[row])) for row, slot in enumerate(slots))
        self._head(slots, Kg)
        self._shorten(slots)
        for slot in slots:
            x[slot] += self._step[slot]

    def _remember(self, slots: Sequence[int], gradient: Tensor, Kg: Tensor) -> None:
        """Take s and y of the last steps into the history, and the inner products with the new gradients."""
        moved = [(row, slot) for row, slot in enumerate(slots) if slot in self._last]
        if not moved:
            return
        y = [torch.sub(gradient[row], self._last[slot][0]) for row, slot in moved]
        pairs = [torch.empty_like(self._pairs[slot, 0]) for _, slot in moved]
        for (row, slot), pair in zip(moved, pairs, strict=True):
            pair[0] = self._step[slot]
            pair[1] = Kg[row] - self._last[slot][1]
        for (_, slot), pair, (sy, yKy) in zip(moved, pairs, products(pairs, y), strict=True):
            if sy > CURVATURE_MIN * yKy and yKy > 0.0:
                place = self._compact.add(slot, sy, yKy)
                self._pairs[slot, place] = pair
            else:
                self._rejected[slot] += 1
        histories = [self._history(slot) for _, slot in moved]
        found = products(histories, [gradient[row] for row, _ in moved])
        for (_, slot), with_g in zip(moved, found, strict=True):
            self._compact.project(slot, with_g.reshape(-1, 2))

    def _head(self, slots: Sequence[int], Kg: Tensor) -> None:
        """The steps, -H g; without a history, along -K g."""
        weights, weights_g = self._compact.direction(slots, self._steps.stretch)
        w = torch.from_numpy(weights).to(Kg)
        for row, slot in enumerate(slots):
            step, used = self._step[slot], self._compact.used[slot]
            if used:
                weighted_sum(self._history(slot), w[row, :used].flatten(), out=step)
                step.add_(Kg[row], alpha=weights_g[row])
            else:
                torch.mul(Kg[row], -self._first_length(slot, Kg[row]), out=step)

    def _history(self, slot: int) -> Tensor:
        """Rows s_0, Ky_0, s_1, Ky_1, ..., (2 used, n)."""
        return self._pairs[slot, : self._compact.used[slot]].flatten(0, 1)

    def _shorten(self, slots: Sequence[int]) -> None:
        """No step is longer than the longest."""
        if self._steps.longest == math.inf:
            return
        for slot, length in zip(slots, _norms([self._step[slot] for slot in slots]), strict=True):
            if length > self._steps.longest:
                self._step[slot] *= self._steps.longest / length

    def _first_length(self, slot: int, Kg: Tensor) -> float:
        """Factor of the gradient in a step without history."""
        if self._steps.first is None:
            absolute = _sum(Kg.abs())
            return min(1.0, 1.0 / absolute) if absolute > 0.0 else 0.0
        (norm,) = _norms([Kg])
        length = self._steps.first * 2.0 ** min(self._rejected[slot], DOUBLINGS)
        return length / norm if norm > 0.0 else 0.0


def _norms(vectors: Sequence[Tensor]) -> list[float]:
    """Euclidean lengths."""
    return [math.sqrt(square) for (square,) in products([v[None] for v in vectors], vectors)]


def _sum(t: Tensor) -> float:
    """Sum of a vector in an order that no thread count changes."""
    return float(np.sum(t.double().cpu().numpy()))
