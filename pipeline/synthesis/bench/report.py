"""What a measurement says: one row a combination, and the table as text."""

from __future__ import annotations

from dataclasses import dataclass

from ..task import Precision

HEADER = "  size  slots  precision  evaluations/s  of roofline  overhead  images/hour  peak MiB"


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
        compiled: whether the kernels in C were built; without them a CPU is slower.
        rows: the engine.
    """

    device: str
    threads: int
    torch: str
    conv_roofline_gflops: dict[str, float]
    gemm_gflops: dict[str, float]
    compiled: bool
    rows: list[Row]


def line(row: Row) -> str:
    """One row of the table as text."""
    return (
        f"{row.size:>6}  {row.slots:>5}  {row.precision:<9}  {row.evaluations_per_s:>13.2f}"
        f"  {row.fraction_of_roofline:>10.1%}  {row.overhead:>8.1%}  {row.images_per_hour:>11.1f}"
        f"  {row.peak_memory_mb:>8.0f}"
    )
