"""Gram matrices of feature maps (eq. 3), and the products with them (eq. 6).

A response F is held as (M, N): M positions of N filters, one contiguous row a position (channels last), the
transpose of the paper's. On the CPU the bits of a product do not depend on its batch: tested.
"""

from __future__ import annotations

import ctypes
from contextlib import nullcontext

import torch
from torch import Tensor

from ..kernels.compiled import NAMES, addresses, kernels_for, threads
from ..kernels.processor import processor
from ..kernels.products import imitated, multiply_each
from ..kernels.threads import one_thread

FEW_POSITIONS = 256
LONG_SUM = 512
CHUNK = 256  # most positions a partial product sums in the tensor's own precision; the partials are summed in float32
PACKED = 2**17  # numbers of a map that the compiled kernel takes at a time: they stay in a core's own cache
SHORT = 64  # chunks of fewer positions would cost more than they keep exact


def positions(F: Tensor) -> Tensor:
    """(B, N, H, W), channels last, as (B, M, N) without a copy."""
    B, N, H, W = F.shape
    return F.permute(0, 2, 3, 1).reshape(B, H * W, N)


def gram(F: Tensor) -> Tensor:
    """G = F F^T of every image (eq. 3).

    Compiled kernels sum the products in float32, in bfloat16 too, and only on one side of the diagonal: where the
    processor has them (AVX512-BF16; AVX2 and AVX-512 in float32) they take half the time of matrix products, and their
    relative error is below 1e-6. Elsewhere one product over all positions would round each entry of bfloat16 maps to
    8 bits. Summed in float32 over chunks of up to 256 positions the error falls from 2e-3 to 1e-4 (conv1_1) - 8e-4
    (conv4_1) at 256 px, at equal speed.

    Args:
        F: (B, M, N).

    Returns:
        (B, N, N), float32 (float64 if F is).
    """
    if F.device.type == "cpu":
        F = F.contiguous()
    if imitated(F):
        F = F.float()
    library = kernels_for(F.shape[2], F, needed="gram")
    return _by_products(F) if library is None else _by_kernels(library, F)


def _by_kernels(library: ctypes.CDLL, F: Tensor) -> Tensor:
    B, M, N = F.shape
    G, packed = torch.empty(B, N, N), torch.empty(PACKED, dtype=F.dtype)
    fill = getattr(library, f"gram_{NAMES[F.dtype]}")
    fill(*addresses(F, G, packed), B, M, N, PACKED // N, threads())
    return G


def _by_products(F: Tensor) -> Tensor:
    B, M, N = F.shape
    size = _chunk(M)
    whole = M // size
    chunks = (F if whole * size == M else F[:, : whole * size]).reshape(B * whole, size, N)
    wide = torch.promote_types(F.dtype, torch.float32)
    partial = torch.bmm(chunks.transpose(1, 2), chunks)
    G = partial.to(wide) if whole == 1 else partial.view(B, whole, N, N).sum(1, dtype=wide)
    if whole * size < M:
        rest = F[:, whole * size :]
        G += torch.bmm(rest.transpose(1, 2), rest)
    return G


def _chunk(M: int) -> int:
    """Positions a partial product: the most that divide M, so that none are left over, or else `CHUNK`."""
    return next((size for size in range(min(M, CHUNK), SHORT - 1, -1) if M % size == 0), min(M, CHUNK))


def apply_each(F: Tensor, D: Tensor, *, to: Tensor | None = None) -> Tensor:
    """F D of every image, the product of eq. 6.

    Args:
        F: (B, M, N).
        D: (B, N, N), symmetric, of F's data type.
        to: (B, M, N), what the product is added to, in place.

    Returns:
        (B, M, N).
    """
    # BLAS splits the sums of a product with few rows among its threads (seen with 6 positions at 32 x 48 px). oneDNN,
    # which has the products in bfloat16, does so with AMX alone, and with the sums over 512 filters alone (seen with 38
    # positions and 2 threads, with 2399 and 16).
    if F.dtype != torch.bfloat16 or imitated(F):
        alone = F.shape[1] <= FEW_POSITIONS
    else:
        alone = processor() == "amx" and F.shape[2] >= LONG_SUM
    with one_thread() if alone else nullcontext():
        return multiply_each(F, D, to=to)
