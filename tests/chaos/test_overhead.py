"""What scheduling costs: eight workers whose pairs take two seconds each and compute nothing."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest

from tests.chaos.engine import FOLDER, diaries
from tests.chaos.stage import LONG, audit, start_driver, write_manifest
from tests.worker.standin import PACE_S

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(900)]

WORKERS = 8
PAIRS = 400 if LONG else 64
PAIR_S = 2.0


def test_workers_wait_little_for_the_next_pair(tmp_path, monkeypatch):
    """The share of time that workers wait between two pairs, from each one's first pair to its last."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    manifest = write_manifest(tmp_path, range(PAIRS), iterations=int(PAIR_S / PACE_S))
    driver = start_driver(manifest, str(tmp_path / "run"), workers=WORKERS, slots=1)
    _, words = driver.communicate(timeout=800)
    assert driver.returncode == 0, words
    assert audit(str(tmp_path / "run"), PAIRS).statuses == {"ok": PAIRS}
    by_worker = defaultdict(list)
    for entry in diaries(tmp_path):
        by_worker[entry.pid].append(entry)
    span = waited = 0.0
    for entries in by_worker.values():
        work = [entry for entry in entries if entry.event != "ready"]
        if not work:
            continue
        span += work[-1].at - work[0].at
        waited += sum(
            after.at - before.at for before, after in pairwise(work) if (before.event, after.event) == ("end", "begin")
        )
    print(f"\n{PAIRS} pairs of {PAIR_S} s, {WORKERS} workers: they wait {waited / span:.2%} of their time for a pair")
    assert span > 0.8 * PAIRS * PAIR_S
