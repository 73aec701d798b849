"""What can be said of a run that somebody may be at work on, by live.json, the lease and the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from neckar.pipeline.results.layout import LEASE_KEY, LIVE_KEY
from neckar.pipeline.results.records import read_record
from neckar.pipeline.results.run import finished
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.live import LiveRecord
from neckar.schemas.run import LeaseRecord

Standing = Literal["complete", "running", "silent", "stopped"]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a run.

    Attributes:
        standing: complete; running; silent: its driver has not renewed its lease in time; stopped: nobody holds it.
        live: what the driver said last; None where it said nothing, or another one said it.
        age_s: of that, by this machine's clock.
    """

    standing: Standing
    live: LiveRecord | None
    age_s: float | None


class Watch:
    """Looks at a run again and again. A clock that is wrong on the driver's machine changes nothing from the second on.

    Args:
        store: of the run.
        clock: seconds, monotonic.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[str, tuple[object, float]] = {}  # what stood there, since when

    def look(self) -> Look:
        """How the run stands.

        Raises:
            StoreError: as the store says.
            UserError: its records are damaged; live.json's damage is no matter.
        """
        lease = read_record(self._store, LEASE_KEY, LeaseRecord)
        live = self._live(lease)
        age = None
        if live is not None:
            first = max(0.0, (datetime.now(UTC) - live.written_at).total_seconds())
            age = self._unchanged("live", live.written_at, first)
        if finished(self._store) is not None:
            return Look("complete", live, age)
        if lease is None or lease.released:
            return Look("stopped", live, age)
        held_by_clock = lease.expires_at > datetime.now(UTC)
        first = 0.0 if held_by_clock else lease.seconds
        silent_s = self._unchanged("lease", (lease.epoch, lease.renewals), first)
        return Look("running" if silent_s < lease.seconds else "silent", live, age)

    def _live(self, lease: LeaseRecord | None) -> LiveRecord | None:
        """The record, if it is whole and of the driver that holds the lease, or held it last."""
        try:
            live = read_record(self._store, LIVE_KEY, LiveRecord)
        except UserError:
            return None
        if live is None or lease is None or (live.owner, live.epoch) != (lease.owner, lease.epoch):
            return None
        return live

    def _unchanged(self, name: str, what: object, first_s: float) -> float:
        """Seconds for which it has stood as it is; of the first look what is said of it."""
        now = self._clock()
        known = self._seen.get(name)
        if known is None:
            self._seen[name] = (what, now - first_s)
        elif known[0] != what:
            self._seen[name] = (what, now)
        return now - self._seen[name][1]
