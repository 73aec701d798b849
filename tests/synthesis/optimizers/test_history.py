"""Products with histories, in every data type, by the kernels in C and by torch's operators."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.optimizers.history import kept, products, weighted_sum
from neckar.pipeline.synthesis.optimizers.lbfgs import LBFGS

# 40000 numbers are several blocks and no whole number of them; 60 and 41 fit no register; an image's first pair may be
# rejected, and its history have no row.
ROWS = [(0, 32), (1, 32), (4, 96), (7, 40000), (60, 8192), (3, 60), (2, 41)]

pytestmark = pytest.mark.usefixtures("way")


def some(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("k", "n"), ROWS)
@pytest.mark.parametrize(
    ("rows", "vectors"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_they_equal_the_formula(k, n, rows, vectors):
    matrix, v, weights = some(k, n, seed=0).to(rows), some(n, seed=1).to(vectors), some(k, seed=2).to(vectors)
    (found,) = products([matrix], [v])
    scale = matrix.double().abs() @ v.double().abs()
    assert found.shape == (k,)
    assert (abs(torch.from_numpy(found) - matrix.double() @ v.double()) <= 1e-6 * scale).all()
    out = torch.full((n,), float("nan"), dtype=vectors)  # what was there is not asked for
    weighted_sum(matrix, weights, out)
    torch.testing.assert_close(out.double(), matrix.double().T @ weights.double(), rtol=1e-5, atol=1e-5)


def test_matrices_of_several_images_keep_their_order():
    matrices = [some(k, 64, seed=k).bfloat16() for k in (2, 5, 1)]
    vectors = [some(64, seed=10 + i).float() for i in range(3)]
    together = products(matrices, vectors)
    for found, matrix, v in zip(together, matrices, vectors, strict=True):
        assert (found == products([matrix], [v])[0]).all()
    assert products([], []) == []


def test_the_bits_know_no_threads():
    matrix, v, weights = some(9, 40000, seed=0).bfloat16(), some(40000, seed=1).float(), some(9, seed=2).float()
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            out = torch.empty(40000)
            weighted_sum(matrix, weights, out)
            results.append((products([matrix], [v])[0], out))
    finally:
        torch.set_num_threads(before)
    assert all((found == results[0][0]).all() and torch.equal(out, results[0][1]) for found, out in results)


def test_it_is_kept_as_precisely_as_the_network_computes():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert kept(torch.bfloat16, cpu) == torch.bfloat16
    assert kept(torch.bfloat16, cuda) == kept(torch.float32, cpu) == torch.float32
    assert kept(torch.float64, cpu) == torch.float64


def test_rounded_histories_lead_to_the_same_minimum_in_as_many_steps():
    """A quadratic of three decades of curvature: its loss falls by ten of its own either way."""
    curvature = torch.logspace(-2, 1, 96)
    ends = {}
    for rows in (torch.float32, torch.bfloat16):
        x = 3 * some(1, 96, seed=3).float()
        optimiser = LBFGS(1, 96, history=30, kept=rows)
        start = (0.5 * curvature * x.double() ** 2).sum()
        for _ in range(150):
            optimiser.advance(x, [0], curvature * x)
        ends[rows] = (0.5 * curvature * x.double() ** 2).sum() / start
    assert ends[torch.float32] < 1e-10
    assert ends[torch.bfloat16] < 2 * ends[torch.float32]
