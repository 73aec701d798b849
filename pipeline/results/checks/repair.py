"""A damaged run made ready for its mend: what cannot be trusted counts no more, and the run is open again."""

from __future__ import annotations

import logging

from neckar.pipeline.results.checks.verification import Report, damaged_parts
from neckar.pipeline.results.layout import SET_ASIDE_PREFIX
from neckar.pipeline.results.lease import acquire
from neckar.pipeline.results.ledger import PartFile
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.results.run import times_finished
from neckar.pipeline.results.voids import write_void
from neckar.pipeline.storage.store import Store

log = logging.getLogger(__name__)


def reopen(store: Store, report: Report, *, owner: str) -> None:
    """Let what `verify` found wrong count no more; the run's own command then makes it again.

    A part that cannot be read is copied to `damaged/` and replaced by an empty one: its pairs get their rows from
    their pictures. A picture that is wrong is written over when its pair is made again.

    Args:
        store: of the run.
        report: what is wrong.
        owner: names this process.

    Raises:
        LeaseHeld: a driver is at work on the run.
        StoreError: as the store says.
    """
    lease = acquire(store, owner)
    try:
        for part in damaged_parts(store):
            _set_aside(store, part)
        write_void(store, list(report.wrong), through_epoch=lease.epoch, end=times_finished(store))
    finally:
        lease.release()


def _set_aside(store: Store, part: PartFile) -> None:
    copy = f"{SET_ASIDE_PREFIX}{part.key}"
    store.put(copy, store.get(part.key))
    store.put(part.key, parquet_bytes(rows_to_table([])))
    log.warning(
        "%s/%s cannot be read; it is kept as %s, its pairs are read from their pictures", store.uri, part.key, copy
    )
