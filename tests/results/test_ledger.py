"""Who counts: ok wins, else the newest; and that finding out reads three columns and no traces."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.ledger import Ledger, list_parts, read_ledger
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.results.stored_file import open_stored
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.results import ResultRow
from neckar.schemas.status import Counts
from tests.results.samples import Watched, failed_row, ok_row


def write(store: Store, epoch: int, *rows: ResultRow) -> None:
    """A part of exactly these rows, repeated pairs and all, after the epoch's others."""
    sequence = sum(PartPlace.of(part.key).epoch == epoch for part in list_parts(store))  # type: ignore[union-attr]
    store.put(PartPlace(epoch, sequence).key, parquet_bytes(rows_to_table(rows)), create_only=True)


def ledger_of(store: Store) -> Ledger:
    return read_ledger(store, list_parts(store))


def test_a_run_without_parts_has_no_results(store: Store) -> None:
    ledger = ledger_of(store)
    assert ledger.counts() == Counts(0, 0, 0)
    assert ledger.status("pair-00000") is None
    assert ledger.position("pair-00000") is None


def test_every_pair_is_found_with_its_status(store: Store) -> None:
    write(store, 1, ok_row(0), failed_row(1))
    write(store, 2, failed_row(2, status="quarantined"))
    ledger = ledger_of(store)
    assert [ledger.status(f"pair-{index:05d}") for index in range(4)] == ["ok", "failed", "quarantined", None]
    assert ledger.counts() == Counts(ok=1, failed=1, quarantined=1)
    assert ledger.counts().settled == 3


def test_foreign_files_among_the_parts_are_passed_over(store: Store) -> None:
    write(store, 1, ok_row(0))
    store.put("results/part-notes.txt", b"not mine")
    assert ledger_of(store).counts().settled == 1


def test_the_tenth_epoch_is_newer_than_the_second(store: Store) -> None:
    for epoch in (10, 2):
        write(store, epoch, failed_row(0, status="quarantined" if epoch == 10 else "failed"))
    assert ledger_of(store).status("pair-00000") == "quarantined"


entries = st.tuples(
    st.integers(1, 3),  # epoch
    st.integers(0, 4),  # pair
    st.sampled_from(["ok", "failed", "quarantined"]),
    st.booleans(),  # whether a part ends after it
)


@given(st.lists(entries, max_size=20))
@settings(max_examples=20, deadline=None)
def test_ok_wins_else_the_newest(history: list[tuple[int, int, str, bool]]) -> None:
    history = sorted(history, key=lambda entry: entry[0])
    expected: dict[int, tuple[str, int]] = {}
    with TemporaryDirectory() as folder:
        store = LocalStore(Path(folder) / "run")
        part: list[ResultRow] = []
        for number, (epoch, pair, status, ends) in enumerate(history):
            if pair not in expected or status == "ok" or expected[pair][0] != "ok":
                expected[pair] = (status, number)
            part.append(dataclasses.replace(ok_row(pair), status=status, attempts=number))  # type: ignore[arg-type]
            last = number + 1 == len(history)
            if ends or last or history[number + 1][0] != epoch:
                write(store, epoch, *part)
                part = []
        ledger = ledger_of(store)
        found: dict[int, Any] = {}
        for pair in expected:
            place = ledger.position(f"pair-{pair:05d}")
            assert place is not None
            file, row = place
            table = pq.read_table(open_stored(store, file.key, file.size)).slice(row, 1)
            found[pair] = (table["status"][0].as_py(), table["attempts"][0].as_py())
            assert table["pair_index"][0].as_py() == pair
            assert ledger.status(f"pair-{pair:05d}") == expected[pair][0]
        assert found == expected
        assert ledger.counts().settled == len(expected)
        assert sum(int(mask.sum()) for mask in ledger.counting_rows()) == len(expected)


def test_traces_stay_on_the_store(folder: Path) -> None:
    store = Watched(folder)
    writer = PartWriter(store, epoch=1)
    for index in range(200):
        writer.add(ok_row(index, evaluations=500))
    (record,) = writer.flush()
    assert ledger_of(store).counts().ok == 200
    assert store.bytes_read < record.bytes / 10


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_part_is_told_with_the_mend(folder: Path, damage: str) -> None:
    store = Watched(folder)
    write(store, 1, *(ok_row(index) for index in range(50)))
    (part,) = list_parts(store)
    data = bytearray(store.get(part.key))
    at = 60  # within the first column's first page
    damaged = {
        "cut": bytes(data[: len(data) // 2]),
        "flipped": bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]),
        "empty": b"",
        "foreign": b"PAR1, or so it says",
    }
    store.put(part.key, damaged[damage])
    with pytest.raises(UserError, match=r"results/part-00001-000000.parquet: is no readable part .*; move it away"):
        ledger_of(store)


def test_a_status_of_another_version_is_refused(store: Store) -> None:
    write(store, 1, dataclasses.replace(ok_row(0), status="pending"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="a status it does not know"):
        ledger_of(store)
