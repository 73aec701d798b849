"""The driver: carries events to the schedule and its commands to the cluster, and writes the rows."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path

from neckar.pipeline.driver.admission import run_info
from neckar.pipeline.driver.capacity import Capacity
from neckar.pipeline.driver.demand import Demand
from neckar.pipeline.driver.endings import Interrupted, Stopped
from neckar.pipeline.driver.live_status import LiveStatus
from neckar.pipeline.driver.progress import ProgressReporter
from neckar.pipeline.driver.ray_cluster import Answer, Cluster, Located, Loss
from neckar.pipeline.driver.ray_metrics import RunMetrics
from neckar.pipeline.driver.run_setup import RunSetup
from neckar.pipeline.driver.run_start import RunStart
from neckar.pipeline.driver.signals import StopSignals
from neckar.pipeline.driver.staffing import means_on
from neckar.pipeline.messages import crash_notes
from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.messages.setup import GraphsFailed, WorkerReady, WorkerSetup
from neckar.pipeline.results.rows.pair_row import row_without_picture
from neckar.pipeline.results.run import Resumed
from neckar.pipeline.scheduling.events import (
    Advance,
    Cause,
    Command,
    Died,
    Event,
    Joined,
    Kill,
    Placed,
    Release,
    Returned,
    Settle,
    SetupFailed,
    Start,
    Stop,
    Tick,
)
from neckar.pipeline.scheduling.expected_cost import cost_of, program_of
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.scheduling.schedule import Schedule
from neckar.schemas.errors import UserError
from neckar.schemas.results import ResultRow

log = logging.getLogger(__name__)

BUDGET_S = 1.0  # of a call: short, so that pairs handed out wait little and a stop signal less
TICK_S = 0.5  # between looks at the clock
DRAIN_S = 15.0  # at the end, for calls in flight: an evaluation on a CPU may take this long
FIRST_SLOTS = 2  # a worker's, until its engine has seen a picture and tells


class Driver:
    """One run on one cluster.

    Args:
        setup: the manifest and the run's place.
        start: of the run, whose terms the first workers decide.
        cluster: where workers are started.
        demand: how many workers, and what each may use.
        worker_setup: how to set each worker up.
        limits: by what the schedule judges.
        reporter: for progress.
        live: what people who look see of it.
    """

    def __init__(
        self,
        setup: RunSetup,
        start: RunStart,
        cluster: Cluster,
        *,
        demand: Demand,
        worker_setup: WorkerSetup,
        limits: Limits,
        reporter: ProgressReporter,
        live: LiveStatus,
    ) -> None:
        self._live = live
        self._setup = setup
        self._start = start
        self._cluster = cluster
        self._demand = demand
        self._capacity = Capacity(cluster, demand.staffing)
        self._worker_setup = worker_setup
        self._reporter = reporter
        self._metrics = RunMetrics(setup.name)
        self._joined: set[str] = set()
        self._alone = cluster.alone
        self._crash_notes: dict[str, Path] = {}
        self._under_way: dict[str, float] = {}  # by worker, in pairs
        self._slots_busy: dict[str, int] = {}  # by worker
        self._made: dict[int, ResultRow] = {}  # of the delivery that the schedule is told of
        self._mistake: UserError | None = None  # the user's, as the last failed setup told it
        self._schedule = Schedule(
            start.todo(),
            workers=demand.staffing.workers,
            program=program_of,
            cost=cost_of,
            limits=limits,
            now=time.monotonic(),
            nodes=self._capacity.nodes,
        )

    def work(self, signals: StopSignals) -> Resumed:
        """Until every pair is settled and its row is written; the run as it was begun.

        However it ends, the rows of what was done are written first.

        Raises:
            Stopped, Interrupted: before the end.
            UserError: mistakes in the pairs, or weights that no worker could read.
            StoreError: the run could not be begun, or its pairs not be read.
        """
        try:
            self._go(signals)
        finally:
            self._start.close()
            for path in self._crash_notes.values():
                crash_notes.forget(path)
        assert self._start.run is not None, "the last pair is read behind the count of all"
        return self._start.run

    def _go(self, signals: StopSignals) -> None:
        self._tell(Tick())
        while not self._schedule.finished:
            for message in self._cluster.hear(TICK_S):
                self._take(message)
            self._look_at_machines()
            self._begin()
            self._tell(Tick())
            self._start.keep_up()
            if self._setup.lost is not None:
                raise Stopped(self._setup.lost)
            if signals.wanted:
                self._schedule.stop("interrupted")
            self._report()
            if self._schedule.stopped is not None:
                self._wind_up(signals)

    def _look_at_machines(self) -> None:
        """They may join a cluster, and leave it, while a run goes on."""
        if self._demand.change():
            self._capacity.staffing = self._demand.staffing
            self._cluster.ask_again(self._demand.staffing)
        if (staffed := self._capacity.news()) is not None:
            self._tell(staffed)

    def _wind_up(self, signals: StopSignals) -> None:
        """Take what the calls in flight bring, and tell why the run ends. Workers that only start bring nothing."""
        until = time.monotonic() + DRAIN_S
        while self._cluster.busy and self._schedule.workers and time.monotonic() < until:
            for message in self._cluster.hear(TICK_S):
                self._take(message)
        if signals.wanted:
            raise Interrupted
        if self._mistake is not None and not self._joined:
            raise self._mistake
        raise Stopped(self._schedule.stopped)

    # --- from the cluster to the schedule ---

    def _take(self, message: Answer | Loss) -> None:
        if isinstance(message, Loss):
            self._worker_lost(message)
            return
        name, value = message.worker, message.value
        if isinstance(value, Located):
            self._tell(Placed(name, value.node))
            means = means_on(self._cluster.machine(value.node), self._demand.staffing)
            self._cluster.call(name, "set_up", dataclasses.replace(self._worker_setup, **means))
        elif isinstance(value, WorkerReady):
            self._worker_ready(name, value)
        elif isinstance(value, Delivery):
            self._made = value.rows
            self._under_way[name], self._slots_busy[name] = value.under_way, len(value.running)
            self._live.delivered(name, value)
            self._metrics.delivered(evaluations=value.evaluations, stored_bytes=value.stored_bytes)
            self._tell(Returned(name, value.outcomes, value.running, value.evaluations, value.slots))
            self._made = {}
        else:
            self._joined.add(name)
            self._tell(Joined(name, self._cluster.node(name), self._worker_setup.slots or FIRST_SLOTS))

    def _worker_ready(self, name: str, ready: WorkerReady) -> None:
        """A worker has its device and weights: those of the start decide what the run is, the others must agree."""
        self._crash_notes[name] = ready.crash_notes
        log.info("%s: %s on %s, pid %d", name, ready.device, ready.host, ready.pid)
        self._start.introduce(name, ready)

    def _begin(self) -> None:
        """Let in who has come; the run may be written down only later."""
        self._start.advance(self._capacity.workers)
        for name, misfit in self._start.misfits():
            self._tell(Died(name, Cause.REPLACED, str(misfit)))
            self._dismiss(name)
        for name, mistake, is_users in self._start.admissions():
            self._mistake = mistake if is_users else self._mistake
            if mistake is not None:
                self._turn_away(name, mistake)
                continue
            assert self._start.terms is not None
            self._tell(Placed(name, self._cluster.node(name)))  # it may have waited for us until now
            self._cluster.call(name, "begin", run_info(self._setup.lease, self._start.terms, self._setup.store))

    def _turn_away(self, name: str, mistake: UserError) -> None:
        """On a Ray of our own there is no other machine to go to; on a cluster what the others say decides."""
        if self._alone:
            raise mistake
        told = mistake.problems[0].message
        log.warning("%s does not join: %s", name, told)
        self._tell(SetupFailed(name, self._cluster.node(name), told))
        self._dismiss(name)

    def _worker_lost(self, loss: Loss) -> None:
        message = loss.message
        path = self._crash_notes.pop(loss.worker, None)
        if path is not None and loss.raised is None and (words := crash_notes.read(path)):
            message = f"{words} ({message})" if loss.cause is Cause.CRASHED else message
        log.warning("%s is lost (%s): %s", loss.worker, loss.cause, message)
        self._idle(loss.worker)
        self._start.forget(loss.worker)
        if isinstance(loss.raised, UserError):  # only the setup raises one: what the user can mend
            if self._alone:
                raise loss.raised
            self._mistake = loss.raised  # of this machine, or of all: what the others say decides
        if isinstance(loss.raised, GraphsFailed):
            log.warning("workers that start from now on record nothing")
            self._worker_setup = dataclasses.replace(self._worker_setup, graphs=False)
            self._tell(Died(loss.worker, Cause.REPLACED, message))
        elif loss.cause is Cause.CRASHED and loss.worker not in self._joined:
            self._tell(SetupFailed(loss.worker, loss.node, message))
        else:
            self._tell(Died(loss.worker, loss.cause, message))

    # --- from the schedule to the cluster ---

    def _tell(self, event: Event) -> None:
        for command in self._schedule.handle(event, time.monotonic()):
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Start():
                self._cluster.start(command.worker, self._demand.staffing, avoid=command.avoid)
            case Advance():
                self._live.given(command.pairs)
                self._cluster.call(command.worker, "advance", command.pairs, command.drop, BUDGET_S)
            case Kill():
                log.warning("%s is killed: %s", command.worker, command.reason)
                self._dismiss(command.worker)
            case Release():
                self._dismiss(command.worker)
            case Settle():
                self._write(command)
            case Stop():
                log.error("the run stops: %s", command.reason)

    def _idle(self, name: str) -> None:
        """A worker is at nothing any more."""
        self._under_way.pop(name, None)
        self._slots_busy.pop(name, None)
        self._live.gone(name)

    def _dismiss(self, name: str) -> None:
        self._idle(name)
        self._start.forget(name)
        self._cluster.dismiss(name)
        crash_notes.forget(self._crash_notes.pop(name, None))

    def _write(self, settled: Settle) -> None:
        if settled.status == "ok":
            row = dataclasses.replace(self._made[settled.pair.index], attempts=settled.attempts)
        else:
            row = row_without_picture(
                settled.pair,
                settled.status,
                attempts=settled.attempts,
                worker=settled.worker,
                code=settled.code,
                message=settled.message,
            )
        node = row.node or self._cluster.node(row.worker or "")
        told = f"{row.status} {row.error_code or ''} {row.error_message or ''}".strip()
        where = (self._setup.name, row.pair_id, row.attempts, row.worker, node)
        log.info("run=%s pair=%s attempt=%d worker=%s node=%s: %s", *where, told)
        self._metrics.settled(row)
        self._live.settled(row)
        self._start.write(row)

    def _report(self) -> None:
        schedule = self._schedule
        age = self._setup.lease_age_s
        self._metrics.look(
            in_flight=schedule.in_flight,
            slots_busy=sum(self._slots_busy.values()),
            workers=schedule.workers,
            lease_age_s=age,
        )
        progress = self._reporter.report(
            schedule.counts,
            in_flight=schedule.in_flight,
            workers=schedule.workers,
            under_way=sum(self._under_way.values()),
            waiting_for=self._capacity.waiting_for or schedule.waiting_for(),
        )
        self._live.look(progress)
