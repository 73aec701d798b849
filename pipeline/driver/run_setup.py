"""From a manifest to a run that may be written to: all that can be refused is refused here, before any compute."""

from __future__ import annotations

import dataclasses
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import UTC, datetime
from typing import TypeVar

from neckar.pipeline.driver.admission import Terms
from neckar.pipeline.driver.lease_keeper import LeaseKeeper
from neckar.pipeline.manifests.pairs import Survey, iter_pairs, survey
from neckar.pipeline.manifests.source import LoadedManifest
from neckar.pipeline.results.checks.pictures import missing_pictures
from neckar.pipeline.results.identity import ALGORITHM_VERSION
from neckar.pipeline.results.layout import RUN_KEY
from neckar.pipeline.results.lease import Lease, LeaseHeld, LeaseWatch, acquire
from neckar.pipeline.results.ledger import list_parts, part_files, read_ledger
from neckar.pipeline.results.records import read_record
from neckar.pipeline.results.run import Resumed, check_same_run, create_or_resume, finished, times_finished
from neckar.pipeline.results.voids import reopened, write_void
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError
from neckar.schemas.pair import Pair
from neckar.schemas.run import RunRecord, SuccessRecord
from neckar.schemas.version import neckar_version

log = logging.getLogger(__name__)

LEASE_LOOK_S = 2.0  # between looks at another driver's lease; it is renewed every ten seconds if that one lives

T = TypeVar("T")


class RunSetup:
    """A manifest and the place of its results.

    Starts counting the pairs in a thread at once: for a million of them that takes as long as Ray's start.

    Args:
        loaded: the manifest.
        output: URI of the run.
        say: is told in words what is waited for.

    Raises:
        StoreError: the output is no place to write to.
    """

    def __init__(self, loaded: LoadedManifest, output: str, *, say: Callable[[str], None]) -> None:
        self.store = open_store(output)
        self._loaded = loaded
        self._say = say
        self._lease: LeaseKeeper | None = None
        self._gone: list[str] = []  # pairs of a complete run whose pictures are
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._survey: Future[Survey] = Future()
        threading.Thread(target=self._count, name="survey", daemon=True).start()

    def pairs(self, *, timeout_s: float | None = None) -> int | None:
        """How many pairs there are; None if that is not known in time.

        Raises:
            UserError: every mistake in them.
        """
        try:
            return self._survey.result(timeout_s).pairs
        except FutureTimeoutError:
            return None

    def precisions(self, auto: str) -> frozenset[str]:
        """Those that pairs ask for, with what `auto` means here. Waits until the pairs are counted.

        Raises:
            UserError: every mistake in them.
        """
        asked = self._survey.result().precisions
        return asked - {"auto"} | ({auto} if "auto" in asked else frozenset())

    def finished(self) -> SuccessRecord | None:
        """The end of the run, if it came to one before.

        Raises:
            UserError: it was made with another manifest.
        """
        success = finished(self.store)
        standing = read_record(self.store, RUN_KEY, RunRecord)
        if success is None or standing is None:
            return None
        record = self._record(standing.precision, standing.weights_sha256)
        check_same_run(self.store, standing, record)
        return success

    def reopened(self, success: SuccessRecord) -> bool:
        """Whether a complete run is to be worked on again: somebody said so, or pictures of it are gone.

        Raises:
            UserError: its results are damaged.
        """
        if reopened(self.store, times_finished(self.store)):
            return True
        self._gone = missing_pictures(self.store, read_ledger(self.store, part_files(success)))
        if self._gone:
            log.warning(
                "%s: %d pictures of this complete run are gone and are made again, %s's the first",
                *(self.store.uri, len(self._gone), self._gone[0]),
            )
        return bool(self._gone)

    def begin(self) -> Resumed | None:
        """Take the run as it was left; None where there is none yet: then its place is held until `create`.

        This is where an output that cannot be written shows.

        Raises:
            UserError: it was begun with another manifest, or another driver is at work.
            StoreError: the output cannot be written.
        """
        standing = read_record(self.store, RUN_KEY, RunRecord)
        if standing is None:
            self._lease = LeaseKeeper(self._patiently(lambda watch: acquire(self.store, self._owner, watch=watch)))
            return None
        record = self._record(standing.precision, standing.weights_sha256)
        run = self._patiently(lambda watch: create_or_resume(self.store, record, owner=self._owner, watch=watch))
        self._lease = LeaseKeeper(run.lease)
        return self._without_gone(run)

    def _without_gone(self, run: Resumed) -> Resumed:
        """The run, without the rows whose pictures are gone."""
        if not self._gone:
            return run
        write_void(self.store, self._gone, through_epoch=run.lease.epoch - 1, end=times_finished(self.store))
        return dataclasses.replace(run, ledger=read_ledger(self.store, list_parts(self.store)))

    def create(self, terms: Terms) -> Resumed:
        """Write down what the run is, now that workers have told.

        Args:
            terms: of them.

        Raises:
            UserError: mistakes in the pairs, or another driver was faster.
            StoreError: the output cannot be written.
        """
        record = self._record(terms.precision, terms.weights_sha256)
        return create_or_resume(self.store, record, owner=self._owner, lease=self.lease)

    @property
    def lease(self) -> Lease:
        """In hand since `begin`."""
        assert self._lease is not None, "begin comes first"
        return self._lease.lease

    @property
    def name(self) -> str:
        """The manifest's."""
        return self._loaded.manifest.name

    @property
    def lease_age_s(self) -> float:
        """Since the lease was last renewed."""
        return self._lease.age_s if self._lease is not None else 0.0

    @property
    def precision(self) -> str:
        """As the manifest asks for it."""
        return self._loaded.manifest.settings.precision

    @property
    def weights(self) -> str:
        """As the manifest names them."""
        return self._loaded.weights

    @property
    def begun(self) -> bool:
        """Whether the run's place is in hand."""
        return self._lease is not None

    @property
    def lost(self) -> str | None:
        """Who has taken the run over, in words."""
        return self._lease.lost if self._lease else None

    def close(self) -> None:
        """Let the next driver begin."""
        if self._lease is not None:
            self._lease.end()
            self._lease = None

    def todo(self, run: Resumed | None, *, retry_failed: bool) -> Iterator[Pair]:
        """The pairs without a result, read as they are needed.

        Args:
            run: with the pairs that have one; None before anything is.
            retry_failed: take those without a picture too.

        Raises:
            UserError: every mistake in them.
        """
        try:
            for pair in iter_pairs(self._loaded):
                status = run.ledger.status(pair.pair_id) if run is not None else None
                if status is None or (retry_failed and status != "ok"):
                    yield pair
        except UserError:
            self._survey.result()  # tells all of them
            raise

    def _count(self) -> None:
        try:
            self._survey.set_result(survey(self._loaded))
        except BaseException as error:  # noqa: BLE001  # raised again where the count is asked for
            self._survey.set_exception(error)

    def _record(self, precision: str, weights_sha256: str) -> RunRecord:
        found = self._survey.result()
        return RunRecord(
            name=self._loaded.manifest.name,
            manifest=self._loaded.manifest.resolved(),
            manifest_sha256=self._loaded.sha256,
            manifest_uri=self._loaded.uri,
            base=self._loaded.base,
            pairs=found.pairs,
            pairs_sha256=found.pairs_sha256,
            precision=precision,
            weights=self._loaded.weights,
            weights_sha256=weights_sha256,
            algorithm_version=ALGORITHM_VERSION,
            neckar_version=neckar_version(),
            created_at=datetime.now(UTC),
        )

    def _patiently(self, take: Callable[[LeaseWatch], T]) -> T:
        """A driver that was killed leaves a lease behind: it is waited for, unless somebody renews it."""
        first: LeaseHeld | None = None
        watch = LeaseWatch()
        while True:
            try:
                return take(watch)
            except LeaseHeld as held:
                if first is not None and held.record != first.record:
                    raise
                first = held
            left = first.left_s
            self._say(f"the lease of {first.record.owner} to run out in {left:.0f} s, if it is not at work")
            time.sleep(min(LEASE_LOOK_S, left))
