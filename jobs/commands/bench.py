"""`neckar bench`: this machine's speed beside its own convolution roofline, and beside a peer's."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.input.arguments import count

if TYPE_CHECKING:
    import torch

    from neckar.jobs.measure.peer import Comparison
    from neckar.pipeline.synthesis.task import Precision


GRAPHS = "NECKAR_GRAPHS"  # environment variable: "off" has a GPU record nothing


class Arithmetic(StrEnum):
    """Of the convolutions."""

    FLOAT32 = "float32"
    TF32 = "tf32"
    BFLOAT16 = "bfloat16"


class Peer(StrEnum):
    """Programs to compare with."""

    PASTICHE = "pastiche"


def bench(
    size: Annotated[
        list[int] | None, typer.Option(parser=count, help="Side in px; again for more.", metavar="PX")
    ] = None,
    slots: Annotated[
        list[int] | None, typer.Option(parser=count, help="Images at a time; again for more.", metavar="S")
    ] = None,
    precision: Annotated[list[Arithmetic] | None, typer.Option(help="Of the convolutions; again for more.")] = None,
    against: Annotated[Peer | None, typer.Option(help="Run this program on the same pictures, in turns.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers there.", metavar="FILE")] = None,
) -> None:
    """Measure the engine beside the machine's own convolution roofline.

    Unless told otherwise at 128 and 256 px, with 1 and 4 slots, in every precision that this machine has.
    """
    import json
    import os
    from dataclasses import asdict

    from neckar.pipeline.synthesis.bench.measure import bench as measure
    from neckar.pipeline.synthesis.engine import device as devices
    from neckar.pipeline.synthesis.engine.host import cores
    from neckar.pipeline.synthesis.network.vgg19 import SIDE_MIN_PX
    from neckar.pipeline.synthesis.task import RecordingFailed
    from neckar.schemas.errors import UserError

    if json_file is not None and not json_file.parent.is_dir():
        raise UserError.at(f"--json {json_file}", "its folder does not exist; make it first")
    sizes, counts = size or [128, 256], slots or [1, 4]
    too_small = [side for side in sizes if side < SIDE_MIN_PX]
    if too_small:
        raise UserError.at(f"--size {too_small[0]}", f"the network's pools need at least {SIDE_MIN_PX} px")
    device = devices.choose()
    precisions: list[Precision] = [name.value for name in precision or map(Arithmetic, devices.possible(device))]
    for name in precisions:
        if (told := devices.impossible(name, device)) is not None:
            raise UserError.at(f"--precision {name}", told)
    devices.prepare(device, cores())
    try:
        report = measure(
            sizes, counts, precisions, device, tell=print, graphs=os.environ.get(GRAPHS) != "off", say=_say
        )
    except RecordingFailed as error:  # this process cannot go on with its GPU
        raise UserError.at(device.type, f"{error}; set {GRAPHS}=off in the environment and measure again") from error
    for measured, gflops in report.conv_roofline_gflops.items():
        print(
            f"{measured}: convolution roofline {gflops:.0f} GFLOP/s,"
            f" matrix product {report.gemm_gflops[measured]:.0f} GFLOP/s; {report.device}, {report.threads} threads"
        )
    if device.type == "cpu":
        print(_of_a_compiler(compiled=report.compiled))
    comparisons = _compared(sizes, precisions, device) if against is not None else []
    if json_file is not None:
        data = asdict(report) | {"against": [asdict(found) for found in comparisons]}
        json_file.write_text(json.dumps(data, indent=2) + "\n")


def _of_a_compiler(*, compiled: bool) -> str:
    """What a C compiler gives on this processor, as it was measured on others of its class (docs/benchmarks.md)."""
    from neckar.pipeline.synthesis.kernels.processor import processor

    gains = {
        "avx512_bf16": "a quarter to two thirds more",
        "avx512": "three fifths more and upwards",
        "avx2": "two fifths more and upwards",
    }
    gain = gains.get(processor(), "more, how much was not measured on a processor like this")
    if compiled:
        return f"With kernels in C for {processor()}: they give {gain}."
    return f"Without kernels in C: pip found no C compiler. Install gcc, then Neckar again: that gives {gain}."


def _say(text: str) -> None:
    """What is being measured: beside the table, for it takes minutes."""
    import sys

    print(f"measuring {text}", file=sys.stderr, flush=True)


def _compared(sizes: list[int], precisions: list[Precision], device: torch.device) -> list[Comparison]:
    """The peer in turns with the engine, told line by line."""
    from neckar.jobs.measure.peer import compare

    comparisons = []
    for side in sizes:
        for name in precisions:
            found = compare(side, name, device)
            comparisons.append(found)
            print(
                f"{found.peer} at {found.size} px: {found.peer_evaluations_per_s:.2f} evaluations/s;"
                f" Neckar, 1 slot, {name}: {found.evaluations_per_s:.2f}; {found.ratio:.2f} times as many"
            )
    return comparisons
