"""Versions of a set that grows night by night: which there are, and their rows.

A version is one object, `versions/<date>.json`. It lists files of results under `runs/`, those of earlier nights among
them, and the rows in them that are not its own. The last version is the greatest date; dates compare as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from neckar.pipeline.results.layout import RUN_KEY
from neckar.pipeline.results.ledger import PartFile, read_columns
from neckar.pipeline.results.ranges import mask_of
from neckar.pipeline.results.reading import ResultsReader, RunReader, open_run, read_row
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.night import VersionRecord
from neckar.schemas.results import ResultRow
from neckar.schemas.status import Counts

VERSIONS_PREFIX = "versions/"

_VERSION = re.compile(r"versions/(\d{4}-\d{2}-\d{2})\.json")
_DATED = re.compile(r"(.*)@(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class VersionReader(ResultsReader):
    """An open version.

    Attributes:
        record: versions/<date>.json.
    """

    record: VersionRecord

    def counts(self) -> Counts:
        """Pairs by status."""
        return Counts(self.record.ok, self.record.failed, self.record.quarantined)

    @cached_property
    def masks(self) -> tuple[np.ndarray, ...]:
        """For each file a mask of its rows: those that count."""
        return tuple(mask_of(part.rows, part.without) for part in self.record.parts)

    def counting_rows(self) -> Iterator[np.ndarray]:
        """See `ResultsReader`."""
        yield from self.masks

    def row(self, pair_id: str) -> ResultRow:
        """See `ResultsReader`; its pictures' keys are relative to the set."""
        for number, (file, mask) in enumerate(zip(self.files, self.masks, strict=True)):
            ids = read_columns(self.store, file, ["pair_id"]).column("pair_id").to_pylist()
            if pair_id in ids and mask[ids.index(pair_id)]:
                row, folder = read_row(self.store, file, ids.index(pair_id)), self.folder_of(number)
                return replace(
                    row,
                    image_uri=row.image_uri and folder + row.image_uri,
                    copy_uri=row.copy_uri and folder + row.copy_uri,
                )
        mend = f"ask neckar query {self.store.uri} which there are"
        raise UserError.at(f"{self.store.uri}: {pair_id}", f"no pair of this name is in the version; {mend}")

    def folder_of(self, number: int) -> str:
        """See `ResultsReader`: `runs/<date>/`."""
        return run_folder(self.files[number].key)


def run_folder(key: str) -> str:
    """`runs/<date>/` of the key of a file below it."""
    return "/".join(key.split("/")[:2]) + "/"


def version_key(day: date) -> str:
    """`versions/2026-11-27.json`."""
    return f"{VERSIONS_PREFIX}{day.isoformat()}.json"


def version_dates(store: Store) -> list[date]:
    """All there are, ascending; foreign files are passed over."""
    found = (_VERSION.fullmatch(info.key) for info in store.list(VERSIONS_PREFIX))
    return sorted(date.fromisoformat(match[1]) for match in found if match is not None)


def read_version(store: Store, day: date) -> VersionRecord | None:
    """The record of a version, None where there is none. Raises `UserError` where it is damaged, and `StoreError`."""
    return read_record(store, version_key(day), VersionRecord)


def open_results(uri: str) -> RunReader | VersionReader:
    """A run, or a version of a set: the last one, or that of a date where the URI ends in `@2026-11-27`.

    Raises:
        UserError: there is neither, or a record is damaged.
        StoreError: as the store says.
    """
    dated = _DATED.fullmatch(uri.rstrip("/"))
    store = open_store(dated[1] if dated else uri)
    if dated is None and store.head(RUN_KEY) is not None:
        return open_run(uri)
    dates = version_dates(store)
    if not dates:
        mend = "give the output of a neckar run, or datasets/NAME of a neckar nightly that has published"
        raise UserError.at(store.uri, f"no run and no version stands here; {mend}")
    try:
        day = date.fromisoformat(dated[2]) if dated else dates[-1]
    except ValueError:
        day = None
    record = read_version(store, day) if day in dates and day is not None else None
    if record is None:
        known = ", ".join(day.isoformat() for day in dates[-3:])
        raise UserError.at(uri, f"there is no version of this date; the last are {known}")
    files = tuple(PartFile(part.uri, part.bytes, part.sha256) for part in record.parts)
    return VersionReader(store, files, record)
