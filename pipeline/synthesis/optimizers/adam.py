"""Adam (Kingma & Ba 2015) for every image of a batch on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # the paper's section 2


class Adam:
    """One optimiser state a slot.

    Args:
        slots: images at a time.
        n: numbers an image.
        dtype: of images and gradients.
        device: where they are.
    """

    def __init__(
        self, slots: int, n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
    ) -> None:
        self._mean = torch.zeros(slots, n, dtype=dtype, device=device)
        self._square = torch.zeros(slots, n, dtype=dtype, device=device)
        self._steps = [0] * slots

    def reset(self, slot: int) -> None:
        """Forget the slot's moments."""
        self._mean[slot].zero_()
        self._square[slot].zero_()
        self._steps[slot] = 0

    def advance(self, x: Tensor, slots: Sequence[int], gradient: Tensor, learning_rates: Sequence[float]) -> None:
        """Move the images of these slots by one step, in place.

        Args:
            x: (all slots, n).
            slots: those that move.
            gradient: dL/dx at x, (len(slots), n).
            learning_rates: step of each, levels of 0-255.
        """
        for g, slot, rate in zip(gradient, slots, learning_rates, strict=True):
            self._steps[slot] += 1
            t = self._steps[slot]
            mean = self._mean[slot].lerp_(g, 1 - BETA_1)
            square = self._square[slot].mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            root = square.sqrt().div_((1 - BETA_2**t) ** 0.5).add_(EPSILON)
            x[slot].addcdiv_(mean, root, value=-rate / (1 - BETA_1**t))
