"""Matrix products: by the kernels in C and by torch's operator."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.kernels.products import Factors, multiply_each

# Rows by six and by eight, and every remainder; columns and terms that the kernels do not take are torch's.
SHAPES = [(rows, 64, 96) for rows in range(1, 17)] + [(300, 2, 32), (1100, 600, 64), (9, 64, 48), (9, 7, 64)]
ERROR = {torch.bfloat16: 3e-3, torch.float32: 1e-6}

pytestmark = [pytest.mark.usefixtures("way"), pytest.mark.parametrize("dtype", ERROR)]


def matrices(*shape: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found.double() - expected).norm() <= ERROR[found.dtype] * expected.norm())


@pytest.mark.parametrize(("M", "K", "N"), SHAPES)
def test_they_equal_the_formula(M, K, N, dtype):
    left, right = matrices(3, M, K, dtype=dtype), matrices(3, K, N, seed=1, dtype=dtype)
    expected = left.double() @ right.double()
    out = torch.full((3, M, N), float("nan"), dtype=dtype)
    Factors(right).multiply(left, out)
    assert close(out, expected)
    assert close(multiply_each(left, right), expected)
    to = matrices(3, M, N, seed=2, dtype=dtype)
    sums = expected + to.double()
    assert multiply_each(left, right, to=to) is to
    assert close(to, sums)


def test_the_bits_of_a_row_know_neither_the_others_nor_the_batch_nor_threads(dtype):
    left, right = matrices(3, 133, 256, dtype=dtype), matrices(3, 256, 64, seed=1, dtype=dtype)
    factors, before = Factors(right), torch.get_num_threads()
    whole, part = (torch.empty(3, rows, 64, dtype=dtype) for rows in (133, 50))
    try:
        torch.set_num_threads(1)
        factors.multiply(left, whole)
        torch.set_num_threads(3)
        factors.multiply(left[:, 61:111].contiguous(), part)
        assert torch.equal(part, whole[:, 61:111])
        assert torch.equal(multiply_each(left, right), whole)
        assert all(torch.equal(multiply_each(left[i : i + 1], right[i : i + 1]), whole[i : i + 1]) for i in range(3))
    finally:
        torch.set_num_threads(before)


def test_parts_of_larger_matrices_multiply_as_their_copies_do(dtype):
    larger, right = matrices(3, 40, 96, dtype=dtype), matrices(3, 64, 32, seed=1, dtype=dtype)
    for left in (larger[:, 5:20, :64], larger[:, ::2, 32:]):
        assert torch.equal(multiply_each(left, right), multiply_each(left.contiguous(), right))
    room = matrices(3, 40, 96, seed=2, dtype=dtype)
    to = room[:, :20, 16:48]
    expected = multiply_each(larger[:, :20, :64], right, to=to.contiguous())
    assert torch.equal(multiply_each(larger[:, :20, :64], right, to=to), expected)


def test_what_is_not_finite_stays_in_its_row(dtype):
    left, right = matrices(1, 9, 64, dtype=dtype), matrices(1, 64, 32, seed=1, dtype=dtype)
    left[0, 4, 7] = float("nan")
    found = multiply_each(left, right)
    assert found[0, 4].isnan().all()
    assert found[0, [0, 1, 2, 3, 5, 6, 7, 8]].isfinite().all()
