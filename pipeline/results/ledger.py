"""Which pairs of a run have a result: read from the parts, three columns of them.

A pair may have several rows: it was tried again, or two drivers overlapped. **The rule: ok wins, else the newest**, by
epoch, then sequence, then place in the part; rows that a void tells of are not there. Everything that counts or reads
rows goes by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neckar.pipeline.results.layout import PARTS_PREFIX, PartPlace
from neckar.pipeline.results.rows import footer
from neckar.pipeline.results.stored_file import open_stored
from neckar.pipeline.results.voids import read_voids
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.run import SuccessRecord
from neckar.schemas.status import Counts, Status

STATUSES: tuple[Status, ...] = get_args(Status)

_OK = STATUSES.index("ok")
_READERS = 8  # requests in flight: a store answers in some 30 ms, and a big run has thousands of parts


@dataclass(frozen=True, slots=True)
class PartFile:
    """A Parquet file with result rows, as listed; its SHA-256 in hex where a record tells it."""

    key: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Ledger:
    """The row that counts for every pair; 25 bytes a pair, whatever the length of its id.

    Attributes:
        files: the files read, in the order of the rule.
        starts: (files + 1,) int64: rows before each file; positions count over all files.
        hashes: (pairs,) uint64, ascending: `id_hash` of each pair that has a row.
        statuses: (pairs,) uint8: index into `STATUSES`.
        indices: (pairs,) int64: pair_index.
        positions: (pairs,) int64: where the row that counts stands.
    """

    files: tuple[PartFile, ...]
    starts: np.ndarray
    hashes: np.ndarray
    statuses: np.ndarray
    indices: np.ndarray
    positions: np.ndarray

    def status(self, pair_id: str) -> Status | None:
        """The pair's status, None where it has no row. What is to be done again is the caller's choice."""
        place = self._place(pair_id)
        return None if place is None else STATUSES[self.statuses[place]]

    def position(self, pair_id: str) -> tuple[PartFile, int] | None:
        """The file and the row in it that count for a pair."""
        place = self._place(pair_id)
        if place is None:
            return None
        position = int(self.positions[place])
        file = int(np.searchsorted(self.starts, position, side="right")) - 1
        return self.files[file], position - int(self.starts[file])

    def counts(self) -> Counts:
        """Pairs by status, each counted once."""
        tally = np.bincount(self.statuses, minlength=len(STATUSES))
        return Counts(**{name: int(count) for name, count in zip(STATUSES, tally, strict=True)})

    def counting_rows(self) -> Iterator[np.ndarray]:
        """For each file a mask of its rows: those that count."""
        counting = np.zeros(int(self.starts[-1]), dtype=bool)
        counting[self.positions] = True
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            yield counting[start:end]

    def _place(self, pair_id: str) -> int | None:
        wanted = id_hash(pair_id)
        place = int(self.hashes.searchsorted(wanted))
        return place if place < len(self.hashes) and self.hashes[place] == wanted else None


def id_hash(pair_id: str) -> np.uint64:
    """8 bytes of blake2b. Among a million ids two are alike once in forty million runs."""
    return np.uint64(int.from_bytes(hashlib.blake2b(pair_id.encode(), digest_size=8).digest(), "little"))


def list_parts(store: Store) -> list[PartFile]:
    """The run's parts in the order they were written, epoch by epoch; foreign files are passed over."""
    places = [(PartPlace.of(info.key), info.size) for info in store.list(PARTS_PREFIX)]
    return [PartFile(place.key, size) for place, size in sorted((p, s) for p, s in places if p is not None)]


def part_files(success: SuccessRecord) -> tuple[PartFile, ...]:
    """The files of a finished run."""
    return tuple(PartFile(part.key, part.bytes, part.sha256) for part in success.parts)


def read_ledger(store: Store, files: Sequence[PartFile]) -> Ledger:
    """Who counts in the rows of `files`, later files being newer.

    Raises:
        UserError: a file is damaged.
        StoreError: as the store says.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        entries = list(readers.map(lambda file: _entries(store, file), files))
    starts = np.cumsum([0, *(len(hashes) for hashes, _, _ in entries)], dtype=np.int64)
    hashes, statuses, indices = (
        np.concatenate([np.empty(0, kind), *(entry[column] for entry in entries)])
        for column, kind in enumerate((np.uint64, np.uint8, np.int64))
    )
    rank = np.arange(len(hashes)) + (statuses == _OK) * len(hashes)  # ok wins, else the newest
    order = np.lexsort((rank, hashes))
    order = order[~_voided(store, files, starts, hashes)[order]]
    last = np.append(hashes[order][1:] != hashes[order][:-1], True) if len(order) else order.astype(bool)
    chosen = order[last]
    return Ledger(tuple(files), starts, hashes[chosen], statuses[chosen], indices[chosen], chosen)


def _voided(store: Store, files: Sequence[PartFile], starts: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """(rows,) whether each row counts no more; none of a compact file's, for what it has was chosen already."""
    gone = np.zeros(len(hashes), dtype=bool)
    for void in read_voids(store):
        named = np.fromiter((id_hash(pair_id) for pair_id in void.pairs), np.uint64, len(void.pairs))
        places = [PartPlace.of(file.key) for file in files]
        meant = np.array([place is not None and place.epoch <= void.through_epoch for place in places], dtype=bool)
        gone |= np.repeat(meant, np.diff(starts)) & np.isin(hashes, named)
    return gone


def _entries(store: Store, file: PartFile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every row of a file: hash of the id, status, pair_index."""
    table = read_columns(store, file, ["pair_index", "pair_id", "status"])
    ids = table.column("pair_id").to_pylist()
    hashes = np.fromiter((id_hash(pair_id) for pair_id in ids), np.uint64, len(ids))
    statuses = pc.index_in(table.column("status"), value_set=pa.array(STATUSES))
    if statuses.null_count:
        raise damaged(store, file, "a status it does not know")
    return hashes, statuses.to_numpy().astype(np.uint8), table.column("pair_index").to_numpy()


def open_part(store: Store, file: PartFile) -> pq.ParquetFile:
    """A part whose footer is one ranged read and whose neighbouring columns are another. Errors come from Arrow."""
    source = open_stored(store, file.key, file.size)
    return pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)


def read_columns(store: Store, file: PartFile, columns: Sequence[str]) -> pa.Table:
    """Some columns of a file, the others never leaving the store. Raises as `read_ledger` does."""
    try:
        with open_part(store, file) as part:
            return part.read(columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise damaged(store, file, str(error)) from error


def read_whole(store: Store, file: PartFile) -> pa.Table:
    """A file whole, with every check there is: its own hash, its footer's, its pages'. Raises as `read_ledger` does."""
    data = store.get(file.key)
    if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        raise damaged(store, file, f"{len(data)} bytes whose SHA-256 is not that of the run's record")
    try:
        footer.check(data[-(footer.length(data) or 0) :])
        return pq.read_table(pa.BufferReader(data), use_threads=False, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise damaged(store, file, str(error)) from error


def damaged(store: Store, file: PartFile, reason: str) -> UserError:
    """What to tell of a part that cannot be read."""
    run, inside, key = file.key.rpartition("/results/") if "/results/" in file.key else file.key.rpartition("/compact/")
    if PartPlace.of(f"{inside}{key}".removeprefix("/")) is not None:
        mend = "move it away and run again: its pairs are taken back from their PNGs"
    else:
        folder = f"{store.uri}/{run}" if inside else store.uri
        mend = f"`neckar verify {folder} --repair` makes it again"
    return UserError.at(f"{store.uri}/{file.key}", f"is no readable part ({reason}); {mend}")
