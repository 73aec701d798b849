"""Matrix products in bfloat16: by the kernels in C and by torch's operator."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.kernels.products import Factors, multiply_each

# Rows by eights, and every remainder; columns and terms that the kernels do not take are torch's.
SHAPES = [(rows, 64, 96) for rows in range(1, 17)] + [(300, 2, 32), (1100, 512, 64), (9, 64, 48), (9, 7, 64)]

pytestmark = pytest.mark.usefixtures("way")


def matrices(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).bfloat16()


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found.double() - expected).norm() <= 3e-3 * expected.norm())


@pytest.mark.parametrize(("M", "K", "N"), SHAPES)
def test_they_equal_the_formula(M, K, N):
    left, right = matrices(3, M, K), matrices(3, K, N, seed=1)
    expected = left.double() @ right.double()
    out = torch.full((3, M, N), float("nan"), dtype=torch.bfloat16)
    Factors(right).multiply(left, out)
    assert close(out, expected)
    assert close(multiply_each(left, right), expected)
    to = matrices(3, M, N, seed=2)
    sums = expected + to.double()
    assert multiply_each(left, right, to=to) is to
    assert close(to, sums)


def test_the_bits_of_a_row_know_neither_the_others_nor_the_batch_nor_threads():
    left, right = matrices(3, 133, 256), matrices(3, 256, 64, seed=1)
    factors, before = Factors(right), torch.get_num_threads()
    whole, part = (torch.empty(3, rows, 64, dtype=torch.bfloat16) for rows in (133, 50))
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


def test_parts_of_larger_matrices_multiply_as_their_copies_do():
    larger, right = matrices(3, 40, 96), matrices(3, 64, 32, seed=1)
    for left in (larger[:, 5:20, :64], larger[:, ::2, 32:]):
        assert torch.equal(multiply_each(left, right), multiply_each(left.contiguous(), right))
    room = matrices(3, 40, 96, seed=2)
    to = room[:, :20, 16:48]
    expected = multiply_each(larger[:, :20, :64], right, to=to.contiguous())
    assert torch.equal(multiply_each(larger[:, :20, :64], right, to=to), expected)


def test_what_is_not_finite_stays_in_its_row():
    left, right = matrices(1, 9, 64), matrices(1, 64, 32, seed=1)
    left[0, 4, 7] = float("nan")
    found = multiply_each(left, right)
    assert found[0, 4].isnan().all()
    assert found[0, [0, 1, 2, 3, 5, 6, 7, 8]].isfinite().all()
