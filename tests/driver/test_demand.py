"""A cluster scaled to zero: what is asked for until a machine comes."""

from __future__ import annotations

from dataclasses import dataclass, field

from neckar.pipeline.driver.demand import UNHEEDED_S, UNKNOWN_S, Demand
from neckar.pipeline.driver.staffing import Machine

HEAD = Machine(0, 0)


@dataclass
class Fake:
    """A cluster of machines that come when told, and a clock."""

    machines: list[Machine] = field(default_factory=lambda: [HEAD])
    launching: bool | None = False
    now: float = 0.0

    def passes(self, demand: Demand, seconds: float) -> list[tuple[int, float]]:
        """GPUs and cores asked for, at every change."""
        asked = []
        end = self.now + seconds
        while self.now < end:
            self.now += 1
            if demand.change():
                asked.append((demand.staffing.gpus, demand.staffing.cpus))
        return asked


def demand(cluster: Fake, wanted: int | None = None) -> Demand:
    return Demand(cluster, wanted, clock=lambda: cluster.now)  # type: ignore[arg-type]


def test_a_gpu_is_asked_for_and_then_what_smaller_machines_have():
    cluster = Fake()
    asking = demand(cluster, 3)
    assert (asking.staffing.workers, asking.staffing.gpus) == (3, 1)
    assert cluster.passes(asking, 10 * UNHEEDED_S) == [(0, 4.0), (0, 2.0), (0, 1.0)]
    assert asking.staffing.workers == 3


def test_a_machine_that_is_being_started_is_waited_for():
    cluster = Fake(launching=True)
    asking = demand(cluster)
    assert cluster.passes(asking, 1000) == []
    cluster.machines.append(Machine(8, 2))
    assert cluster.passes(asking, 10) == [(1, 0)]
    assert asking.staffing.workers == 2


def test_an_autoscaler_that_does_not_tell_has_more_time():
    cluster = Fake(launching=None)
    asking = demand(cluster)
    assert cluster.passes(asking, UNKNOWN_S - 5) == []
    assert cluster.passes(asking, 10) == [(0, 4.0)]


def test_a_gpu_that_comes_late_is_taken_all_the_same():
    cluster = Fake()
    asking = demand(cluster)
    cluster.passes(asking, 10 * UNHEEDED_S)
    cluster.machines.append(Machine(16, 1))
    assert cluster.passes(asking, 10) == [(1, 0)]
    assert asking.staffing.threads == 16


def test_with_a_machine_from_the_start_nothing_is_asked_anew():
    cluster = Fake([HEAD, Machine(4, 0)])
    asking = demand(cluster)
    cluster.machines.append(Machine(8, 4))
    assert cluster.passes(asking, 1000) == []
    assert asking.staffing.gpus == 0
