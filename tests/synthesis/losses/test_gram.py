"""Gram matrices and the products with them: right, and the same bits in every batch."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.kernels.compiled import kernels_for
from neckar.pipeline.synthesis.losses.gram import apply_each, gram

# 251 is prime and longer than a chunk has room to divide; 640 and 768 divide evenly, 40 is one short chunk.
POSITIONS = [1, 6, 9, 40, 100, 251, 257, 509, 640, 768]
ERROR = {torch.float64: 1e-14, torch.float32: 1e-6, torch.bfloat16: 3e-3}


def built(dtype: torch.dtype) -> bool:
    return kernels_for(32, torch.zeros(2, 32, dtype=dtype), needed="gram") is not None


def maps(M: int, N: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """F (3, M, N), and something symmetric (3, N, N)."""
    generator = torch.Generator().manual_seed(M)
    F = torch.randn(3, M, N, generator=generator, dtype=torch.float64).relu_()
    D = torch.randn(3, N, N, generator=generator, dtype=torch.float64)
    return F.to(dtype), (D + D.transpose(1, 2)).to(dtype)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("N", [48, 96])
@pytest.mark.parametrize("M", POSITIONS)
def test_they_equal_the_formula(M, N, dtype):
    F, D = maps(M, N, dtype)
    expected = torch.einsum("bmi,bmj->bij", F.double(), F.double())  # eq. 3
    found = gram(F)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    assert (found - expected).norm() <= ERROR[dtype] * expected.norm()

    product = F.double() @ D.double()
    assert (apply_each(F, D) - product).norm() <= ERROR[dtype] * product.norm()
    to = torch.ones_like(F)
    assert apply_each(F, D, to=to) is to
    assert (to - (product + 1)).norm() <= ERROR[dtype] * (product + 1).norm()


def both(F: torch.Tensor, D: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return gram(F), apply_each(F, D), apply_each(F, D, to=torch.ones_like(F))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("N", [64, 512])
@pytest.mark.parametrize("M", POSITIONS)
def test_the_bits_know_neither_batch_nor_threads(M, N, dtype):
    F, D = maps(M, N, dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            alone = [both(image[None], matrix[None]) for image, matrix in zip(F, D, strict=True)]
            results += [both(F, D), tuple(torch.cat(images) for images in zip(*alone, strict=True))]
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("N", [32, 64, 512])
@pytest.mark.parametrize("M", [1, 5, 257, 4999])
def test_compiled_ones_are_symmetric_and_summed_in_float32(M, N, dtype):
    if not built(dtype):
        pytest.skip("no C compiler when this was installed, or a processor without the instructions")
    F, _ = maps(M, N, dtype)
    found = gram(F)
    expected = F.double().transpose(1, 2) @ F.double()
    assert torch.equal(found, found.transpose(1, 2))
    assert (found - expected).norm() <= 3e-6 * expected.norm()


def test_maps_that_are_parts_of_larger_ones_have_the_same_matrices():
    larger = torch.arange(3 * 50 * 64).remainder(17).view(3, 50, 64)
    for part in (larger[:, 7:40], larger[1:], larger[..., :32]):
        for dtype in (torch.bfloat16, torch.float32):
            assert torch.equal(gram(part.to(dtype)), gram(part.contiguous().to(dtype)))
