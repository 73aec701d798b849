"""A worker's inside: pictures are fetched and results stored in threads beside the engine that computes."""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neckar.pipeline.images.finish import Finished
from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.messages.outcome import Outcome
from neckar.pipeline.results.recovery import for_pair
from neckar.pipeline.storage.store import StoreError
from neckar.pipeline.synthesis.task import Failure, Program, Solution, Task
from neckar.pipeline.worker.engine import Engine
from neckar.pipeline.worker.image_store import ImageStore
from neckar.pipeline.worker.recipe import Recipe
from neckar.pipeline.worker.rows import Maker, control_row, made_row, measured_row
from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow

log = logging.getLogger(__name__)

FETCHERS = 4  # a store answers in some 30 ms; a GPU may finish fifty small pictures a second
FRAMES = 4  # of a defect's traceback, innermost first, in its row
STORERS = 2  # encoding a PNG takes some 50 ms


@dataclass(frozen=True, slots=True)
class _ToStore:
    """A picture, its row, and what it was on its way."""

    row: ResultRow
    finished: Finished
    snapshots: tuple[tuple[int, Finished], ...] = ()


@dataclass(frozen=True, slots=True)
class _Stored:
    """The picture under this spec hash stands on the store."""

    spec_hash: str
    row: ResultRow


@dataclass(frozen=True, slots=True)
class _Found:
    """The pair's picture was on the store already."""

    row: ResultRow


@dataclass(frozen=True, slots=True)
class _NotStored:
    """The picture could not be stored."""

    spec_hash: str
    code: ErrorCode
    message: str
    store_at_fault: bool = True


class WorkerLoop:
    """One engine with its hands.

    Pairs that ask for the same picture are computed once; a picture that stands on the store is not computed again.

    Args:
        engine: what computes.
        images: the run's pictures on the store.
        prepare: fetches a pair's pictures; raises `PairError` or `StoreError`.
        maker: for the rows.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        engine: Engine,
        images: ImageStore,
        *,
        prepare: Callable[[Pair], Recipe],
        maker: Maker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._images = images
        self._prepare = prepare
        self._maker = maker
        self._clock = clock
        self._open: set[int] = set()  # pairs handed in and not settled
        self._making: dict[str, list[Recipe]] = {}  # by spec hash, until the picture is stored; twins share an entry
        self._outcomes: list[Outcome] = []
        self._rows: dict[int, ResultRow] = {}
        self._counted = 0  # of the engine's evaluations, those delivered
        self._counted_bytes = 0  # of the pictures stored, those delivered
        self._to_fetch: queue.SimpleQueue[Pair] = queue.SimpleQueue()
        self._to_store: queue.SimpleQueue[_ToStore] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[Recipe | Outcome | _Found | _Stored | _NotStored] = queue.SimpleQueue()
        for number in range(FETCHERS):
            self._begin(f"fetch-{number}", self._to_fetch, self._fetch)
        for number in range(STORERS):
            self._begin(f"store-{number}", self._to_store, self._store)

    def advance(self, pairs: Iterable[Pair], *, drop: Iterable[int], budget_s: float) -> Delivery:
        """Take pairs in, compute for about `budget_s` seconds, and tell what is settled.

        Returns early when nothing is left, or when something is settled and there is room for more.

        Args:
            pairs: new ones.
            drop: indices of pairs whose time is over.
            budget_s: the last evaluation may take longer.
        """
        until = self._clock() + budget_s
        for pair in pairs:
            self._open.add(pair.index)
            self._to_fetch.put(pair)
        self._drop(set(drop))
        while self._open and (left := until - self._clock()) > 0:
            if self._outcomes and len(self._open) <= self._engine.slots:
                break
            self._hear(wait_s=0.0 if self._engine.backlog else left)
            if self._engine.backlog:
                self._step(until)
        return self._deliver()

    def _deliver(self) -> Delivery:
        fractions = {
            recipe.pair.index: done
            for key, done in self._engine.running.items()
            for recipe in self._making.get(key, ())
        }
        last = self._engine.last_losses
        losses = {r.pair.index: last[key] for key in last for r in self._making.get(key, ())}
        evaluations, stored_bytes = self._engine.evaluations, self._images.stored_bytes
        delivery = Delivery(
            outcomes=tuple(self._outcomes),
            rows=self._rows,
            running=tuple(fractions),
            under_way=sum(fractions.values()),
            evaluations=evaluations - self._counted,
            slots=self._engine.slots,
            stored_bytes=stored_bytes - self._counted_bytes,
            done=tuple(fractions.values()),
            losses=losses,
        )
        self._outcomes, self._rows, self._counted, self._counted_bytes = [], {}, evaluations, stored_bytes
        return delivery

    # --- in the engine's thread ---

    def _step(self, until: float) -> None:
        """Compute until something is to be told or heard."""
        together: dict[Program, list[Solution]] = {}
        for end in self._engine.step(lambda: self._clock() >= until or not self._news.empty()):
            if isinstance(end, Failure):
                self._fail(end.key, ErrorCode(end.code), end.message)
            else:
                together.setdefault(self._task(end.key).program, []).append(end)
        for ended in together.values():
            self._pass_on(ended)

    def _make(self, recipe: Recipe) -> None:
        """Hand it to the engine, or a control, which is made already, to the store."""
        if recipe.task is not None:
            self._engine.submit(recipe.task)
            return
        try:
            assert recipe.control is not None
            finished = recipe.finish(recipe.control.image)
            self._to_store.put(_ToStore(control_row(recipe, finished, self._maker), finished))
        except Exception as error:  # a defect of ours costs one pair
            log.exception("%s", recipe.pair.pair_id)
            self._fail(recipe.spec_hash, ErrorCode.INTERNAL, _in_a_line(error))

    def _pass_on(self, ended: Sequence[Solution]) -> None:
        """Judge the pictures of one program, and store them."""
        recipes = [self._making[end.key][0] for end in ended]
        try:
            finished = [recipe.finish(end.image) for recipe, end in zip(recipes, ended, strict=True)]
            seen = [recipe.seen(one.levels) for recipe, one in zip(recipes, finished, strict=True)]
            losses = self._engine.losses([self._task(end.key) for end in ended], seen)
            made = zip(recipes, ended, finished, losses, strict=True)
            rows = [made_row(*one, self._maker) for one in made]
            snapshots = [
                tuple((iteration, recipe.finish(image)) for iteration, image in end.snapshots)
                for recipe, end in zip(recipes, ended, strict=True)
            ]
        except Exception as error:  # a defect of ours costs one pair, not the others in the slots
            if len(ended) > 1:
                for end in ended:
                    self._pass_on([end])
            elif isinstance(error, MemoryError):  # alone on a worker it may do
                self._fail(ended[0].key, ErrorCode.OUT_OF_MEMORY, str(error))
            else:
                log.exception("%s", recipes[0].pair.pair_id)
                self._fail(ended[0].key, ErrorCode.INTERNAL, _in_a_line(error))
            return
        for job in zip(rows, finished, snapshots, strict=True):
            self._to_store.put(_ToStore(*job))

    def _task(self, key: str) -> Task:
        task = self._making[key][0].task
        assert task is not None, "the engine knows no controls"
        return task

    def _hear(self, wait_s: float) -> None:
        """Take in what the threads have to say; wait for a first word if there is nothing else to do."""
        try:
            self._learn(self._news.get(timeout=wait_s) if wait_s > 0 else self._news.get_nowait())
            while True:
                self._learn(self._news.get_nowait())
        except queue.Empty:
            return

    def _learn(self, news: Recipe | Outcome | _Found | _Stored | _NotStored) -> None:
        match news:
            case Recipe():
                self._making.setdefault(news.spec_hash, []).append(news)
                if len(self._making[news.spec_hash]) == 1:
                    self._make(news)
            case Outcome():
                self._settle(news)
            case _Found():
                self._succeed(news.row)
            case _Stored():
                for recipe in self._making.pop(news.spec_hash):
                    self._succeed(for_pair(news.row, recipe.pair))
            case _NotStored():
                self._fail(news.spec_hash, news.code, news.message, unwritten=news.store_at_fault)

    def _drop(self, overdue: set[int]) -> None:
        for key, recipes in list(self._making.items()):
            late = overdue & {recipe.pair.index for recipe in recipes}
            if late and self._engine.evict(key):  # else it is done and on its way to the store
                self._fail(
                    key, ErrorCode.DEADLINE_EXCEEDED, "took longer than its time limit; raise it or ask for less"
                )

    def _fail(self, key: str, code: ErrorCode, message: str, *, unwritten: bool = False) -> None:
        for recipe in self._making.pop(key):
            self._settle(Outcome(recipe.pair.index, code, message, unwritten))

    def _succeed(self, row: ResultRow) -> None:
        self._rows[row.pair_index] = row
        self._settle(Outcome(row.pair_index))

    def _settle(self, outcome: Outcome) -> None:
        self._open.discard(outcome.index)
        self._outcomes.append(outcome)

    # --- in the threads beside it ---

    def _begin(self, name: str, jobs: queue.SimpleQueue[Any], work: Callable[[Any], None]) -> None:
        def serve() -> None:
            while True:
                work(jobs.get())

        threading.Thread(target=serve, name=name, daemon=True).start()  # no daemon, no end of the process

    def _fetch(self, pair: Pair) -> None:
        try:
            recipe = self._prepare(pair)
        except PairError as error:
            self._news.put(Outcome(pair.index, error.code, error.message))
        except StoreError as error:
            self._news.put(Outcome(pair.index, error.code, str(error)))
        except Exception as error:  # a defect of ours costs one pair
            log.exception("%s", pair.pair_id)
            self._news.put(Outcome(pair.index, ErrorCode.INTERNAL, _in_a_line(error)))
        else:
            self._look_up(recipe)

    def _look_up(self, recipe: Recipe) -> None:
        index = recipe.pair.index
        try:
            row = self._images.find(recipe.spec_hash)
        except StoreError as error:
            self._news.put(Outcome(index, error.code, str(error), unwritten=True))
        except Exception as error:  # a defect of ours costs one pair
            log.exception("%s", recipe.pair.pair_id)
            self._news.put(Outcome(index, ErrorCode.INTERNAL, _in_a_line(error)))
        else:
            self._news.put(recipe if row is None else _Found(for_pair(row, recipe.pair)))

    def _store(self, job: _ToStore) -> None:
        row, finished = job.row, job.finished
        assert row.spec_hash is not None
        try:
            self._images.put_snapshots(row.spec_hash, job.snapshots)
            stored = self._images.put(measured_row(row, finished), finished)
            self._news.put(_Stored(row.spec_hash, stored))
        except StoreError as error:
            self._news.put(_NotStored(row.spec_hash, error.code, str(error)))
        except Exception as error:  # a defect of ours costs one pair
            log.exception("%s", row.pair_id)
            self._news.put(_NotStored(row.spec_hash, ErrorCode.INTERNAL, _in_a_line(error), store_at_fault=False))


def _in_a_line(error: Exception) -> str:
    """The exception and where it came from: a pod's log dies with it, a row does not."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{' '.join(f'{type(error).__name__}: {error}'.split())} (at {places})"
