"""`python -m neckar.pipeline.synthesis.bench.layers`: every layer by every way there is, and the way that is taken.

The choices of `network/winograd.py` are made from this table, by hand: what a processor's class is fast in is fixed,
for a choice made by a clock would give other bits on another day.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from ..engine import device as devices
from ..kernels.processor import processor
from ..network.convolution import Direct, PackedConvolution, turned
from ..network.network import DTYPES
from ..network.vgg19 import ConvSpec, map_size, up_to
from ..network.winograd import Choice, Winograd, choices
from ..network.workspace import Workspace
from ..task import Precision
from .roofline import best_time

SIZES = (16, 32, 64, 128, 256, 512, 1024)
ENOUGH_S, MOST_RUNS = 0.05, 200  # a small layer is run for so long: the machine's other work is not its own
WORST = 1.2  # times the best way's: what no layer should take more than

_CPU = torch.device("cpu")


def ways(
    kernel: Tensor, bias: Tensor | None, dtype: torch.dtype, chosen: Sequence[Choice]
) -> Iterator[Callable[..., Tensor]]:
    """Every implementation of one direction of a layer: oneDNN's, and each transform there is a choice for."""
    yield Direct(kernel, bias, dtype)
    if min(kernel.shape[:2]) >= 32:
        for choice in chosen:
            yield Winograd(kernel, bias, dtype, Workspace(), choice)


@torch.no_grad()
def compare(
    spec: ConvSpec, side: int, precision: Precision, *, images: int = 1
) -> Iterator[tuple[str, float, list[float]]]:
    """Of both directions of a layer: its name, the milliseconds as it is taken, and those of every way."""
    dtype = DTYPES[precision]
    h, w = map_size(spec.name, side, side)
    kernel, bias = 0.05 * torch.randn(spec.outputs, spec.inputs, 3, 3), torch.zeros(spec.outputs)
    layer = PackedConvolution(kernel, bias, dtype, Workspace())
    for name, taken, given, shift, chosen, inputs in (
        ("forward", layer.respond, kernel, bias, choices(dtype), spec.inputs),
        ("back", layer.pull_back, turned(kernel), None, choices(dtype, back=True), spec.outputs),
    ):
        x = torch.randn(images, inputs, h, w).to(dtype, memory_format=torch.channels_last)
        found = [_milliseconds(partial(way, x, relu=False)) for way in ways(given, shift, dtype, chosen)]
        yield name, _milliseconds(partial(taken, x)), found


def _milliseconds(run: Callable[[], Tensor]) -> float:
    first = best_time(run, _CPU)
    return 1e3 * min(first, best_time(run, _CPU, min(MOST_RUNS, int(ENOUGH_S / first))))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m neckar.pipeline.synthesis.bench.layers", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--precision", choices=devices.possible(_CPU), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    devices.prepare(_CPU, given.threads)
    _say(f"{devices.describe(_CPU)}, {processor()}, {given.precision}, {given.threads} threads; milliseconds")
    _say(f"{'px':>5}  {'layer':<8} {'pass':<8} {'taken':>8}  {'best':>8}  {'ratio':>5}  every way")
    slow = 0
    for side in given.sizes:
        for spec in up_to(("conv5_1",)):
            for name, taken, found in compare(spec, side, given.precision):
                best = min(taken, *found)
                slow += taken > WORST * best
                every = " ".join(f"{ms:.2f}" for ms in found)
                _say(f"{side:>5}  {spec.name:<8} {name:<8} {taken:>8.2f}  {best:>8.2f}  {taken / best:>5.2f}  {every}")
    _say(f"{slow} of them take more than {WORST} times the best way")


if __name__ == "__main__":
    main()
