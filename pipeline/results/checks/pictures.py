"""Whether the pictures that rows tell of are there, by the store's listing: nothing is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neckar.pipeline.results.layout import IMAGES_PREFIX, spec_hash_of
from neckar.pipeline.results.lease import Lease
from neckar.pipeline.results.ledger import Ledger, PartFile, list_parts, read_columns, read_ledger
from neckar.pipeline.results.run import times_finished
from neckar.pipeline.results.success import Incomplete
from neckar.pipeline.results.voids import write_void
from neckar.pipeline.storage.store import Store

_COLUMNS = ("pair_id", "status", "spec_hash")


def missing_pictures(store: Store, ledger: Ledger) -> list[str]:
    """The ids of `ok` pairs, by the rows that count, whose picture is not listed.

    Raises:
        UserError: a part is damaged.
        StoreError: as the store says.
    """
    there = pa.array(sorted(_listed(store)), pa.string())
    missing: list[str] = []
    for file, counting in zip(ledger.files, ledger.counting_rows(), strict=True):
        missing += _missing(store, file, counting, there)
    return missing


def check_pictures(store: Store, lease: Lease) -> None:
    """See that every picture that a row tells of is there; the pairs of those that are not are to be made again.

    Raises:
        Incomplete: some are not.
        UserError: a part is damaged.
        StoreError: as the store says.
    """
    missing = missing_pictures(store, read_ledger(store, list_parts(store)))
    if missing:
        write_void(store, missing, through_epoch=lease.epoch, end=times_finished(store))
        raise Incomplete(
            f"{store.uri}: {len(missing):,} pairs have a row, but their pictures are not there, {missing[0]}'s the"
            " first: somebody deleted them, or a worker writes to another disk; the same command makes them again"
        )


def _missing(store: Store, file: PartFile, counting: np.ndarray, there: pa.Array) -> Iterator[str]:
    if not counting.any():
        return
    table = read_columns(store, file, _COLUMNS)
    made = pc.and_(pa.array(counting), pc.equal(table.column("status"), "ok"))
    gone = pc.and_(made, pc.invert(pc.is_in(table.column("spec_hash"), value_set=there)))
    yield from table.column("pair_id").filter(gone).to_pylist()


def _listed(store: Store) -> Iterator[str]:
    """Spec hashes of the pictures on the store; an empty file is none."""
    for info in store.list(IMAGES_PREFIX):
        spec_hash = spec_hash_of(info.key)
        if spec_hash is not None and info.size > 0:
            yield spec_hash
