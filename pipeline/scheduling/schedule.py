"""Which pair goes to which worker, what follows from every event: pure decisions, no Ray, I/O or clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.backlog import Backlog
from neckar.pipeline.scheduling.events import (
    Advance,
    Cause,
    Command,
    Died,
    Event,
    Joined,
    Kill,
    Outcome,
    Release,
    Returned,
    Settle,
    SetupFailed,
    Staffed,
    Start,
    Status,
    Stop,
    Tick,
)
from neckar.pipeline.scheduling.limits import Counts, Limits
from neckar.pipeline.scheduling.suspects import Blame, Charge, Sentence
from neckar.pipeline.scheduling.workers import Crew, Worker, listed
from neckar.schemas.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from neckar.pipeline.scheduling.waiting import Ticket
    from neckar.schemas.pair import Pair

CALLS_IN_FLIGHT = 2  # one runs, one waits in the worker, so that it never idles for the driver


class Schedule:
    """pending → leased → ok | retry | failed | quarantined, for a stream of pairs and a changing crew.

    Invariant: every pair of the source gets exactly one `Settle`, unless a `Stop` ends the run before.

    Args:
        source: the pairs still to do; read lazily, `limits.window` ahead, and not before a worker is ready.
        workers: how many workers are wanted.
        program: what pairs must share to be optimised in one batch.
        cost: expected work of a pair; the longest are handed out first.
        now: the driver's clock, in seconds.
    """

    def __init__(
        self,
        source: Iterable[Pair],
        *,
        workers: int,
        program: Callable[[Pair], Hashable],
        cost: Callable[[Pair], float],
        limits: Limits,
        now: float,
    ) -> None:
        self._backlog = Backlog(source, size=max(limits.window, workers), program=program, cost=cost)
        self._target = workers
        self._limits = limits
        self._blame = Blame(
            solo_deaths=limits.solo_deaths, node_losses=limits.node_losses, node_deaths=limits.node_deaths
        )
        self._crew = Crew()
        self._clearing = ""  # the worker that gets no new pairs, so that a suspect finds it empty
        self._setup_failures = 0
        self._start_after = now
        self._unwritten = 0
        self._progress_at = now
        self._out: list[Command] = []
        self._errors: Counter[ErrorCode] = Counter()
        self.counts = Counts()
        self.stopped: str | None = None  # why the run ends early

    # --- what the driver reads ---

    @property
    def finished(self) -> bool:
        """Every pair of the source is settled."""
        return self._backlog.exhausted and not self._outstanding

    @property
    def in_flight(self) -> int:
        """Pairs on workers."""
        return self._crew.in_flight

    @property
    def workers(self) -> int:
        """Workers ready."""
        return self._crew.ready

    def waiting_for(self) -> str:
        """In words, what has to happen next for the run to go on."""
        busy = [str(worker) for worker in self._crew.values() if worker.leases]
        parts = [listed(busy, "; ")] if busy else []
        starting = len(self._crew) - self._crew.ready
        if starting:
            parts.append(f"{starting} worker(s) to start (are GPUs or cores free on the cluster?)")
        if self._blame.avoided:
            avoided = ", ".join(sorted(self._blame.avoided))
            parts.append(f"machines other than {avoided}, where workers died in a row")
        if self._backlog.paused:
            parts.append(f"the store to answer again ({self._backlog.paused} pair(s) pause)")
        return "; ".join(parts) or ("nothing" if self.finished else "a worker to be started")

    # --- events in, commands out ---

    def stop(self, reason: str) -> None:
        """Begin nothing more. What still comes in is settled."""
        if self.stopped is None:
            self.stopped = reason
            self._out.append(Stop(reason))

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event in and say what is to be done, in this order.

        Silence and standstill are judged on a `Tick` only: the driver gives it after all that has come in, so
        that its own slowness is charged to nobody.
        """
        self._out = []
        match event:
            case Joined():
                self._join(event, now)
            case SetupFailed():
                self._crew.pop(event.worker, None)
                self._setup_failed(event.node, event.message, now)
            case Returned():
                self._returned(event, now)
            case Died():
                self._bury(event.worker, event.cause, event.message)
            case Staffed():
                self._target = event.workers
            case Tick():
                self._judge_silence(now)
                self._judge_standstill(now)
        self._judge_errors()
        if self.stopped is None:
            if self._crew.ready or self._backlog.begun:
                self._backlog.feed(now)
            self._lease(now)
            self._release()
            self._start(now)
        return self._out

    def _join(self, event: Joined, now: float) -> None:
        worker = self._crew.get(event.worker)
        if worker is None:
            return
        worker.node = event.node
        worker.size(event.slots)
        self._setup_failures = 0
        self._progress_at = now

    def _setup_failed(self, node: str, message: str, now: float) -> None:
        self._setup_failures += 1
        self._blame.accuse(node, object(), others=self._crew.nodes())
        if self._setup_failures < self._limits.setup_failures:
            return
        if self._crew.ready:
            self._start_after = now + self._limits.setup_pause_s
        else:
            self.stop(f"no worker could be made ready, {self._setup_failures} failed in a row: {message}")

    def _returned(self, event: Returned, now: float) -> None:
        worker = self._crew.get(event.worker)
        if worker is None:
            return  # buried before it spoke; its pairs are queued again and find their pictures on the store
        worker.calls -= 1
        worker.heard_at = now
        if event.slots:
            worker.size(event.slots)
        if event.outcomes or event.evaluations:
            self._progress_at = now
        for outcome in event.outcomes:
            lease = worker.leases.pop(outcome.index, None)
            if lease is not None:
                self._conclude(worker, lease.ticket, outcome, now)
        for index in event.running:
            lease = worker.leases.get(index)
            if lease is not None and lease.running_since is None:
                lease.running_since = now
        worker.alone = worker.alone and bool(worker.leases)

    def _conclude(self, worker: Worker, ticket: Ticket, outcome: Outcome, now: float) -> None:
        if outcome.code is None:
            self._unwritten = 0
            self._blame.vindicate(worker.node)
            self._settle(ticket, "ok", worker.name)
        elif outcome.unwritten:
            self._unwritten += 1
            self._backlog.pause(ticket, now + self._limits.pause_s)
            if self._unwritten >= self._limits.unwritten:
                self.stop(f"the output takes no pictures: {outcome.message}")
        elif outcome.code is ErrorCode.STORE_UNAVAILABLE and ticket.refusals + 1 < self._limits.refusals:
            ticket.refusals += 1
            self._backlog.pause(ticket, now + self._limits.pause_s)
        elif outcome.code is ErrorCode.OUT_OF_MEMORY and not worker.alone:
            self._backlog.suspect(ticket)  # it may fit without its neighbours
        else:
            self._settle(ticket, "failed", worker.name, outcome.code, outcome.message)

    def _bury(self, name: str, cause: Cause, message: str) -> None:
        worker = self._crew.pop(name, None)
        if worker is None:
            return
        fault = cause in {Cause.CRASHED, Cause.SILENT}
        for index, lease in worker.leases.items():
            if fault and worker.alone:
                self._blame.accuse(worker.node, index, others=self._crew.nodes())
            self._sentence(worker, lease.ticket, cause, message)

    def _sentence(self, worker: Worker, ticket: Ticket, cause: Cause, message: str) -> None:
        code = ErrorCode.WORKER_SILENT if cause is Cause.SILENT else ErrorCode.WORKER_DIED
        charge = Charge(worker.node, code, message)
        match self._blame.judge(ticket, alone=worker.alone, cause=cause, charge=charge):
            case Sentence.AGAIN:
                self._backlog.again(ticket)
            case Sentence.ALONE:
                self._backlog.suspect(ticket)
            case Sentence.QUARANTINE:
                deaths = self._blame.charged(ticket)
                told = f"{deaths} workers died with this pair alone in them; the last: {message}"
                self._settle(ticket, "quarantined", worker.name, code, told)

    # --- judgements ---

    def _judge_silence(self, now: float) -> None:
        for worker in list(self._crew.values()):
            silence = now - worker.heard_at
            if worker.calls and silence > self._limits.silence_s:
                reason = f"no answer for {silence:.0f} s"
                self._out.append(Kill(worker.name, reason))
                self._bury(worker.name, Cause.SILENT, reason)

    def _judge_standstill(self, now: float) -> None:
        still = now - self._progress_at
        if still > self._limits.stall_s and not self.finished:
            self.stop(f"no progress for {still:.0f} s; waiting for {self.waiting_for()}")

    def _judge_errors(self) -> None:
        rate, settled = self._limits.error_rate, self.counts.settled
        bad = self.counts.failed + self.counts.quarantined
        if rate is not None and settled >= self._limits.error_rate_after and bad > rate * settled:
            table = ", ".join(f"{code} {count}" for code, count in self._errors.most_common())
            self.stop(f"{bad} of {settled} pairs failed, more than the limit of {rate:.0%}: {table}")

    def _settle(
        self,
        ticket: Ticket,
        status: Status,
        worker: str,
        code: ErrorCode | None = None,
        message: str | None = None,
    ) -> None:
        self.counts.add(status)
        if code is not None:
            self._errors[code] += 1
        self._out.append(Settle(ticket.pair, status, ticket.attempts, worker, code, message))

    # --- handing out ---

    @property
    def _outstanding(self) -> int:
        return len(self._backlog) + self._crew.in_flight

    def _lease(self, now: float) -> None:
        self._clear_for_suspects()
        wanted = max(1, min(self._target, self._outstanding))
        # In the tail everyone gets an equal share, so that nobody sits on pairs another could begin.
        share = -(-self._outstanding // wanted) if self._backlog.exhausted else self._limits.window
        for worker in self._crew.least_laden():
            if worker.calls >= CALLS_IN_FLIGHT:
                continue
            tickets = self._choose(worker, share)
            worker.lease(tickets)
            drop = worker.overdue(now, self._limits.pair_s)
            if not worker.leases:
                continue
            if worker.calls == 0:
                worker.heard_at = now
            self._out.append(Advance(worker.name, tuple(ticket.pair for ticket in tickets), drop))
            self._out.extend(Advance(worker.name) for _ in range(CALLS_IN_FLIGHT - worker.calls - 1))
            worker.calls = CALLS_IN_FLIGHT

    def _choose(self, worker: Worker, share: int) -> list[Ticket]:
        if worker.alone or worker.node in self._blame.avoided:
            return []
        if not worker.leases:
            nodes = self._crew.nodes() - self._blame.avoided
            suspect = self._backlog.take_suspect(lambda t: self._blame.may_rerun_on(worker.node, t, nodes))
            if suspect:
                worker.alone = True
                return suspect
        if worker.name == self._clearing:
            return []
        return self._backlog.take(worker.program, min(worker.depth, share) - len(worker.leases))

    def _clear_for_suspects(self) -> None:
        """Empty one worker for the first suspect, unless one is empty already or on its way."""
        suspect = self._backlog.first_suspect
        nodes = self._crew.nodes() - self._blame.avoided
        able = {
            name: worker
            for name, worker in self._crew.items()
            if suspect is not None
            and worker.node not in self._blame.avoided
            and self._blame.may_rerun_on(worker.node, suspect, nodes)
        }
        if any(worker.alone or not worker.leases for worker in able.values()):
            self._clearing = ""
        elif self._clearing not in able:
            self._clearing = min(able, key=lambda name: len(able[name].leases), default="")

    def _release(self) -> None:
        done = self._backlog.exhausted and not self._backlog
        for worker in list(self._crew.values()):
            if worker.idle and (done or worker.node in self._blame.avoided):
                del self._crew[worker.name]
                self._out.append(Release(worker.name))

    def _start(self, now: float) -> None:
        wanted = min(self._target, self._outstanding) if self._backlog.begun else self._target
        while len(self._crew) < wanted and now >= self._start_after:
            worker = self._crew.hire()
            self._out.append(Start(worker.name, frozenset(self._blame.avoided)))
