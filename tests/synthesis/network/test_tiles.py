"""The compiled tiles against those by torch's operators."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.kernels import compiled
from neckar.pipeline.synthesis.kernels.compiled import library
from neckar.pipeline.synthesis.network.tiles import COMPILED, AsProducts, Compiled, TermByTerm, transforms
from neckar.pipeline.synthesis.network.toom_cook import F4, F4_PRECISE, Transform
from neckar.pipeline.synthesis.network.workspace import Workspace

built = pytest.mark.skipif(library() is None, reason="no C compiler when this was installed")


def exact(*shape: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    """Numbers of so few bits that float32 sums of them are exact in any order."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randint(-32, 33, shape, generator=generator) / 4).to(dtype)


def by_torch(transform: Transform, dtype: torch.dtype) -> AsProducts | TermByTerm:
    return (AsProducts if dtype == torch.bfloat16 else TermByTerm)(transform, Workspace())


def counted(x: int, m: int) -> int:
    return -(-x // m)


@built
@pytest.mark.parametrize(("transform", "dtype"), COMPILED)
@pytest.mark.parametrize("size", [(10, 13), (24, 24), (1, 1), (2, 7)])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_inputs_are_those_of_the_matrix_product(transform, dtype, size, threads):
    m, images = transform.m, exact(3, *size, 96, dtype=dtype)
    h, w = (counted(side, m) for side in size)
    compiled, products = Compiled(transform, dtype, Workspace()), by_torch(transform, dtype)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for top in range(h):
            found = compiled.inputs(compiled.laid(images, h, w), top, h - top, w)
            assert torch.equal(found, products.inputs(products.laid(images, h, w), top, h - top, w))
    finally:
        torch.set_num_threads(before)


@built
@pytest.mark.parametrize(("transform", "dtype"), COMPILED)
@pytest.mark.parametrize("size", [(10, 13), (24, 24), (1, 1)])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_so_are_the_outputs_and_nothing_beyond_the_map_is_written(transform, dtype, size, relu, biased):
    m, (H, W) = transform.m, size
    h, w = counted(H, m), counted(W, m)
    given = exact((m + 2) ** 2, 2 * h * w, 64, dtype=dtype)
    bias = exact(64, seed=1, dtype=dtype) if biased else None
    found = torch.full((3, H, W, 64), 99.0).to(dtype)
    whole = torch.empty(2, h * m, w * m, 64, dtype=dtype)
    Compiled(transform, dtype, Workspace()).outputs(given, bias, found[:2], 0, w, relu=relu)
    by_torch(transform, dtype).outputs(given.clone(), bias, whole, 0, w, relu=relu)
    assert torch.equal(found[:2], whole[:, :H, :W])
    assert (found[2] == 99).all()


@built
@pytest.mark.parametrize(("transform", "dtype"), COMPILED)
def test_a_map_may_be_a_part_of_a_larger_one(transform, dtype):
    larger = exact(2, 17, 19, 64, dtype=dtype)
    compiled = Compiled(transform, dtype, Workspace())
    for part in (larger[:, :9, :11], larger[:, 3:12], larger[..., :32], larger.transpose(1, 2)):
        h, w = (counted(side, transform.m) for side in part.shape[1:3])
        found = compiled.inputs(compiled.laid(part, h, w), 0, h, w).clone()
        whole = part.contiguous()
        assert torch.equal(found, compiled.inputs(compiled.laid(whole, h, w), 0, h, w))


@built
@pytest.mark.parametrize(("transform", "dtype"), COMPILED)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so(transform, dtype, wrong):
    """The ladder of restarts sees it in the loss."""
    m = transform.m
    images = torch.zeros(1, m, m, 32, dtype=dtype)
    images[0, 0, 0, 5] = wrong
    compiled = Compiled(transform, dtype, Workspace())
    given = compiled.inputs(compiled.laid(images, 1, 1), 0, 1, 1).clone()
    assert not given[..., 5].isfinite().all()
    assert given[..., :5].isfinite().all()
    y = torch.empty(1, m, m, 32, dtype=dtype)
    compiled.outputs(given, None, y, 0, 1, relu=False)
    assert not y[..., 5].isfinite().all()
    given[:] = float("nan")
    compiled.outputs(given, None, y, 0, 1, relu=True)
    assert y.isnan().all()


def kind(transform: Transform, filters: tuple[int, int], dtype: torch.dtype = torch.bfloat16) -> type:
    return type(transforms(transform, filters, dtype, Workspace()))


def test_other_layers_go_by_torchs_operators(monkeypatch):
    fastest = AsProducts if library() is None else Compiled
    assert kind(F4_PRECISE, (64, 128)) is fastest
    assert kind(F4_PRECISE, (64, 48)) is AsProducts
    assert kind(F4, (64, 64)) is AsProducts
    assert kind(F4, (64, 64), torch.float32) is (TermByTerm if library() is None else Compiled)
    assert kind(F4_PRECISE, (64, 64), torch.float32) is TermByTerm
    monkeypatch.setattr(compiled, "library", lambda: None)
    assert kind(F4_PRECISE, (64, 128)) is AsProducts
    assert kind(F4, (64, 64), torch.float32) is TermByTerm
