"""A machine's speed beside its own convolution roofline: `python -m pipeline.synthesis.bench`.

The roofline and the engine are timed in turns, and each row reports the median of the rounds' ratios: on a shared
machine two numbers taken minutes apart cannot be divided.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..engine import device as devices
from ..engine.lanes import Lanes, lanes
from ..kernels.compiled import library
from ..losses.targets import TargetCache
from ..network.network import DTYPES, Injection, Network
from ..network.weights import Weights, load_oxford
from ..task import Precision, Program, Task
from .roofline import convolution_roofline, gemm_gflops, synchronise

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
WARM_UP = 32  # evaluations until the L-BFGS history is full and every step costs the same
TIMED = 16  # evaluations of every image a round
ROUNDS = 3
PROFILE_ITERATIONS = 500  # the settings' default: images per hour are of this many evaluations each


@dataclass(frozen=True)
class Row:
    """The engine at one size, precision and number of slots.

    Attributes:
        size: side of the square images, px.
        slots: images at a time.
        precision: of the convolutions.
        evaluations_per_s: of one image, summed over the slots.
        fraction_of_roofline: time of the convolutions alone, at the best of several implementations, over the
            engine's; median of the rounds.
        overhead: share of the engine's time that is spent outside the network's passes (losses, Gram matrices and
            their gradients, optimiser, Python), by a watch on them in the engine's own threads; median of the rounds.
            On CUDA the watch has to wait for the device, so that an engine of its own shows it, kernel by kernel.
        images_per_hour: at 500 evaluations an image.
        peak_memory_mb: of the process on a CPU, of the device on CUDA; MiB.
    """

    size: int
    slots: int
    precision: Precision
    evaluations_per_s: float
    fraction_of_roofline: float
    overhead: float
    images_per_hour: float
    peak_memory_mb: float


@dataclass(frozen=True)
class Report:
    """All of it, as `--json` writes it.

    Attributes:
        device: its name.
        threads: of the CPU's kernels.
        torch: version.
        conv_roofline_gflops: by precision, at the largest size measured with one slot.
        gemm_gflops: by precision.
        compiled: whether the kernels in C were built; without them bfloat16 is slower on a CPU.
        rows: the engine.
    """

    device: str
    threads: int
    torch: str
    conv_roofline_gflops: dict[str, float]
    gemm_gflops: dict[str, float]
    compiled: bool
    rows: list[Row]


class WatchedNetwork(Network):
    """The network with a watch on its passes, in every thread that computes with it.

    Attributes:
        rounds: of each evaluation that another one followed, the seconds from its forward pass to the next one's, and
            those of them that its two passes took, without the losses' injections.
    """

    rounds: list[tuple[float, float]]
    recordable = False  # what is replayed does not come by here

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.reset()

    def reset(self) -> None:
        """Begin anew, while no thread computes."""
        self.rounds = []
        self._begun: dict[int, float] = {}  # by thread, the forward pass of the evaluation under way
        self._passes: dict[int, float] = {}  # likewise, seconds in passes

    def respond(self, x: Tensor) -> dict[str, Tensor]:
        """See `Network`."""
        thread, begin = threading.get_ident(), self._now()
        if thread in self._begun:
            self.rounds.append((begin - self._begun[thread], self._passes[thread]))
        tape = super().respond(x)
        self._begun[thread], self._passes[thread] = begin, self._now() - begin
        return tape

    def pull_back(self, tape: dict[str, Tensor], injected: dict[str, list[Injection]]) -> Tensor:
        """See `Network`."""
        apart: list[float] = []

        def watched(injection: Injection) -> Injection:
            def add(g: Tensor | None) -> Tensor:
                begin = self._now()
                found = injection(g)
                apart.append(self._now() - begin)
                return found

            return add

        begin = self._now()
        gradient = super().pull_back(tape, {layer: [*map(watched, injected.pop(layer))] for layer in [*injected]})
        self._passes[threading.get_ident()] += self._now() - begin - sum(apart)
        return gradient

    @property
    def overhead(self) -> float:
        """Share of the rounds that is not spent in passes."""
        return 1 - sum(passes for _, passes in self.rounds) / sum(whole for whole, _ in self.rounds)

    def _now(self) -> float:
        synchronise(self.device)
        return time.perf_counter()


N = TypeVar("N", bound=Network)


def network_of(kind: type[N], weights: Weights, precision: Precision, device: torch.device) -> N:
    """The network of the settings' defaults."""
    return kind(weights, ["conv5_1"], pooling="average", dtype=DTYPES[precision], device=device)


def filled(network: Network, size: int, slots: int, precision: Precision) -> Lanes:
    """Lanes with an image in every slot, none of which ends; random pictures cost what real ones do."""
    program = Program(size, size, ("conv4_2",), STYLE_LAYERS, precision=precision)
    found = lanes(network, program, slots)
    targets = TargetCache()
    rng = np.random.default_rng(0)
    for slot in range(slots):
        content, style = (rng.uniform(0, 255, (size, size, 3)).astype(np.float32) for _ in range(2))
        task = Task(
            key=str(slot),
            program=program,
            content=content,
            style=style,
            alpha=1e-3,
            beta=1.0,
            style_weights=(0.2,) * 5,
            seed=slot,
            iterations=sys.maxsize,
        )
        with torch.no_grad():
            found.admit(task, targets.targets(network, task))
    return found


def seconds_an_evaluation(found: Lanes, times: int = TIMED) -> float:
    """Of every image in the slots, over so many of them; afterwards the lanes stand still."""
    begun, begin = found.evaluations, time.perf_counter()
    found.step(lambda: found.evaluations >= begun + times * found.slots)
    seconds = time.perf_counter() - begin
    done = found.evaluations - begun
    found.stop()
    return seconds * found.slots / done


def measure(weights: Weights, size: int, slots: int, precision: Precision, device: torch.device) -> tuple[Row, float]:
    """One row of the table, and the roofline in GFLOP/s."""
    _reset_peak(device)
    watched = network_of(WatchedNetwork, weights, precision, device) if device.type == "cpu" else None
    found = filled(watched or network_of(Network, weights, precision, device), size, slots, precision)
    seconds_an_evaluation(found, WARM_UP)
    peak = _peak_mb(device)  # of the engine: the roofline's own maps are not its
    engine_s, fractions, overheads, rooflines = [], [], [], []
    for _ in range(ROUNDS):
        if watched is not None:
            watched.reset()
        seconds = seconds_an_evaluation(found)
        if watched is not None:
            overheads.append(watched.overhead)
        roofline = convolution_roofline(size, size, slots, DTYPES[precision], device)
        engine_s.append(seconds)
        fractions.append(roofline.seconds / seconds)
        rooflines.append(roofline.gflops)
    if watched is None:
        del found  # the other engine needs its memory
        overheads.append(_overhead_apart(weights, size, slots, precision, device))
    rate = slots / statistics.median(engine_s)
    row = Row(
        size=size,
        slots=slots,
        precision=precision,
        evaluations_per_s=rate,
        fraction_of_roofline=statistics.median(fractions),
        overhead=statistics.median(overheads),
        images_per_hour=3600 * rate / PROFILE_ITERATIONS,
        peak_memory_mb=peak,
    )
    return row, statistics.median(rooflines)


def _overhead_apart(weights: Weights, size: int, slots: int, precision: Precision, device: torch.device) -> float:
    watched = network_of(WatchedNetwork, weights, precision, device)
    found = filled(watched, size, slots, precision)
    seconds_an_evaluation(found, WARM_UP)
    watched.reset()
    seconds_an_evaluation(found)
    return watched.overhead


def bench(
    sizes: Sequence[int],
    slot_counts: Sequence[int],
    precisions: Sequence[Precision],
    device: torch.device,
    tell: Callable[[str], None],
) -> Report:
    """Measure every combination, smallest first; one that does not fit into memory is told and left out."""
    weights = load_oxford()
    rows: list[Row] = []
    roofline: dict[str, float] = {}
    tell(HEADER)
    for precision in precisions:
        for size in sorted(sizes):
            for slots in sorted(slot_counts):
                try:
                    row, gflops = measure(weights, size, slots, precision, device)
                except (torch.OutOfMemoryError, MemoryError):
                    tell(f"{size:>6}  {slots:>5}  {precision:<9}  does not fit into memory")
                    break
                rows.append(row)
                if slots == min(slot_counts):
                    roofline[precision] = gflops
                tell(line(row))
    return Report(
        device=devices.describe(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        conv_roofline_gflops=roofline,
        gemm_gflops={precision: gemm_gflops(DTYPES[precision], device) for precision in precisions},
        compiled=library() is not None,
        rows=rows,
    )


HEADER = "  size  slots  precision  evaluations/s  of roofline  overhead  images/hour  peak MiB"


def line(row: Row) -> str:
    """One row of the table as text."""
    return (
        f"{row.size:>6}  {row.slots:>5}  {row.precision:<9}  {row.evaluations_per_s:>13.2f}"
        f"  {row.fraction_of_roofline:>10.1%}  {row.overhead:>8.1%}  {row.images_per_hour:>11.1f}"
        f"  {row.peak_memory_mb:>8.0f}"
    )


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: VmHWM begins anew
    except OSError:
        return  # the peak is then that of the whole run


def _peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    for entry in Path("/proc/self/status").read_text().splitlines():
        if entry.startswith("VmHWM:"):
            return int(entry.split()[1]) / 1024
    return float("nan")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line for a machine with torch and numpy alone; `neckar bench` is the same with more around it."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.synthesis.bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--precision", choices=list(DTYPES), nargs="+", default=list(DTYPES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    device = devices.choose(given.device)
    devices.prepare(device, given.threads)
    report = bench(given.sizes, given.slots, given.precision, device, tell=lambda text: print(text, flush=True))  # noqa: T201
    if given.json:
        given.json.write_text(json.dumps(asdict(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
