"""Which pair goes to which worker, what follows from every event: pure decisions, no Ray, I/O or clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.backlog import Backlog
from neckar.pipeline.scheduling.events import (
    Cause,
    Command,
    Died,
    Event,
    Joined,
    Kill,
    Placed,
    Returned,
    Settle,
    SetupFailed,
    Staffed,
    Start,
    Stop,
    Tick,
)
from neckar.pipeline.scheduling.handing_out import HandingOut
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.scheduling.pair_state import PairState, SoloDeath, Verdict
from neckar.pipeline.scheduling.setups import SetupRecord
from neckar.pipeline.scheduling.suspects import Consequence, FaultRecord
from neckar.pipeline.scheduling.workers import Worker, Workers, listed
from neckar.schemas.errors import ErrorCode
from neckar.schemas.status import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from neckar.pipeline.messages.outcome import Outcome
    from neckar.schemas.pair import Pair
    from neckar.schemas.status import Status

# What another node may come to another end with: its disk, its credentials, its network, its own state.
OF_THE_PLACE = {
    ErrorCode.IMAGE_MISSING,
    ErrorCode.STORE_DENIED,
    ErrorCode.STORE_UNAVAILABLE,
    ErrorCode.INTERNAL,
}


class Schedule:
    """pending → assigned → ok | retry | failed | quarantined, for a stream of pairs and a changing set of workers.

    Invariant: every pair of the source gets exactly one `Settle`, unless a `Stop` ends the run before.

    Args:
        source: the pairs still to do; read lazily, `limits.look_ahead` ahead, and not before a worker is ready.
        workers: how many workers are wanted.
        nodes: how many machines they may be placed on.
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
        nodes: int = 1,
    ) -> None:
        self._backlog = Backlog(source, size=max(limits.look_ahead, workers), program=program, cost=cost)
        self._target = workers
        self._node_count = nodes
        self._limits = limits
        self._faults = FaultRecord(
            solo_deaths=limits.solo_deaths,
            node_losses=limits.node_losses,
            node_deaths=limits.node_deaths,
            contradictions=limits.contradictions,
        )
        self._workers = Workers()
        self._handing_out = HandingOut(self._backlog, self._workers, self._faults, limits)
        self._setups = SetupRecord(limits.setup_failures)
        self._start_after = now
        self._unwritten = 0  # pictures in a row, since this time
        self._unwritten_since = now
        self._progress_at = now
        self._begun_at = now
        self._out: list[Command] = []
        self._errors: Counter[ErrorCode] = Counter()
        self.counts = Counts()
        self.stopped: str | None = None  # why the run ends early

    # --- what the driver reads ---

    @property
    def finished(self) -> bool:
        """Every pair of the source is settled."""
        return self._backlog.exhausted and not self._handing_out.outstanding

    @property
    def in_flight(self) -> int:
        """Pairs on workers."""
        return self._workers.in_flight

    @property
    def workers(self) -> int:
        """Workers ready."""
        return self._workers.ready

    def waiting_for(self) -> str:
        """In words, what has to happen next for the run to go on."""
        busy = [str(worker) for worker in self._workers.values() if worker.assignments]
        parts = [listed(busy, "; ")] if busy else []
        starting = len(self._workers) - self._workers.ready
        if starting:
            parts.append(f"{starting} worker(s) to start (are GPUs or cores free on the cluster?)")
        if self._faults.avoided:
            avoided = ", ".join(sorted(self._faults.avoided))
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
        that its own slowness is counted against nobody.
        """
        self._out = []
        match event:
            case Placed():
                self._place(event, now)
            case Joined():
                self._join(event, now)
            case SetupFailed():
                self._workers.remove(event.worker)
                self._setup_failed(event.node, event.message, now)
            case Returned():
                self._returned(event, now)
            case Died():
                self._worker_died(event.worker, event.cause, event.message)
            case Staffed():
                self._target, self._node_count = event.workers, event.nodes
                self._judge_nodes()
            case Tick():
                self._judge_silence(now)
                self._judge_setups(now)
                self._judge_unopposed(now)
                self._judge_standstill(now)
        self._judge_errors()
        if self.stopped is None:
            if self._workers.ready or self._backlog.begun:
                self._backlog.feed(now)
            self._out += self._handing_out.assign(now, self._target)
            self._out += self._handing_out.release()
            self._start(now)
        return self._out

    def _place(self, event: Placed, now: float) -> None:
        worker = self._workers.get(event.worker)
        if worker is not None:
            self._workers.place(worker, event.node, now)

    def _join(self, event: Joined, now: float) -> None:
        worker = self._workers.get(event.worker)
        if worker is None:
            return
        self._workers.join(worker, event.node, event.slots)
        self._setups.succeeded(event.node)
        self._progress_at = now

    def _setup_failed(self, node: str, message: str, now: float) -> None:
        self._setups.failed(node, message)
        self._faults.worker_died(node, object(), others=self._workers.nodes())
        if self._workers.ready and node in self._setups.spent and self._setups.exhausted(self._node_count):
            self._start_after = now + self._limits.setup_pause_s
        self._judge_nodes()

    def _judge_nodes(self) -> None:
        """Without a worker, and without a machine that is worth another try. Machines may have gone meanwhile."""
        if not self._workers.ready and self._setups.exhausted(self._node_count):
            self.stop(f"no worker could be made ready, {self._setups.told()}")

    def _returned(self, event: Returned, now: float) -> None:
        worker = self._workers.get(event.worker)
        if worker is None:
            return  # dead before it spoke; its pairs are queued again and find their pictures on the store
        self._workers.answered(worker)
        worker.heard_at = now
        if event.slots:
            worker.set_slots(event.slots)
        if event.outcomes or event.evaluations:
            self._progress_at = now
        for outcome in event.outcomes:
            assignment = self._workers.take_back(worker, outcome.index)
            if assignment is not None:
                self._conclude(worker, assignment.state, outcome, now)
        for index in event.running:
            assignment = worker.assignments.get(index)
            if assignment is not None and assignment.running_since is None:
                assignment.running_since = now
        worker.alone = worker.alone and bool(worker.assignments)

    def _conclude(self, worker: Worker, state: PairState, outcome: Outcome, now: float) -> None:
        if outcome.code is None:
            self._unwritten = 0
            self._faults.picture_finished(worker.node)
            for node in state.verdicts:
                self._faults.contradicted(node, others=self._workers.nodes())
            self._settle(state, "ok", worker.name)
        elif outcome.unwritten:
            self._not_written(worker, state, outcome, now)
        elif outcome.code is ErrorCode.STORE_UNAVAILABLE and state.refusals + 1 < self._limits.refusals:
            state.refusals += 1
            self._backlog.pause(state, now + self._limits.pause_s)
        elif outcome.code is ErrorCode.OUT_OF_MEMORY and not worker.alone:
            self._backlog.set_apart(state)  # it may fit without its neighbours
        elif outcome.code in OF_THE_PLACE and self._may_differ(worker, state, now):
            state.verdicts[worker.node] = Verdict(worker.name, outcome.code, outcome.message)
            self._backlog.contest(state)
        else:
            self._settle(state, "failed", worker.name, outcome.code, outcome.message)

    def _not_written(self, worker: Worker, state: PairState, outcome: Outcome, now: float) -> None:
        """No fault of the pair. Of one node among several, or of the output itself."""
        assert outcome.code is not None
        if not self._unwritten:
            self._unwritten_since = now
        self._unwritten += 1
        if self._may_differ(worker, state, now):
            state.verdicts[worker.node] = Verdict(worker.name, outcome.code, outcome.message, unwritten=True)
            self._backlog.contest(state)
        else:
            state.verdicts.clear()
            self._backlog.pause(state, now + self._limits.pause_s)
        lasting = len(self._workers.nodes()) == 1 or now - self._unwritten_since >= self._limits.unwritten_s
        if self._unwritten >= self._limits.unwritten and lasting:
            self.stop(f"the output takes no pictures: {outcome.message}")

    def _may_differ(self, worker: Worker, state: PairState, now: float) -> bool:
        """Whether this is the first node that failed at a pair, and another is there to ask, or comes."""
        return not state.verdicts and bool(self._to_ask(now) - {worker.node})

    def _to_ask(self, now: float) -> set[str]:
        """Nodes with a worker, or with one that is getting ready; at the start, "" for those that may yet get one."""
        coming = self._workers.coming()
        if self._node_count == 1 or now - self._begun_at > self._limits.gather_s:
            coming.discard("")
        return (self._workers.nodes() | coming) - self._faults.avoided

    def _worker_died(self, name: str, cause: Cause, message: str) -> None:
        worker = self._workers.remove(name)
        if worker is None:
            return
        fault = cause in {Cause.CRASHED, Cause.SILENT}
        if cause in {Cause.PREEMPTED, Cause.NODE_LOST}:
            self._workers.doubt(worker.node)
        for index, assignment in worker.assignments.items():
            if fault and worker.alone:
                self._faults.worker_died(worker.node, index, others=self._workers.nodes())
            self._judge_pair(worker, assignment.state, cause, message)

    def _judge_pair(self, worker: Worker, state: PairState, cause: Cause, message: str) -> None:
        code = ErrorCode.WORKER_SILENT if cause is Cause.SILENT else ErrorCode.WORKER_DIED
        death = SoloDeath(worker.node, code, message)
        match self._faults.consequence(state, alone=worker.alone, cause=cause, death=death):
            case Consequence.AGAIN:
                self._backlog.requeue(state)
            case Consequence.ALONE:
                self._backlog.set_apart(state)
            case Consequence.QUARANTINE:
                deaths = self._faults.solo_deaths(state)
                told = f"{deaths} workers died with this pair alone in them; the last: {message}"
                self._settle(state, "quarantined", worker.name, code, told)

    # --- judgements ---

    def _judge_silence(self, now: float) -> None:
        for worker in list(self._workers.values()):
            silence = now - worker.heard_at
            if worker.calls and silence > self._limits.silence_s:
                reason = f"no answer for {silence:.0f} s"
                self._out.append(Kill(worker.name, reason))
                self._worker_died(worker.name, Cause.SILENT, reason)

    def _judge_setups(self, now: float) -> None:
        """A worker that hangs before it is ready."""
        for worker in list(self._workers.values()):
            since = worker.placed_at
            if not worker.ready and since is not None and now - since > self._limits.setup_s:
                reason = f"not ready after {now - since:.0f} s"
                self._out.append(Kill(worker.name, reason))
                self._workers.remove(worker.name)
                self._setup_failed(worker.node, reason, now)

    def _judge_unopposed(self, now: float) -> None:
        """Pairs that failed on one node while the others went away, or did not come."""
        nodes = self._to_ask(now)
        for state in self._backlog.take_uncontested(nodes) if nodes else ():
            *_, last = state.verdicts.values()
            if last.unwritten:
                state.verdicts.clear()
                self._backlog.requeue(state)
            else:
                self._settle(state, "failed", last.worker, last.code, last.message)

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
        state: PairState,
        status: Status,
        worker: str,
        code: ErrorCode | None = None,
        message: str | None = None,
    ) -> None:
        self.counts = self.counts.plus(status)
        if code is not None:
            self._errors[code] += 1
        self._out.append(Settle(state.pair, status, state.attempts, worker, code, message))

    # --- starting ---

    def _start(self, now: float) -> None:
        wanted = min(self._target, self._handing_out.outstanding) if self._backlog.begun else self._target
        while len(self._workers) < wanted and now >= self._start_after:
            worker = self._workers.add()
            self._out.append(Start(worker.name, frozenset(self._to_avoid)))

    @property
    def _to_avoid(self) -> set[str]:
        """Bad nodes, and those where no setup succeeds if others are left."""
        spent = self._setups.spent - {""}
        return self._faults.avoided | (spent if len(spent) < self._node_count else set())
