"""Rows whose pictures are gone count no more, and their pairs are made again."""

from __future__ import annotations

import pytest

from neckar.pipeline.results.checks.pictures import check_pictures, missing_pictures
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import Resumed, create_or_resume
from neckar.pipeline.results.success import Incomplete
from neckar.pipeline.results.voids import read_voids, reopened, write_void
from neckar.pipeline.storage.store import Store
from neckar.schemas.results import ResultRow
from tests.results.samples import failed_row, ok_row, run_record, sha

PAIRS = 6


def picture(index: int) -> str:
    return image_key(sha(f"spec {index}"))


def begin(store: Store, owner: str) -> Resumed:
    return create_or_resume(store, run_record(PAIRS), owner=owner)


def write(store: Store, run: Resumed, *rows: ResultRow) -> None:
    writer = PartWriter(store, run.lease.epoch)
    for row in rows:
        writer.add(row)
    writer.flush()


@pytest.fixture
def run(store: Store) -> Resumed:
    """Five pictures and a failure; the pictures of pairs 1 and 4 are not there."""
    run = begin(store, "first")
    write(store, run, *(ok_row(index) for index in range(5)), failed_row(5))
    for index in (0, 2, 3):
        store.put(picture(index), b"a PNG")
    return run


def test_pictures_that_are_not_listed_are_found_without_reading_any(store: Store, run: Resumed) -> None:
    ledger = read_ledger(store, list_parts(store))
    assert missing_pictures(store, ledger) == ["pair-00001", "pair-00004"]
    store.put(picture(2), b"")  # cut off at its very beginning
    assert missing_pictures(store, ledger) == ["pair-00001", "pair-00002", "pair-00004"]


def test_a_run_with_rows_but_without_pictures_is_not_complete_and_goes_on(store: Store, run: Resumed) -> None:
    with pytest.raises(
        Incomplete, match="2 pairs have a row, but their pictures are not there, pair-00001's the first"
    ):
        check_pictures(store, run.lease)
    run.lease.release()
    heir = begin(store, "second")
    assert [heir.ledger.status(f"pair-{index:05d}") for index in range(PAIRS)] == [
        *("ok", None, "ok", "ok", None),
        "failed",
    ]
    write(store, heir, ok_row(1, attempts=2), ok_row(4, attempts=2))
    for index in (1, 4):
        store.put(picture(index), b"a PNG")
    check_pictures(store, heir.lease)
    assert read_ledger(store, list_parts(store)).counts().ok == 5


def test_a_void_reopens_a_complete_run_until_its_next_end(store: Store, run: Resumed) -> None:
    assert not reopened(store, 1)
    write_void(store, [], through_epoch=1, end=1)
    assert reopened(store, 1)
    assert not reopened(store, 2)
    assert read_ledger(store, list_parts(store)).counts().settled == PAIRS


def test_of_two_voids_at_once_both_stand(store: Store, run: Resumed) -> None:
    write_void(store, ["b", "a"], through_epoch=1, end=0)
    write_void(store, ["c"], through_epoch=1, end=0)
    assert [void.pairs for void in read_voids(store)] == [["a", "b"], ["c"]]
