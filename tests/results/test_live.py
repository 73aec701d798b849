"""How a run stands by what its driver said last, its lease and its end."""

from datetime import UTC, datetime, timedelta

import pytest

from neckar.pipeline.results.layout import LIVE_KEY
from neckar.pipeline.results.live import Watch
from neckar.pipeline.results.records import to_json
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.local import LocalStore
from neckar.schemas.live import LiveRecord
from tests.results.samples import run_record


@pytest.fixture
def run(tmp_path):
    """A run without pairs, its driver at work."""
    store = LocalStore(tmp_path / "run")
    return store, create_or_resume(store, run_record(0), owner="me")


def say(store, **changes):
    known = {"run": "n", "owner": "me", "epoch": 1, "written_at": datetime.now(UTC), "state": "running", "total": 3}
    counts = {
        "ok": 1,
        "failed": 0,
        "quarantined": 0,
        "in_flight": 2,
        "workers": 1,
        "pairs_per_min": None,
        "eta_s": None,
    }
    rest = {"elapsed_s": 1.0, "waiting_for": "worker-1", "pairs": [], "errors": []}
    store.put(LIVE_KEY, to_json(LiveRecord(**(known | counts | rest | changes))))


def test_what_its_driver_said_and_how_old_it_is(run):
    store, _ = run
    now = [100.0]
    watch = Watch(store, clock=lambda: now[0])
    assert watch.look().live is None
    say(store, written_at=datetime.now(UTC) - timedelta(seconds=7))
    look = watch.look()
    assert (look.standing, look.live.ok) == ("running", 1)
    assert 7 <= look.age_s < 12
    now[0] += 5
    assert 12 <= watch.look().age_s < 17
    say(store, written_at=datetime.now(UTC) - timedelta(hours=2))  # a clock that is wrong says nothing of what is new
    assert watch.look().age_s == 0


@pytest.mark.parametrize("changes", [{"owner": "another"}, {"epoch": 7}])
def test_another_driver_s_word_is_nothing(run, changes):
    store, _ = run
    say(store, **changes)
    assert Watch(store).look().live is None


@pytest.mark.parametrize("data", [b"", b"{", b'{"schema_version": 2}'])
def test_a_damaged_word_is_nothing(run, data):
    store, _ = run
    store.put(LIVE_KEY, data)
    look = Watch(store).look()
    assert (look.standing, look.live) == ("running", None)


def test_a_driver_that_renews_its_lease_no_more_is_silent(run):
    store, begun = run
    now = [0.0]
    watch = Watch(store, clock=lambda: now[0])
    assert watch.look().standing == "running"
    now[0] += 29
    begun.lease.renew()
    assert watch.look().standing == "running"
    now[0] += 31
    assert watch.look().standing == "silent"


def test_the_ends(run):
    store, begun = run
    begun.lease.release()
    assert Watch(store).look().standing == "stopped"
    again = create_or_resume(store, run_record(0), owner="me")
    seal(store, again.record, again.lease)
    assert Watch(store).look().standing == "complete"
