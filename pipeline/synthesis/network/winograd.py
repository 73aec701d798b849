"""3x3 convolutions with fewer multiplications: Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308).

Y = A^T [ (G k G^T) . (B^T d B) ] A gives a tile of m x m outputs from a tile d of (m+2) x (m+2) inputs. The products,
summed over the input filters, are (m+2)^2 matrix products: 4 times less arithmetic than the sum itself for m = 4. The
transforms read and write more memory, so that it pays in wide layers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..kernels.products import Factors, multiplies
from ..kernels.threads import one_thread
from .tiles import transforms
from .toom_cook import F2, F3_PRECISE, F4, F4_PRECISE, Transform
from .workspace import Workspace

PAIRS = 1 << 14  # of filters, transformed at a time: all of a wide layer's in float32 would be 37 MB of fresh memory


@dataclass(frozen=True)
class Choice:
    """A transform and the layers that it is the fastest one for; measured.

    Attributes:
        transform: of the tiles.
        kernels: (inputs times outputs) from which it costs less than the arithmetic it saves.
        positions: of a map, likewise.
        tiles: taken at a time, of several images or of a strip of one: as many as stay in the cache.
    """

    transform: Transform
    kernels: int
    positions: int
    tiles: int

    def pays(self, inputs: int, outputs: int, positions: int) -> bool:
        """Whether this is a way for a layer."""
        return inputs * outputs >= self.kernels and positions >= self.positions


# The first that pays is taken; where none does, the plain sum. Where it is as fast for one image alone, but not for
# four, they still go one way: bits know no batch. Measured by `python -m neckar.pipeline.synthesis.bench.layers`.
#
# Relative errors in bfloat16 on the network's own maps: the plain sum 2.1e-3, F2 3.1e-3, F3_PRECISE 4.3e-3, F4_PRECISE
# 8e-3; in float32 F4 has 2e-6. An error of the forward pass shifts what is minimised, and with F4_PRECISE there the
# loss in bfloat16 ended up to 12 % higher; one of the way back only turns the direction a little, and it cost nothing.
#
# In bfloat16 conv1_2 (64 x 64) takes twice the time that F3_PRECISE would take forward. It is summed all the same: its
# error would be the first of all, and every deeper layer would hand it on.
_FORWARD_BFLOAT16 = (Choice(F3_PRECISE, 64 * 128, 400, 512), Choice(F2, 256 * 256, 64, 512))
_BACK_BFLOAT16 = (Choice(F4_PRECISE, 64 * 64, 64, 256),)
_FLOAT32 = (Choice(F4, 64 * 64, 64, 256),)
# Where our own products are not there (kernels/dots.c, matrices.c), as without a compiler or with AMX.
_FORWARD_BFLOAT16_BY_TORCH = (Choice(F3_PRECISE, 64 * 128, 400, 512), Choice(F2, 256 * 256, 100, 512))
_BACK_BFLOAT16_BY_TORCH = (Choice(F4_PRECISE, 64 * 128, 100, 256),)
_FLOAT32_BY_TORCH = (Choice(F4, 128 * 128, 100, 1024),)


def choices(dtype: torch.dtype, *, back: bool = False) -> tuple[Choice, ...]:
    """For the layers of a network, and for the way back through them."""
    ours = multiplies(dtype)
    if dtype == torch.bfloat16:
        if back:
            return _BACK_BFLOAT16 if ours else _BACK_BFLOAT16_BY_TORCH
        return _FORWARD_BFLOAT16 if ours else _FORWARD_BFLOAT16_BY_TORCH
    return _FLOAT32 if ours else _FLOAT32_BY_TORCH


class Winograd:
    """W * x + b on the CPU.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,), or None.
        dtype: float32 or bfloat16.
        workspace: of the network.
        choice: how.
    """

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        workspace: Workspace,
        choice: Choice,
    ) -> None:
        transform = choice.transform
        self._m = transform.m
        self._tiles = choice.tiles
        self._kernels = Factors(_transformed(kernel, transform, dtype))
        self._bias = None if bias is None else bias.to(dtype)
        self._workspace = workspace
        self._by = transforms(transform, kernel.shape[:2], dtype, workspace)

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        """(B, in, H, W) to (B, out, H, W), both channels last in memory; with `relu`, max(0, .) of it."""
        B, _, H, W = x.shape
        h, w = -(-H // self._m), -(-W // self._m)
        by = self._by
        high, wide = (h * self._m, w * self._m) if by.whole_tiles else (H, W)
        y = torch.empty(B, high, wide, self._kernels.shape[2], dtype=x.dtype)
        together, strip = _evenly(B, self._tiles // (h * w)), _evenly(h, self._tiles // w)
        for first in range(0, B, together):
            images = by.laid(x[first : first + together].permute(0, 2, 3, 1), h, w)
            for top in range(0, h, strip):
                products = self._multiply(by.inputs(images, top, min(strip, h - top), w))
                by.outputs(products, self._bias, y[first : first + together], top, w, relu=relu)
        return y[:, :H, :W].permute(0, 3, 1, 2)

    def _multiply(self, tiles: Tensor) -> Tensor:
        """Products with the transformed kernels: ((m+2)^2, tiles, out)."""
        count, _, out = self._kernels.shape
        products = self._workspace.take("products", (count, tiles.shape[1], out), tiles.dtype)
        self._kernels.multiply(tiles, products)
        return products


def _evenly(count: int, most: int) -> int:
    """How many to take at a time, no more than `most` but one at least, so that the last take is no remnant."""
    return -(-count // -(-count // max(1, most)))


def _transformed(kernel: Tensor, transform: Transform, dtype: torch.dtype) -> Tensor:
    """G k G^T of every pair of filters: (out, in, 3, 3) to ((m+2)^2, in, out), made in float32."""
    G = transform.of_kernels().float()
    both = torch.kron(G, G)
    out, inputs = kernel.shape[:2]
    pairs = kernel.permute(2, 3, 1, 0).reshape(9, inputs * out).float()
    found = torch.empty(len(both), inputs * out, dtype=dtype)
    with one_thread():  # BLAS rounds differently with other numbers of threads
        for given, made in zip(torch.split(pairs, PAIRS, 1), torch.split(found, PAIRS, 1), strict=True):
            made.copy_(both @ given)
    return found.view(-1, inputs, out)
