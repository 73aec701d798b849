"""Committing rows: immutable Parquet parts, each written with one create-only PUT."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable

from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.lease import LeaseLost
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.storage.store import PreconditionFailed, Store
from neckar.schemas.results import ResultRow
from neckar.schemas.run import PartRecord

log = logging.getLogger(__name__)

PART_ROWS = 512  # between 256, below which footers outweigh rows, and 1000, above which a crash loses much
PART_SECONDS = 60.0  # what a crash can lose of a slow run; the PNGs stand all the same
PART_TRACE_BYTES = 64 << 20  # 100,000 evaluations are 3 MB of trace a row


class PartWriter:
    """Gathers rows and writes them as the parts of one epoch. Not for use from several threads.

    A row is safe once the part with it is written; until then its PNG is (see `recovery`). When the store fails, the
    rows stay here and the next call tries again, with the same bytes under the same key.

    Args:
        store: of the run.
        epoch: of the lease in hand.
        clock: seconds, monotonic.
    """

    def __init__(self, store: Store, epoch: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._place = PartPlace(epoch, 0)
        self._rows: dict[str, ResultRow] = {}
        self._trace_bytes = 0
        self._oldest = 0.0  # when the first of the rows came
        self._unsent: tuple[PartRecord, bytes] | None = None

    @property
    def waiting(self) -> int:
        """Rows that are not yet on the store."""
        return len(self._rows) + (self._unsent[0].rows if self._unsent else 0)

    def add(self, row: ResultRow) -> list[PartRecord]:
        """Take a row, and write what is due; the row is taken even when the writing raises, as in `flush`."""
        if not self._rows:
            self._oldest = self._clock()
        earlier = self._rows.get(row.pair_id)
        if earlier is None or earlier.status != "ok" or row.status == "ok":  # the rule of `ledger`
            self._rows[row.pair_id] = row
            self._trace_bytes += row.loss_trace.values.nbytes if row.loss_trace else 0
        return self.flush_if_due()

    def flush_if_due(self) -> list[PartRecord]:
        """`flush` when there are rows enough or the oldest has waited long enough: call it also while none come."""
        late = self._rows and self._clock() - self._oldest >= PART_SECONDS
        full = len(self._rows) >= PART_ROWS or self._trace_bytes >= PART_TRACE_BYTES
        return self.flush() if late or full or self._unsent else []

    def flush(self) -> list[PartRecord]:
        """Write all rows; the parts written, none where nothing waited.

        Raises:
            LeaseLost: a newer epoch has closed this one.
            StoreError: as the store says; call again.
        """
        written = []
        while self._unsent or self._rows:
            self._unsent = self._unsent or self._sealed()
            record, data = self._unsent
            self._send(record.key, data)
            self._unsent = None
            self._place = PartPlace(self._place.epoch, self._place.sequence + 1)
            written.append(record)
            log.debug("%s/%s: %d rows", self._store.uri, record.key, record.rows)
        return written

    def _sealed(self) -> tuple[PartRecord, bytes]:
        rows = sorted(self._rows.values(), key=lambda row: row.pair_index)
        data = parquet_bytes(rows_to_table(rows))
        self._rows, self._trace_bytes = {}, 0
        digest = hashlib.sha256(data).hexdigest()
        return PartRecord(key=self._place.key, sha256=digest, rows=len(rows), bytes=len(data)), data

    def _send(self, key: str, data: bytes) -> None:
        try:
            self._store.put(key, data, create_only=True)
        except PreconditionFailed:
            if self._store.get(key) != data:  # not our own earlier attempt either, whose answer got lost
                message = f"{self._store.uri}/{key}: a newer driver has closed this one's epoch; this driver stops"
                raise LeaseLost(message) from None
