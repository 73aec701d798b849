"""The Parquet the parts are made of: what other programs rely on when they read it."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.schemas.results import RESULTS_SCHEMA
from tests.results.samples import ok_row

PART = parquet_bytes(rows_to_table([ok_row(index, evaluations=50) for index in range(100)]))
METADATA = pq.read_metadata(io.BytesIO(PART))


def test_a_part_is_one_row_group_of_zstd_sorted_by_pair_index() -> None:
    group = METADATA.row_group(0)
    assert METADATA.num_row_groups == 1
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}
    assert [(sort.column_index, sort.descending) for sort in group.sorting_columns] == [(0, False)]


def test_what_is_searched_has_statistics_and_traces_have_none() -> None:
    group = METADATA.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert columns["pair_id"].statistics.min == "pair-00000"
    assert columns["pair_id"].statistics.max == "pair-00099"
    assert (columns["pair_index"].statistics.min, columns["pair_index"].statistics.max) == (0, 99)
    assert columns["loss_trace.list.element.total"].statistics is None


def test_units_and_meanings_travel_with_the_file() -> None:
    schema = pq.read_schema(io.BytesIO(PART))
    assert {field.name: field.metadata for field in schema} == {field.name: field.metadata for field in RESULTS_SCHEMA}
    assert schema.metadata == RESULTS_SCHEMA.metadata


def test_writing_is_deterministic() -> None:
    again = parquet_bytes(rows_to_table([ok_row(index, evaluations=50) for index in range(100)]))
    assert again == PART
