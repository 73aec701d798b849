"""What a run exports to Prometheus through Ray, whose agents answer on every node where `ray[default]` is.

Ray puts `ray_` before a name, and `_total` behind a counter's. Labels are runs, statuses and codes, never pairs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from neckar.schemas.results import ResultRow

LOOK_S = 5.0  # between two settings of the gauges
BOUNDARIES_S = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0]

COUNTERS = {
    "neckar_pairs": ("Pairs that are settled.", ("run", "status")),
    "neckar_errors": ("Pairs without a picture, by what went wrong.", ("run", "code")),
    "neckar_evaluations": ("Evaluations of loss and gradient, of all pictures.", ("run",)),
    "neckar_stored_bytes": ("Bytes of pictures that were written.", ("run",)),
    "neckar_pair_seconds_exact": (
        "Seconds that pairs took on workers; Ray's own sums are guesses.",
        ("run",),
    ),
}
GAUGES = {
    "neckar_pairs_in_flight": ("Pairs on workers.", ("run",)),
    "neckar_slots_busy": ("Pictures that are in slots.", ("run",)),
    "neckar_workers": ("Workers that are ready.", ("run",)),
    "neckar_lease_age_seconds": ("Since the driver last renewed its lease.", ("run",)),
}
HISTOGRAMS = {"neckar_pair_seconds": ("Seconds that a pair took on its worker.", ("run",))}


class RunMetrics:
    """The series of one run.

    Args:
        run: its name.
        clock: seconds, monotonic.
    """

    def __init__(self, run: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        from ray.util import metrics  # noqa: PLC0415  # Ray takes a second to import

        self._run = {"run": run}
        self._clock = clock
        self._next = clock()
        self._series: dict[str, Any] = {}
        for kind, series in ((metrics.Counter, COUNTERS), (metrics.Gauge, GAUGES)):
            for name, (meaning, labels) in series.items():
                self._series[name] = kind(name, description=meaning, tag_keys=labels)
        for name, (meaning, labels) in HISTOGRAMS.items():
            self._series[name] = metrics.Histogram(name, description=meaning, boundaries=BOUNDARIES_S, tag_keys=labels)

    def settled(self, row: ResultRow) -> None:
        """A pair has its row."""
        self._series["neckar_pairs"].inc(1, {**self._run, "status": row.status})
        if row.error_code is not None:
            self._series["neckar_errors"].inc(1, {**self._run, "code": str(row.error_code)})
        if row.seconds:
            self._series["neckar_pair_seconds"].observe(row.seconds, self._run)
            self._series["neckar_pair_seconds_exact"].inc(row.seconds, self._run)

    def delivered(self, *, evaluations: int, stored_bytes: int) -> None:
        """A worker has told what it did."""
        if evaluations:
            self._series["neckar_evaluations"].inc(evaluations, self._run)
        if stored_bytes:
            self._series["neckar_stored_bytes"].inc(stored_bytes, self._run)

    def look(self, *, in_flight: int, slots_busy: int, workers: int, lease_age_s: float) -> None:
        """How the run stands; as often as one likes."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + LOOK_S
        found = {
            "pairs_in_flight": in_flight,
            "slots_busy": slots_busy,
            "workers": workers,
            "lease_age_seconds": lease_age_s,
        }
        for name, value in found.items():
            self._series[f"neckar_{name}"].set(value, self._run)


def exported() -> frozenset[str]:
    """Names as Prometheus sees them."""
    counters = {f"ray_{name}_total" for name in COUNTERS}
    histograms = {f"ray_{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "count", "sum")}
    return frozenset(counters | {f"ray_{name}" for name in GAUGES} | histograms)
