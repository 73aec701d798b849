"""A worker that makes nothing: what is left is the manifest, the schedule, Ray, the rows and the store."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.messages.outcome import Outcome
from neckar.pipeline.worker.actor import WorkerProcess
from neckar.schemas.pair import Pair
from tests.chaos.engine import FOLDER
from tests.results.samples import ok_row, sha

TEMPLATE = ok_row(0)
SLOTS = 512
TIMES = "noop.times"  # of every call


class NoopWorker(WorkerProcess):
    """Every pair is done at once, without a picture; its row is as large as a real one with a short trace."""

    def advance(self, pairs: tuple[Pair, ...], drop: tuple[int, ...], budget_s: float) -> Delivery:
        with (Path(os.environ[FOLDER]) / TIMES).open("a") as file:
            file.write(f"{time.time()}\n")
        rows = {}
        for pair in pairs:
            spec_hash = sha(pair.pair_id)
            rows[pair.index] = dataclasses.replace(
                TEMPLATE,
                pair_index=pair.index,
                pair_id=pair.pair_id,
                spec_hash=spec_hash,
                image_uri=f"images/{spec_hash[:2]}/{spec_hash}.png",
                seed=pair.index,
            )
        outcomes = tuple(Outcome(pair.index) for pair in pairs)
        return Delivery(outcomes, rows, (), 0.0, len(pairs), SLOTS)
