"""Differences, their squares and their gradients: by the kernels in C and by torch's operators."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.losses.differences import of_grams, of_maps

pytestmark = pytest.mark.usefixtures("way")


def some(*shape: int, seed: int) -> torch.Tensor:
    return 8 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


FACTORS = torch.tensor([0.5, 3.0, 1e-3])[:, None, None]


# 300 positions of 64 filters are more than one block and no whole number of them; 5 x 3 numbers fit no register.
@pytest.mark.parametrize(("M", "N"), [(1, 32), (300, 64), (5, 3)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_of_maps(M, N, dtype):
    F, P = some(3, M, N, seed=0).to(dtype), some(3, M, N, seed=1).to(dtype)
    gradient, squares = of_maps(F, P, FACTORS)
    difference = F.double() - P.double()
    expected = FACTORS * difference
    assert gradient.dtype == dtype
    assert ((gradient.double() - expected).abs() <= torch.finfo(dtype).eps * expected.abs()).all()
    torch.testing.assert_close(squares.double(), difference.square().sum((1, 2)), rtol=1e-5, atol=0)


@pytest.mark.parametrize("N", [1, 32, 96, 512])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_of_grams(N, dtype):
    G, A = some(3, N, N, seed=0).float(), some(3, N, N, seed=1).float()
    difference = G.double() / 77 - A.double()
    expected = FACTORS * difference
    gradient, squares = of_grams(G.clone(), 77, A, FACTORS, dtype)
    assert gradient.dtype == dtype
    error = torch.finfo(dtype).eps * expected.abs() + 1e-6 * FACTORS * A.abs()
    assert ((gradient.double() - expected).abs() <= error).all()
    torch.testing.assert_close(squares.double(), difference.square().sum((1, 2)), rtol=1e-5, atol=0)


def both(F: torch.Tensor, P: torch.Tensor, G: torch.Tensor, A: torch.Tensor, factors: torch.Tensor):
    return *of_maps(F, P, factors), *of_grams(G.clone(), 300, A, factors, F.dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_bits_know_neither_batch_nor_threads(dtype):
    F, P = (some(3, 300, 64, seed=seed).to(dtype) for seed in (0, 1))
    G, A = (some(3, 192, 192, seed=seed).float() for seed in (2, 3))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = both(F, P, G, A, FACTORS)
        torch.set_num_threads(3)
        together = both(F, P, G, A, FACTORS)
        alone = [both(*(t[i : i + 1] for t in (F, P, G, A, FACTORS))) for i in range(3)]
    finally:
        torch.set_num_threads(before)
    for found in (together, [torch.cat(rows) for rows in zip(*alone, strict=True)]):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_shows(bad, dtype):
    F = torch.ones(1, 2, 32, dtype=dtype)
    F[0, 1, 5] = bad
    gradient, squares = of_maps(F, torch.ones(1, 2, 32, dtype=dtype), FACTORS[:1])
    assert not squares.isfinite().any()
    assert (~gradient.isfinite()).sum() == 1
