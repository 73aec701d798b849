"""Workers of the start introduce themselves, and what they are decides what the run is."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from neckar.pipeline.driver.admission import Terms
from neckar.pipeline.messages.setup import WorkerReady
from neckar.schemas.fields import ResolvedPrecision

log = logging.getLogger(__name__)

INTRODUCTIONS_S = 5.0  # after the first worker's: what a run is, is decided from all that come within


class Introductions:
    """Those who wait to be let in.

    Args:
        clock: seconds, monotonic.

    Attributes:
        waiting: by name.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.waiting: dict[str, WorkerReady] = {}
        self._clock = clock
        self._decide_at = math.inf

    def add(self, name: str, ready: WorkerReady) -> None:
        """Somebody has introduced himself."""
        if not self.waiting:
            self._decide_at = self._clock() + INTRODUCTIONS_S
        self.waiting[name] = ready

    def are_over(self, expected: int) -> bool:
        """Whether all have come, or those that came have waited long enough."""
        return bool(self.waiting) and (len(self.waiting) >= expected or self._clock() >= self._decide_at)

    def terms(self, asked: str) -> Terms:
        """On which all who wait agree.

        Args:
            asked: the manifest's precision; `auto` becomes what is fast on all of them.
        """
        slow = [ready.host for ready in self.waiting.values() if ready.precision == "float32"]
        first, count = next(iter(self.waiting.values())), len(self.waiting)
        auto: ResolvedPrecision = "float32" if slow else "bfloat16"
        if slow and len(slow) < count:
            log.warning(
                "precision: auto is float32, for %d of %d workers have no fast bfloat16 (%s)", len(slow), count, slow[0]
            )
        else:
            log.info("precision: auto is %s on all of %d workers", auto, count)
        return Terms(asked if asked != "auto" else auto, first.weights_sha256)
