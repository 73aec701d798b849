"""Reading a run: a snapshot of a live one, exactly the listed files of a finished one."""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as ds
import pytest

from neckar.pipeline.results import compaction
from neckar.pipeline.results.layout import PartPlace, compact_key
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.reading import FOLDER_COLUMN, PART_COLUMN, RunReader, open_run
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.results.run import Resumed, create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.errors import UserError
from neckar.schemas.results import RESULTS_SCHEMA, ResultRow
from neckar.schemas.status import Counts
from tests.results.samples import Watched, failed_row, ok_row, run_record, same


def commit(run: Resumed, store: Store, *rows: ResultRow) -> None:
    writer = PartWriter(store, run.lease.epoch)
    for row in rows:
        writer.add(row)
    writer.flush()


def begin(store: Store, pairs: int) -> Resumed:
    return create_or_resume(store, run_record(pairs), owner="first")


def restart(store: Store, run: Resumed) -> Resumed:
    run.lease.release()
    return begin(store, run.record.pairs)


def test_where_no_run_stands_is_told(folder: Path) -> None:
    with pytest.raises(UserError, match=r"run: no run stands here: there is no run.json; give the output of"):
        open_run(str(folder))


def test_a_live_run_is_read_as_it_stands(store: Store) -> None:
    run = begin(store, 3)
    assert open_run(store.uri).counts() == Counts(0, 0, 0)
    commit(run, store, ok_row(0), failed_row(1))
    reader = open_run(store.uri)
    commit(restart(store, run), store, ok_row(2))  # after it was opened
    assert (reader.record, reader.success) == (run_record(3), None)
    assert reader.counts() == Counts(1, 1, 0)
    assert open_run(store.uri).counts() == Counts(2, 1, 0)
    lease = reader.lease()
    assert lease is not None
    assert lease.owner == "first"


def test_one_pair_is_found_with_its_trace(store: Store) -> None:
    run = begin(store, 4)
    commit(run, store, ok_row(0), ok_row(1))
    run = restart(store, run)
    commit(run, store, failed_row(2), ok_row(3, evaluations=9))
    for reader in (open_run(store.uri), sealed(store, run)):
        for row in (ok_row(0), failed_row(2), ok_row(3, evaluations=9)):
            assert same(reader.row(row.pair_id), row)
        with pytest.raises(UserError, match=f"{store.uri}: pair-00009: no pair of this name has a result"):
            reader.row("pair-00009")


def sealed(store: Store, run: Resumed) -> RunReader:
    seal(store, run.record, run.lease)
    return open_run(store.uri)


def test_the_row_that_counts_is_the_one_that_is_read(store: Store) -> None:
    run = begin(store, 2)
    commit(run, store, failed_row(0), ok_row(1, attempts=1))
    run = restart(store, run)
    commit(run, store, ok_row(0, attempts=2), failed_row(1, attempts=2))
    for reader in (open_run(store.uri), sealed(store, run)):
        assert same(reader.row("pair-00000"), ok_row(0, attempts=2))
        assert same(reader.row("pair-00001"), ok_row(1, attempts=1))
        assert reader.counts() == Counts(2, 0, 0)


def test_a_finished_run_is_what_its_list_says(folder: Path) -> None:
    store = LocalStore(folder)
    run = begin(store, 1)
    commit(run, store, ok_row(0))
    reader = sealed(store, run)
    for key in (PartPlace(9, 9).key, compact_key(9, 9)):
        store.put(key, parquet_bytes(rows_to_table([ok_row(1)])))
    for again in (reader, open_run(store.uri)):
        assert again.counts() == Counts(1, 0, 0)
        assert again.dataset().to_table(columns=["pair_id"]).column("pair_id").to_pylist() == ["pair-00000"]


def test_a_row_far_into_a_big_file_is_read_with_its_row_group_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "GROUP_ROWS", 50)
    store = Watched(folder)
    run = begin(store, 500)
    commit(run, store, *(ok_row(index, evaluations=100) for index in range(500)))
    success = seal(store, run.record, run.lease)
    reader = RunReader(store, open_run(store.uri).files, run.record, success)
    assert same(reader.row("pair-00499"), ok_row(499, evaluations=100))
    store.bytes_read = 0
    assert same(reader.row("pair-00123"), ok_row(123, evaluations=100))
    assert store.bytes_read < success.parts[0].bytes / 3


def test_the_picture_is_the_file_on_the_store(store: Store) -> None:
    run = begin(store, 1)
    row = ok_row(0)
    assert row.image_uri is not None
    store.put(row.image_uri, b"the PNG")
    commit(run, store, row)
    reader = open_run(store.uri)
    assert reader.image(reader.row(row.pair_id)) == b"the PNG"
    with pytest.raises(NotFound):
        reader.image(ok_row(1))


def test_a_dataset_pushes_columns_and_filters_down(folder: Path) -> None:
    store = Watched(folder)
    run = begin(store, 600)
    commit(run, store, *(ok_row(index, evaluations=200) for index in range(600)))
    reader = RunReader(store, open_run(store.uri).files, run.record, None)
    store.bytes_read = 0
    table = reader.dataset().to_table(columns=["pair_id", "loss_total"], filter=ds.field("pair_index") >= 590)
    assert table.column("pair_id").to_pylist() == [f"pair-{index:05d}" for index in range(590, 600)]
    assert store.bytes_read < sum(file.size for file in reader.files) / 10


def test_a_dataset_has_the_documented_columns(folder: Path) -> None:
    store = LocalStore(folder)
    commit(begin(store, 1), store, ok_row(0))
    schema = open_run(store.uri).dataset().schema
    assert schema.names == [*RESULTS_SCHEMA.names, PART_COLUMN, FOLDER_COLUMN]


def test_superseded_rows_are_named(folder: Path) -> None:
    store = LocalStore(folder)
    run = begin(store, 3)
    commit(run, store, failed_row(0), ok_row(1))
    commit_second = restart(store, run)
    commit(commit_second, store, ok_row(0), ok_row(1))
    reader = open_run(store.uri)
    files = [file.key for file in reader.files]
    first, second = files.index(PartPlace(1, 0).key), files.index(PartPlace(2, 0).key)
    assert second > first
    assert reader.superseded().to_pydict() == {PART_COLUMN: [first, first], "pair_id": ["pair-00000", "pair-00001"]}


def test_damaged_records_are_told(folder: Path) -> None:
    store = LocalStore(folder)
    begin(store, 1)
    store.put("_SUCCESS.json", b"{")
    with pytest.raises(UserError, match=r"_SUCCESS.json: "):
        open_run(store.uri)
