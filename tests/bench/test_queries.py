"""What questions cost: time, memory and bytes read, over a million rows and over ten thousand long traces.

Run: pytest -m bench -s tests/bench/test_queries.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neckar.pipeline.queries.database import query
from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.parts import PART_ROWS
from neckar.pipeline.results.reading import RunReader, open_run
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.local import LocalStore
from tests.results.samples import Watched, ok_row, run_record

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

MILLION, CSV_ROWS = 1_000_000, 200_000
TRACES, EVALUATIONS = 10_000, 500
LEVELS = {"content": 50, "style": 50, "alpha": 10}


def _sealed(folder: Path, pairs: int, evaluations: int, part_rows: int) -> LocalStore:
    """A complete run of such rows, ids and levels in no order."""
    store = LocalStore(folder)
    begun = create_or_resume(store, run_record(pairs), owner="me")
    draw = np.random.default_rng(1)
    order = draw.permutation(pairs)
    if evaluations:
        template = rows_to_table([ok_row(index, evaluations=evaluations) for index in range(PART_ROWS)])
    else:
        template = rows_to_table([ok_row(0, loss_trace=None)])
    for sequence, first in enumerate(range(0, pairs, part_rows)):
        numbers = np.arange(first, min(first + part_rows, pairs))
        rows = template.take(pa.array(numbers % template.num_rows))
        new = {
            "pair_index": pa.array(numbers),
            "pair_id": pa.array([f"pair-{number:07d}" for number in order[numbers]]),
            "loss_total": pa.array(draw.uniform(1e6, 1e8, len(numbers))),
            "levels": pa.array(
                [[(name, str(order[n] * 7 % count)) for name, count in LEVELS.items()] for n in numbers],
                pa.map_(pa.string(), pa.string()),
            ),
        }
        for name, values in new.items():
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), values.cast(rows.schema.field(at).type))
        store.put(PartPlace(begun.lease.epoch, sequence).key, parquet_bytes(rows))
    seal(store, begun.record, begun.lease)
    return store


# A small process begins it: peak memory is told with that of whoever began a process.
_MEASURED = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, child.returncode, used = os.wait4(child.pid, 0)
print(used.ru_maxrss)
sys.exit(child.returncode)
"""


def _command(folder: Path, *arguments: str) -> tuple[float, int]:
    """Seconds and peak memory of a `neckar query`, Python's start included."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "neckar", "query", *arguments]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return time.perf_counter() - begun, int(done.stdout) << 10


def test_a_million_rows(tmp_path):
    _sealed(tmp_path / "run", MILLION, 0, 50_000)
    reader = open_run(str(tmp_path / "run"))
    for told, sql in [
        ("filter", "select count(*) from results where loss_total > 5e7 and status = 'ok'"),
        (
            "mean by factor",
            "select design.alpha, avg(loss_total) from design join results using (pair_id) group by all",
        ),
        ("mean by levels['alpha']", "select levels['alpha'], avg(loss_total) from results group by all"),
    ]:
        begun = time.perf_counter()
        query(reader, sql)
        print(f"{told}: {time.perf_counter() - begun:.2f} s")


def test_csv(tmp_path):
    _sealed(tmp_path / "run", CSV_ROWS, 0, 50_000)
    columns = "pair_index, pair_id, status, spec_hash, loss_total, loss_content, iterations, finished_at"
    for name in ("x.csv", "x.parquet", "x.json"):
        seconds, peak = _command(tmp_path, "run", f"select {columns} from results", "--output", name)
        print(f"{CSV_ROWS:,} rows x 8 to {name}: {seconds:.1f} s, {peak >> 20} MiB")


def test_traces(tmp_path):
    _sealed(tmp_path / "run", TRACES, EVALUATIONS, PART_ROWS)
    store = Watched(tmp_path / "run")
    seen = open_run(store.uri)
    reader = RunReader(store, seen.files, seen.record, seen.success)
    everything = sum(file.size for file in reader.files)
    for sql in ("select max(total) from loss_trace", "from loss_trace where pair_id = 'pair-0000007'"):
        store.bytes_read, begun = 0, time.perf_counter()
        query(reader, sql)
        share = store.bytes_read / everything
        print(f"{sql}: {100 * share:.1f} % of {everything / 1e6:.0f} MB, {time.perf_counter() - begun:.2f} s")
