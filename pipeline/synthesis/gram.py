"""Gram matrices of feature maps (eq. 3), and the products with them (eq. 6).

A response F is held as (M, N): M positions of N filters, one contiguous row a position (channels last), the
transpose of the paper's. All products run image by image, so that their bits do not depend on the batch.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from pipeline.synthesis.threads import one_thread

FEW_POSITIONS = 256
CHUNK = 256  # positions a partial product sums in the tensor's own precision; the partials are summed in float32


def positions(F: Tensor) -> Tensor:
    """(B, N, H, W), channels last, as (B, M, N) without a copy."""
    B, N, H, W = F.shape
    return F.permute(0, 2, 3, 1).reshape(B, H * W, N)


def gram(F: Tensor) -> Tensor:
    """G = F F^T of every image (eq. 3).

    In bfloat16 one product over all positions would round each entry to 8 bits. Summed in float32 over chunks of
    256 positions the relative error falls from 2e-3 to 1e-4 (conv1_1) - 8e-4 (conv4_1) at 256 px, at equal speed.

    Args:
        F: (B, M, N).

    Returns:
        (B, N, N), float32 (float64 if F is).
    """
    B, M, N = F.shape
    G = torch.empty(B, N, N, dtype=torch.promote_types(F.dtype, torch.float32), device=F.device)
    whole = M - M % CHUNK
    for image, product in zip(F, G, strict=True):
        chunks = image[:whole].view(-1, CHUNK, N)
        torch.sum(torch.bmm(chunks.transpose(1, 2), chunks), 0, dtype=G.dtype, out=product)
        if whole < M:
            rest = image[whole:]
            product.add_(rest.T @ rest)
    return G


def apply_each(F: Tensor, D: Tensor, *, to: Tensor | None = None) -> Tensor:
    """F D of every image, the product of eq. 6.

    Args:
        F: (B, M, N).
        D: (B, N, N), symmetric, of F's data type.
        to: (B, M, N), what the product is added to, in place.

    Returns:
        (B, M, N).
    """
    out = torch.empty_like(F) if to is None else to
    # BLAS splits the sums of a product with few rows among its threads (seen with 6 positions at 32 x 48 px).
    with one_thread() if F.shape[1] <= FEW_POSITIONS else nullcontext():
        for image, matrix, product in zip(F, D, out, strict=True):
            if to is None:
                torch.mm(image, matrix, out=product)
            else:
                product.addmm_(image, matrix)
    return out


def parameters(layers: tuple[str, ...], widths: dict[str, int]) -> int:
    """Free parameters of the Gram matrices of these layers: N(N+1)/2 each, for they are symmetric."""
    return sum(widths[layer] * (widths[layer] + 1) // 2 for layer in layers)
