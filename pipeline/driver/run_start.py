"""How a run begins: with the first workers, while its pairs may still be being counted.

Nothing of a run is written before every pair of its manifest is known to be right, and counting a million takes half a
minute. Workers make the first pictures meanwhile, and their rows wait here. Where a mistake shows, the run is refused;
the pictures stand, and are found when the mended manifest is run.
"""

from __future__ import annotations

from collections.abc import Iterator

from neckar.pipeline.driver.admission import Introductions, Terms, other_weights, unfit
from neckar.pipeline.driver.progress import ProgressReporter
from neckar.pipeline.driver.row_sink import RowSink
from neckar.pipeline.driver.row_thread import RowThread
from neckar.pipeline.driver.run_setup import RunSetup
from neckar.pipeline.driver.signals import StopSignals
from neckar.pipeline.messages.setup import WorkerReady
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import Resumed
from neckar.schemas.errors import UserError
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow
from neckar.schemas.status import Counts

EARLY_PAIRS = 10_000  # begun at most before all are counted: their rows wait in memory
LOOK_S = 0.5  # between looks for a stop signal while the count is waited for


class RunStart:
    """The run as far as it has begun.

    Args:
        setup: the manifest and the run's place.
        run: as it was left; None begins it.
        alone: whether all workers are on this machine: then none can be better off elsewhere.
        retry_failed: whether pairs without a picture are tried again.
        reporter: for progress.
        signals: that wish the run to stop.

    Attributes:
        run: as it stands on the store; None before it does.
        terms: what its workers have in common; None before enough of them have come.
    """

    def __init__(
        self,
        setup: RunSetup,
        run: Resumed | None,
        *,
        alone: bool,
        retry_failed: bool,
        reporter: ProgressReporter,
        signals: StopSignals,
    ) -> None:
        self._setup = setup
        self._alone = alone
        self._retry_failed = retry_failed
        self._reporter = reporter
        self._signals = signals
        self.run: Resumed | None = None
        self.terms: Terms | None = None
        self._introductions = Introductions()
        self._early: dict[str, WorkerReady] = {}  # workers that began before the run was written
        self._misfits: dict[str, UserError] = {}  # of them, those that cannot compute what the pairs ask for
        self._waiting: list[ResultRow] = []
        self._rows: RowThread | None = None
        if run is not None:
            self._open(run)

    def todo(self) -> Iterator[Pair]:
        """The pairs to be made, as they are needed; to be begun when the terms are known.

        Raises:
            UserError: every mistake in them.
        """
        assert self.terms is not None
        plain = {"auto", self.terms.precision}
        for taken, pair in enumerate(self._setup.todo(self.run, retry_failed=self._retry_failed)):
            if (taken >= EARLY_PAIRS or pair.settings.precision not in plain) and not self._counted():
                return
            yield pair
        self._counted()

    def introduce(self, name: str, ready: WorkerReady) -> None:
        """A worker has told what it is."""
        self._introductions.add(name, ready)

    def forget(self, name: str) -> None:
        """A worker is gone."""
        self._introductions.waiting.pop(name, None)
        self._early.pop(name, None)
        self._misfits.pop(name, None)

    def advance(self, expected: int) -> None:
        """Agree on the terms, and write the run down, as soon as each is possible.

        Args:
            expected: number of workers that may come.

        Raises:
            UserError: mistakes in the pairs, or what no worker of this machine can compute.
        """
        if self.terms is None and self._introductions.are_over(expected):
            self.terms = self._introductions.terms(self._setup.precision)
        if self.terms is not None:
            self._create(timeout_s=0)

    def misfits(self) -> Iterator[tuple[str, UserError]]:
        """Workers that began and cannot go on, each told once."""
        while self._misfits:
            yield self._misfits.popitem()

    def admissions(self) -> Iterator[tuple[str, UserError | None, bool]]:
        """Those who have introduced themselves, each told once: why one cannot join, and whether all may be like it."""
        while self.terms is not None and self._introductions.waiting:
            name, ready = self._introductions.waiting.popitem()
            precisions = {self.terms.precision}
            if self.run is not None:
                precisions = {*self._setup.precisions(self.terms.precision)}
            else:
                self._early[name] = ready
            foreign = other_weights(ready, self.terms, self._setup.weights)
            yield name, foreign or unfit(ready, precisions), foreign is not None

    def write(self, row: ResultRow) -> None:
        """Take a row. Raises `Stopped`, as `RowSink`."""
        if self._rows is None:
            self._waiting.append(row)
        else:
            self._rows.add(row)

    def keep_up(self) -> None:
        """To be called now and then while no rows come. Raises `Stopped`."""
        if self._rows is not None:
            self._rows.keep_up()

    def close(self) -> None:
        """Write all rows. Raises `Stopped`."""
        if self._rows is not None:
            self._rows.close()

    def _counted(self) -> bool:
        """Wait until the pairs are counted and the run is written; false when it is to stop instead."""
        while self.run is None and not self._signals.wanted:
            self._reporter.say("the pairs to be counted")
            self._create(timeout_s=LOOK_S)
        return self.run is not None

    def _create(self, timeout_s: float) -> None:
        """Begin the run on the store, if every pair is known to be right in time."""
        if self.run is not None or self._setup.pairs(timeout_s=timeout_s) is None:
            return
        assert self.terms is not None
        precisions = self._setup.precisions(self.terms.precision)
        for name, ready in {**self._early, **self._introductions.waiting}.items():
            mistake = unfit(ready, precisions)
            if mistake is not None and self._alone:  # before anything of the run is written
                raise mistake
            if mistake is not None and name in self._early:
                self._misfits[name] = mistake
        self._open(self._setup.create(self.terms))

    def _open(self, run: Resumed) -> None:
        self.run = run
        self.terms = Terms(run.record.precision, run.record.weights_sha256)
        self._rows = RowThread(RowSink(PartWriter(self._setup.store, run.lease.epoch)))
        for row in self._waiting:
            self._rows.add(row)
        self._waiting.clear()
        self._early.clear()
        before = run.ledger.counts()
        self._reporter.total = run.record.pairs
        self._reporter.before = Counts(ok=before.ok) if self._retry_failed else before
