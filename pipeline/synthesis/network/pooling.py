"""The 2x2 pools between the blocks, and the way back through them and the ReLU before them."""

from __future__ import annotations

import torch
import torch.nn.functional as nn
from torch import Tensor

from ..task import Pooling


def pool(F: Tensor, kind: Pooling) -> Tensor:
    """(B, C, H, W) to (B, C, H//2, W//2); an odd last row or column is dropped."""
    return nn.avg_pool2d(F, 2) if kind == "average" else nn.max_pool2d(F, 2)


def unpool(g: Tensor, F: Tensor, kind: Pooling) -> Tensor:
    """Gradient with respect to F, the pool's input, for g with respect to its output.

    Max pooling gives the whole gradient to the first of equal maxima, as torch's own backward does.
    """
    if kind == "average":
        return _spread(g, *F.shape[2:])
    _, indices = nn.max_pool2d(F, 2, return_indices=True)
    back: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(g, F, (2, 2), (2, 2), (0, 0), (1, 1), False, indices)
    return back


def through_relu(g: Tensor, F: Tensor) -> Tensor:
    """g where F > 0, else 0 (the cases of eq. 2 and 6, and ReLU's own derivative); in place of g."""
    torch.ops.aten.threshold_backward.grad_input(g, F, 0, grad_input=g)
    return g


def _spread(g: Tensor, H: int, W: int) -> Tensor:
    """A quarter of g at each of its four positions, 0 where the pool dropped a row or column; channels last.

    One pass over memory, where torch's backward fills it with zeros and adds to them.
    """
    spread = nn.interpolate(0.25 * g, scale_factor=2, mode="nearest")
    h, w = spread.shape[2:]
    whole = spread if (h, w) == (H, W) else nn.pad(spread, (0, W - w, 0, H - h))
    return whole.contiguous(memory_format=torch.channels_last)  # what comes of a single position is not
