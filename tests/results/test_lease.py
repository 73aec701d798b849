"""One driver at a time: taken, renewed, released, taken over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from neckar.pipeline.results.layout import LEASE_KEY, PartPlace
from neckar.pipeline.results.lease import Lease, LeaseHeld, LeaseLost, LeaseWatch, acquire
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.store import Store, Unavailable
from neckar.schemas.errors import UserError
from neckar.schemas.run import LeaseRecord
from tests.results.samples import Clock, Stumbling


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(store: Store, owner: str, clock: Clock, watch: LeaseWatch | None = None) -> Lease:
    return acquire(store, owner, seconds=30.0, now=clock.now, watch=watch)


def watching(store: Store, clock: Clock) -> LeaseWatch:
    """The watch of somebody who has found the lease held."""
    watch = LeaseWatch(lambda: clock.seconds)
    with pytest.raises(LeaseHeld):
        take(store, "watching", clock, watch)
    return watch


def standing(store: Store) -> LeaseRecord:
    record = read_record(store, LEASE_KEY, LeaseRecord)
    assert record is not None
    return record


def test_the_first_driver_gets_epoch_one(store: Store, clock: Clock) -> None:
    lease = take(store, "first", clock)
    assert (lease.epoch, lease.owner) == (1, "first")
    record = standing(store)
    assert (record.owner, record.epoch, (record.expires_at - clock.now()).total_seconds()) == ("first", 1, 30.0)


def test_a_second_driver_is_told_who_holds_it_and_how_long_at_most(store: Store, clock: Clock) -> None:
    take(store, "first", clock)
    watch = watching(store, clock)
    clock.seconds = 29.0
    with pytest.raises(LeaseHeld, match=r"lease.json: first is at work on this run; wait for it or stop it") as held:
        take(store, "second", clock, watch)
    assert isinstance(held.value, UserError)
    assert held.value.record.owner == "first"
    assert held.value.left_s == 1.0


def test_a_lease_that_ran_out_is_taken_over_under_the_next_epoch(store: Store, clock: Clock) -> None:
    dead = take(store, "first", clock)
    watch = watching(store, clock)
    clock.seconds = 30.0
    assert take(store, "second", clock, watch).epoch == 2
    for attempt in (dead.renew, dead.release):
        with pytest.raises(LeaseLost, match=r"taken over by second \(epoch 2\)"):
            attempt()
    assert standing(store).owner == "second"


def test_a_renewed_lease_holds(store: Store, clock: Clock) -> None:
    lease = take(store, "first", clock)
    watch = watching(store, clock)
    for clock.seconds in (20.0, 40.0, 60.0):
        lease.renew()
        with pytest.raises(LeaseHeld):
            take(store, "second", clock, watch)
    clock.seconds = 89.0
    with pytest.raises(LeaseHeld):
        take(store, "second", clock, watch)


def test_a_lease_that_ran_out_but_that_nobody_took_is_renewed(store: Store, clock: Clock) -> None:
    lease = take(store, "first", clock)
    watch = watching(store, clock)
    clock.seconds = 500.0
    lease.renew()
    with pytest.raises(LeaseHeld):
        take(store, "second", clock, watch)


@pytest.mark.parametrize("ahead_s", [7200.0, -7200.0])
def test_no_clock_of_another_machine_decides(store: Store, clock: Clock, ahead_s: float) -> None:
    """Two hours ahead held a dead driver's lease for as long; two hours behind gave a live one away."""
    skewed = Clock()
    skewed.seconds = ahead_s
    lease = take(store, "skewed", skewed)
    watch = watching(store, clock)
    clock.seconds = 20.0
    lease.renew()
    with pytest.raises(LeaseHeld):
        take(store, "second", clock, watch)
    clock.seconds = 50.0
    assert take(store, "second", clock, watch).epoch == 2


def test_a_renewal_shows_though_its_owner_s_clock_stands_still(store: Store, clock: Clock) -> None:
    lease = take(store, "first", clock)
    before = standing(store)
    lease.renew()
    assert standing(store) != before


def test_a_lease_of_an_earlier_release_runs_out_too(folder: Path, clock: Clock) -> None:
    store = Stumbling(folder)
    store.put(LEASE_KEY, b'{"owner": "old", "epoch": 4, "expires_at": "2099-01-01T00:00:00Z"}')
    watch = watching(store, clock)
    clock.seconds = 30.0
    assert take(store, "second", clock, watch).epoch == 5


def test_a_released_lease_is_free_at_once(store: Store, clock: Clock) -> None:
    take(store, "first", clock).release()
    assert take(store, "second", clock).epoch == 2


def test_a_deleted_lease_spends_no_epoch_twice(store: Store, clock: Clock) -> None:
    store.put(PartPlace(7, 3).key, b"of an epoch whose lease.json somebody deleted")
    assert take(store, "first", clock).epoch == 8


def test_of_drivers_that_start_together_one_wins(store: Store, clock: Clock) -> None:
    start = Barrier(3)

    def race(owner: str) -> bool:
        start.wait()
        try:
            take(store, owner, clock)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(3) as drivers:
        assert sorted(drivers.map(race, ["a", "b", "c"])) == [False, False, True]


def test_a_renewal_whose_answer_got_lost_is_no_loss(folder: Path, clock: Clock) -> None:
    store = Stumbling(folder)
    lease = take(store, "first", clock)
    store.stumbles = ["after"]
    clock.seconds = 10.0
    with pytest.raises(Unavailable):
        lease.renew()
    clock.seconds = 20.0
    lease.renew()
    assert (standing(store).expires_at - clock.now()).total_seconds() == 30.0


def test_a_deleted_lease_is_a_lost_one(folder: Path, clock: Clock) -> None:
    store = Stumbling(folder)
    lease = take(store, "first", clock)
    (folder / LEASE_KEY).unlink()
    with pytest.raises(LeaseLost, match=r"lease\.json is gone"):
        lease.renew()


def test_a_damaged_lease_is_told_with_its_place(folder: Path, clock: Clock) -> None:
    store = Stumbling(folder)
    store.put(LEASE_KEY, b'{"owner": "x", "epoch": 0, "expires_at": "2026-01-01T00:00:00Z"}')
    with pytest.raises(UserError, match=r"run/lease.json: epoch: 0 is out of range"):
        take(store, "first", clock)
