"""Which pair goes to which worker, and which worker may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neckar.pipeline.scheduling.events import Advance, Command, Release

if TYPE_CHECKING:
    from neckar.pipeline.scheduling.backlog import Backlog
    from neckar.pipeline.scheduling.limits import Limits
    from neckar.pipeline.scheduling.pair_state import PairState
    from neckar.pipeline.scheduling.suspects import FaultRecord
    from neckar.pipeline.scheduling.workers import Worker, Workers

CALLS_IN_FLIGHT = 2  # one runs, one waits in the worker, so that it never idles for the driver


class HandingOut:
    """From the backlog to the workers.

    Args:
        backlog: the pairs nobody works on.
        workers: all of them.
        faults: the nodes to avoid, and where a suspect may run again.
        limits: of a pair's time, and of what is read ahead.
    """

    def __init__(self, backlog: Backlog, workers: Workers, faults: FaultRecord, limits: Limits) -> None:
        self._backlog = backlog
        self._workers = workers
        self._faults = faults
        self._limits = limits
        self._clearing = ""  # the worker that gets no new pairs, so that a suspect finds it empty

    @property
    def outstanding(self) -> int:
        """Pairs that were read and are not settled."""
        return len(self._backlog) + self._workers.in_flight

    def assign(self, now: float, target: int) -> list[Command]:
        """Calls for every worker that has room for one, with new pairs where there are some for it.

        Args:
            now: the driver's clock, in seconds.
            target: how many workers are wanted.
        """
        self._clear_for_suspects()
        out: list[Command] = []
        wanted = max(1, min(target, self.outstanding))
        # In the tail everyone gets an equal share, so that nobody sits on pairs another could begin.
        share = -(-self.outstanding // wanted) if self._backlog.exhausted else self._limits.look_ahead
        for worker in sorted(self._workers.hungry.values(), key=lambda worker: len(worker.assignments)):
            states = self._choose(worker, share)
            self._workers.assign(worker, states)
            drop = worker.overdue(now, self._limits.pair_s)
            if not worker.assignments:
                continue
            if worker.calls == 0:
                worker.heard_at = now
            out.append(Advance(worker.name, tuple(state.pair for state in states), drop))
            out.extend(Advance(worker.name) for _ in range(CALLS_IN_FLIGHT - worker.calls - 1))
            self._workers.called(worker, CALLS_IN_FLIGHT)
        return out

    def release(self) -> list[Command]:
        """Let idle workers go when nothing is left to hand out, and those on nodes to avoid."""
        done = self._backlog.exhausted and not self._backlog
        out: list[Command] = []
        for worker in list(self._workers.hungry.values()) if done or self._faults.avoided else ():
            if worker.idle and (done or worker.node in self._faults.avoided):
                self._workers.remove(worker.name)
                out.append(Release(worker.name))
        return out

    def _choose(self, worker: Worker, share: int) -> list[PairState]:
        if worker.alone or worker.doubts or worker.node in self._faults.avoided:
            return []
        if not worker.assignments:
            nodes = self._workers.nodes() - self._faults.avoided
            suspect = self._backlog.take_suspect(lambda state: self._faults.may_rerun_on(worker.node, state, nodes))
            if suspect:
                worker.alone = True
                return suspect
        if worker.name == self._clearing:
            return []
        return self._backlog.take(worker.program, min(worker.depth, share) - len(worker.assignments), worker.node)

    def _clear_for_suspects(self) -> None:
        """Empty one worker for the first suspect, unless one is empty already or on its way."""
        suspect = self._backlog.first_suspect
        if suspect is None:
            self._clearing = ""
            return
        nodes = self._workers.nodes() - self._faults.avoided
        able = {
            name: worker
            for name, worker in self._workers.items()
            if worker.node not in self._faults.avoided and self._faults.may_rerun_on(worker.node, suspect, nodes)
        }
        if any(worker.alone or not worker.assignments for worker in able.values()):
            self._clearing = ""
        elif self._clearing not in able:
            self._clearing = min(able, key=lambda name: len(able[name].assignments), default="")
