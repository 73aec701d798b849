"""Winograd's filtering against the plain sum."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as nn

from neckar.pipeline.synthesis.kernels.products import multiplies
from neckar.pipeline.synthesis.network.toom_cook import F2, F3_PRECISE, F4, F4_PRECISE, Transform
from neckar.pipeline.synthesis.network.winograd import Choice, Winograd, choices
from neckar.pipeline.synthesis.network.workspace import Workspace

# The plain sum in bfloat16 has an error of 2.4e-3 and in float32 of 4e-7 on the same data.
ERROR = {
    (torch.bfloat16, F2): 6e-3,
    (torch.bfloat16, F3_PRECISE): 2e-2,  # of a map of one position, a corner; larger ones stay below 1e-2
    (torch.bfloat16, F4_PRECISE): 2.2e-2,
    (torch.float32, F2): 5e-7,
    (torch.float32, F3_PRECISE): 1.5e-6,
    (torch.float32, F4): 4e-6,
    (torch.float32, F4_PRECISE): 3e-6,
}


def by(transform: Transform, tiles: int = 1024) -> Choice:
    return Choice(transform, 0, 0, tiles)


def layer(inputs: int, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / 9 / inputs) ** 0.5
    return kernel, torch.randn(outputs, generator=generator) * 0.1


def maps(batch: int, filters: int, height: int, width: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, filters, height, width, generator=generator).relu_()
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("dtype", "transform"), ERROR)
@pytest.mark.parametrize("size", [(24, 32), (1, 1), (2, 3), (7, 9), (13, 50)])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("filters", [(48, 40), (64, 32)])  # the second by compiled kernels
def test_it_equals_the_sum(dtype, transform, size, relu, filters):
    kernel, bias = layer(*filters)
    x = maps(2, filters[0], *size, dtype)
    expected = nn.conv2d(x.double(), kernel.double(), bias.double(), padding=1)
    if relu:
        expected.relu_()
    found = Winograd(kernel, bias, dtype, Workspace(), by(transform))(x, relu=relu)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    assert (found.double() - expected).norm() <= ERROR[dtype, transform] * expected.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("filters", [24, 32])
def test_a_map_sees_nothing_of_a_larger_one_before_it(dtype, filters):
    """Maps of 12 x 12 and 9 x 11 are both padded to three tiles of four: they share memory."""
    kernel, bias = layer(filters, filters)
    small = maps(1, filters, 9, 11, dtype)
    alone = Winograd(kernel, bias, dtype, Workspace(), by(F4_PRECISE))(small, relu=False)
    convolve = Winograd(kernel, bias, dtype, Workspace(), by(F4_PRECISE))
    convolve(maps(1, filters, 12, 12, dtype), relu=False)
    assert torch.equal(convolve(small, relu=False), alone)


def test_without_a_bias_nothing_is_added():
    kernel, _ = layer(16, 16)
    convolve = Winograd(kernel, None, torch.float32, Workspace(), by(F4))
    assert not convolve(torch.zeros(1, 16, 8, 8), relu=False).any()


CHOICES = {
    (dtype, choice)
    for dtype in (torch.float32, torch.bfloat16)
    for back in (False, True)
    for choice in choices(dtype, back=back)
}


@pytest.mark.parametrize(("dtype", "choice"), sorted(CHOICES, key=str))
@pytest.mark.parametrize("size", [(32, 32), (23, 45), (10, 13)])
def test_the_bits_know_neither_batch_nor_threads_nor_earlier_calls(dtype, choice, size):
    kernel, bias = layer(256, 256)
    x = maps(3, 256, *size, dtype)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            workspace = Workspace()
            convolve = Winograd(kernel, bias, dtype, workspace, choice)
            workspace.take("tiles", (99,), dtype).fill_(float("nan"))
            results += [convolve(x, relu=True), torch.cat([convolve(image[None], relu=True) for image in x])]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results[1:])


@pytest.mark.parametrize(("dtype", "transform"), ERROR)
def test_strips_join_without_a_seam(dtype, transform):
    kernel, bias = layer(32, 32)
    x = maps(1, 32, 37, 41, dtype)
    whole, strips = (Winograd(kernel, bias, dtype, Workspace(), by(transform, n))(x, relu=False) for n in (1024, 40))
    assert torch.equal(strips, whole)


def first(chosen: tuple[Choice, ...], *layer: int) -> Transform | None:
    return next((choice.transform for choice in chosen if choice.pays(*layer)), None)


# Inputs, outputs and positions of some layers at 128 px, and of the smallest.
CONV1_1, CONV1_2, CONV2_1, CONV3_2 = (3, 64, 128**2), (64, 64, 128**2), (64, 128, 64**2), (256, 256, 32**2)
CONV4_2, CONV5_1, SMALLEST = (512, 512, 10 * 16), (512, 512, 8**2), (512, 512, 4**2)


def test_in_bfloat16_narrow_layers_and_small_maps_are_summed():
    if not multiplies(torch.bfloat16):
        pytest.skip("no C compiler when this was installed, or a processor without AVX512-BF16")
    forward, back = choices(torch.bfloat16), choices(torch.bfloat16, back=True)
    found = [first(forward, *layer) for layer in (CONV1_2, CONV2_1, CONV3_2, CONV4_2)]
    assert found == [None, F3_PRECISE, F3_PRECISE, F2]
    assert [first(back, *layer) for layer in (CONV1_2, CONV2_1, CONV4_2, CONV5_1)] == [F4_PRECISE] * 4
    assert first(forward, *SMALLEST) is first(back, *SMALLEST) is None


def test_in_float32_only_the_first_layer_and_the_smallest_maps_are():
    if not multiplies(torch.float32):
        pytest.skip("no C compiler when this was installed, or a processor without AVX2")
    for chosen in (choices(torch.float32), choices(torch.float32, back=True)):
        assert [first(chosen, *layer) for layer in (CONV1_2, CONV2_1, CONV3_2, CONV4_2, CONV5_1)] == [F4] * 5
        assert [first(chosen, *layer) for layer in (CONV1_1, SMALLEST)] == [None, None]


@pytest.mark.usefixtures("no_kernels")
def test_by_torchs_operators_fewer_layers_pay():
    assert [first(choices(torch.float32), *layer) for layer in (CONV2_1, CONV3_2)] == [None, F4]
    assert [first(choices(torch.bfloat16, back=True), *layer) for layer in (CONV1_2, CONV2_1)] == [None, F4_PRECISE]
