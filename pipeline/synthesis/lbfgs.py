"""L-BFGS for every image of a batch on its own (Liu & Nocedal 1989), its history in matrix form.

The two-loop recursion needs of the history only its inner products. Those with the newest gradient g are one
matrix-vector product; all others follow from s_i.y_k = s_i.g_{k+1} - s_i.g_k. The recursion then runs on numbers, and
one more product forms the direction. An evaluation reads the history twice, however long it is, and the steps equal
those of `torch.optim.LBFGS` without line search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

HISTORY = 20  # pairs (s, y); 100, torch's default, reached no lower loss here
CURVATURE_MIN = 1e-10  # smallest accepted s.y / y.y, against a division by rounding noise


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
        device: torch.device | None = None,
        precondition: Callable[[Tensor], Tensor] | None = None,
        steps: Steps = TORCH,
    ) -> None:
        self._m = history
        self._steps = steps
        self._precondition = precondition
        self._pairs = torch.zeros(slots, 2 * history, n, dtype=dtype, device=device)  # rows s_0, Ky_0, s_1, Ky_1, ...
        self._gradient = torch.zeros(slots, n, dtype=dtype, device=device)
        self._preconditioned = self._gradient if precondition is None else torch.zeros_like(self._gradient)
        self._step = torch.zeros(slots, n, dtype=dtype, device=device)
        self._memories = [_Memory(history) for _ in range(slots)]

    def reset(self, slot: int) -> None:
        """Forget the slot's history; its next step is along the gradient."""
        self._memories[slot] = _Memory(self._m)

    def advance(self, x: Tensor, slots: Sequence[int], gradient: Tensor) -> None:
        """Move the images of these slots by one step, in place.

        Args:
            x: (all slots, n).
            slots: those that move.
            gradient: dL/dx at x, (len(slots), n), finite.
        """
        preconditioned = gradient if self._precondition is None else self._precondition(gradient)
        for row, slot in enumerate(slots):
            self._advance_one(x[slot], slot, gradient[row], preconditioned[row])

    def _advance_one(self, x: Tensor, slot: int, g: Tensor, Kg: Tensor) -> None:
        memory, pairs = self._memories[slot], self._pairs[slot]
        if memory.moved:
            self._remember(slot, memory, pairs, g, Kg)
        self._gradient[slot] = g
        if self._preconditioned is not self._gradient:
            self._preconditioned[slot] = Kg
        used = 2 * memory.pairs_used
        if used == 0:
            step = torch.mul(Kg, -self._first_length(memory, Kg), out=self._step[slot])
        else:
            weights, weight_g = memory.direction(self._steps.stretch)
            w = torch.tensor(weights[:used], dtype=x.dtype, device=x.device)
            step = torch.mv(pairs[:used].T, w, out=self._step[slot])
            step.add_(Kg, alpha=weight_g)
        if self._steps.longest < math.inf:
            length = _norm(step)
            if length > self._steps.longest:
                step.mul_(self._steps.longest / length)
        x += step
        memory.moved = True

    def _first_length(self, memory: _Memory, Kg: Tensor) -> float:
        """Factor of the gradient in a step without history."""
        if self._steps.first is None:
            absolute = _sum(Kg.abs())
            return min(1.0, 1.0 / absolute) if absolute > 0.0 else 0.0
        norm = _norm(Kg)
        length = self._steps.first * 2.0**memory.rejected
        return length / norm if norm > 0.0 else 0.0

    def _remember(self, slot: int, memory: _Memory, pairs: Tensor, g: Tensor, Kg: Tensor) -> None:
        """Take s and y of the last step into the history, and the inner products with the new gradient."""
        place = memory.next_place
        two = pairs[2 * place : 2 * place + 2]
        y = torch.sub(g, self._gradient[slot])
        two_new = torch.stack([self._step[slot], torch.sub(Kg, self._preconditioned[slot])])
        sy, yKy = torch.mv(two_new, y).double().tolist()
        if sy > CURVATURE_MIN * yKy and yKy > 0.0:
            two.copy_(two_new)
            memory.place(sy, yKy)
        else:
            memory.rejected += 1
        used = 2 * memory.pairs_used
        memory.project(torch.mv(pairs[:used], g).double().cpu().numpy())


def _norm(t: Tensor) -> float:
    return math.sqrt(float(torch.mv(t[None], t)[0]))


def _sum(t: Tensor) -> float:
    """Sum of a vector in an order that no thread count changes."""
    return float(np.sum(t.double().cpu().numpy()))


class _Memory:
    """The inner products of one slot's history, float64.

    Attributes:
        moved: whether a step has been taken since the reset.
        pairs_used: pairs in the history.
        next_place: row pair that the next (s, y) overwrites.
    """

    def __init__(self, m: int) -> None:
        self.moved = False
        self.pairs_used = 0
        self.next_place = 0
        self.rejected = 0
        self._m = m
        self._sg = np.zeros(m)  # s_i . g
        self._yg = np.zeros(m)  # Ky_i . g
        self._sy = np.zeros((m, m))  # s_i . y_j, for i not newer than j
        self._yy = np.zeros((m, m))  # Ky_i . y_j
        self._order: list[int] = []  # places, oldest first
        self._fresh: int | None = None

    def place(self, sy: float, yKy: float) -> None:
        """Reserve `next_place` for a new pair with these two products; the oldest gives way."""
        new = self.next_place
        if new in self._order:
            self._order.remove(new)
        self._order.append(new)
        self.pairs_used = len(self._order)
        self.next_place = (new + 1) % self._m
        self._sy[new, new], self._yy[new, new] = sy, yKy
        self._fresh = new

    def project(self, products: np.ndarray) -> None:
        """Take the products of all rows with the new gradient; those with the new y are their differences."""
        sg, yg = products[0::2], products[1::2]
        used = self.pairs_used
        if self._fresh is not None:
            new = self._fresh
            for i in self._order[:-1]:
                self._sy[i, new] = sg[i] - self._sg[i]
                self._yy[i, new] = self._yy[new, i] = yg[i] - self._yg[i]
            self._fresh = None
        self._sg[:used], self._yg[:used] = sg, yg

    def direction(self, stretch: float) -> tuple[np.ndarray, float]:
        """The two-loop recursion (Nocedal & Wright, algorithm 7.4) on weights.

        Args:
            stretch: factor of gamma.

        Returns:
            Weights of s_0, Ky_0, s_1, ... in the direction d = -H g, and the weight of K g.
        """
        order = self._order
        sy, yy = self._sy, self._yy
        newest = order[-1]
        gamma = stretch * sy[newest, newest] / yy[newest, newest]
        a = np.zeros(self._m)
        for k in range(len(order) - 1, -1, -1):
            i, newer = order[k], order[k + 1 :]
            a[i] = (self._sg[i] - sy[i, newer] @ a[newer]) / sy[i, i]
        weight_s = np.zeros(self._m)
        for k, i in enumerate(order):
            older = order[:k]
            y_r = gamma * (self._yg[i] - yy[i, order] @ a[order]) + sy[older, i] @ weight_s[older]
            weight_s[i] = a[i] - y_r / sy[i, i]
        weights = np.empty(2 * self._m)
        weights[0::2], weights[1::2] = -weight_s, gamma * a
        return weights, -gamma
