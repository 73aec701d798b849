"""Workers introduce themselves: what those of the start are decides what the run is, and who can compute it joins."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from neckar.pipeline.messages.setup import RunInfo, WorkerReady
from neckar.pipeline.results.identity import ALGORITHM_VERSION
from neckar.pipeline.results.lease import Lease
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.fields import ResolvedPrecision
from neckar.schemas.version import neckar_version

log = logging.getLogger(__name__)

INTRODUCTIONS_S = 5.0  # after the first worker's: what a run is, is decided from all that come within


@dataclass(frozen=True, slots=True)
class Terms:
    """What all workers of a run have in common.

    Attributes:
        precision: what `auto` means, or what the manifest asks for.
        weights_sha256: of the weights, hex.
    """

    precision: str
    weights_sha256: str


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


def unfit(ready: WorkerReady, precisions: AbstractSet[str]) -> UserError | None:
    """Why a worker cannot compute pairs of these precisions, with the mend; None where it can."""
    here, there = (neckar_version(), ALGORITHM_VERSION), (ready.neckar_version, ready.algorithm_version)
    if here != there:
        told = f"{ready.host} has Neckar {there[0]} (algorithm version {there[1]}), and this is {here[0]} ({here[1]})"
        return UserError.at("neckar", f"{told}; install the same release on all machines")
    missing = precisions - {*ready.possible}
    if not missing:
        return None
    mend = "run it where that is possible, or with precision: float32 and a new --output"
    told = f"{ready.device} on {ready.host} cannot compute {', '.join(sorted(missing))}"
    return UserError.at(f"precision: {', '.join(sorted(precisions))}", f"{told}; {mend}")


def other_weights(ready: WorkerReady, terms: Terms, weights: str) -> UserError | None:
    """Where a worker has read other weights, under this name, than the run began with."""
    if ready.weights_sha256 == terms.weights_sha256:
        return None
    told = f"{ready.host} has other weights (sha256 {ready.weights_sha256}) than the run began with"
    return UserError.at(f"weights: {weights}", f"{told}; put them back, or give a new --output")


def run_info(lease: Lease, terms: Terms, store: Store) -> RunInfo:
    """What a worker that joins is told of the run on this store."""
    return RunInfo(
        output=store.uri,
        owner=lease.owner,
        epoch=lease.epoch,
        precision=terms.precision,
        conditional_writes=store.conditional_writes(),
    )
