"""Closing the epochs of earlier drivers, so that one that only seemed dead cannot write any more.

An epoch's parts are numbered without gaps, and each is written create-only. An empty part in the first free place
therefore ends the epoch for good: its driver, should it come back, finds the place taken and stops, and whatever it
wrote before counts. No clock is asked, and readers need no rule: a part after the end cannot come into being. On a
store without conditional writes nothing can be closed; there the ledger's rule alone keeps counts right.
"""

from __future__ import annotations

import itertools

from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.ledger import Ledger, list_parts, read_ledger
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.storage.store import PreconditionFailed, Store


def close_epochs(store: Store, *, before: int) -> Ledger:
    """End every epoch below `before`; the ledger of all that was written in them.

    Raises:
        UserError: a part is damaged.
        StoreError: as the store says.
    """
    ledger = read_ledger(store, list_parts(store))
    if not store.conditional_writes():
        return ledger
    slipped_in = [_close(store, free) for free in _open_ends(ledger, before)]
    return read_ledger(store, list_parts(store)) if any(slipped_in) else ledger


def _open_ends(ledger: Ledger, before: int) -> list[PartPlace]:
    """The first free place of every epoch below `before` that does not end with an empty part."""
    ends: dict[int, PartPlace | None] = {epoch: PartPlace(epoch, 0) for epoch in range(1, before)}
    for file, start, end in zip(ledger.files, ledger.starts[:-1], ledger.starts[1:], strict=True):
        place = PartPlace.of(file.key)
        assert place is not None, file.key
        if place.epoch in ends:
            ends[place.epoch] = PartPlace(place.epoch, place.sequence + 1) if end > start else None
    return [place for place in ends.values() if place is not None]


def _close(store: Store, free: PartPlace) -> bool:
    """Whether parts came in while the end was being set."""
    closing = parquet_bytes(rows_to_table([]))
    for sequence in itertools.count(free.sequence):
        key = PartPlace(free.epoch, sequence).key
        try:
            store.put(key, closing, create_only=True)
        except PreconditionFailed:
            if store.get(key) == closing:  # an earlier attempt of ours, or the driver after that one
                return sequence > free.sequence
        else:
            return sequence > free.sequence
    raise AssertionError
