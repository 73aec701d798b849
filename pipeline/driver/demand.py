"""What a cluster scaled to zero is asked for, until a machine comes that shows what it has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from neckar.pipeline.driver.ray_cluster import Cluster
from neckar.pipeline.driver.staffing import CORES_PER_WORKER, Staffing, staff

log = logging.getLogger(__name__)

LOOK_S = 2.0  # between looks at the machines
UNHEEDED_S = 20.0  # a demand that starts no machine within this time is beyond what the cluster's node types offer
UNKNOWN_S = 180.0  # where the autoscaler does not tell what it starts: a cloud's machine takes some minutes


class Demand:
    """Asks for a GPU first, then for ever fewer cores: nothing but a machine tells what node types there are.

    Args:
        cluster: where workers wait to be placed.
        wanted: number of workers, if the user named it.
        clock: seconds, monotonic.

    Attributes:
        staffing: what is asked for now.
    """

    def __init__(self, cluster: Cluster, wanted: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._clock = clock
        self._since = self._looked = clock()
        machines = cluster.machines
        self._open = not any(machine.usable for machine in machines)
        self.staffing = staff(machines, wanted)

    def change(self) -> bool:
        """Whether something else is asked for from now on; for workers that are not placed yet."""
        now = self._clock()
        if not self._open or now - self._looked < LOOK_S:
            return False
        self._looked = now
        machines = self._cluster.machines
        if any(machine.usable for machine in machines):
            self._open = False
            return self._ask(staff(machines, self._wanted))
        launching = self._cluster.launching
        patience_s = UNKNOWN_S if launching is None else UNHEEDED_S
        if launching or now - self._since < patience_s:
            return False
        self._since = now
        return self._ask(_less(self.staffing))

    def _ask(self, staffing: Staffing) -> bool:
        if staffing == self.staffing:
            return False
        what = "a GPU" if staffing.gpus else f"{staffing.cpus:g} cores"
        log.info("each worker asks for %s now", what)
        self.staffing = staffing
        return True


def _less(staffing: Staffing) -> Staffing:
    """What a smaller machine has."""
    cores = CORES_PER_WORKER if staffing.gpus else max(1, int(staffing.cpus) // 2)
    return Staffing(staffing.workers, gpus=0, cpus=float(cores), threads=cores, steady=staffing.steady)
