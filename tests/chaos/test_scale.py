"""Manifests of up to a million pairs through a real Ray, with workers that make nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neckar.pipeline.results.reading import open_run
from tests.chaos.engine import FOLDER
from tests.chaos.noop import TIMES
from tests.chaos.stage import LONG, ROOT, start_driver, write_manifest

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(0 if LONG else 600)]

SIZES = (10_000, 100_000, 1_000_000) if LONG else (5_000, 20_000)


def timed(*command: str) -> float:
    begin = time.monotonic()
    subprocess.run([sys.executable, "-m", "neckar", *command], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def drive(manifest: Path, output: Path, report: Path) -> dict[str, float]:
    driver = start_driver(manifest, str(output), workers=1, noop=True, report=str(report), lease_s=30.0)
    _, words = driver.communicate()
    assert driver.returncode == 0, words
    return json.loads(report.read_text())


def test_cost_grows_with_the_pairs_and_memory_does_not(tmp_path, monkeypatch):
    """Pairs per second from the worker's first call to its last, the driver's memory, and what comes after the end."""
    print()
    for pairs in SIZES:
        folder = tmp_path / str(pairs)
        folder.mkdir()
        monkeypatch.setenv(FOLDER, str(folder))
        manifest = write_manifest(folder, range(pairs), iterations=5)
        run = folder / "run"
        found = drive(manifest, run, folder / "report.json")
        assert found["ok"] == pairs
        reader = open_run(str(run))
        assert reader.success.pairs == pairs
        sizes = [part.bytes / 2**20 for part in reader.success.parts]
        calls = [float(line) for line in (folder / TIMES).read_text().split()]
        making = calls[-1] - calls[0]
        begin = time.monotonic()
        drive(manifest, run, folder / "again.json")
        resumed = time.monotonic() - begin
        status = timed("status", str(run))
        query = timed("query", str(run), "select status, count(*) from results group by 1")
        print(
            f"{pairs:>9} pairs: {pairs / making:.0f} pairs/s, {1e6 * making / pairs:.0f} us a pair; whole run"
            f" {found['end_s']:.0f} s, of it {found['end_s'] - found['made_s']:.1f} s to compact;"
            f" driver {found['peak_rss_mb']:.0f} MB, {found['cpu_s']:.0f} s CPU;"
            f" the same command again {resumed:.1f} s; status {status:.1f} s; query {query:.1f} s;"
            f" {len(sizes)} compacted part(s), largest {max(sizes):.0f} MB",
            flush=True,
        )
        assert found["peak_rss_mb"] < 1000
        assert len(list((run / "results").iterdir())) <= pairs / 256 + 60
