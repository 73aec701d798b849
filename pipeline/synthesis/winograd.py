"""3x3 convolutions with fewer multiplications: Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308).

Y = A^T [ (G k G^T) . (B^T d B) ] A gives a tile of m x m outputs from a tile d of (m+2) x (m+2) inputs. The products,
summed over the input filters, are (m+2)^2 matrix products: 2.25 times less arithmetic than the sum itself for m = 2,
4 times less for m = 4. The transforms read and write more memory, so that it pays in wide layers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.synthesis.threads import one_thread

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Transform:
    """The matrices of F(m x m, 3 x 3), in the paper's names.

    Attributes:
        m: side of a tile of outputs.
        B: B^T, (m+2, m+2).
        G: (m+2, 3).
        A: A^T, (m, m+2).
    """

    m: int
    B: Rows
    G: Rows
    A: Rows


F2 = Transform(
    m=2,
    B=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    G=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
    A=((1, 1, 1, 0), (0, 1, -1, -1)),
)
F4 = Transform(
    m=4,
    B=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    G=(
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
    A=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
)

LARGE = 200  # positions
AT_A_TIME = 1024  # tiles, of several images or of a strip of one: what large maps need of memory


@dataclass(frozen=True)
class Choice:
    """What suits a data type.

    Attributes:
        transform: with F4, bfloat16 would have 4e-2 of relative error, where F2 has 6e-3 and the plain sum 2.4e-3;
            float32 has 2e-6 with F4.
        wide: filters on both sides from which the transforms cost less than the arithmetic they save; measured.
    """

    transform: Transform
    wide: int


CHOICES = {torch.bfloat16: Choice(F2, 256), torch.float32: Choice(F4, 128)}


def worthwhile(inputs: int, outputs: int, positions: int, dtype: torch.dtype) -> bool:
    """Whether Winograd's way is the faster one for a layer."""
    return min(inputs, outputs) >= CHOICES[dtype].wide and positions >= LARGE


class Workspace:
    """Intermediate results, shared by the layers of a network, which run one after the other."""

    def __init__(self) -> None:
        self._flat: dict[tuple[str, torch.dtype], Tensor] = {}
        self._padded: dict[tuple[tuple[int, ...], torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Memory of this shape with anything in it; valid until the name is taken again."""
        size = torch.Size(shape).numel()
        flat = self._flat.get((name, dtype))
        if flat is None or flat.numel() < size:
            flat = self._flat[name, dtype] = torch.empty(size, dtype=dtype)
        return flat[:size].view(shape)

    def bordered(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Memory whose border nobody writes: it stays zero."""
        padded = self._padded.get((shape, dtype))
        if padded is None:
            padded = self._padded[shape, dtype] = torch.zeros(shape, dtype=dtype)
        return padded


class Winograd:
    """W * x + b on the CPU.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,), or None.
        dtype: float32 or bfloat16.
        workspace: of the network.
        transform: F2 or F4; by default the data type's.
    """

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        workspace: Workspace,
        transform: Transform | None = None,
    ) -> None:
        self._transform = transform or CHOICES[dtype].transform
        self._kernels = _transformed(kernel, self._transform).to(dtype)
        self._bias = None if bias is None else bias.to(dtype)
        self._workspace = workspace

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        """(B, in, H, W) to (B, out, H, W), both channels last in memory; with `relu`, max(0, .) of it."""
        B, C, H, W = x.shape
        m = self._transform.m
        h, w = -(-H // m), -(-W // m)
        out = self._kernels.shape[2]
        y = torch.empty(B, h, m, w, m, out, dtype=x.dtype)
        together, strip = max(1, AT_A_TIME // (h * w)), max(1, min(h, AT_A_TIME // w))
        border = self._workspace.bordered((min(B, together), h * m + 2, w * m + 2, C), x.dtype)
        for first in range(0, B, together):
            images = x[first : first + together].permute(0, 2, 3, 1)
            padded, tiles = border[: len(images)], y[first : first + together]
            padded[:, 1 : H + 1, 1 : W + 1] = images
            for top in range(0, h, strip):
                high = min(strip, h - top)
                products = self._multiply(self._tiles(padded[:, top * m : (top + high) * m + 2], high, w))
                self._gather(products.view(m + 2, m + 2, len(images), high, w, out), tiles[:, top : top + high])
        if relu:
            torch.relu_(y)
        return y.view(B, h * m, w * m, out)[:, :H, :W].permute(0, 3, 1, 2)

    def _tiles(self, padded: Tensor, h: int, w: int) -> Tensor:
        """B^T d B of h x w tiles an image: (b, h m + 2, w m + 2, C) to (m+2, m+2, b, h, w, C)."""
        b, _, _, C = padded.shape
        m, t = self._transform.m, self._transform.m + 2
        half = self._workspace.take("half", (t, b, h, w * m + 2, C), padded.dtype)
        _combine(self._transform.B, [padded[:, i : i + (h - 1) * m + 1 : m] for i in range(t)], list(half))
        tiles = self._workspace.take("tiles", (t, t, b, h, w, C), padded.dtype)
        columns = [half[:, :, :, j : j + (w - 1) * m + 1 : m] for j in range(t)]
        _combine(self._transform.B, columns, [tiles[:, j] for j in range(t)])
        return tiles

    def _multiply(self, tiles: Tensor) -> Tensor:
        """Products with the transformed kernels: ((m+2)^2, tiles, out)."""
        count, _, out = self._kernels.shape
        left = tiles.view(count, -1, tiles.shape[-1])
        products = self._workspace.take("products", (count, left.shape[1], out), tiles.dtype)
        torch.bmm(left, self._kernels, out=products)  # a row's bits do not depend on the other rows: tested
        if self._bias is not None:
            # The second row of A is 1 everywhere: what is added to product (1, 1) is added to every output.
            products[self._transform.m + 3] += self._bias
        return products

    def _gather(self, products: Tensor, tiles: Tensor) -> None:
        """A^T (.) A: (m+2, m+2, b, h, w, out) into (b, h, m, w, m, out)."""
        m = self._transform.m
        half = self._workspace.take("half", (m, *products.shape[1:]), products.dtype)
        _combine(self._transform.A, list(products), list(half))
        outputs = tiles.permute(2, 4, 0, 1, 3, 5)
        _combine(self._transform.A, [half[:, j] for j in range(m + 2)], [outputs[:, j] for j in range(m)])


def _combine(matrix: Rows, given: list[Tensor], out: list[Tensor]) -> None:
    """out_i = sum_j matrix_ij given_j."""
    for row, target in zip(matrix, out, strict=True):
        # The term with factor 1 goes first: the others are added to it.
        (first, _), (second, factor), *rest = sorted(
            ((j, c) for j, c in enumerate(row) if c != 0), key=lambda term: term[1] != 1
        )
        torch.add(given[first], given[second], alpha=factor, out=target)
        for j, c in rest:
            target.add_(given[j], alpha=c)


def _transformed(kernel: Tensor, transform: Transform) -> Tensor:
    """G k G^T of every pair of filters: (out, in, 3, 3) to ((m+2)^2, in, out), float32."""
    G = torch.tensor(transform.G)
    out, inputs = kernel.shape[:2]
    with one_thread():  # BLAS rounds differently with other numbers of threads
        both = torch.kron(G, G) @ kernel.permute(2, 3, 1, 0).reshape(9, inputs * out).float()
    return both.view(-1, inputs, out)
