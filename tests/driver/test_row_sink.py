"""Rows through a store's bad moments."""

from __future__ import annotations

import threading

import pytest

from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.driver.row_sink import RowSink
from neckar.pipeline.driver.row_thread import WAITING_MAX, RowThread
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


def test_the_schedule_does_not_wait_for_the_store(store, monkeypatch):
    """Whoever hands rows over goes on while one is written; at the end all of them stand."""
    writing, go_on = threading.Event(), threading.Event()
    put = store.put

    def slowly(key, data, **conditions):
        writing.set()
        go_on.wait(30)
        return put(key, data, **conditions)

    monkeypatch.setattr(store, "put", slowly)
    rows = RowThread(RowSink(PartWriter(store, 1)))
    for index in range(PART_ROWS + 100):
        rows.add(row(index))
    assert writing.wait(30)
    rows.add(row(PART_ROWS + 100))  # while the store writes
    rows.keep_up()
    assert rows_on(store) == 0
    go_on.set()
    rows.close()
    assert rows_on(store) == PART_ROWS + 101


def handed_over(rows):
    """How many rows are taken until one is refused."""
    for index in range(WAITING_MAX * 10):
        try:
            rows.add(row(index))
        except Stopped:
            return index
    return WAITING_MAX * 10


def test_a_refusal_in_the_thread_stops_the_run_at_the_next_call(store):
    store.mood = [Denied(store.uri, "no")] * 10
    rows = RowThread(RowSink(PartWriter(store, 1)))
    assert handed_over(rows) < WAITING_MAX * 10
    with pytest.raises(Stopped, match="the results cannot be written"):
        rows.keep_up()
    with pytest.raises(Stopped, match="the results cannot be written"):
        rows.close()


def test_what_a_refused_thread_has_left_is_written_at_the_end_if_it_can(store):
    store.mood = [Full(store.uri, "no room")]
    rows = RowThread(RowSink(PartWriter(store, 1)))
    handed = handed_over(rows)
    rows.close()
    assert rows_on(store) == handed
