"""Matrix products, summed in float32: by dots.c and matrices.c where the processor has them, else by torch's operator.

On the CPU the bits of a product depend neither on its batch nor, row by row, on the other rows: tested.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from . import compiled
from .compiled import NAMES, addresses, kernels_for, threads
from .processor import bfloat16_is_fast


def multiplies(dtype: torch.dtype) -> bool:
    """Whether there are kernels for products of this data type here."""
    found = compiled.library()
    return found is not None and hasattr(found, f"products_{NAMES.get(dtype)}")


class Factors:
    """Right-hand matrices that many products share; packed once, where that is of use.

    Attributes:
        shape: (B, K, N).

    Args:
        right: (B, K, N).
    """

    def __init__(self, right: Tensor) -> None:
        self.shape = right.shape
        if imitated(right):
            right = right.float()
        self._library = _library_for(right)
        self._right = right if self._library is None else _packed(self._library, right)

    def multiply(self, left: Tensor, out: Tensor) -> None:
        """left (B, M, K) times them, contiguous, into out (B, M, N), likewise."""
        if left.dtype != self._right.dtype:  # imitated
            wide = torch.empty(out.shape)
            self.multiply(left.float(), wide)
            out.copy_(wide)
        elif self._library is None:
            torch.bmm(left, self._right, out=out)
        else:
            _multiply(self._library, left, self._right, out, add=False)


def multiply_each(left: Tensor, right: Tensor, *, to: Tensor | None = None) -> Tensor:
    """left times right, pair by pair.

    Args:
        left: (B, M, K).
        right: (B, K, N), of its data type.
        to: (B, M, N), likewise, what the products are added to, in place.

    Returns:
        (B, M, N).
    """
    if imitated(left):
        wide = multiply_each(left.float(), right.float())
        return wide.to(left.dtype) if to is None else to.copy_(wide.add_(to))
    library = _library_for(right) if to is None or to.is_contiguous() else None
    if library is None:
        return torch.bmm(left, right) if to is None else torch.baddbmm(to, left, right, out=to)
    out = left.new_empty(*left.shape[:2], right.shape[2]) if to is None else to
    for image, one, found in zip(*(torch.split(t, 1) for t in (left.contiguous(), right, out)), strict=True):
        _multiply(library, image, _packed(library, one), found, add=to is not None)  # packed, one stays in the cache
    return out


def imitated(factor: Tensor) -> bool:
    """Whether the CPU has no products of these: in bfloat16, where it only widens them.

    There oneDNN's bits depend on the batch and on the number of threads (seen with AVX-512 without BF16), and it takes
    longer than float32 does. So they are widened here.
    """
    return factor.device.type == "cpu" and factor.dtype == torch.bfloat16 and not bfloat16_is_fast()


def _library_for(right: Tensor) -> ctypes.CDLL | None:
    _, K, N = right.shape
    even = right.dtype != torch.bfloat16 or K % 2 == 0  # its rows are taken by two
    return kernels_for(N, right, needed="products") if even else None


def _packed(library: ctypes.CDLL, right: Tensor) -> Tensor:
    packed = torch.empty_like(right)
    pack = getattr(library, f"pack_all_{NAMES[right.dtype]}")
    pack(*addresses(right, packed), *right.shape, threads())
    return packed


def _multiply(library: ctypes.CDLL, left: Tensor, packed: Tensor, out: Tensor, *, add: bool) -> None:
    B, K, N = packed.shape
    multiply = getattr(library, f"products_{NAMES[packed.dtype]}")
    multiply(*addresses(left, packed, out), B, left.shape[1], K, N, add, threads())
