"""Every file of a run read and compared with what the rows and records say of it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from neckar.pipeline.images.encode import pixel_sha256, read_levels
from neckar.pipeline.results.ledger import PartFile, list_parts, read_ledger, read_whole
from neckar.pipeline.results.reading import RunReader
from neckar.pipeline.results.recovery import Unrecoverable, recover
from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.errors import UserError

_READERS = 8  # requests in flight
_AHEAD = 64  # pictures on their way while one is looked at
_SOUND = "though a picture with the right pixels"
_COLUMNS = ("pair_id", "status", "image_uri", "image_sha256", "pixel_sha256", "copy_uri", "copy_sha256")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a row says of its picture."""

    pair_id: str
    key: str
    file_sha256: str | None
    pixel_sha256: str | None
    copy: str | None
    copy_sha256: str | None


@dataclass
class Report:
    """What was looked at, and what is not as it should be.

    Attributes:
        parts, pictures: looked at.
        damaged: files of rows, each with one line.
        wrong: pictures by the pair's id, each with one line.
    """

    parts: int = 0
    pictures: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether everything is as the rows say."""
        return not self.damaged and not self.wrong


def verify(reader: RunReader, *, pixels: bool = False, looked: Callable[[Report], None] = lambda _: None) -> Report:
    """Read every file of rows and every picture of an `ok` row that counts.

    Args:
        reader: the run.
        pixels: decode every picture too and compare its pixels' hash; else the file's hash is compared.
        looked: told after every picture.

    Raises:
        StoreError: the store refused or did not answer; a file that is not there is no reason.
    """
    report = Report(parts=len(reader.files))
    report.damaged = _damaged(reader.store, reader.files)
    readable = [file for file in reader.files if file.key not in report.damaged]
    if report.damaged and reader.success is not None:  # the drivers' parts tell of all pictures too
        parts = list_parts(reader.store)
        unreadable = _damaged(reader.store, parts)
        readable = [part for part in parts if part.key not in unreadable]
    with ThreadPoolExecutor(_READERS) as readers:
        looking: deque[tuple[Picture, Future[str | None]]] = deque()
        for picture in _pictures(reader.store, readable):
            looking.append((picture, readers.submit(_wrong, reader.store, picture, pixels=pixels)))
            if len(looking) >= _AHEAD:
                _take(looking, report, looked)
        while looking:
            _take(looking, report, looked)
    return report


def damaged_parts(store: Store) -> list[PartFile]:
    """Of the parts that drivers wrote, those that cannot be read."""
    parts = list_parts(store)
    damaged = _damaged(store, parts)
    return [part for part in parts if part.key in damaged]


def _damaged(store: Store, files: Sequence[PartFile]) -> dict[str, str]:
    """Files by key that cannot be read, or are not there, each with one line."""
    found = {}
    for file in files:
        try:
            read_whole(store, file)
        except UserError as error:
            found[file.key] = str(error)
        except NotFound:
            found[file.key] = f"{store.uri}/{file.key}: not there"
    return found


def _take(looking: deque[tuple[Picture, Future[str | None]]], report: Report, looked: Callable[[Report], None]) -> None:
    picture, answer = looking.popleft()
    told = answer.result()
    report.pictures += 1
    if told is not None:
        report.wrong[picture.pair_id] = f"{picture.key}: {told}"
    looked(report)


def _pictures(store: Store, files: list[PartFile]) -> Iterator[Picture]:
    """Of the `ok` rows that count."""
    for file, counting in zip(files, read_ledger(store, files).counting_rows(), strict=True):
        table = read_whole(store, file).select(_COLUMNS).take(pa.array(np.flatnonzero(counting)))
        for pair_id, status, *told in zip(*(table.column(c).to_pylist() for c in _COLUMNS), strict=True):
            if status == "ok":
                yield Picture(pair_id, *told)


def _wrong(store: Store, picture: Picture, *, pixels: bool) -> str | None:
    """What is wrong with a picture, in words."""
    try:
        data = store.get(picture.key)
    except NotFound:
        return "not there"
    if picture.file_sha256 is not None and hashlib.sha256(data).hexdigest() != picture.file_sha256:
        return f"not the file that was written, {_state(store, picture)}"
    if picture.file_sha256 is None and (state := _state(store, picture)) != _SOUND:
        return state
    return _wrong_copy(store, picture) or (_wrong_pixels(data, picture) if pixels else None)


def _wrong_copy(store: Store, picture: Picture) -> str | None:
    if picture.copy is None:
        return None
    try:
        data = store.get(picture.copy)
    except NotFound:
        return f"its copy {picture.copy} is not there"
    if hashlib.sha256(data).hexdigest() != picture.copy_sha256:
        return f"its copy {picture.copy} is not the file that was written"
    return None


def _state(store: Store, picture: Picture) -> str:
    try:
        row = recover(store, picture.key)
    except (Unrecoverable, NotFound) as error:
        return str(error).removeprefix(f"{store.uri}/{picture.key}: ")
    same = picture.pixel_sha256 in {None, row.pixel_sha256}
    return _SOUND if same else "with other pixels than the row tells of"


def _wrong_pixels(data: bytes, picture: Picture) -> str | None:
    try:
        found = pixel_sha256(read_levels(data))
    except ValueError as error:
        return f"it cannot be decoded ({error})"
    return None if picture.pixel_sha256 in {None, found} else "its pixels are not those the row tells of"
