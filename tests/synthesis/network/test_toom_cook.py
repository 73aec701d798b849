"""Transforms from points: they are filters, and they are those of the literature."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from neckar.pipeline.synthesis.network.toom_cook import F2, F3_PRECISE, F4, F4_PRECISE, Transform


@pytest.mark.parametrize("transform", [F2, F3_PRECISE, F4, F4_PRECISE, Transform((Fraction(0), Fraction(1, 3)))])
def test_it_filters(transform):
    """A^T [(G k) . (B^T d)] is d filtered with k, exactly."""
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(3, generator=generator, dtype=torch.float64)
    d = torch.randn(transform.m + 2, generator=generator, dtype=torch.float64)
    expected = torch.stack([(kernel * d[i : i + 3]).sum() for i in range(transform.m)])
    found = transform.of_outputs() @ ((transform.of_kernels() @ kernel) * (transform.of_inputs() @ d))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_f4_is_that_of_the_paper():
    """Lavin & Gray 2016, equation 13."""
    assert F4.of_inputs().tolist() == [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    powers = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    assert F4.of_outputs().tolist() == powers


@pytest.mark.parametrize("transform", [F2, F3_PRECISE, F4, F4_PRECISE])
def test_bfloat16_holds_the_transforms_of_maps_exactly(transform):
    for matrix in (transform.of_inputs(), transform.of_outputs()):
        both = torch.kron(matrix, matrix)
        assert torch.equal(both.bfloat16().double(), both)
