"""Speed as ratios within one run: `pytest -m bench tests/bench/test_speed.py`. Nothing is asserted on time."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as nn

from neckar.pipeline.synthesis.bench.measure import WARM_UP, filled, network_of, seconds_an_evaluation
from neckar.pipeline.synthesis.bench.roofline import convolution_roofline
from neckar.pipeline.synthesis.engine import device as devices
from neckar.pipeline.synthesis.kernels import compiled
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.network.vgg19 import up_to
from neckar.pipeline.synthesis.network.weights import Weights, load_oxford
from neckar.pipeline.synthesis.network.winograd import Winograd, choices
from neckar.pipeline.synthesis.network.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.bench
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
ROUNDS = 7
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights() -> Weights:
    devices.prepare(CPU)
    return load_oxford()


def autograd(weights: Weights, size: int) -> Callable[[], object]:
    """Loss and gradient as the peers compute them: float32, autograd, the targets known."""
    specs = up_to(("conv5_1",))

    def responses(x: torch.Tensor) -> dict[str, torch.Tensor]:
        F = {}
        for spec in specs:
            x = nn.avg_pool2d(x, 2) if spec.pooled else x
            x = torch.relu(nn.conv2d(x, weights.kernels[spec.name], weights.biases[spec.name], padding=1))
            F[spec.name] = x
        return F

    def gram(F: torch.Tensor) -> torch.Tensor:
        flat = F.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    generator = torch.Generator().manual_seed(0)
    x, p, a = (50 * torch.randn(1, 3, size, size, generator=generator) for _ in range(3))
    with torch.no_grad():
        P, A = responses(p)["conv4_2"], {layer: gram(F) for layer, F in responses(a).items() if layer in STYLE}
    x.requires_grad_()

    def evaluate() -> object:
        F = responses(x)
        style = sum(0.2 * (gram(F[layer]) - A[layer]).square().sum() / (4 * F[layer].shape[1] ** 2) for layer in STYLE)
        return torch.autograd.grad(1e-3 * 0.5 * (F["conv4_2"] - P).square().sum() + style, x)

    return evaluate


def seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
@pytest.mark.parametrize("size", [128, 256])
def test_an_evaluation_against_autograd_in_float32(benchmark, weights, size, precision):
    """In turns; the optimiser's step is in the engine's time, in autograd's it is not."""
    engine = filled(network_of(Network, weights, precision, CPU), size, 1, precision)
    peer = autograd(weights, size)
    seconds_an_evaluation(engine, WARM_UP)
    peer()
    ratios = [seconds_an_evaluation(engine, 1) / seconds(peer) for _ in range(ROUNDS)]
    benchmark.extra_info["engine / autograd"] = round(statistics.median(ratios), 3)
    print(f"\n{size} px {precision}: engine / autograd float32 = {statistics.median(ratios):.3f}")
    benchmark.pedantic(seconds_an_evaluation, (engine, 1), rounds=ROUNDS)


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("size", [128, 256])
def test_the_share_of_the_convolution_roofline(benchmark, weights, size, slots):
    """The convolutions alone, each at the best of several implementations, over the engine's time."""
    engine = filled(network_of(Network, weights, "bfloat16", CPU), size, slots, "bfloat16")
    seconds_an_evaluation(engine, WARM_UP)
    shares = [
        convolution_roofline(size, size, slots, torch.bfloat16, CPU).seconds / seconds_an_evaluation(engine)
        for _ in range(3)
    ]
    benchmark.extra_info["share of roofline"] = round(statistics.median(shares), 3)
    print(f"\n{size} px, {slots} slots, bfloat16: {statistics.median(shares):.1%} of the roofline")
    benchmark.pedantic(seconds_an_evaluation, (engine, 1), rounds=ROUNDS)


@pytest.mark.parametrize(
    ("way", "choice", "filters", "size"),
    [
        ("forward", choices(torch.bfloat16)[0], (64, 128), (42, 64)),
        ("forward", choices(torch.bfloat16)[0], (128, 128), (42, 64)),
        ("forward", choices(torch.bfloat16)[0], (256, 256), (21, 32)),
        ("forward", choices(torch.bfloat16)[1], (512, 512), (10, 16)),
        ("back", choices(torch.bfloat16, back=True)[0], (128, 128), (42, 64)),
        ("back", choices(torch.bfloat16, back=True)[0], (256, 256), (21, 32)),
        ("back", choices(torch.bfloat16, back=True)[0], (512, 512), (10, 16)),
        ("float32", choices(torch.float32)[0], (64, 64), (85, 128)),
        ("float32", choices(torch.float32)[0], (128, 128), (42, 64)),
        ("float32", choices(torch.float32)[0], (256, 256), (21, 32)),
        ("float32", choices(torch.float32)[0], (512, 512), (10, 16)),
    ],
)
def test_layers_by_kernels_in_c_beside_those_by_torch(monkeypatch, way, choice, filters, size):
    """One thread and nine images of 85 x 128 px: a lane's work."""
    if compiled.library() is None:
        pytest.skip("the kernels in C were not built")
    devices.prepare(CPU, 1)
    dtype = torch.float32 if way == "float32" else torch.bfloat16
    inputs, outputs = filters
    kernel, bias = torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5, torch.randn(outputs)
    x = torch.randn(9, inputs, *size).relu_().to(dtype, memory_format=torch.channels_last)
    ours = Winograd(kernel, bias, dtype, Workspace(), choice)
    with monkeypatch.context() as without:
        without.setattr(compiled, "library", lambda: None)
        theirs = Winograd(kernel, bias, dtype, Workspace(), choice)
    times = [(seconds(lambda: ours(x, relu=True)), seconds(lambda: theirs(x, relu=True))) for _ in range(15)]
    here, there = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    print(f"\n{way} {filters} {size}: {here:.1f} ms, {there:.1f} by torch's operators: {here / there:.2f}")
