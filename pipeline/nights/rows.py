"""Rows that a set may be made of: those of its last version, and those of nights that did not become one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neckar.pipeline.nights.layout import NIGHTS_PREFIX, night_of, plan_key, run_key
from neckar.pipeline.nights.selection import FileRows
from neckar.pipeline.nights.wanted import KEY_LENGTH, KEY_TYPE
from neckar.pipeline.results.layout import RUN_KEY
from neckar.pipeline.results.ledger import STATUSES, PartFile, read_columns
from neckar.pipeline.results.ranges import mask_of
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.results.records import read_record
from neckar.pipeline.results.versions import read_version
from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.errors import ErrorCode, UserError
from neckar.schemas.night import PlanRecord, VersionPart

# What the same bytes and settings give again under one release. Anything else may pass: the next night tries again.
_LASTING = (
    ErrorCode.IMAGE_UNREADABLE,
    ErrorCode.IMAGE_UNSUPPORTED,
    ErrorCode.IMAGE_TOO_LARGE,
    ErrorCode.IMAGE_TOO_SMALL,
    ErrorCode.NON_FINITE_LOSS,
)
_OK = STATUSES.index("ok")
_QUARANTINED = STATUSES.index("quarantined")


def base_rows(store: Store, base: date | None) -> Iterator[FileRows]:
    """The rows of a version.

    Raises:
        UserError: a file of it is gone or damaged.
        StoreError: as the store says.
    """
    record = read_version(store, base) if base is not None else None
    for part in record.parts if record is not None else ():
        try:
            table = _columns(store, PartFile(part.uri, part.bytes, part.sha256), ["pair_id", "status"])
        except (NotFound, UserError) as error:
            told = f"a part of the version {base} is gone or damaged: {error}"
            mend = "put it back (no expiry rule may delete what versions share), or make the whole set anew with --full"
            raise UserError.at(f"{store.uri}/{part.uri}", f"{told}; {mend}") from None
        keys, statuses = _keys(table), _statuses(table)
        yield FileRows(part, keys, statuses, mask_of(part.rows, part.without), of_base=True)


def later_rows(store: Store, base: date | None, until: date) -> Iterator[FileRows]:
    """The rows of nights after a version, refused and unfinished ones: their pictures need not be made again.

    Args:
        store: of the set.
        base: the version; None before the first.
        until: the last night that is looked at.
    """
    for day in planned_nights(store):
        if (base is None or day > base) and day <= until:
            yield from night_rows(store, day)


def night_rows(store: Store, day: date) -> Iterator[FileRows]:
    """The rows of a night's run, as far as it went; nothing where it has not begun.

    Raises:
        UserError: a file of it is damaged.
        StoreError: as the store says.
    """
    plan = read_record(store, plan_key(day), PlanRecord)
    if plan is None or store.head(f"{run_key(day)}/{RUN_KEY}") is None:
        return
    reader = open_run(f"{store.uri}/{run_key(day)}")
    planned = {picture.uri: picture.sha256 for picture in (*plan.contents, *plan.styles)}
    masks = [None] * len(reader.files) if reader.success else list(reader.counting_rows())
    record = reader.record
    for file, mask in zip(reader.files, masks, strict=True):
        table = _columns(reader.store, file, _JUDGED)
        usable = _usable(table, planned)
        part = VersionPart(
            uri=f"{run_key(day)}/{file.key}",
            sha256=file.sha256 or hashlib.sha256(reader.store.get(file.key)).hexdigest(),
            rows=table.num_rows,
            bytes=file.size,
            without=[],
            neckar_version=record.neckar_version,
            algorithm_version=record.algorithm_version,
            weights_sha256=record.weights_sha256,
            precision=record.precision,
        )
        yield FileRows(part, _keys(table), _statuses(table), usable if mask is None else usable & mask, of_base=False)


def planned_nights(store: Store) -> list[date]:
    """Nights that have a frozen plan, ascending."""
    found = (night_of(info.key) for info in store.list(NIGHTS_PREFIX))
    return sorted(night[0] for night in found if night is not None and night[1] == "plan")


_JUDGED = ["pair_id", "status", "error_code", "content_uri", "content_sha256", "style_uri", "style_sha256"]


def _columns(store: Store, file: PartFile, columns: list[str]) -> pa.Table:
    if not file.size:
        raise UserError.at(file.key, "is empty")
    return read_columns(store, file, columns)


def _keys(table: pa.Table) -> np.ndarray:
    ends = pc.cast(pc.utf8_slice_codeunits(table.column("pair_id"), start=-KEY_LENGTH), pa.binary(KEY_LENGTH))
    raw = (np.frombuffer(chunk.buffers()[1], KEY_TYPE)[chunk.offset :][: len(chunk)] for chunk in ends.chunks)
    return np.concatenate([np.empty(0, KEY_TYPE), *raw])


def _statuses(table: pa.Table) -> np.ndarray:
    found: np.ndarray = pc.index_in(table.column("status"), value_set=pa.array(STATUSES)).to_numpy()
    return found.astype(np.uint8)


def _usable(table: pa.Table, planned: Mapping[str, str]) -> np.ndarray:
    """(rows,) bool: made of the bytes that were planned, or failed for good."""
    statuses = _statuses(table)
    lasting = pc.is_in(table.column("error_code"), value_set=pa.array([str(code) for code in _LASTING]))
    usable: np.ndarray = (statuses == _OK) | (statuses == _QUARANTINED) | lasting.to_numpy(zero_copy_only=False)
    for side in ("content", "style"):
        uris, found = table.column(f"{side}_uri").to_pylist(), table.column(f"{side}_sha256").to_pylist()
        same = [sha is None or planned.get(uri, sha) == sha for uri, sha in zip(uris, found, strict=True)]
        usable &= np.array(same, dtype=bool)
    return usable
