"""3x3 convolutions with fewer multiplications: Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308).

Y = A^T [ (G k G^T) . (B^T d B) ] A gives a tile of m x m outputs from a tile d of (m+2) x (m+2) inputs. The products,
summed over the input filters, are (m+2)^2 matrix products: 4 times less arithmetic than the sum itself for m = 4. The
transforms read and write more memory, so that it pays in wide layers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.synthesis.threads import one_thread
from pipeline.synthesis.toom_cook import F2, F3_PRECISE, F4, F4_PRECISE, Transform
from pipeline.synthesis.workspace import Workspace

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


# The first that pays is taken; where none does, the plain sum. With 100 positions one image alone gains nothing,
# but four do, and bits know no batch.
#
# Relative errors in bfloat16 on the network's own maps: the plain sum 2.1e-3, F2 3.1e-3, F3_PRECISE 4.3e-3, F4_PRECISE
# 8e-3; in float32 F4 has 2e-6. An error of the forward pass shifts what is minimised, and with F4_PRECISE there the
# loss ended up to 12 % higher; one of the way back only turns the direction a little, and it cost nothing.
_FLOAT32 = (Choice(F4, 128 * 128, 100, 1024),)
FORWARD = {
    torch.bfloat16: (Choice(F3_PRECISE, 64 * 128, 400, 512), Choice(F2, 256 * 256, 100, 512)),
    torch.float32: _FLOAT32,
}
BACK = {torch.bfloat16: (Choice(F4_PRECISE, 64 * 128, 100, 256),), torch.float32: _FLOAT32}


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
        self._kernels = _transformed(kernel, transform, dtype)
        self._bias = None if bias is None else bias.to(dtype)
        self._workspace = workspace
        self._by: _Transforms = (_AsProducts if dtype == torch.bfloat16 else _TermByTerm)(transform, workspace)

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        """(B, in, H, W) to (B, out, H, W), both channels last in memory; with `relu`, max(0, .) of it."""
        B, _, H, W = x.shape
        m = self._m
        h, w = -(-H // m), -(-W // m)
        out = self._kernels.shape[2]
        y = torch.empty(B, h, m, w, m, out, dtype=x.dtype)
        together, strip = _evenly(B, self._tiles // (h * w)), _evenly(h, self._tiles // w)
        for first in range(0, B, together):
            images = x[first : first + together].permute(0, 2, 3, 1)
            padded, tiles = self._padded(images, h, w), y[first : first + together]
            for top in range(0, h, strip):
                high = min(strip, h - top)
                products = self._multiply(self._by.inputs(padded[:, top * m : (top + high) * m + 2], high, w))
                self._by.outputs(products.view(m + 2, m + 2, len(images), high, w, out), tiles[:, top : top + high])
        if relu:
            torch.relu_(y)
        return y.view(B, h * m, w * m, out)[:, :H, :W].permute(0, 3, 1, 2)

    def _padded(self, images: Tensor, h: int, w: int) -> Tensor:
        """Maps (b, H, W, C) among the zeros that h x w tiles need around them: (b, h m + 2, w m + 2, C)."""
        b, H, W, C = images.shape
        padded = self._workspace.take("padded", (b, h * self._m + 2, w * self._m + 2, C), images.dtype)
        padded[:, 1 : H + 1, 1 : W + 1] = images
        for beyond in (padded[:, :1], padded[:, H + 1 :], padded[:, :, :1], padded[:, :, W + 1 :]):
            beyond.zero_()
        return padded

    def _multiply(self, tiles: Tensor) -> Tensor:
        """Products with the transformed kernels: ((m+2)^2, tiles, out)."""
        count, _, out = self._kernels.shape
        left = tiles.view(count, -1, tiles.shape[-1])
        products = self._workspace.take("products", (count, left.shape[1], out), tiles.dtype)
        torch.bmm(left, self._kernels, out=products)  # a row's bits do not depend on the other rows: tested
        if self._bias is not None:
            # The second row of A is 1 everywhere: what is added to product (1, 1) is added to every output.
            products[self._m + 3].add_(self._bias)
        return products


def _evenly(count: int, most: int) -> int:
    """How many to take at a time, no more than `most` but one at least, so that the last take is no remnant."""
    return -(-count // -(-count // max(1, most)))


class _Transforms(Protocol):
    """Of tiles of inputs and of outputs."""

    def inputs(self, padded: Tensor, h: int, w: int) -> Tensor:
        """B^T d B of h x w tiles an image: (b, h m + 2, w m + 2, C) to (m+2, m+2, b, h, w, C)."""

    def outputs(self, products: Tensor, tiles: Tensor) -> None:
        """A^T (.) A: (m+2, m+2, b, h, w, out) into (b, h, m, w, m, out)."""


class _AsProducts:
    """Both sides of a transform at once, as one matrix product: the sums are rounded once.

    bfloat16's way. Its products are fast enough for a matrix that is mostly zeros, and term by term every addition
    would be a pass over memory, and a rounding.
    """

    def __init__(self, transform: Transform, workspace: Workspace) -> None:
        self._m = transform.m
        self._B, self._A = (
            torch.kron(matrix, matrix).to(torch.bfloat16)  # exact: the entries need few bits
            for matrix in (transform.of_inputs(), transform.of_outputs())
        )
        self._workspace = workspace

    def inputs(self, padded: Tensor, h: int, w: int) -> Tensor:
        """See `_Transforms`."""
        m, t = self._m, self._m + 2
        b, _, _, C = padded.shape
        image, row, column, _ = padded.stride()
        given = self._workspace.take("gathered", (t, t, b, h, w, C), padded.dtype)
        given.copy_(
            padded.as_strided(given.shape, (row, column, image, m * row, m * column, 1), padded.storage_offset())
        )
        tiles = self._workspace.take("tiles", given.shape, padded.dtype)
        torch.mm(self._B, given.view(t * t, -1), out=tiles.view(t * t, -1))
        return tiles

    def outputs(self, products: Tensor, tiles: Tensor) -> None:
        """See `_Transforms`."""
        m, t = self._m, self._m + 2
        found = self._workspace.take("gathered", (m, m, *products.shape[2:]), products.dtype)
        torch.mm(self._A, products.view(t * t, -1), out=found.view(m * m, -1))
        tiles.permute(2, 4, 0, 1, 3, 5).copy_(found)


class _TermByTerm:
    """One side after the other, one addition for each entry that is not zero: float32's way."""

    def __init__(self, transform: Transform, workspace: Workspace) -> None:
        self._m = transform.m
        self._B, self._A = (_terms(matrix) for matrix in (transform.of_inputs(), transform.of_outputs()))
        self._workspace = workspace

    def inputs(self, padded: Tensor, h: int, w: int) -> Tensor:
        """See `_Transforms`."""
        b, _, _, C = padded.shape
        m, t = self._m, self._m + 2
        half = self._workspace.take("half", (t, b, h, w * m + 2, C), padded.dtype)
        _combine(self._B, [padded[:, i : i + (h - 1) * m + 1 : m] for i in range(t)], list(half))
        tiles = self._workspace.take("tiles", (t, t, b, h, w, C), padded.dtype)
        columns = [half[:, :, :, j : j + (w - 1) * m + 1 : m] for j in range(t)]
        _combine(self._B, columns, [tiles[:, j] for j in range(t)])
        return tiles

    def outputs(self, products: Tensor, tiles: Tensor) -> None:
        """See `_Transforms`."""
        m = self._m
        half = self._workspace.take("half", (m, *products.shape[1:]), products.dtype)
        _combine(self._A, list(products), list(half))
        outputs = tiles.permute(2, 4, 0, 1, 3, 5)
        _combine(self._A, [half[:, j] for j in range(m + 2)], [outputs[:, j] for j in range(m)])


_Terms = list[list[tuple[int, float]]]


def _terms(matrix: Tensor) -> _Terms:
    """Column and entry of what is not zero, row by row; an entry of 1 comes first, for the others are added to it."""
    rows = [[(j, entry) for j, entry in enumerate(row) if entry != 0] for row in matrix.tolist()]
    return [sorted(row, key=lambda term: term[1] != 1) for row in rows]


def _combine(terms: _Terms, given: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """out_i = sum_j matrix_ij given_j."""
    for row, target in zip(terms, out, strict=True):
        (first, _), (second, factor), *rest = row
        torch.add(given[first], given[second], alpha=factor, out=target)
        for j, entry in rest:
            target.add_(given[j], alpha=entry)


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
