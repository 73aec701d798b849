"""A worker process as Ray sees it. Deaths are the driver's business: Ray restarts and retries nothing."""

from __future__ import annotations

import importlib
import os
import socket
from typing import cast

from neckar.pipeline.messages import crash_notes
from neckar.pipeline.messages.work import Brief, Equip, Equipment, Introduction, Order
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.worker.image_store import Gallery
from neckar.pipeline.worker.loop import Delivery, Studio
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import Recipe, recipe
from neckar.pipeline.worker.rows import Maker
from neckar.schemas.pair import Pair


class WorkerProcess:
    """One engine in one process: `introduce`, then `begin`, then `advance` again and again.

    The constructor does nothing that can fail, so that a failing setup arrives as the exception it is.

    Args:
        name: of this worker in rows and messages.
        order: how to equip it.
    """

    def __init__(self, name: str, order: Order) -> None:
        self._name = name
        self._order = order
        self._equipment: Equipment | None = None
        self._studio: Studio | None = None

    def locate(self) -> str:
        """Ray's id of the machine this process is on."""
        import ray  # noqa: PLC0415  # the driver settles Ray's environment before it imports it

        return str(ray.get_runtime_context().get_node_id())

    def introduce(self) -> Introduction:
        """Get equipped. Raises what the equipping raises."""
        module, _, function = self._order.equip.partition(":")
        equip = cast("Equip", getattr(importlib.import_module(module), function))
        self._equipment = equip(self._order)
        return Introduction(
            host=socket.gethostname(),
            pid=os.getpid(),
            device=self._equipment.device,
            precision=self._equipment.precision,
            weights_sha256=self._equipment.weights_sha256,
            crash_notes=crash_notes.keep(),
        )

    def begin(self, brief: Brief) -> None:
        """Get to know the run."""
        assert self._equipment is not None
        equipment, pictures = self._equipment, Pictures()

        def prepare(pair: Pair) -> Recipe:
            return recipe(pair, pictures, precision=brief.precision, weights_sha256=equipment.weights_sha256)

        maker = Maker(
            worker=self._name,
            device=equipment.device,
            weights_sha256=equipment.weights_sha256,
            torch_version=equipment.torch_version,
            neckar_version=brief.neckar_version,
        )
        gallery = Gallery(open_store(brief.output))
        self._studio = Studio(equipment.engine, gallery, prepare=prepare, maker=maker)

    def advance(self, pairs: tuple[Pair, ...], drop: tuple[int, ...], budget_s: float) -> Delivery:
        """See `Studio.advance`."""
        assert self._studio is not None
        return self._studio.advance(pairs, drop=drop, budget_s=budget_s)
