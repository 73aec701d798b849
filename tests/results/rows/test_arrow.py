"""Rows survive the way to Parquet and back, and the way into a PNG's metadata and back."""

from __future__ import annotations

import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neckar.pipeline.results.rows.arrow import metadata_to_row, row_to_metadata, rows_to_table, table_to_rows
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.schemas.errors import ErrorCode
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.results import RESULTS_SCHEMA, ResultRow, Trace
from tests.results.samples import ok_row, same, trace

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
floats = st.floats()
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive
layer_sets = st.sets(st.sampled_from(LAYER_NAMES)).map(lambda names: tuple(n for n in LAYER_NAMES if n in names))

BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): texts,
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): floats,
    pa.bool_(): st.booleans(),
    pa.timestamp("us", tz="UTC"): times,
    pa.list_(pa.string()): st.lists(texts, max_size=3).map(tuple),
    pa.list_(pa.float64()): st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    pa.map_(pa.string(), pa.string()): st.dictionaries(texts, texts, max_size=3),
}


@st.composite
def any_rows(draw: st.DrawFn) -> ResultRow:
    values: dict[str, Any] = {}
    for field in RESULTS_SCHEMA:
        if field.name not in {"loss_trace", "status", "error_code"}:
            required = BY_TYPE[field.type]
            always = not field.nullable or field.name in {"levels", "extra", "warnings"}
            values[field.name] = draw(required if always else st.none() | required)
    layers = draw(layer_sets)
    values["style_layers"] = layers
    values["status"] = draw(st.sampled_from(["ok", "failed", "quarantined"]))
    values["error_code"] = draw(st.none() | st.sampled_from(ErrorCode))
    if draw(st.booleans()):
        values["loss_trace"] = trace(draw(st.integers(0, 5)), layers, seed=draw(st.integers(0, 99)))
    return ResultRow(**values)


@given(st.lists(any_rows(), max_size=4))
@settings(max_examples=25, deadline=None)
def test_rows_come_back_from_parquet_as_they_went(rows: list[ResultRow]) -> None:
    table = pq.read_table(io.BytesIO(parquet_bytes(rows_to_table(rows))))
    table.validate(full=True)
    assert table.schema.equals(RESULTS_SCHEMA)
    assert all(same(one, other) for one, other in zip(rows, table_to_rows(table), strict=True))


@given(any_rows())
@settings(max_examples=25, deadline=None)
def test_a_row_comes_back_from_a_pngs_metadata(row: ResultRow) -> None:
    text = json.dumps(row_to_metadata(row), allow_nan=False)
    back = metadata_to_row(json.loads(text))
    assert back.image_sha256 is None  # no file holds its own hash
    assert same(back, ResultRow(**({n: getattr(row, n) for n in ResultRow.__slots__} | {"image_sha256": None})))


def test_a_big_parts_traces_become_no_python_objects() -> None:
    rows = [ok_row(index, evaluations=500) for index in range(500)]
    values = sum(row.loss_trace.values.nbytes for row in rows if row.loss_trace)
    tracemalloc.start()
    try:
        table = rows_to_table(rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(table.column("loss_trace").combine_chunks().values) == 250_000
    assert peak < 4 * values  # 250,000 dicts would take some 30 times as much


def test_evaluations_are_counted_from_one_in_every_row() -> None:
    table = rows_to_table([ok_row(0, evaluations=2), ok_row(1, loss_trace=None), ok_row(2, evaluations=3)])
    cells = table.column("loss_trace").to_pylist()
    assert [cell and [entry["iteration"] for entry in cell] for cell in cells] == [[1, 2], None, [1, 2, 3]]


def test_layers_that_a_row_does_not_use_are_null() -> None:
    only = ok_row(0, style_layers=("conv2_2",), loss_trace=trace(2, ("conv2_2",)))
    entry = rows_to_table([only, ok_row(1)]).column("loss_trace")[0].as_py()[1]
    assert entry["conv2_2"] is not None
    assert {name for name in LAYER_NAMES if entry[name] is None} == set(LAYER_NAMES) - {"conv2_2"}


def test_a_loss_that_left_the_numbers_stays_on_record() -> None:
    values = np.array([[1.0, np.nan, np.inf]], dtype=np.float32)
    row = ok_row(0, style_layers=(), loss_trace=Trace(("total", "content", "style"), values))
    assert same(table_to_rows(rows_to_table([row]))[0], row)


def test_a_part_of_an_older_version_reads_with_the_defaults_of_what_it_lacks() -> None:
    table = rows_to_table([ok_row(7)]).drop_columns(["alpha_beta_ratio_pytorch", "loss_trace", "levels"])
    (row,) = table_to_rows(table.append_column("of_a_newer_version", pa.array([1])))
    assert (row.pair_index, row.loss_trace, row.levels) == (7, None, {})


@pytest.mark.parametrize(
    "damage",
    [
        {"schema_version": 2},
        {"schema_version": None},
        {"pair_index": "seven"},
        {"pair_id": None},
        {"unknown": 1},
        {"started_at": "yesterday"},
        {"seed": 2**80},
        {"error_code": "bad_luck"},
        {"loss_trace": "text"},
        {"loss_trace": {"columns": ["total"], "evaluations": 1, "float32_zlib_base64": "AAAA"}},
        {"levels": [1]},
        {"alpha": []},
    ],
)
def test_metadata_that_is_not_ours_is_refused(damage: dict[str, Any]) -> None:
    metadata = row_to_metadata(ok_row(0))
    with pytest.raises(ValueError, match=r"its metadata (has version|is damaged)"):
        metadata_to_row(metadata | damage)


def test_a_trace_that_inflates_to_more_than_it_says_is_refused() -> None:
    metadata = row_to_metadata(ok_row(0, evaluations=1000))
    metadata["loss_trace"]["evaluations"] = 999
    with pytest.raises(ValueError, match="damaged"):
        metadata_to_row(metadata)
