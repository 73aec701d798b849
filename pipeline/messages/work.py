"""What a worker process is told when it starts, what it gets, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neckar.pipeline.synthesis.task import Precision
from neckar.pipeline.worker.loop import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How to equip a worker.

    Attributes:
        weights: name or absolute URI.
        gpu: whether it has one; never falls back to the CPU silently.
        slots: images at a time; None leaves it to the engine.
        threads: of the CPU's kernels.
        equip: `module:function` of a function from `Order` to `Equipment`; tests put stand-ins here.
    """

    weights: str
    gpu: bool
    slots: int | None
    threads: int
    equip: str


@dataclass(frozen=True, slots=True)
class Equipment:
    """A worker's engine and what its records say of it.

    Attributes:
        engine: what computes.
        device: name of the device.
        precision: what `auto` means on it.
        weights_sha256: of the network's weights, hex.
        torch_version: of torch.
    """

    engine: Engine
    device: str
    precision: Precision
    weights_sha256: str
    torch_version: str


Equip = Callable[[Order], Equipment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """A worker that is equipped.

    Attributes:
        host: name of its machine.
        pid: of its process.
        device: name of its device.
        precision: what `auto` means on it.
        weights_sha256: of the weights it read, hex.
        crash_notes: where its process leaves them, on its machine (see `crash_notes.py`).
    """

    host: str
    pid: int
    device: str
    precision: Precision
    weights_sha256: str
    crash_notes: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The run a worker works for.

    Attributes:
        output: URI of the run.
        precision: what `auto` means in this run, on whatever device.
        neckar_version: for the records.
    """

    output: str
    precision: str
    neckar_version: str
