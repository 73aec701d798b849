"""From maps to Winograd's tiles and back: B^T d B and A^T (.) A, by compiled kernels where they were built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..kernels import compiled
from ..kernels.compiled import addresses, aligned, threads
from .toom_cook import F2, F3_PRECISE, F4, F4_PRECISE, Transform
from .workspace import Workspace

# What there is in tiles.c, and how it is called there.
COMPILED: dict[tuple[Transform, torch.dtype], str] = {
    (F2, torch.bfloat16): "2_bfloat16",
    (F3_PRECISE, torch.bfloat16): "3_bfloat16",
    (F4_PRECISE, torch.bfloat16): "4_bfloat16",
    (F4, torch.float32): "4_float32",
}


class Transforms(Protocol):
    """Of tiles of inputs and of outputs; h x w tiles a map, of which a strip of rows is taken at a time.

    Attributes:
        whole_tiles: whether `outputs` writes whole tiles, also where they reach beyond the map.
    """

    whole_tiles: bool

    def laid(self, images: Tensor, h: int, w: int) -> Tensor:
        """Maps (b, H, W, C), C contiguous, as `inputs` takes them."""

    def inputs(self, images: Tensor, top: int, strip: int, w: int) -> Tensor:
        """B^T d B of the rows of tiles from `top` on: ((m+2)^2, b strip w, C)."""

    def outputs(self, products: Tensor, bias: Tensor | None, y: Tensor, top: int, w: int, *, relu: bool) -> None:
        """A^T (.) A + bias of ((m+2)^2, b strip w, out), with `relu` max(0, .) of it, into y (b, H, W, out)."""


def transforms(
    transform: Transform, filters: Sequence[int], dtype: torch.dtype, workspace: Workspace
) -> AsProducts | TermByTerm | Compiled:
    """The fastest there are.

    Args:
        transform: F(m x m, 3 x 3).
        filters: out and in, of the layer.
        dtype: float32 or bfloat16, which has the same bits by compiled kernels and by products.
        workspace: of the network.
    """
    if aligned(*filters) and (transform, dtype) in COMPILED and compiled.library() is not None:
        return Compiled(transform, dtype, workspace)
    return (AsProducts if dtype == torch.bfloat16 else TermByTerm)(transform, workspace)


class Compiled:
    """tiles.c: one pass over memory either way, sums in float32, in bfloat16 rounded once."""

    whole_tiles = False

    def __init__(self, transform: Transform, dtype: torch.dtype, workspace: Workspace) -> None:
        found = compiled.library()
        assert found is not None
        self._inputs = getattr(found, f"inputs{COMPILED[transform, dtype]}")
        self._outputs = getattr(found, f"outputs{COMPILED[transform, dtype]}")
        self._t = transform.m + 2
        self._workspace = workspace

    def laid(self, images: Tensor, h: int, w: int) -> Tensor:  # noqa: ARG002 - the border is nowhere in memory
        """See `Transforms`."""
        C = images.shape[3]
        return images if images.stride()[2:] == (C, 1) else images.contiguous()

    def inputs(self, images: Tensor, top: int, strip: int, w: int) -> Tensor:
        """See `Transforms`."""
        b, H, W, C = images.shape
        tiles = self._workspace.take("tiles", (self._t**2, b * strip * w, C), images.dtype)
        image, row, _, _ = images.stride()
        self._inputs(*addresses(images, tiles), b, H, W, C, image, row, top, strip, w, threads())
        return tiles

    def outputs(self, products: Tensor, bias: Tensor | None, y: Tensor, top: int, w: int, *, relu: bool) -> None:
        """See `Transforms`."""
        b, H, W, out = y.shape
        strip = products.shape[1] // (b * w)
        given, bias_at = products.data_ptr(), None if bias is None else bias.data_ptr()
        self._outputs(given, bias_at, y.data_ptr(), b, H, W, out, y.stride(0), top, strip, w, relu, threads())


class _Padded:
    """What the ways by torch's own operators share: a border of zeros, whole tiles, the bias among the products."""

    whole_tiles = True

    def __init__(self, transform: Transform, workspace: Workspace) -> None:
        self._m = transform.m
        self._workspace = workspace

    def laid(self, images: Tensor, h: int, w: int) -> Tensor:
        """See `Transforms`: among the zeros that the tiles need around them, (b, h m + 2, w m + 2, C)."""
        b, H, W, C = images.shape
        padded = self._workspace.take("padded", (b, h * self._m + 2, w * self._m + 2, C), images.dtype)
        padded[:, 1 : H + 1, 1 : W + 1] = images
        for beyond in (padded[:, :1], padded[:, H + 1 :], padded[:, :, :1], padded[:, :, W + 1 :]):
            beyond.zero_()
        return padded

    def outputs(self, products: Tensor, bias: Tensor | None, y: Tensor, top: int, w: int, *, relu: bool) -> None:
        """See `Transforms`."""
        m, t = self._m, self._m + 2
        if bias is not None:
            # The second row of A is 1 everywhere: what is added to product (1, 1) is added to every output.
            products[m + 3].add_(bias)
        b, _, _, out = y.shape
        tiled = products.view(t, t, b, -1, w, out)
        strip = y[:, top * m : (top + tiled.shape[3]) * m]
        self._gather(tiled, strip.view(b, -1, m, w, m, out).permute(2, 4, 0, 1, 3, 5))
        if relu:
            torch.relu_(strip)

    def _gather(self, products: Tensor, outputs: Tensor) -> None:
        """A^T (.) A: (m+2, m+2, b, h, w, out) into (m, m, b, h, w, out)."""
        raise NotImplementedError


class AsProducts(_Padded):
    """Both sides of a transform at once, as one matrix product: the sums are rounded once. bfloat16's other way.

    Its products are fast enough for a matrix that is mostly zeros, and term by term every addition would be a pass
    over memory, and a rounding.
    """

    def __init__(self, transform: Transform, workspace: Workspace) -> None:
        super().__init__(transform, workspace)
        self._B, self._A = (
            torch.kron(matrix, matrix).to(torch.bfloat16)  # exact: the entries need few bits
            for matrix in (transform.of_inputs(), transform.of_outputs())
        )

    def inputs(self, images: Tensor, top: int, strip: int, w: int) -> Tensor:
        """See `Transforms`."""
        m, t = self._m, self._m + 2
        rows = images[:, top * m : (top + strip) * m + 2]
        b, _, _, C = rows.shape
        image, row, column, _ = rows.stride()
        given = self._workspace.take("gathered", (t, t, b, strip, w, C), rows.dtype)
        given.copy_(rows.as_strided(given.shape, (row, column, image, m * row, m * column, 1), rows.storage_offset()))
        tiles = self._workspace.take("tiles", (t * t, b * strip * w, C), rows.dtype)
        torch.mm(self._B, given.view(t * t, -1), out=tiles.view(t * t, -1))
        return tiles

    def _gather(self, products: Tensor, outputs: Tensor) -> None:
        m, t = self._m, self._m + 2
        found = self._workspace.take("gathered", tuple(outputs.shape), products.dtype)
        torch.mm(self._A, products.reshape(t * t, -1), out=found.view(m * m, -1))
        outputs.copy_(found)


class TermByTerm(_Padded):
    """One side after the other, one addition for each entry that is not zero: float32's other way."""

    def __init__(self, transform: Transform, workspace: Workspace) -> None:
        super().__init__(transform, workspace)
        self._B, self._A = (_terms(matrix) for matrix in (transform.of_inputs(), transform.of_outputs()))

    def inputs(self, images: Tensor, top: int, strip: int, w: int) -> Tensor:
        """See `Transforms`."""
        m, t = self._m, self._m + 2
        rows = images[:, top * m : (top + strip) * m + 2]
        b, _, _, C = rows.shape
        half = self._workspace.take("half", (t, b, strip, w * m + 2, C), rows.dtype)
        _combine(self._B, [rows[:, i : i + (strip - 1) * m + 1 : m] for i in range(t)], list(half))
        tiles = self._workspace.take("tiles", (t, t, b, strip, w, C), rows.dtype)
        columns = [half[:, :, :, j : j + (w - 1) * m + 1 : m] for j in range(t)]
        _combine(self._B, columns, [tiles[:, j] for j in range(t)])
        return tiles.view(t * t, -1, C)

    def _gather(self, products: Tensor, outputs: Tensor) -> None:
        m = self._m
        half = self._workspace.take("half", (m, *products.shape[1:]), products.dtype)
        _combine(self._A, list(products), list(half))
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
