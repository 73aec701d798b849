"""A machine's speed beside its own convolution roofline.

The roofline and the engine are timed in turns, and each row reports the median of the rounds' ratios: on a shared
machine two numbers taken minutes apart cannot be divided.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from ..engine import device as devices
from ..engine.lanes import Lanes, lanes
from ..engine.memory import ran_out
from ..kernels.compiled import library
from ..losses.targets import TargetCache
from ..network.network import DTYPES, Network, products
from ..network.weights import Weights, load_oxford
from ..task import Precision, Program, Task
from .peak import peak_mb, reset_peak
from .report import HEADER, Report, Row, line
from .roofline import convolution_roofline, gemm_gflops
from .watch import WatchedNetwork

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
WARM_UP = 32  # evaluations until the L-BFGS history is full and every step costs the same
TIMED = 16  # evaluations of every image a round
WARM_UP_S, TIMED_S = 6.0, 3.0  # and no longer than that, or a slow machine would take half an hour
ROUNDS = 3
PROFILE_ITERATIONS = 500  # the settings' default: images per hour are of this many evaluations each


N = TypeVar("N", bound=Network)


def network_of(kind: type[N], weights: Weights, precision: Precision, device: torch.device) -> N:
    """The network of the settings' defaults."""
    tf32 = precision == "tf32"
    return kind(weights, ["conv5_1"], pooling="average", dtype=DTYPES[precision], device=device, tf32=tf32)


def filled(network: Network, size: int, slots: int, precision: Precision, *, graphs: bool = True) -> Lanes:
    """Lanes with an image in every slot, none of which ends; random pictures cost what real ones do."""
    program = Program(size, size, ("conv4_2",), STYLE_LAYERS, precision=precision)
    found = lanes(network, program, slots, graphs=graphs)
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


def seconds_an_evaluation(found: Lanes, times: int = TIMED, limit_s: float = TIMED_S) -> float:
    """Of every image in the slots, over so many of them or so long; afterwards the lanes stand still."""
    begun, begin = found.evaluations, time.perf_counter()
    until = begin + limit_s
    found.step(lambda: found.evaluations >= begun + times * found.slots or time.perf_counter() >= until)
    seconds = time.perf_counter() - begin
    done = found.evaluations - begun
    found.stop()
    return seconds * found.slots / done


def measure(
    weights: Weights, size: int, slots: int, precision: Precision, device: torch.device, *, graphs: bool = True
) -> tuple[Row, float]:
    """One row of the table, and the roofline in GFLOP/s."""
    reset_peak(device)
    watched = network_of(WatchedNetwork, weights, precision, device) if device.type == "cpu" else None
    found = filled(watched or network_of(Network, weights, precision, device), size, slots, precision, graphs=graphs)
    seconds_an_evaluation(found, WARM_UP, WARM_UP_S)
    peak = peak_mb(device)  # of the engine: the roofline's own maps are not its
    engine_s, fractions, overheads, rooflines = [], [], [], []
    for _ in range(ROUNDS):
        if watched is not None:
            watched.reset()
        seconds = seconds_an_evaluation(found)
        if watched is not None:
            overheads.append(watched.overhead)
        with products(tf32=precision == "tf32"):
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
    seconds_an_evaluation(found, WARM_UP, WARM_UP_S)
    watched.reset()
    seconds_an_evaluation(found)
    return watched.overhead


def bench(
    sizes: Sequence[int],
    slot_counts: Sequence[int],
    precisions: Sequence[Precision],
    device: torch.device,
    tell: Callable[[str], None],
    *,
    graphs: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure every combination, smallest first; one that does not fit into memory is told and left out.

    Args:
        sizes: sides in px.
        slot_counts: images at a time.
        precisions: of the convolutions; all possible on the device.
        device: where.
        tell: is told the table, line by line.
        graphs: whether a GPU records evaluations.
        say: is told what is being measured, and how long it will take.

    Raises:
        RecordingFailed: measure without graphs, in a new process.
    """
    weights = load_oxford()
    rows: list[Row] = []
    roofline: dict[str, float] = {}
    tell(HEADER)
    planned = [(p, size, slots) for p in precisions for size in sorted(sizes) for slots in sorted(slot_counts)]
    full: set[tuple[Precision, int]] = set()  # there more slots do not fit either
    begin = time.perf_counter()
    for number, (precision, size, slots) in enumerate(planned):
        say(f"{size} px, {slots} slots, {precision}: {number + 1} of {len(planned)}{_left(planned, number, begin)}")
        if (precision, size) in full:
            continue
        try:
            row, gflops = measure(weights, size, slots, precision, device, graphs=graphs)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            tell(f"{size:>6}  {slots:>5}  {precision:<9}  does not fit into memory")
            full.add((precision, size))
            continue
        rows.append(row)
        if slots == min(slot_counts):
            roofline[precision] = gflops
        tell(line(row))
    return Report(
        device=devices.describe(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        conv_roofline_gflops=roofline,
        gemm_gflops={precision: _gemm_gflops(precision, device) for precision in precisions},
        compiled=library() is not None,
        rows=rows,
    )


def _gemm_gflops(precision: Precision, device: torch.device) -> float:
    with products(tf32=precision == "tf32"):
        return gemm_gflops(DTYPES[precision], device)


def _left(planned: Sequence[tuple[Precision, int, int]], done: int, begin: float) -> str:
    """How long the rest takes if a pixel costs what it did so far, in words."""
    if not done:
        return ""
    pixels = [size * size * slots for _, size, slots in planned]
    seconds = (time.perf_counter() - begin) * sum(pixels[done:]) / sum(pixels[:done])
    return f", {seconds:.0f} s left at most"
