"""Committing rows: when a part is due, and that no failure loses or doubles one."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.lease import LeaseLost
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.parts import PART_ROWS, PART_SECONDS, PartWriter
from neckar.pipeline.storage.store import Store, Unavailable
from tests.results.samples import Clock, Stumbling, failed_row, ok_row, trace


def ids_of(store: Store, key: str) -> list[str]:
    table = pq.read_table(io.BytesIO(store.get(key)), columns=["pair_id"])
    ids: list[str] = table.column("pair_id").to_pylist()
    return ids


def test_rows_wait_for_each_other_and_are_written_in_the_manifests_order(store: Store) -> None:
    writer = PartWriter(store, epoch=3)
    for index in (2, 0, 1):
        assert writer.add(ok_row(index)) == []
    assert writer.waiting == 3
    assert list(store.list()) == []
    (record,) = writer.flush()
    data = store.get("results/part-00003-000000.parquet")
    assert (record.key, record.rows, record.bytes) == ("results/part-00003-000000.parquet", 3, len(data))
    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert ids_of(store, record.key) == ["pair-00000", "pair-00001", "pair-00002"]
    assert writer.waiting == 0
    assert writer.flush() == []


def test_a_part_is_due_when_it_has_its_rows(folder: Path) -> None:
    store = Stumbling(folder)
    writer = PartWriter(store, epoch=1)
    written = [writer.add(failed_row(index)) for index in range(2 * PART_ROWS)]
    assert [index for index, records in enumerate(written) if records] == [PART_ROWS - 1, 2 * PART_ROWS - 1]
    assert 256 <= PART_ROWS <= 1000
    assert [part.key for part in list_parts(store)] == [PartPlace(1, 0).key, PartPlace(1, 1).key]


def test_a_part_is_due_when_its_first_row_has_waited_long_enough(folder: Path) -> None:
    clock = Clock()
    writer = PartWriter(Stumbling(folder), epoch=1, clock=clock.monotonic)
    assert writer.flush_if_due() == []  # nothing waits, however late it is
    clock.seconds = 1000.0
    writer.add(ok_row(0))
    clock.seconds += PART_SECONDS - 1
    assert writer.add(ok_row(1)) == []
    assert writer.flush_if_due() == []
    clock.seconds += 1
    (record,) = writer.flush_if_due()
    assert record.rows == 2
    writer.add(ok_row(2))
    assert writer.flush_if_due() == []  # the time counts from the new first row


def test_long_traces_make_a_part_due_before_they_fill_the_memory(folder: Path) -> None:
    writer = PartWriter(Stumbling(folder), epoch=1)
    long = trace(100_000)  # 3.2 MB
    written = [len(writer.add(ok_row(index, loss_trace=long))) for index in range(25)]
    assert sum(written) == 1


@pytest.mark.parametrize("stumbles", [["before"], ["before", "before"], ["after"]])
def test_a_store_that_fails_loses_and_doubles_no_row(folder: Path, stumbles: list[str]) -> None:
    store = Stumbling(folder)
    writer = PartWriter(store, epoch=1)
    writer.add(ok_row(0))
    store.stumbles = list(stumbles)
    for _ in stumbles:
        with pytest.raises(Unavailable):
            writer.flush()
    assert writer.waiting == 1
    writer.add(ok_row(1))  # comes while the first is unsent, and pushes it
    assert writer.waiting == 0
    assert [ids_of(store, part.key) for part in list_parts(store)] == [["pair-00000"], ["pair-00001"]]


def test_a_row_that_comes_while_the_store_fails_is_kept(folder: Path) -> None:
    store = Stumbling(folder)
    writer = PartWriter(store, epoch=1)
    writer.add(ok_row(0))
    store.stumbles = ["before", "before"]
    with pytest.raises(Unavailable):
        writer.flush()
    with pytest.raises(Unavailable):
        writer.add(ok_row(1))
    assert writer.waiting == 2
    assert [record.rows for record in writer.flush()] == [1, 1]
    assert read_ledger(store, list_parts(store)).counts().ok == 2


def test_a_taken_place_means_that_the_epoch_is_over(store: Store) -> None:
    writer = PartWriter(store, epoch=1)
    writer.add(ok_row(0))
    store.put(PartPlace(1, 0).key, b"another driver's")
    for _ in range(2):  # for good
        with pytest.raises(LeaseLost, match="closed this one's epoch"):
            writer.flush()
    assert store.get(PartPlace(1, 0).key) == b"another driver's"


def test_of_two_rows_of_a_pair_ok_wins_else_the_later(folder: Path) -> None:
    store = Stumbling(folder)
    writer = PartWriter(store, epoch=1)
    for row in (
        failed_row(0, attempts=1),
        failed_row(0, attempts=2),
        failed_row(1),
        ok_row(1, attempts=2),
        ok_row(2, attempts=1),
        failed_row(2, attempts=2),
    ):
        writer.add(row)
    (record,) = writer.flush()
    table = pq.read_table(io.BytesIO(store.get(record.key)), columns=["status", "attempts"])
    assert table.to_pydict() == {"status": ["failed", "ok", "ok"], "attempts": [2, 2, 1]}
