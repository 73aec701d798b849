"""A worker process as Ray sees it. Deaths are the driver's business: Ray restarts and retries nothing."""

from __future__ import annotations

import os
import socket
from typing import cast

from neckar.pipeline.messages import crash_notes
from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.messages.setup import GraphsFailed, RunInfo, WorkerReady, WorkerSetup, load
from neckar.pipeline.results.identity import ALGORITHM_VERSION
from neckar.pipeline.results.layout import LEASE_KEY
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store
from neckar.pipeline.synthesis.task import RecordingFailed
from neckar.pipeline.worker.engine import ReadyEngine, SetUpEngine
from neckar.pipeline.worker.image_store import ImageStore
from neckar.pipeline.worker.loop import WorkerLoop
from neckar.pipeline.worker.parent import end_with_parent
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import Recipe, recipe
from neckar.pipeline.worker.rows import Maker
from neckar.schemas.errors import UserError
from neckar.schemas.pair import Pair
from neckar.schemas.run import LeaseRecord
from neckar.schemas.version import neckar_version


class WorkerProcess:
    """One engine in one process: `set_up`, then `begin`, then `advance` again and again.

    The constructor does nothing that can fail, so that a failing setup arrives as the exception it is.

    Args:
        name: of this worker in rows and messages.
    """

    def __init__(self, name: str) -> None:
        end_with_parent()
        self._name = name
        self._ready: ReadyEngine | None = None
        self._loop: WorkerLoop | None = None

    def locate(self) -> str:
        """Ray's id of the machine this process is on."""
        import ray  # noqa: PLC0415  # the driver settles Ray's environment before it imports it

        return str(ray.get_runtime_context().get_node_id())

    def set_up(self, setup: WorkerSetup) -> WorkerReady:
        """Set the engine up. Raises what that raises."""
        set_up_engine = cast("SetUpEngine", load(setup.engine))
        self._ready = set_up_engine(setup)
        return WorkerReady(
            host=socket.gethostname(),
            pid=os.getpid(),
            device=self._ready.device,
            precision=self._ready.precision,
            possible=self._ready.possible,
            weights_sha256=self._ready.weights_sha256,
            neckar_version=neckar_version(),
            algorithm_version=ALGORITHM_VERSION,
            crash_notes=crash_notes.keep(),
        )

    def begin(self, run: RunInfo) -> None:
        """Begin to work for a run.

        Raises:
            UserError: the run is not to be seen from this machine.
            StoreError: its place cannot be read.
        """
        assert self._ready is not None
        ready, pictures = self._ready, Pictures()
        store = open_store(run.output, conditional_writes=run.conditional_writes)
        _see_lease(store, run)

        def prepare(pair: Pair) -> Recipe:
            return recipe(pair, pictures, precision=run.precision, weights_sha256=ready.weights_sha256)

        maker = Maker(
            worker=self._name,
            device=ready.device,
            weights_sha256=ready.weights_sha256,
            torch_version=ready.torch_version,
            neckar_version=neckar_version(),
            node=socket.gethostname(),
            kernels=ready.kernels,
        )
        images = ImageStore(store)
        self._loop = WorkerLoop(ready.engine, images, prepare=prepare, maker=maker)

    def advance(self, pairs: tuple[Pair, ...], drop: tuple[int, ...], budget_s: float) -> Delivery:
        """See `WorkerLoop.advance`.

        Raises:
            GraphsFailed: this process is to be replaced by one whose setup has no graphs.
        """
        assert self._loop is not None
        try:
            return self._loop.advance(pairs, drop=drop, budget_s=budget_s)
        except RecordingFailed as error:  # the driver knows nothing of the core
            raise GraphsFailed(str(error)) from None


def _see_lease(store: Store, run: RunInfo) -> None:
    """See the driver's lease: a folder of this name may be another one here, on a disk that only this machine has."""
    lease = read_record(store, LEASE_KEY, LeaseRecord)
    if lease is None or (lease.owner, lease.epoch) != (run.owner, run.epoch):
        raise UserError.at(
            f"--output {store.uri}",
            f"{socket.gethostname()} does not see the run there; give a folder that all machines share, or s3://",
        )
