"""A loss's difference in two forms: its sum of squares (eq. 1 and 4) and its share of the gradient (eq. 2 and 6)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.compiled import BLOCK, NAMES, addresses, kernels_for, threads


def of_maps(F: Tensor, P: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """F - P of every image.

    Args:
        F: (B, M, N).
        P: (B, M, N), of F's data type.
        factors: (B, 1, 1), float32 or better.

    Returns:
        factors (F - P), (B, M, N), in F's data type, rounded once; and the sums of squares, (B,), float32 or better.
    """
    given = F.contiguous()
    library = kernels_for(given[0].numel(), given, P, float32=[factors], needed="differences_of_maps")
    if library is None:
        return _by_torch(F.to(factors.dtype) - P, factors, F.dtype)
    gradient, partial, sums = torch.empty_like(given), *_room(given)
    of_all = getattr(library, f"differences_of_maps_{NAMES[F.dtype]}")
    at = addresses(given, P, factors, gradient, partial, sums)
    of_all(*at, len(given), given[0].numel(), BLOCK, threads())
    return gradient, sums


def of_grams(G: Tensor, positions: int, A: Tensor, factors: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """G / M - A of every image.

    Args:
        G: (B, N, N), float32 or better; what is in it afterwards is not said.
        positions: M.
        A: (B, N, N), of G's data type.
        factors: (B, 1, 1), likewise.
        dtype: of the gradient.

    Returns:
        factors (G / M - A), (B, N, N), in that data type, rounded once; and the sums of squares, (B,).
    """
    library = kernels_for(G[0].numel(), G, A, factors, needed="differences_of_grams") if dtype in NAMES else None
    if library is None:
        return _by_torch(G.div_(positions).sub_(A), factors, dtype)
    gradient, partial, sums = torch.empty(G.shape, dtype=dtype), *_room(G)
    given, made = addresses(G, A), addresses(factors, gradient, partial, sums)
    of_all = getattr(library, f"differences_of_grams_{NAMES[dtype]}")
    of_all(*given, positions, *made, len(G), G[0].numel(), BLOCK, threads())
    return gradient, sums


def _room(t: Tensor) -> tuple[Tensor, Tensor]:
    """For the sums of blocks, and for those of images."""
    blocks = -(-t[0].numel() // BLOCK)
    return torch.empty(len(t), blocks, dtype=torch.float64), torch.empty(len(t), dtype=torch.float64)


def _by_torch(difference: Tensor, factors: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    # In two steps, for `out` of another data type takes twice as long.
    gradient = torch.mul(difference, factors).to(dtype)
    return gradient, _sum_each(difference.square_())


def _sum_each(t: Tensor) -> Tensor:
    """Sum over all but the first dimension, the last one first.

    One `sum` over everything would split its work by the number of threads and by the batch; these stages do not.
    """
    while t.dim() > 1:
        t = t.sum(-1)
    return t
