"""What stands in live.json: gathered as the driver hears it, written every ten seconds by a thread of its own.

It is for people who look. No failure here is one of the run, and a store that does not answer holds nobody up.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from neckar.pipeline.driver.endings import Interrupted
from neckar.pipeline.driver.progress import Progress
from neckar.pipeline.messages.delivery import Delivery
from neckar.pipeline.results.layout import LIVE_KEY
from neckar.pipeline.results.records import JSON_TYPE, to_json
from neckar.pipeline.storage.store import Store
from neckar.schemas.live import LiveError, LivePair, LiveRecord, LiveState
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow

log = logging.getLogger(__name__)

EVERY_S = 10.0
_INTERRUPTIONS = (Interrupted, KeyboardInterrupt, SystemExit)
PAIRS_SHOWN, ERRORS_SHOWN = 50, 20
GOODBYE_S = 5.0  # at the end, for the last word


class LiveStatus:
    """The live record of one run. A context manager: how it is left is the run's end.

    Args:
        store: of the run.
        run: its name.
        lease: tells owner and epoch; None while there is no lease yet, and nothing is written before.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        lease: Callable[[], tuple[str, int] | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._run = run
        self._lease = lease
        self._clock = clock
        self._next = clock()
        self._ids: dict[int, str] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._errors: deque[LiveError] = deque(maxlen=ERRORS_SHOWN)
        self._progress: Progress | None = None
        self._waiting: bytes | None = None  # the newest record that is not written yet
        self._wake = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._write, name="live", daemon=True)
        self._thread.start()

    def given(self, pairs: Iterable[Pair]) -> None:
        """Pairs are on their way to a worker."""
        self._ids |= {pair.index: pair.pair_id for pair in pairs}

    def delivered(self, worker: str, delivery: Delivery) -> None:
        """A worker has told where it is."""
        self._deliveries[worker] = delivery

    def gone(self, worker: str) -> None:
        """A worker is there no more."""
        self._deliveries.pop(worker, None)

    def settled(self, row: ResultRow) -> None:
        """A pair has its row."""
        self._ids.pop(row.pair_index, None)
        if row.status != "ok":
            code = None if row.error_code is None else str(row.error_code)
            told = {"code": code, "message": row.error_message, "at": datetime.now(UTC)}
            self._errors.appendleft(LiveError(pair_id=row.pair_id, status=row.status, **told))

    def look(self, progress: Progress) -> None:
        """How far the run is; as often as one likes."""
        self._progress = progress
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY_S
            self._say("running")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The last word, if the store takes it soon."""
        self._deliveries.clear()
        ended: LiveState = "complete" if kind is None else "stopped"
        self._say("interrupted" if kind is not None and issubclass(kind, _INTERRUPTIONS) else ended)
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(GOODBYE_S)

    def _say(self, state: LiveState) -> None:
        lease, progress = self._lease(), self._progress
        if lease is None or progress is None:
            return
        record = LiveRecord(
            run=self._run,
            owner=lease[0],
            epoch=lease[1],
            written_at=datetime.now(UTC),
            state=state,
            total=progress.total,
            ok=progress.ok,
            failed=progress.failed,
            quarantined=progress.quarantined,
            in_flight=progress.in_flight,
            workers=progress.workers,
            pairs_per_min=None if progress.rate is None else round(60 * progress.rate, 2),
            eta_s=None if progress.eta_s is None else round(progress.eta_s, 1),
            elapsed_s=round(progress.elapsed_s, 1),
            waiting_for=progress.waiting_for,
            pairs=self._in_slots(),
            errors=list(self._errors),
        )
        with self._wake:
            self._waiting = to_json(record)
            self._wake.notify()

    def _in_slots(self) -> list[LivePair]:
        found = []
        for worker, delivery in self._deliveries.items():
            for index, done in zip(delivery.running, delivery.done, strict=True):
                loss = delivery.losses.get(index)
                found.append(
                    LivePair(
                        pair_id=self._ids.get(index, f"pair {index}"),
                        worker=worker,
                        done=round(done, 4),
                        loss_total=loss if loss is not None and math.isfinite(loss) else None,
                    )
                )
        return found[:PAIRS_SHOWN]

    def _write(self) -> None:
        while True:
            with self._wake:
                while self._waiting is None and not self._ended:
                    self._wake.wait()
                data, self._waiting = self._waiting, None
            if data is None:
                return
            try:
                self._store.put(LIVE_KEY, data, content_type=JSON_TYPE)
            except Exception as error:  # noqa: BLE001  # advisory: whatever it is, the run goes on
                log.info("%s is not written: %s", LIVE_KEY, error)
