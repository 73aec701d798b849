"""A driver in a process of its own: `python -m tests.chaos.drive '{"manifest": ..., "output": ..., ...}'`."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from pathlib import Path

from neckar.pipeline.driver import run_setup
from neckar.pipeline.driver.endings import Interrupted, Stopped
from neckar.pipeline.driver.lease_keeper import LeaseKeeper
from neckar.pipeline.driver.progress import Progress
from neckar.pipeline.driver.session import run
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.checks import pictures
from neckar.pipeline.results.lease import acquire
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.worker import actor
from tests.chaos.noop import NoopWorker


def shorten_leases(seconds: float) -> None:
    """Twenty killed drivers would keep their heirs waiting for ten minutes, which tests nothing."""
    acquire.__kwdefaults__["seconds"] = seconds
    create_or_resume.__kwdefaults__["lease_seconds"] = seconds
    LeaseKeeper.__init__.__kwdefaults__["every_s"] = seconds / 3


class Times:
    """When a run came to what; seconds since the start of this process's work."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._ready = self._made = math.nan

    def note(self, progress: Progress) -> None:
        now = time.monotonic() - self._begin
        if progress.workers and math.isnan(self._ready):
            self._ready = now
        if progress.settled == progress.total:
            self._made = min(now, self._made) if not math.isnan(self._made) else now

    def told(self) -> dict[str, float]:
        return {
            "ready_s": self._ready,
            "made_s": self._made,
            "end_s": time.monotonic() - self._begin,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "cpu_s": sum(os.times()[:2]),
        }


def main() -> int:
    given = json.loads(sys.argv[1])
    shorten_leases(given.pop("lease_s", 4.0))
    limits = Limits(**given.pop("limits", {}))
    loaded = load_manifest(given.pop("manifest"))
    report = Path(given.pop("report")) if "report" in given else None
    if given.pop("noop", False):
        actor.WorkerProcess = NoopWorker
        pictures.missing_pictures = run_setup.missing_pictures = lambda store, ledger: []
    times = Times()
    try:
        summary = run(loaded, engine="tests.chaos.engine:set_up", limits=limits, progress=times.note, **given)
    except Stopped as error:
        print(error, file=sys.stderr)
        return 3
    except Interrupted:
        return 130
    if report is not None:
        report.write_text(json.dumps(times.told() | {"ok": summary.ok}))
    return 0 if summary.ok == summary.ok + summary.failed + summary.quarantined else 1


if __name__ == "__main__":
    sys.exit(main())
