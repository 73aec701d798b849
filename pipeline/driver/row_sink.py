"""Rows on their way to the store, through its bad moments."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.results.lease import LeaseLost
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.storage.store import Denied, Full, StoreError
from neckar.schemas.results import ResultRow

log = logging.getLogger(__name__)

RETRY_S, RETRY_MAX_S = 0.5, 15.0  # at the end, between tries; each is twice as long as the one before
TOLD_MAX = 20  # warnings of pictures
PATIENCE_S = 600.0  # a store that does not answer for ten minutes; rows are few meanwhile, for pictures fail too


class RowSink:
    """Writes rows as parts. While the store does not answer they wait, for `patience_s` at most.

    All methods raise `Stopped`: the store refuses or has no room, its silence lasts too long, or another driver has
    taken the run over. The pictures of rows that were not written are found again on the next start.

    Args:
        writer: of this driver's epoch.
        clock: seconds, monotonic.
        patience_s: of the store's silence.
        wait: lets seconds pass between two tries at the end.
    """

    def __init__(
        self,
        writer: PartWriter,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._patience_s = patience_s
        self._silent_since: float | None = None
        self._wait = wait
        self._told: set[str] = set()

    def add(self, row: ResultRow) -> None:
        """Take a row, and write what is due."""
        self._tell(row)
        self._try(lambda: self._writer.add(row))

    def keep_up(self) -> None:
        """Write what is due; to be called now and then while no rows come."""
        self._try(self._writer.flush_if_due)

    def close(self) -> None:
        """Write all rows, as long as it takes."""
        pause_s = RETRY_S
        while self._writer.waiting:
            self._try(self._writer.flush)
            if self._writer.waiting:  # the store may refuse at once, and needs its time
                self._wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)

    def _tell(self, row: ResultRow) -> None:
        """A picture's warnings, once however many pairs share it; the rows have all of them."""
        for warning in row.warnings:
            if warning in self._told or len(self._told) > TOLD_MAX:
                continue
            self._told.add(warning)
            more = "; more pictures have some, in the column warnings" if len(self._told) > TOLD_MAX else ""
            log.warning("%s%s", warning, more)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except LeaseLost as error:
            raise Stopped(str(error)) from error
        except (Denied, Full) as error:
            raise Stopped(f"the results cannot be written: {error}") from error
        except StoreError as error:
            now = self._clock()
            self._silent_since = now if self._silent_since is None else self._silent_since
            if now - self._silent_since > self._patience_s:
                raise Stopped(f"the results cannot be written: {error}") from error
            log.warning("%s; %d rows wait", error, self._writer.waiting)
        else:
            self._silent_since = None
