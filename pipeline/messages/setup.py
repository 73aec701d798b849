"""What a worker process is told when it starts, what it answers, and what it is told of the run."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neckar.schemas.fields import ResolvedPrecision

WORKER = "neckar.pipeline.worker.actor:WorkerProcess"
ENGINE = "neckar.pipeline.worker.engine_setup:synthesizer"


def load(name: str) -> Any:
    """What stands under a `module:attribute`: by name, for the driver imports no worker.

    Raises:
        ImportError, AttributeError: there is no such thing.
    """
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


class GraphsFailed(Exception):  # noqa: N818
    """A worker could not record its device's work, and its process is of no use any more: whose pairs are innocent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """How to set a worker up.

    Attributes:
        weights: name or absolute URI.
        gpu: whether it has one; never falls back to the CPU silently.
        slots: images at a time; None leaves it to the engine.
        threads: of the CPU's kernels.
        neighbours: workers of the run on one machine, this one among them, that share its memory.
        graphs: whether a GPU's work may be recorded once and played again.
        engine: `module:function` of a `worker.engine.SetUpEngine`; tests name stand-ins here.
    """

    weights: str
    gpu: bool
    slots: int | None
    threads: int
    neighbours: int = 1
    graphs: bool = True
    engine: str = ENGINE


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReady:
    """A worker that is set up.

    Attributes:
        host: name of its machine.
        pid: of its process.
        device: name of its device.
        precision: what `auto` means on it.
        possible: the precisions that it can compute.
        weights_sha256: of the weights it read, hex.
        neckar_version, algorithm_version: of its software.
        crash_notes: where its process leaves them, on its machine (see `crash_notes.py`).
    """

    host: str
    pid: int
    device: str
    precision: ResolvedPrecision
    possible: tuple[ResolvedPrecision, ...]
    weights_sha256: str
    neckar_version: str
    algorithm_version: int
    crash_notes: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """The run a worker works for.

    Attributes:
        output: URI of the run.
        owner, epoch: of the lease that stands there: a worker that does not find it looks at another place.
        precision: what `auto` means in this run, on whatever device.
        conditional_writes: whether its store minds them: the driver has found out.
    """

    output: str
    owner: str
    epoch: int
    precision: str
    conditional_writes: bool
