"""Throughput with one to four workers whose pairs take a second each and compute nothing: what scheduling leaves of it.

Run: pytest -m bench -s tests/bench/test_scaling.py
"""

from __future__ import annotations

import pytest

from tests.chaos.engine import FOLDER, diaries
from tests.chaos.stage import start_driver, write_manifest
from tests.worker.standin import PACE_S

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

PAIR_S = 1.0
PAIRS_A_WORKER = 40


def _rate(folder, workers: int) -> float:
    """Pairs a second while all workers are at work: neither Ray's start nor the last pairs are what is asked."""
    pairs = PAIRS_A_WORKER * workers
    manifest = write_manifest(folder, range(pairs), iterations=int(PAIR_S / PACE_S))
    driver = start_driver(manifest, str(folder / "run"), workers=workers, slots=1)
    _, words = driver.communicate(timeout=400)
    assert driver.returncode == 0, words
    entries = diaries(folder)
    ready = {entry.pid for entry in entries if entry.event == "begin"}
    assert len(ready) == workers
    late = max(min(entry.at for entry in entries if entry.pid == pid and entry.event == "begin") for pid in ready)
    over = min(max(entry.at for entry in entries if entry.pid == pid and entry.event == "end") for pid in ready)
    ends = [entry.at for entry in entries if entry.event == "end" and late < entry.at <= over]
    return len(ends) / (over - late)


def test_throughput_is_linear(tmp_path, monkeypatch):
    """To four workers."""
    rates = {}
    for workers in (1, 2, 4):
        folder = tmp_path / str(workers)
        folder.mkdir()
        monkeypatch.setenv(FOLDER, str(folder))
        rates[workers] = _rate(folder, workers)
    for workers, rate in rates.items():
        print(f"\n{workers} workers: {rate:.3f} pairs/s, {rate / (workers * rates[1]):.1%} of linear")
