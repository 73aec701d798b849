"""The end of a run: the invariant checked on what stands on the store, then compaction, then _SUCCESS.json."""

from __future__ import annotations

import dataclasses

import numpy as np

from neckar.pipeline.results.compaction import compact
from neckar.pipeline.results.layout import success_key
from neckar.pipeline.results.lease import Clock, Lease, utc_now
from neckar.pipeline.results.ledger import Ledger, list_parts, read_ledger
from neckar.pipeline.results.records import JSON_TYPE, to_json
from neckar.pipeline.results.run import finished, times_finished
from neckar.pipeline.storage.store import PreconditionFailed, Store
from neckar.schemas.run import RunRecord, SuccessRecord


class Incomplete(Exception):  # noqa: N818  # named for what is the case, as the store's errors are
    """The invariant does not hold, so there is no _SUCCESS.json; the message tells what is missing."""


def seal(store: Store, record: RunRecord, lease: Lease, *, again: bool = False, now: Clock = utc_now) -> SuccessRecord:
    """Finish a run whose rows are all written: rows in the manifest = ok + failed + quarantined.

    May be called again after any interruption; a run that is sealed already is left as it is. With `again`, after
    failed pairs were tried once more, a record of the next number takes the place of the one that stands; that one
    and its parts stay, and readers trust it until then.

    Raises:
        Incomplete: pairs have no row, or rows belong to no pair.
        LeaseLost: another driver took the run over.
        UserError: a part is damaged.
        StoreError: as the store says.
    """
    ends = times_finished(store)
    if ends and not again:
        return _newest(store)
    ledger = read_ledger(store, list_parts(store))
    _check_invariant(store, record, ledger)
    parts = compact(store, ledger, lease.epoch)
    lease.renew()  # compaction takes minutes: who lost the run meanwhile leaves the last word to its heir
    success = SuccessRecord(
        run=record.name,
        manifest_sha256=record.manifest_sha256,
        pairs=record.pairs,
        **dataclasses.asdict(ledger.counts()),
        parts=parts,
        finished_at=now(),
    )
    try:
        store.put(success_key(ends + 1), to_json(success), content_type=JSON_TYPE, create_only=True)
    except PreconditionFailed:  # two drivers overlapped, and both came to the same end
        return _newest(store)
    return success


def _newest(store: Store) -> SuccessRecord:
    sealed = finished(store)
    assert sealed is not None, "nobody deletes a _SUCCESS record"
    return sealed


def _check_invariant(store: Store, record: RunRecord, ledger: Ledger) -> None:
    """Rows in the manifest = ok + failed + quarantined, each pair once."""
    total = ledger.counts().settled
    strangers = np.count_nonzero((ledger.indices < 0) | (ledger.indices >= record.pairs))
    shared = total - len(np.unique(ledger.indices))
    if strangers or shared:
        raise Incomplete(
            f"{store.uri}: {strangers + shared:,} results belong to no pair of the manifest: its pairs file changed"
            " while the run was away; put the old one back, or give a new --output"
        )
    if total != record.pairs:
        raise Incomplete(
            f"{store.uri}: {total:,} of {record.pairs:,} pairs have a result; the same command makes the others"
        )
