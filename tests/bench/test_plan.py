"""The plan of a million pairs, a thousand of them new: time and memory of the whole process.

Run: python -m tests.bench.test_plan
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.nights import night as nights
from neckar.pipeline.nights.config import load_config
from neckar.pipeline.nights.night import Night, Plan
from neckar.pipeline.results.versions import version_key
from neckar.pipeline.storage.access import open_store
from neckar.schemas.night import VersionPart, VersionRecord
from tests.nights.made import NOON, Lab

pytestmark = pytest.mark.bench

CONTENTS, STYLES, PART_ROWS = 1000, 1000, 50_000


def _published(night: Night, plan: Plan) -> None:
    """A first version whose parts have the columns that a plan reads."""
    ids = [json.loads(line)["id"] for line in plan.wanted.lines(range(plan.record.wanted))]
    parts = []
    for number, first in enumerate(range(0, len(ids), PART_ROWS)):
        some = ids[first : first + PART_ROWS]
        key = f"runs/2026-11-20/compact/part-00001-{number:04d}.parquet"
        table = pa.table({"pair_id": some, "status": ["ok"] * len(some), "filler": list(range(len(some)))})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
        data = sink.getvalue().to_pybytes()
        night.store.put(key, data)
        parts.append(
            VersionPart(
                uri=key,
                sha256="0" * 64,
                rows=len(some),
                bytes=len(data),
                without=[],
                neckar_version=nights.neckar_version(),
                algorithm_version=1,
                weights_sha256="0" * 64,
                precision="float32",
            )
        )
    counts = {"wanted": len(ids), "ok": len(ids), "failed": 0, "quarantined": 0, "added": len(ids)}
    record = VersionRecord(
        **{"name": "demo", "date": night.day, "base": None, **counts, "kept": 0, "remade": 0, "dropped": 0},
        parts=parts,
        neckar_version="0.1.0",
        published_at=NOON,
    )
    night.store.put(version_key(night.day), record.model_dump_json().encode(), create_only=True)


def _build(folder: str) -> None:
    """A set of a million pairs, published."""
    lab = Lab(Path(folder), "out")
    lab.add(*(f"c/photograph-{i:04d}.jpg" for i in range(CONTENTS)))
    lab.add(*(f"s/painting-{i:04d}.jpg" for i in range(STYLES)))
    night = lab.night("2026-11-20")
    plan = night.plan(dry=True)
    _published(night, plan)
    lab.night("2026-11-21").plan()  # the pictures are known from here on


def _measure(folder: str, expected: int) -> None:
    """A night up to what it would make, and whether it is another set: what it costs where nothing is new."""
    began = time.monotonic()
    night = Night(load_config(f"{folder}/night.json"), asked=None, now=lambda: NOON)
    plan = night.plan()
    if not plan.frozen:
        night.summary(plan, night.select(plan), outcome="unchanged")
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{plan.record.wanted:,} pairs, {plan.record.to_make:,} new: {seconds:.1f} s, {peak:,} MiB at most")
    assert plan.record.to_make == expected
    if expected:
        assert open_store(night.store.uri).head(plan.record.pairs_key or "") is not None


def main() -> None:
    """Builds the set in one child, then takes nights in others: each one's memory is its own."""
    if len(sys.argv) > 1:
        step, folder = sys.argv[1:]
        if step == "build":
            _build(folder)
        else:
            _measure(folder, int(step))
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in ("build", "0", str(CONTENTS)):
            if step == str(CONTENTS):
                (Path(folder) / "s/new.jpg").write_text("new")
            subprocess.run([sys.executable, "-m", "tests.bench.test_plan", step, folder], check=True)


def test_plan_of_a_million() -> None:
    """See `main`."""
    sys.argv = sys.argv[:1]
    main()


if __name__ == "__main__":
    main()
