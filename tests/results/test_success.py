"""The end of a run, and every place where it can be cut short before it."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.results.layout import SUCCESS_KEY
from neckar.pipeline.results.lease import LeaseHeld, LeaseLost, LeaseWatch
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import Resumed, create_or_resume, finished
from neckar.pipeline.results.success import Incomplete, seal
from neckar.pipeline.storage.store import Store, Unavailable
from neckar.schemas.results import ResultRow
from neckar.schemas.run import SuccessRecord
from tests.results.samples import Clock, Stumbling, failed_row, ok_row, run_record, sha


def begin(store: Store, pairs: int, clock: Clock, owner: str = "first", watch: LeaseWatch | None = None) -> Resumed:
    return create_or_resume(store, run_record(pairs), owner=owner, now=clock.now, watch=watch)


def begin_after(store: Store, pairs: int, clock: Clock) -> Resumed:
    """The same command again, after the driver before was killed and its lease ran out."""
    watch = LeaseWatch(lambda: clock.seconds)
    with suppress(LeaseHeld):
        return begin(store, pairs, clock, f"driver at {clock.seconds}", watch)
    clock.seconds += 1000.0
    return begin(store, pairs, clock, f"driver at {clock.seconds}", watch)


def write(store: Store, run: Resumed, *rows: ResultRow) -> None:
    writer = PartWriter(store, run.lease.epoch)
    for row in rows:
        writer.add(row)
    writer.flush()


def finish(store: Store, run: Resumed, clock: Clock) -> SuccessRecord:
    return seal(store, run.record, run.lease, now=clock.now)


def sealed_rows(store: Store, success: SuccessRecord) -> pa.Table:
    return pa.concat_tables(pq.read_table(io.BytesIO(store.get(part.key))) for part in success.parts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_complete_run_is_sealed_with_counts_and_checked_parts(store: Store, clock: Clock) -> None:
    write(store, begin(store, 4, clock), ok_row(2), ok_row(0))
    run = begin_after(store, 4, clock)
    write(store, run, failed_row(1), failed_row(3, status="quarantined"))
    success = finish(store, run, clock)
    assert (success.pairs, success.ok, success.failed, success.quarantined) == (4, 2, 1, 1)
    assert (success.run, success.manifest_sha256) == ("neckarfront", sha("manifest"))
    assert success.finished_at == clock.now()
    assert finished(store) == success
    for part in success.parts:
        data = store.get(part.key)
        assert (part.bytes, part.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    rows = sealed_rows(store, success)
    assert rows.column("pair_index").to_pylist() == [0, 1, 2, 3]
    assert sum(part.rows for part in success.parts) == 4


def test_an_incomplete_run_is_not_sealed(store: Store, clock: Clock) -> None:
    run = begin(store, 3, clock)
    write(store, run, ok_row(0), failed_row(2))
    with pytest.raises(Incomplete, match="2 of 3 pairs have a result; the same command makes the others"):
        finish(store, run, clock)
    assert finished(store) is None


def test_repeated_rows_do_not_stand_in_for_missing_ones(store: Store, clock: Clock) -> None:
    run = begin(store, 2, clock)
    write(store, run, ok_row(0))
    run = begin_after(store, 2, clock)
    write(store, run, ok_row(0))
    with pytest.raises(Incomplete, match="1 of 2"):
        finish(store, run, clock)
    write(store, begin_after(store, 2, clock), ok_row(1))
    success = finish(store, begin_after(store, 2, clock), clock)
    assert success.ok == 2
    assert sealed_rows(store, success).column("pair_id").to_pylist() == ["pair-00000", "pair-00001"]


def test_a_failure_mended_later_counts_as_ok(store: Store, clock: Clock) -> None:
    write(store, begin(store, 1, clock), failed_row(0))
    write(store, begin_after(store, 1, clock), ok_row(0))
    run = begin_after(store, 1, clock)
    write(store, run, failed_row(0))  # a late loser
    success = finish(store, run, clock)
    assert (success.ok, success.failed) == (1, 0)
    assert sealed_rows(store, success).column("status").to_pylist() == ["ok"]


@pytest.mark.parametrize("stranger", [ok_row(7), ok_row(0, pair_id="renamed")])
def test_rows_of_another_manifest_are_no_part_of_the_count(folder: Path, clock: Clock, stranger: ResultRow) -> None:
    store = Stumbling(folder)
    run = begin(store, 2, clock)
    write(store, run, ok_row(0), stranger)
    with pytest.raises(Incomplete, match="1 results belong to no pair of the manifest"):
        finish(store, run, clock)


def test_an_empty_epoch_or_two_in_between_change_nothing(store: Store, clock: Clock) -> None:
    write(store, begin(store, 1, clock), ok_row(0))
    begin_after(store, 1, clock)
    begin_after(store, 1, clock)
    assert finish(store, begin_after(store, 1, clock), clock).ok == 1


def test_sealing_again_changes_nothing(store: Store, clock: Clock) -> None:
    run = begin(store, 1, clock)
    write(store, run, ok_row(0))
    first = finish(store, run, clock)
    clock.seconds += 10
    assert finish(store, run, clock) == first
    assert finish(store, begin_after(store, 1, clock), clock) == first


def test_failed_pairs_tried_again_end_in_a_second_record_that_replaces_the_first(store: Store, clock: Clock) -> None:
    run = begin(store, 2, clock)
    write(store, run, ok_row(0), failed_row(1))
    first = finish(store, run, clock)
    again = begin_after(store, 2, clock)
    write(store, again, ok_row(1))
    assert finished(store) == first  # until the second end, the first one is the truth
    second = seal(store, again.record, again.lease, again=True, now=clock.now)
    assert (second.ok, second.failed) == (2, 0)
    assert finished(store) == second
    assert sealed_rows(store, second).column("status").to_pylist() == ["ok", "ok"]
    assert sealed_rows(store, first).column("status").to_pylist() == ["ok", "failed"]
    assert finish(store, again, clock) == second


@pytest.mark.parametrize("put", range(3))  # the compact file, the renewal of the lease, _SUCCESS.json
@pytest.mark.parametrize("stumble", ["before", "after"])
@pytest.mark.parametrize("same_driver", [True, False])
def test_a_sealing_cut_short_anywhere_is_finished_by_the_next(
    folder: Path, clock: Clock, put: int, stumble: str, same_driver: bool
) -> None:
    store = Stumbling(folder)
    run = begin(store, 2, clock)
    write(store, run, ok_row(0), ok_row(1))
    store.stumbles = [*[""] * put, stumble]
    with pytest.raises(Unavailable):
        finish(store, run, clock)
    assert (finished(store) is not None) == (put == 2 and stumble == "after")
    success = finish(store, run if same_driver else begin_after(store, 2, clock), clock)
    assert success == finished(store)
    assert sealed_rows(store, success).column("pair_index").to_pylist() == [0, 1]


def test_a_driver_that_lost_its_lease_does_not_have_the_last_word(folder: Path, clock: Clock) -> None:
    store = Stumbling(folder)
    late = begin(store, 1, clock)
    write(store, late, ok_row(0))
    heir = begin_after(store, 1, clock)
    with pytest.raises(LeaseLost):
        finish(store, late, clock)
    assert finished(store) is None
    assert finish(store, heir, clock).ok == 1


class _Overtaken(Stumbling):
    """A folder in which another driver seals the run just before this one does."""

    other: SuccessRecord | None = None

    def put(self, key: str, data: bytes, **options: Any) -> str:
        if key == SUCCESS_KEY and self.other is None:
            mine = SuccessRecord.model_validate_json(data)
            self.other = mine.model_copy(update={"finished_at": mine.finished_at + timedelta(seconds=1)})
            super().put(key, self.other.model_dump_json().encode(), **options)
        return super().put(key, data, **options)


def test_of_two_that_seal_the_first_stands(folder: Path, clock: Clock) -> None:
    store = _Overtaken(folder)
    run = begin(store, 1, clock)
    write(store, run, ok_row(0))
    success = finish(store, run, clock)
    assert success == store.other == finished(store)
