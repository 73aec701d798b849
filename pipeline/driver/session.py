"""`run`: a manifest made into a complete set of pictures and rows, or taken up again where it was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neckar.pipeline.driver.demand import Demand
from neckar.pipeline.driver.endings import Interrupted, Stopped
from neckar.pipeline.driver.live_status import LiveStatus
from neckar.pipeline.driver.loop import Driver
from neckar.pipeline.driver.progress import Progress, ProgressReporter
from neckar.pipeline.driver.ray_cluster import Cluster
from neckar.pipeline.driver.run_setup import RunSetup
from neckar.pipeline.driver.run_start import RunStart
from neckar.pipeline.driver.signals import StopSignals
from neckar.pipeline.manifests.source import LoadedManifest
from neckar.pipeline.messages.setup import ENGINE, WorkerSetup
from neckar.pipeline.results.checks.pictures import check_pictures
from neckar.pipeline.results.lease import LeaseLost
from neckar.pipeline.results.run import Resumed
from neckar.pipeline.results.success import seal
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.run import SuccessRecord

SURVEY_S = 1.0  # worth waiting before Ray's start: mistakes in some 25,000 pairs are told at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A complete run.

    Attributes:
        run: its URI.
        ok, failed, quarantined: pairs; their sum is the manifest's.
        seconds: this session took.
    """

    run: str
    ok: int
    failed: int
    quarantined: int
    seconds: float


def run(  # noqa: PLR0913  # the command line's options by keyword, and two that tests set
    loaded: LoadedManifest,
    *,
    output: str,
    workers: int | None = None,
    slots: int | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    limits: Limits | None = None,
    engine: str = ENGINE,
) -> Summary:
    """Make every picture of a manifest. The same call resumes a run that ended early.

    Args:
        loaded: the manifest.
        output: absolute URI of the run.
        workers: processes; one a GPU by default, or one for every four cores.
        slots: images at a time in each; chosen by the engine by default.
        address: of a Ray cluster; Ray is started on this machine by default, whatever RAY_ADDRESS says.
        retry_failed: try pairs again that have no picture from an earlier session, also of a complete run.
        progress: is told about twice a second.
        limits: by what pairs, workers and the run are judged.
        engine: `module:function` that sets a worker's engine up (see `WorkerSetup`); another one only in tests.

    Raises:
        UserError: what the user can mend: mistakes in the pairs, another run at that place, another driver at work.
        StoreError: the output cannot be read or written; found before Ray starts.
        Stopped: the run gave up; the message is the reason.
        Interrupted: Ctrl-C or SIGTERM. All that was done is written.
        Incomplete: pairs are unaccounted for, or pictures that rows tell of are not there.
    """
    with StopSignals(at_once=True) as signals:
        try:
            return _run(
                loaded,
                output,
                _Request(workers, slots, address, retry_failed, limits or Limits(), engine),
                progress,
                signals,
            )
        except (KeyboardInterrupt, SystemExit):  # the second is what Ray's own handler makes of a SIGTERM
            raise Interrupted from None


def _run(
    loaded: LoadedManifest,
    output: str,
    request: _Request,
    progress: Callable[[Progress], None],
    signals: StopSignals,
) -> Summary:
    reporter = ProgressReporter(progress)
    setup = RunSetup(loaded, output, say=reporter.say)
    success = setup.finished()
    retry = request.retry_failed and success is not None and success.ok < success.pairs
    again = success is not None and (retry or setup.reopened(success))
    if success is None or again:
        try:
            reporter.total = setup.pairs(timeout_s=SURVEY_S)
            run = setup.begin()
            with LiveStatus(setup.store, setup.name, lambda: _holder(setup)) as live:
                if run is None or _is_open(run, request):
                    run = _make(setup, run, reporter, request, loaded.weights, signals, live)
                signals.listen_again()
                success = _sealed(setup, run, reporter, again=again)
        except (StoreError, LeaseLost) as error:
            if not setup.begun:
                raise
            raise Stopped(str(error)) from error  # the output could be written when the run began
        finally:
            setup.close()
    return Summary(
        run=setup.store.uri,
        ok=success.ok,
        failed=success.failed,
        quarantined=success.quarantined,
        seconds=reporter.elapsed_s,
    )


@dataclass(frozen=True, slots=True)
class _Request:
    """What `run` was asked for."""

    workers: int | None
    slots: int | None
    address: str | None
    retry_failed: bool
    limits: Limits
    engine: str


def _sealed(setup: RunSetup, run: Resumed, reporter: ProgressReporter, *, again: bool) -> SuccessRecord:
    reporter.say("the results to be compacted")
    check_pictures(setup.store, run.lease)
    return seal(setup.store, run.record, run.lease, again=again)


def _make(
    setup: RunSetup,
    run: Resumed | None,
    reporter: ProgressReporter,
    request: _Request,
    weights: str,
    signals: StopSignals,
    live: LiveStatus,
) -> Resumed:
    """Every pair that is to be done, on a cluster."""
    reporter.say("Ray to start")
    with Cluster(request.address, started_again=signals.listen_again) as cluster, signals.held_back():
        demand = Demand(cluster, request.workers)
        staffing = demand.staffing
        worker_setup = WorkerSetup(
            weights=weights,
            gpu=staffing.gpus > 0,
            slots=request.slots,
            threads=staffing.threads,
            neighbours=staffing.neighbours,
            engine=request.engine,
        )
        start = RunStart(
            setup,
            run,
            alone=cluster.alone,
            retry_failed=request.retry_failed,
            reporter=reporter,
            signals=signals,
        )
        driver = Driver(
            setup,
            start,
            cluster,
            demand=demand,
            worker_setup=worker_setup,
            limits=request.limits,
            reporter=reporter,
            live=live,
        )
        return driver.work(signals)


def _holder(setup: RunSetup) -> tuple[str, int] | None:
    """Owner and epoch of the lease, as long as it is ours."""
    return (setup.lease.owner, setup.lease.epoch) if setup.begun and setup.lost is None else None


def _is_open(run: Resumed, request: _Request) -> bool:
    """Whether there are pairs to do."""
    counts = run.ledger.counts()
    done = counts.ok if request.retry_failed else counts.settled
    return done < run.record.pairs
