"""Rows through a store's bad moments."""

from __future__ import annotations

import pytest

from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.driver.row_sink import RowSink
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.parts import PART_ROWS, PartWriter
from neckar.pipeline.results.rows.pair_row import row_without_picture
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Denied, Full, Unavailable
from neckar.schemas.errors import ErrorCode
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings


class Moody(LocalStore):
    """A folder that fails as often as it is told to."""

    mood: list[Exception]

    def put(self, key, data, **conditions):
        if self.mood:
            raise self.mood.pop()
        return super().put(key, data, **conditions)


@pytest.fixture
def store(tmp_path):
    store = Moody(tmp_path)
    store.mood = []
    return store


def row(index):
    pair = Pair(index, f"p{index}", "a.png", None, Settings(beta=0.0))
    code = ErrorCode.IMAGE_MISSING
    return row_without_picture(pair, "failed", attempts=1, worker="worker-1", code=code, message="a.png: no such file")


def rows_on(store):
    return read_ledger(store, list_parts(store)).counts().settled


def test_silence_is_waited_through_without_losing_a_row(store):
    clock = iter(range(10_000))
    sink = RowSink(PartWriter(store, 1), clock=lambda: next(clock), patience_s=100)
    store.mood = [Unavailable(store.uri, "no answer")] * 3
    for index in range(PART_ROWS):
        sink.add(row(index))
    assert rows_on(store) == 0
    sink.add(row(PART_ROWS))
    sink.close()
    assert rows_on(store) == PART_ROWS + 1


def test_endless_silence_stops_the_run(store):
    clock = iter(range(10_000))
    sink = RowSink(PartWriter(store, 1), clock=lambda: next(clock), patience_s=5, wait=lambda _: None)
    store.mood = [Unavailable(store.uri, "no answer")] * 100
    sink.add(row(0))
    with pytest.raises(Stopped, match=r"the results cannot be written: .*no answer"):
        sink.close()


def test_a_store_that_refuses_at_once_is_not_asked_without_end(store):
    """Each pause is twice as long as the one before."""
    now, pauses = [0.0], []

    def wait(seconds):
        pauses.append(seconds)
        now[0] += seconds

    sink = RowSink(PartWriter(store, 1), clock=lambda: now[0], patience_s=100, wait=wait)
    store.mood = [Unavailable(store.uri, "refused")] * 10_000
    sink.add(row(0))
    with pytest.raises(Stopped):
        sink.close()
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert len(pauses) < 20


@pytest.mark.parametrize("error", [Full("s3://out", "no room"), Denied("s3://out", "credentials have expired")])
def test_a_refusal_stops_it_at_once(store, error):
    sink = RowSink(PartWriter(store, 1))
    store.mood = [error]
    sink.add(row(0))
    with pytest.raises(Stopped, match=r"s3://out: (no room|credentials have expired)"):
        sink.close()


def test_a_run_taken_over_is_left(store):
    first, second = RowSink(PartWriter(store, 1)), RowSink(PartWriter(store, 1))
    first.add(row(0))
    second.add(row(1))
    first.close()
    with pytest.raises(Stopped, match="a newer driver has closed"):
        second.close()
