"""How many workers the cluster has room for, now and again: machines join it, and leave it, while a run goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from neckar.pipeline.driver.ray_cluster import Cluster
from neckar.pipeline.driver.staffing import Staffing, hosts, places
from neckar.pipeline.scheduling.events import Staffed

log = logging.getLogger(__name__)

LOOK_S = 5.0  # between looks at the cluster's machines


class Capacity:
    """Looks at the machines of a cluster.

    Args:
        cluster: whose machines.
        staffing: as it was decided at the start.
        clock: seconds, monotonic.

    Attributes:
        staffing: may be set anew, while no worker is placed.
        workers: room for them.
        nodes: machines that may hold a worker at all.
    """

    def __init__(self, cluster: Cluster, staffing: Staffing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self.staffing = staffing
        self._clock = clock
        self._look_at = clock() + LOOK_S
        self.workers = staffing.workers
        machines = cluster.machines
        self.nodes = hosts(machines, on_gpus=staffing.gpus > 0)
        self._alive = len(machines)

    def news(self) -> Staffed | None:
        """What has changed since the last look, if it is time for one."""
        if self._clock() < self._look_at:
            return None
        self._look_at = self._clock() + LOOK_S
        machines, on_gpus = self._cluster.machines, self.staffing.gpus > 0
        self._alive = len(machines)
        workers = self.workers if self.staffing.steady else places(machines, on_gpus=on_gpus)
        nodes = hosts(machines, on_gpus=on_gpus)
        if workers != self.workers:
            log.info("the cluster has room for %d workers now, before for %d", workers, self.workers)
        if (workers, nodes) == (self.workers, self.nodes):
            return None
        self.workers, self.nodes = workers, nodes
        return Staffed(workers, nodes)

    @property
    def waiting_for(self) -> str:
        """In words, where there is no machine at all; else empty."""
        return "" if self._alive else "a machine of the cluster: none is alive, and none has joined"
