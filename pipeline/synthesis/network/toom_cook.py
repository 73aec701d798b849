"""Matrices of minimal filtering algorithms, from points (Toom 1963, Cook 1966; Lavin & Gray 2016, arXiv:1509.09308)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import torch
from torch import Tensor

TAPS = 3  # of the kernels, in each direction


@dataclass(frozen=True)
class Transform:
    """F(m x m, 3 x 3): products of polynomials, found from their values at m + 1 points and at infinity.

    Attributes:
        points: distinct. Rounding errors grow with their size and with that of their reciprocals.
    """

    points: tuple[Fraction, ...]

    @property
    def m(self) -> int:
        """Side of a tile of outputs."""
        return len(self.points) + 2 - TAPS

    def of_inputs(self) -> Tensor:
        """B^T, (m+2, m+2), float64: coefficients of the product of all (x - p), in row i without the i-th."""
        others = [[q for q in self.points if q != p] for p in self.points]
        return _matrix([*([*_polynomial(roots), Fraction(0)] for roots in others), _polynomial(self.points)])

    def of_kernels(self) -> Tensor:
        """G, (m+2, 3), float64: powers of the points, each row over the product of the differences p - q."""
        rows = []
        for p in self.points:
            differences = prod(p - q for q in self.points if q != p)
            rows.append([p**k / differences for k in range(TAPS)])
        return _matrix([*rows, [Fraction(k == TAPS - 1) for k in range(TAPS)]])

    def of_outputs(self) -> Tensor:
        """A^T, (m, m+2), float64: powers of the points."""
        return _matrix([[*(p**i for p in self.points), Fraction(i == self.m - 1)] for i in range(self.m)])


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product of all (x - root), the constant one first."""
    coefficients = [Fraction(1)]
    for root in roots:
        raised, same = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
        coefficients = [a - root * b for a, b in zip(raised, same, strict=True)]
    return coefficients


def _matrix(rows: Sequence[Sequence[Fraction]]) -> Tensor:
    return torch.tensor([[float(entry) for entry in row] for row in rows], dtype=torch.float64)


def _points(*values: float) -> tuple[Fraction, ...]:
    return tuple(Fraction(value) for value in values)


# Which points round least was measured on the network's own maps, for 232 sets of dyadic points up to 4.
F2 = Transform(_points(0, 1, -1))
F3_PRECISE = Transform(_points(0, 1, -1 / 2, -2))  # 25/9 products an output, 1.4 times the error of F(2x2)'s 4
F4 = Transform(_points(0, 1, -1, 2, -2))  # opposite points share their sums: the fewest terms
F4_PRECISE = Transform(_points(0, 1, -1, 2, -1 / 2))  # two thirds of its rounding error (Barabasz et al. 2020)
