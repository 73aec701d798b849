"""From many parts to few files: every row that counts once, in order as far as memory allows."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neckar.pipeline.results import compaction
from neckar.pipeline.results.compaction import compact
from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.rows.arrow import rows_to_table, table_to_rows
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.results import RESULTS_SCHEMA
from neckar.schemas.run import PartRecord
from tests.results.samples import Watched, failed_row, ok_row, same


def write_parts(store: Store, parts: list[list[int]]) -> None:
    for sequence, indices in enumerate(parts):
        table = rows_to_table([ok_row(index) for index in sorted(indices)])
        store.put(PartPlace(1, sequence).key, parquet_bytes(table))


def compacted(store: Store, **options: int) -> list[PartRecord]:
    return compact(store, read_ledger(store, list_parts(store)), 1, **options)


def indices_in(store: Store, records: list[PartRecord]) -> list[list[int]]:
    """Of each row group."""
    groups = []
    for record in records:
        with pq.ParquetFile(io.BytesIO(store.get(record.key))) as file:
            for group in range(file.num_row_groups):
                indices = file.read_row_group(group, columns=["pair_index"]).column("pair_index")
                groups.append(indices.to_pylist())
    return groups


def test_interleaved_parts_come_out_in_the_manifests_order(store: Store) -> None:
    write_parts(store, [list(range(start, 100, 4)) for start in (3, 1, 0, 2)])
    records = compacted(store)
    assert [record.key for record in records] == ["compact/part-00001-0000.parquet"]
    assert list(itertools.chain(*indices_in(store, records))) == list(range(100))


def test_rows_arrive_whole(folder: Path) -> None:
    store = LocalStore(folder)
    rows = [failed_row(0), ok_row(1, evaluations=7), ok_row(2, loss_trace=None), failed_row(3, status="quarantined")]
    for sequence, row in enumerate(reversed(rows)):
        store.put(PartPlace(1, sequence).key, parquet_bytes(rows_to_table([row])))
    (record,) = compacted(store)
    table = pq.read_table(io.BytesIO(store.get(record.key)))
    assert table.schema.equals(RESULTS_SCHEMA)
    assert all(same(one, other) for one, other in zip(rows, table_to_rows(table), strict=True))


@given(st.permutations(range(60)), st.lists(st.integers(1, 59), max_size=8), st.integers(0, 40))
@settings(max_examples=12, deadline=None)
def test_however_little_may_be_held_no_row_is_lost(order: list[int], cuts: list[int], kilobytes: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder) / "run")
        bounds = [0, *sorted(set(cuts)), 60]
        write_parts(store, [order[a:b] for a, b in itertools.pairwise(bounds)])
        groups = indices_in(store, compacted(store, held_bytes=kilobytes << 10, file_bytes=20 << 10))
    assert all(group == sorted(group) for group in groups)  # what their sorting_columns promise
    assert sorted(itertools.chain(*groups)) == list(range(60))


def test_what_comes_nearly_in_order_is_put_in_order_with_little_memory(folder: Path) -> None:
    store = LocalStore(folder)
    order = np.arange(400).reshape(-1, 2)[:, ::-1].reshape(-1, 20)  # neighbours swapped, and parts that overlap
    order[1:, 0], order[:-1, -1] = order[:-1, -1].copy(), order[1:, 0].copy()
    write_parts(store, order.tolist())
    one_part = rows_to_table([ok_row(index) for index in range(20)]).nbytes
    groups = indices_in(store, compacted(store, held_bytes=3 * one_part))
    assert len(groups) > 3
    assert list(itertools.chain(*groups)) == list(range(400))


def test_files_and_row_groups_keep_to_their_sizes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(folder)
    monkeypatch.setattr(compaction, "GROUP_ROWS", 30)
    write_parts(store, [list(range(start, start + 50)) for start in range(0, 500, 50)])
    records = compacted(store, file_bytes=100 << 10, held_bytes=0)
    assert len(records) > 1
    assert all(record.bytes >= 100 << 10 for record in records[:-1])
    assert max(len(group) for group in indices_in(store, records)) == 30
    assert [record.rows for record in records] == [
        pq.read_metadata(io.BytesIO(store.get(record.key))).num_rows for record in records
    ]


def test_superseded_rows_and_parts_stay_behind(folder: Path) -> None:
    store = LocalStore(folder)
    for sequence, rows in enumerate([[failed_row(0), ok_row(1)], [failed_row(1)], [ok_row(0)]]):
        store.put(PartPlace(1, sequence).key, parquet_bytes(rows_to_table(rows)))
    (record,) = compacted(store)
    table = pq.read_table(io.BytesIO(store.get(record.key)), columns=["pair_id", "status"])
    assert table.to_pydict() == {"pair_id": ["pair-00000", "pair-00001"], "status": ["ok", "ok"]}


def test_a_part_of_an_older_version_is_brought_under_todays_schema(folder: Path) -> None:
    store = LocalStore(folder)
    old = rows_to_table([ok_row(0)]).drop_columns(["alpha_beta_ratio_pytorch", "loss_trace"])
    sink = io.BytesIO()
    pq.write_table(old.append_column("forgotten", pa.array([1])), sink)
    store.put(PartPlace(1, 0).key, sink.getvalue())
    (record,) = compacted(store)
    table = pq.read_table(io.BytesIO(store.get(record.key)))
    assert table.schema.equals(RESULTS_SCHEMA)
    assert table.column("loss_trace").null_count == 1


def test_damage_in_a_column_that_resuming_does_not_read_is_found(folder: Path) -> None:
    store = Watched(folder)
    write_parts(store, [list(range(50))])
    ledger = read_ledger(store, list_parts(store))
    data = bytearray(store.get(PartPlace(1, 0).key))
    column = pq.read_metadata(io.BytesIO(bytes(data))).row_group(0)
    last = column.column(column.num_columns - 1)
    data[last.data_page_offset + last.total_compressed_size - 3] ^= 1
    store.put(PartPlace(1, 0).key, bytes(data))
    with pytest.raises(UserError, match=r"part-00001-000000\.parquet: is no readable part"):
        compact(store, ledger, 1)


def test_nothing_makes_no_file(folder: Path) -> None:
    assert compacted(LocalStore(folder)) == []
