"""live.json as the driver writes it: what it heard, and never a reason to fail."""

import time

from neckar.pipeline.driver.endings import Interrupted
from neckar.pipeline.driver.live_status import EVERY_S, LiveStatus
from neckar.pipeline.driver.progress import ProgressReporter
from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.results.layout import LIVE_KEY
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Unavailable
from neckar.schemas.live import LiveRecord
from neckar.schemas.status import Counts
from tests.results.samples import failed_row


class Down(LocalStore):
    """Answers nobody."""

    def put(self, key, data, **_):
        raise Unavailable(self.uri, "nobody answers")


def progress():
    reporter = ProgressReporter(lambda _: None)
    reporter.total = 9
    return reporter.report(Counts(1, 1, 0), in_flight=2, under_way=0.5, workers=1, waiting_for="worker-1")


def written(store):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        record = read_record(store, LIVE_KEY, LiveRecord)
        if record is not None:
            return record
        time.sleep(0.01)
    raise AssertionError("nothing was written")


def test_it_says_what_it_heard(tmp_path):
    store, now = LocalStore(tmp_path), [0.0]
    running = Delivery((), {}, (4, 5), 0.5, 3, 2, done=(0.5, 0.0), losses={4: 12.5})
    with LiveStatus(store, "n", lambda: ("me", 3), clock=lambda: now[0]) as live:
        live.delivered("worker-1", running)
        live.settled(failed_row(1))
        live.look(progress())
        record = written(store)
        assert (record.owner, record.epoch, record.state, record.total, record.ok) == ("me", 3, "running", 9, 1)
        assert [(pair.pair_id, pair.done, pair.loss_total) for pair in record.pairs] == [
            ("pair 4", 0.5, 12.5),
            ("pair 5", 0.0, None),
        ]
        assert [error.pair_id for error in record.errors] == ["pair-00001"]
        now[0] += EVERY_S / 2
        live.gone("worker-1")
        live.look(progress())
        assert len(written(store).pairs) == 2  # not before its time
        now[0] += EVERY_S
    assert written(store).pairs == []
    assert written(store).state == "complete"


def test_how_it_ended(tmp_path):
    for number, (error, state) in enumerate([(Interrupted(), "interrupted"), (ValueError(), "stopped")]):
        store = LocalStore(tmp_path / str(number))
        live = LiveStatus(store, "n", lambda: ("me", 1))
        live.look(progress())
        live.__exit__(type(error), error, None)
        assert written(store).state == state


def test_without_a_lease_or_anything_to_do_nothing_is_written(tmp_path):
    with LiveStatus(LocalStore(tmp_path), "n", lambda: None) as live:
        live.look(progress())
    with LiveStatus(LocalStore(tmp_path), "n", lambda: ("me", 1)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_down_is_no_matter(tmp_path):
    begun = time.monotonic()
    with LiveStatus(Down(tmp_path), "n", lambda: ("me", 1)) as live:
        live.look(progress())
    assert time.monotonic() - begun < 60
