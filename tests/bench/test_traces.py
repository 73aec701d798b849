"""What long loss traces cost: bytes an evaluation in real files, and the compaction of many parts of them.

Run: python -m tests.bench.test_traces [PAIRS ...]      (100,000 pairs of 500 evaluations take 9 GB of disk)

The parts are a real run's rows many times over, every loss scaled by a factor of its own, so that no two curves share
their digits and nothing compresses that would not in a real run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.results.compaction import compact
from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.parts import PART_ROWS
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.storage.access import open_store
from neckar.schemas.results import RESULTS_SCHEMA

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

EVALUATIONS = 500
PICTURES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")


def _real_run(folder: Path) -> pa.Table:
    """Rows of sixteen pairs of 500 evaluations each."""
    sides = [f"package:skimage/data/{name}" for name in PICTURES]
    design = {"content": sides, "style": sides}
    settings = {"size": 64, "iterations": EVALUATIONS, "tolerance": 0}
    text = json.dumps({"schema_version": 1, "name": "traces", "settings": settings, "design": design})
    (folder / "jobs.json").write_text(text)
    run = [sys.executable, "-m", "neckar", "run", "jobs.json", "--output", "run"]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return open_run(str(folder / "run")).dataset().to_table(columns=RESULTS_SCHEMA.names)


def _others(rows: pa.Table, first: int, draw: np.random.Generator) -> pa.Table:
    """A part of other pairs with curves like these."""
    chosen = rows.take(draw.integers(0, rows.num_rows, PART_ROWS)).combine_chunks()
    traces = chosen.column("loss_trace").chunk(0)
    lengths = np.diff(traces.offsets.to_numpy())
    factor = np.repeat(draw.uniform(0.5, 2.0, PART_ROWS), lengths)
    points = traces.flatten()
    fields = []
    for field in points.type:
        values = pc.struct_field(points, field.name)
        if pa.types.is_floating(field.type) and values.null_count == 0:  # a layer without a loss is null throughout
            values = pa.array((values.to_numpy() * factor).astype(field.type.to_pandas_dtype()))
        fields.append(values)
    scaled = pa.StructArray.from_arrays(fields, fields=list(points.type))
    trace = pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), scaled)
    numbers = np.arange(first, first + PART_ROWS)
    draw.shuffle(numbers)  # pairs end in another order than they are listed in
    new = {
        "pair_index": pa.array(numbers),
        "pair_id": pa.array([f"pair-{number:07d}" for number in numbers]),
        "loss_trace": trace,
    }
    columns = [new.get(name, chosen.column(name)) for name in RESULTS_SCHEMA.names]
    return pa.Table.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, RESULTS_SCHEMA, strict=True)], schema=RESULTS_SCHEMA
    )


def _trace_bytes(data: bytes) -> int:
    """Bytes of the trace alone in a file: neither other columns nor the footer."""
    footer = pq.read_metadata(pa.BufferReader(data))
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(column.total_compressed_size for column in columns if column.path_in_schema.startswith("loss_trace"))


def _compact(folder: str) -> None:
    """In a process of its own: seconds and memory of nothing else."""
    store = open_store(folder)
    start = time.perf_counter()
    ledger = read_ledger(store, list_parts(store))
    read = time.perf_counter() - start
    files = compact(store, ledger, 1)
    whole = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    rows, size = sum(file.rows for file in files), sum(file.bytes for file in files)
    told = {"files": len(files), "rows": rows, "bytes": size, "ledger_s": read, "whole_s": whole, "rss": peak}
    print(json.dumps(told))


@pytest.mark.parametrize("pairs", [5_000])
def test_traces(pairs):
    """Every row is in the compact files, and they are no larger than the parts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _real_run(folder)
        evaluations = pc.sum(pc.list_value_length(rows.column("loss_trace"))).as_py()
        real = _trace_bytes(parquet_bytes(rows)) / evaluations
        print(f"a real run: {real:.1f} B an evaluation, {rows.num_rows} traces of {evaluations} evaluations in all")
        store, draw, written, traces = open_store(name), np.random.default_rng(1), 0, 0
        for sequence, first in enumerate(range(0, pairs, PART_ROWS)):
            data = parquet_bytes(_others(rows, first, draw))
            store.put(PartPlace(1, sequence).key, data)
            written += len(data)
            traces += _trace_bytes(data)
        count = -(-pairs // PART_ROWS) * PART_ROWS
        child = [sys.executable, "-m", "tests.bench.test_traces", "--compact", name]
        told = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
        assert told["rows"] == count
        assert told["bytes"] < written * 1.02
        print(
            f"{count:,} pairs: parts {written / 1e9:.2f} GB, {traces / count / EVALUATIONS:.1f} B an evaluation; "
            f"compacted into {told['files']} files of {told['bytes'] / 1e9:.2f} GB in {told['whole_s']:.1f} s "
            f"(ledger {told['ledger_s']:.1f} s), {told['rss'] >> 20} MiB at most"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compact"]:
        _compact(sys.argv[2])
    else:
        for given in sys.argv[1:] or ["25000", "100000"]:
            test_traces(int(given))
