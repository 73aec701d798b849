"""Beginning a run, or taking it up again where it was left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neckar.pipeline.results.differences import differences, told
from neckar.pipeline.results.epochs import close_epochs
from neckar.pipeline.results.layout import (
    PARTS_PREFIX,
    RUN_KEY,
    SUCCESS_KEY,
    SUCCESSORS_PREFIX,
    success_key,
    success_number,
)
from neckar.pipeline.results.lease import LEASE_SECONDS, Clock, Lease, LeaseWatch, acquire, utc_now
from neckar.pipeline.results.ledger import Ledger
from neckar.pipeline.results.records import JSON_TYPE, read_record, to_json
from neckar.pipeline.storage.store import PreconditionFailed, Store
from neckar.schemas.errors import UserError
from neckar.schemas.manifest import Manifest
from neckar.schemas.run import RunRecord, SuccessRecord
from neckar.schemas.wording import validated

# Free to differ: when and by which release it was begun, where the manifest lay and how it was typed. What the
# manifest means is compared field by field.
_FREE = {"created_at", "neckar_version", "manifest_uri", "manifest_sha256"}
_FREE_OF_MANIFEST = {
    "match",
    "match_within",
    "qc",
    "trials",
}  # what is done to the pictures once all are made: a new version


@dataclass(frozen=True)
class Resumed:
    """A run ready to be worked on.

    Attributes:
        record: run.json as it stands on the store, from the first start.
        created: whether this is the first start.
        lease: in hand; renew it from a thread and release it at the end.
        ledger: the pairs that have a result already.
    """

    record: RunRecord
    created: bool
    lease: Lease
    ledger: Ledger


def create_or_resume(
    store: Store,
    record: RunRecord,
    *,
    owner: str,
    lease: Lease | None = None,
    lease_seconds: float = LEASE_SECONDS,
    now: Clock = utc_now,
    watch: LeaseWatch | None = None,
) -> Resumed:
    """Write run.json or find the same one there; take the lease; close earlier epochs; read what is done.

    Ask `finished` first: a finished run needs no driver. A refused call leaves the run as it was.

    Args:
        store: rooted at the run.
        record: what this command would make.
        owner: names this driver, and no other, e.g. host, process and a random part.
        lease: where it is in hand already, because the record took long to come by.
        lease_seconds: how long the lease holds without renewal.
        now: the clock of the lease.
        watch: see `acquire`.

    Raises:
        UserError: another run stands there (every difference), or a record or part is damaged.
        LeaseHeld: another driver is at work; a `UserError` that tells who.
        StoreError: as the store says.
    """
    created = False
    standing = read_record(store, RUN_KEY, RunRecord)
    if standing is None:
        standing, created = _created(store, record)
    check_same_run(store, standing, record)
    lease = lease or acquire(store, owner, seconds=lease_seconds, now=now, watch=watch)
    return Resumed(standing, created, lease, close_epochs(store, before=lease.epoch))


def finished(store: Store) -> SuccessRecord | None:
    """The newest _SUCCESS record, None while the run is not complete.

    Raises:
        UserError: it is damaged.
        StoreError: as the store says.
    """
    ends = times_finished(store)
    return read_record(store, success_key(ends), SuccessRecord) if ends else None


def times_finished(store: Store) -> int:
    """How often the run came to its end: more than once where failed pairs were tried again."""
    if read_record(store, SUCCESS_KEY, SuccessRecord) is None:  # not a HEAD: its refusals come without a reason
        return 0
    return max((success_number(entry.key) or 1 for entry in store.list(SUCCESSORS_PREFIX)), default=1)


def _created(store: Store, record: RunRecord) -> tuple[RunRecord, bool]:
    """The record that stands now, and whether it is ours."""
    if next(store.list(PARTS_PREFIX), None) is not None:  # they would pass for this run's, whatever made them
        mend = "put the run.json that made them back, or give a new --output"
        raise UserError.at(store.uri, f"results stand here, but no {RUN_KEY}; {mend}")
    try:
        store.put(RUN_KEY, to_json(record), content_type=JSON_TYPE, create_only=True)
    except PreconditionFailed:  # another driver began it, just now
        standing = read_record(store, RUN_KEY, RunRecord)
        assert standing is not None
        return standing, False
    return record, True


def check_same_run(store: Store, standing: RunRecord, wanted: RunRecord) -> None:
    """Refuse to go on with a run under another configuration.

    Raises:
        UserError: every difference, field by field.
    """
    then, now = (record.model_dump(mode="json", exclude=_FREE) for record in (standing, wanted))
    for record in (then, now):
        manifest = _with_defaults(record["manifest"])
        record["manifest"] = {key: part for key, part in manifest.items() if key not in _FREE_OF_MANIFEST}
    found = list(differences(then, now))
    if found:
        mend = "undo the change, or give a new --output"
        raise told(f"{store.uri}/{RUN_KEY}", f"this run was begun with another configuration; {mend}", found)


def _with_defaults(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a record as this release writes it: settings that came later stand at their defaults.

    One that this release does not take is left as it is, and told by its differences.
    """
    try:
        return validated(Manifest, manifest).resolved()
    except UserError:
        return manifest
