"""Rows that count no more though nothing can be deleted: their pictures are gone, or not the ones they tell of.

A void names pairs and an epoch; rows of these pairs from that epoch or before are as if they were not there, so that
the pairs are made again. Parts stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from neckar.pipeline.results.layout import VOIDS_PREFIX, void_key, void_number
from neckar.pipeline.results.records import JSON_TYPE, read_record, to_json
from neckar.pipeline.storage.store import PreconditionFailed, Store
from neckar.schemas.run import VoidRecord


def write_void(store: Store, pair_ids: Sequence[str], *, through_epoch: int, end: int) -> None:
    """Let the rows of these pairs count no more.

    Args:
        store: of the run.
        pair_ids: of any number of pairs; none only reopens a complete run.
        through_epoch: the newest epoch whose rows are meant.
        end: how often the run had come to its end; it is open again until the next one.

    Raises:
        StoreError: as the store says.
    """
    record = VoidRecord(pairs=sorted(pair_ids), through_epoch=through_epoch, end=end)
    number = len(read_voids(store))
    while True:
        try:
            store.put(void_key(number), to_json(record), content_type=JSON_TYPE, create_only=True)
        except PreconditionFailed:  # somebody else's came first
            number += 1
        else:
            return


def read_voids(store: Store) -> list[VoidRecord]:
    """All of a run. Raises `UserError` where one is damaged, and `StoreError`."""
    keys = [info.key for info in store.list(VOIDS_PREFIX) if void_number(info.key) is not None]
    records = (read_record(store, key, VoidRecord) for key in sorted(keys))
    return [record for record in records if record is not None]


def reopened(store: Store, ends: int) -> bool:
    """Whether a run that came to its end `ends` times was opened again after the last one."""
    return any(void.end >= ends for void in read_voids(store))
