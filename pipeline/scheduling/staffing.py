"""How many workers a cluster gets, and what each may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CORES_PER_WORKER = 4  # on the CPU: convolutions of few images gain little from more cores than that


@dataclass(frozen=True, slots=True)
class Machine:
    """One node of the cluster.

    Attributes:
        cpus: cores Ray may give away.
        gpus: GPUs Ray may give away.
    """

    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Staffing:
    """The crew to hire.

    Attributes:
        workers: how many.
        gpus: of each: 1 or 0.
        cpus: that Ray sets aside for each; below 1 where workers share a core.
        threads: of each one's kernels.
    """

    workers: int
    gpus: int
    cpus: float
    threads: int


def staff(machines: Sequence[Machine], wanted: int | None) -> Staffing:
    """One worker a GPU; on machines without, one for every four cores, and all cores are used.

    Args:
        machines: of the cluster as it is. One with neither GPUs nor cores to give is about to scale up: GPUs are
            asked for then.
        wanted: number of workers, if the user named it.
    """
    gpus = int(sum(machine.gpus for machine in machines))
    cores = sum(machine.cpus for machine in machines)
    if gpus or not cores:
        return Staffing(wanted or max(1, gpus), gpus=1, cpus=0, threads=max(1, int(cores / max(1, gpus))))
    useful = [machine.cpus for machine in machines if machine.cpus]
    workers = wanted or sum(max(1, int(cpus // CORES_PER_WORKER)) for cpus in useful)
    share = min(cores / workers, *useful)
    # Ray takes whole cores, or a fraction of one in steps of a ten-thousandth
    cpus = float(int(share)) if share >= 1 else int(share * 1e4) / 1e4
    return Staffing(workers, gpus=0, cpus=cpus, threads=max(1, int(share)))
