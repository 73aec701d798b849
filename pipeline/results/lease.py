"""The lease of a run: one driver writes at a time, and every takeover raises the epoch.

An epoch is the number of a driver's turn. It stands in the name of every part the driver writes, and the next driver
closes it (see `ledger.close_epochs`): a driver that was thought dead and comes back finds its next part's place taken
and stops. So the clocks in here only decide who waits, never what is true.

Machines' clocks differ, so no time of another machine is compared with ours: a lease has run out when its record has
stood unchanged for its length, by the monotonic clock of whoever watches it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from neckar.pipeline.results.layout import LEASE_KEY, PARTS_PREFIX, PartPlace
from neckar.pipeline.results.records import JSON_TYPE, from_json, to_json
from neckar.pipeline.storage.store import NotFound, PreconditionFailed, Store
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.run import LeaseRecord

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0  # how long a crashed driver keeps the next one waiting; renew three times as often

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class LeaseLost(Exception):  # noqa: N818  # named for what is the case, as the store's errors are
    """Another driver has taken this run over: stop writing. Nothing written so far is lost."""


class LeaseHeld(UserError):  # noqa: N818  # as above
    """Another driver is at work on this run.

    Args:
        uri: of the run.
        record: who holds it.
        left_s: until it has run out, if it is not renewed.
    """

    passing = True

    def __init__(self, uri: str, record: LeaseRecord, left_s: float) -> None:
        message = f"{record.owner} is at work on this run; wait for it or stop it"
        super().__init__([Problem(f"{uri}/{LEASE_KEY}", message)])
        self.record = record
        self.left_s = left_s


class LeaseWatch:
    """Since when a lease has stood as it stands, by a clock of our own.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: LeaseRecord | None = None
        self._since = 0.0

    def left_s(self, record: LeaseRecord) -> float:
        """Seconds until this lease has run out; 0 where it has, or was released."""
        if record.released:
            return 0.0
        now = self._clock()
        if record != self._seen:
            self._seen, self._since = record, now
        return max(0.0, record.seconds - (now - self._since))


class Lease:
    """A lease in hand. Safe to use from several threads: one may renew while another works."""

    def __init__(self, store: Store, record: LeaseRecord, etag: str, now: Clock) -> None:
        self._store = store
        self._record = record
        self._etag = etag
        self._now = now
        self._writing = threading.Lock()

    @property
    def epoch(self) -> int:
        """The number of this turn, from 1; goes into the names of the parts."""
        return self._record.epoch

    @property
    def owner(self) -> str:
        """Who holds it."""
        return self._record.owner

    def renew(self) -> None:
        """Hold it for another `seconds`, even where it ran out meanwhile and nobody took it.

        Raises:
            LeaseLost: another driver took it.
            StoreError: the store did not answer; the lease may still be held, so try again.
        """
        self._write(released=False)

    def release(self) -> None:
        """Let the next driver begin at once. Raises as `renew` does."""
        self._write(released=True)

    def _write(self, *, released: bool) -> None:
        with self._writing:
            self._record = record = self._record.model_copy(
                update={
                    "expires_at": self._now() + timedelta(seconds=0.0 if released else self._record.seconds),
                    "renewals": self._record.renewals + 1,
                    "released": released,
                }
            )
            try:
                self._etag = self._store.put(LEASE_KEY, to_json(record), content_type=JSON_TYPE, if_match=self._etag)
            except PreconditionFailed:
                self._etag = self._etag_if_ours()
                self._etag = self._store.put(LEASE_KEY, to_json(record), content_type=JSON_TYPE, if_match=self._etag)

    def _etag_if_ours(self) -> str:
        """The etag as it stands: an earlier write of ours may have arrived though its answer did not."""
        found, etag = _read(self._store)
        if found is None or (found.owner, found.epoch) != (self.owner, self.epoch):
            holder = f"{found.owner} (epoch {found.epoch})" if found else "nobody: lease.json is gone"
            raise LeaseLost(f"{self._store.uri}: the run was taken over by {holder}; this driver stops")
        return etag


def acquire(
    store: Store,
    owner: str,
    *,
    seconds: float = LEASE_SECONDS,
    now: Clock = utc_now,
    watch: LeaseWatch | None = None,
) -> Lease:
    """Take the lease of a run that nobody holds, under the next epoch.

    Args:
        store: rooted at the run.
        owner: names this driver, and no other, e.g. host, process and a random part.
        seconds: how long it is held without a renewal.
        now: the clock, with its zone; for the record only.
        watch: the same one at every try, so that a lease is seen to run out; without it, only a released one is taken.

    Raises:
        LeaseHeld: it has not run out; `left_s` tells when to try again.
        StoreError: the store refused or did not answer.
    """
    watch = watch or LeaseWatch()
    found, etag = _read(store)
    if found is not None and (left_s := watch.left_s(found)) > 0:
        raise LeaseHeld(store.uri, found, left_s)
    record = LeaseRecord(
        owner=owner,
        epoch=1 + max(found.epoch if found else 0, _newest_epoch(store)),
        expires_at=now() + timedelta(seconds=seconds),
        seconds=seconds,
    )
    condition = {"if_match": etag} if found else {"create_only": True}
    try:
        written = store.put(LEASE_KEY, to_json(record), content_type=JSON_TYPE, **condition)
    except PreconditionFailed:  # another driver came first, just now
        winner, _ = _read(store)
        if winner is None:
            raise
        raise LeaseHeld(store.uri, winner, watch.left_s(winner)) from None
    if found is not None:
        log.info("%s: epoch %d follows %s's epoch %d", store.uri, record.epoch, found.owner, found.epoch)
    return Lease(store, record, written, now)


def _read(store: Store) -> tuple[LeaseRecord | None, str]:
    try:
        data, etag = store.get_with_etag(LEASE_KEY)
    except NotFound:
        return None, ""
    return from_json(data, LeaseRecord, f"{store.uri}/{LEASE_KEY}"), etag


def _newest_epoch(store: Store) -> int:
    """The newest epoch that has parts: lease.json may have been deleted by hand, its epochs are spent all the same."""
    places = (PartPlace.of(info.key) for info in store.list(PARTS_PREFIX))
    return max((place.epoch for place in places if place), default=0)
