"""How many workers a cluster gets, and what each may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CORES_PER_WORKER = 4  # on the CPU: convolutions of few images gain little from more cores than that


@dataclass(frozen=True, slots=True)
class Machine:
    """One node of the cluster.

    Attributes:
        cpus: cores Ray may give away.
        gpus: GPUs Ray may give away.
        node: Ray's id of it.
    """

    cpus: float
    gpus: float
    node: str = ""

    @property
    def usable(self) -> bool:
        """Whether it may hold a worker."""
        return self.cpus > 0 or self.gpus > 0


@dataclass(frozen=True, slots=True)
class Staffing:
    """The workers to start.

    Attributes:
        workers: how many.
        gpus: of each: 1 or 0.
        cpus: that Ray sets aside for each; below 1 where workers share a core.
        threads: of each one's kernels, on the largest machine.
        neighbours: workers that the largest machine has room for, which share its memory.
        steady: the number stays, though machines come and go: the user named it.
    """

    workers: int
    gpus: int
    cpus: float
    threads: int
    neighbours: int = 1
    steady: bool = False


def staff(machines: Sequence[Machine], wanted: int | None) -> Staffing:
    """One worker a GPU; on machines without, one for every four cores, and all cores are used.

    Args:
        machines: of the cluster as it is. One with neither GPUs nor cores to give is about to scale up: GPUs are
            asked for then.
        wanted: number of workers, if the user named it.
    """
    gpus = int(sum(machine.gpus for machine in machines))
    cores = sum(machine.cpus for machine in machines)
    on_gpus = gpus > 0 or not cores
    workers = wanted or places(machines, on_gpus=on_gpus)
    steady = wanted is not None
    if on_gpus:
        threads = max((_threads_a_gpu(machine) for machine in machines if machine.gpus), default=1)
        return Staffing(workers, gpus=1, cpus=0, threads=threads, steady=steady)
    share = min(cores / workers, *(machine.cpus for machine in machines if machine.cpus))
    # Ray takes whole cores, or a fraction of one in steps of a ten-thousandth
    cpus = float(int(share)) if share >= 1 else int(share * 1e4) / 1e4
    room = max(int(machine.cpus // cpus) for machine in machines if machine.cpus)
    neighbours = max(1, min(workers, room))
    return Staffing(workers, gpus=0, cpus=cpus, threads=max(1, int(share)), neighbours=neighbours, steady=steady)


def means_on(machine: Machine | None, staffing: Staffing) -> dict[str, Any]:
    """What a worker has of the machine that it is on, as `WorkerSetup` names it; one that nobody knows is as all."""
    threads = _threads_a_gpu(machine) if staffing.gpus and machine is not None else staffing.threads
    return {"gpu": staffing.gpus > 0, "threads": threads, "neighbours": staffing.neighbours}


def _threads_a_gpu(machine: Machine) -> int:
    return max(1, int(machine.cpus / max(1.0, machine.gpus)))


def places(machines: Sequence[Machine], *, on_gpus: bool) -> int:
    """How many workers these machines have room for; one is always asked for."""
    if on_gpus:
        return max(1, int(sum(machine.gpus for machine in machines)))
    return max(1, sum(max(1, int(machine.cpus // CORES_PER_WORKER)) for machine in machines if machine.cpus))


def hosts(machines: Sequence[Machine], *, on_gpus: bool) -> int:
    """How many of these machines may hold a worker at all; one is always hoped for."""
    return max(1, sum((machine.gpus if on_gpus else machine.cpus) > 0 for machine in machines))
