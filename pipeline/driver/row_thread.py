"""A thread that writes the rows, so that the schedule waits neither for the store nor for Parquet."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress

from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.driver.row_sink import RowSink
from neckar.schemas.results import ResultRow

WAITING_MAX = 4096  # rows handed over and not yet taken; beyond them who adds one waits
LOOK_S = 0.5  # between looks at what is due while no rows come


class RowThread:
    """A `RowSink` behind a queue, with the same methods; what it raises is raised by the next call.

    Args:
        sink: used by nobody else from now on.
    """

    def __init__(self, sink: RowSink) -> None:
        self._sink = sink
        self._rows: queue.Queue[ResultRow] = queue.Queue(WAITING_MAX)
        self._error: BaseException | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name="rows", daemon=True)
        self._thread.start()

    def add(self, row: ResultRow) -> None:
        """Hand a row over."""
        while True:
            self._check()
            with suppress(queue.Full):
                self._rows.put(row, timeout=LOOK_S)
                return

    def keep_up(self) -> None:
        """Tell what went wrong since the last call."""
        self._check()

    def close(self) -> None:
        """Write all rows, as long as it takes; in this thread what an earlier error has left."""
        self._ending.set()
        self._thread.join()
        with suppress(Stopped):  # told again below, if it still holds
            while not self._rows.empty():
                self._sink.add(self._rows.get())
        self._sink.close()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        try:
            while True:
                try:
                    self._sink.add(self._rows.get(timeout=0 if self._ending.is_set() else LOOK_S))
                except queue.Empty:
                    if self._ending.is_set():
                        return
                    self._sink.keep_up()
        except BaseException as error:  # noqa: BLE001  # raised where the rows come from
            self._error = error
