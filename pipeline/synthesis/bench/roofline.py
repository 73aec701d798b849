"""How fast this machine could be: the network's own convolutions, each at the best of several implementations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as nn
from torch import Tensor

from ..engine.cuda_graph import recorded
from ..network.convolution import Direct, packable, turned
from ..network.vgg19 import ConvSpec, map_size, up_to

REPEATS = 3  # timings of each implementation; the best one counts
CALLS = 20  # of a timing on CUDA, where one call is shorter than its launch
GEMM_SIDE = 2048


@dataclass(frozen=True)
class Roofline:
    """The convolutions of one evaluation, forward and input gradient, and nothing else.

    Attributes:
        flops: multiplications and additions of the batch.
        seconds: sum of the best times.
    """

    flops: float
    seconds: float

    @property
    def gflops(self) -> float:
        """GFLOP/s at the roofline."""
        return self.flops / self.seconds / 1e9


def best_time(run: Callable[[], object], device: torch.device, repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several runs after one that warms up; on CUDA without the launch."""
    run()
    again, calls = (_many(run, device), CALLS) if device.type == "cuda" else (run, 1)
    best = float("inf")
    for _ in range(repeats):
        synchronise(device)
        begin = time.perf_counter()
        again()
        synchronise(device)
        best = min(best, (time.perf_counter() - begin) / calls)
    return best


def _many(run: Callable[[], object], device: torch.device) -> Callable[[], object]:
    def work() -> tuple[()]:
        for _ in range(CALLS):
            run()
        return ()

    again, _ = recorded(work, device)
    return again


def synchronise(device: torch.device) -> None:
    """Wait for the device's queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@torch.no_grad()
def convolution_roofline(
    height: int, width: int, batch: int, dtype: torch.dtype, device: torch.device, *, deepest: str = "conv5_1"
) -> Roofline:
    """The roofline of one evaluation of `batch` images, for the network cut after `deepest`."""
    flops = seconds = 0.0
    with _every_algorithm(device):
        for spec in up_to((deepest,)):
            h, w = map_size(spec.name, height, width)
            flops += 2 * 2 * 9 * spec.inputs * spec.outputs * h * w * batch
            for runs in (_forward(spec, h, w, batch, dtype, device), _backward(spec, h, w, batch, dtype, device)):
                seconds += min(best_time(run, device) for run in runs)
    return Roofline(flops, seconds)


def _every_algorithm(device: torch.device) -> AbstractContextManager[None]:
    """cuDNN tries all it has and takes the fastest; the engine takes those that are the same in every run."""
    if device.type != "cuda":
        return nullcontext()
    cudnn = torch.backends.cudnn
    return cudnn.flags(enabled=True, benchmark=True, deterministic=False, allow_tf32=cudnn.allow_tf32)


@torch.no_grad()
def gemm_gflops(dtype: torch.dtype, device: torch.device) -> float:
    """Rate of a large square matrix product: what the arithmetic units reach at best."""
    a, b = (torch.randn(GEMM_SIDE, GEMM_SIDE, device=device).to(dtype) for _ in range(2))
    return 2 * GEMM_SIDE**3 / best_time(lambda: a @ b, device) / 1e9


def _forward(
    spec: ConvSpec, h: int, w: int, batch: int, dtype: torch.dtype, device: torch.device
) -> Iterator[Callable[[], Tensor]]:
    kernel = torch.randn(spec.outputs, spec.inputs, 3, 3) * 0.05
    yield from _implementations(kernel, torch.zeros(spec.outputs), (batch, spec.inputs, h, w), dtype, device)


def _backward(
    spec: ConvSpec, h: int, w: int, batch: int, dtype: torch.dtype, device: torch.device
) -> Iterator[Callable[[], Tensor]]:
    kernel = torch.randn(spec.outputs, spec.inputs, 3, 3) * 0.05
    yield from _implementations(turned(kernel), None, (batch, spec.outputs, h, w), dtype, device)
    x = torch.randn(batch, spec.inputs, h, w, device=device).to(dtype, memory_format=torch.channels_last)
    g = torch.randn(batch, spec.outputs, h, w, device=device).to(dtype, memory_format=torch.channels_last)
    placed = kernel.to(device, dtype, memory_format=torch.channels_last)
    one = (1, 1)
    only_input = (True, False, False)
    yield lambda: torch.ops.aten.convolution_backward(g, x, placed, None, one, one, one, False, (0, 0), 1, only_input)[
        0
    ]


def _implementations(
    kernel: Tensor, bias: Tensor | None, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device
) -> Iterator[Callable[[], Tensor]]:
    """The same sum by every library path there is, without ReLU; Winograd's ways of saving some are no part of it."""
    x = torch.randn(shape, device=device).to(dtype)
    layouts = (torch.channels_last, torch.contiguous_format)
    for layout in layouts:
        placed, taken = kernel.to(device, dtype).contiguous(memory_format=layout), x.contiguous(memory_format=layout)
        placed_bias = None if bias is None else bias.to(device, dtype)
        yield lambda k=placed, t=taken, b=placed_bias: nn.conv2d(t, k, b, padding=1)  # type: ignore[misc]
    if packable(dtype, device):
        direct = Direct(kernel, bias, dtype)
        taken = x.contiguous(memory_format=torch.channels_last)
        yield lambda: direct(taken, relu=False)
