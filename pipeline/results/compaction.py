"""From many small parts to a few large files, in the manifest's order as far as memory allows."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neckar.pipeline.results.layout import compact_key
from neckar.pipeline.results.ledger import Ledger, PartFile, read_whole
from neckar.pipeline.results.rows.parquet import ParquetBuffer
from neckar.pipeline.storage.store import Store
from neckar.schemas.results import RESULTS_SCHEMA
from neckar.schemas.run import PartRecord

FILE_BYTES = 96 << 20  # of Parquet: one PUT from memory, and few enough files in a run of a million
GROUP_BYTES = 32 << 20  # of Arrow; some 800 rows with traces of 500 evaluations: what reading one trace costs
GROUP_ROWS = 4096  # rows without traces are small, and their groups are still worth skipping
HELD_BYTES = 96 << 20  # of Arrow, waiting for the rows that come before them
_AHEAD = 2  # parts on their way from the store while one is worked on


def compact(
    store: Store, ledger: Ledger, epoch: int, *, file_bytes: int = FILE_BYTES, held_bytes: int = HELD_BYTES
) -> list[PartRecord]:
    """Write the rows that count to `compact/`, and tell of the files in order.

    Within a file and from file to file `pair_index` ascends, unless more than `held_bytes` of later rows would have to
    be held; then it ascends in stretches. Takes some 0.8 GB at most. A repeated call with the same epoch replaces the
    files of the one that was interrupted: until _SUCCESS.json names them nobody reads them.

    Raises:
        UserError: a part is damaged.
        StoreError: as the store says.
    """
    files = _Files(store, epoch, file_bytes)
    for group in _groups(_tables(store, ledger), held_bytes):
        files.write(group)
    files.close()
    return files.records


class _Files:
    """The compact files, each in memory until it is long enough for its PUT."""

    def __init__(self, store: Store, epoch: int, file_bytes: int) -> None:
        self.records: list[PartRecord] = []
        self._store = store
        self._epoch = epoch
        self._file_bytes = file_bytes
        self._file: ParquetBuffer | None = None  # in work

    def write(self, group: pa.Table) -> None:
        self._file = self._file or ParquetBuffer()
        self._file.write(group)
        if self._file.size >= self._file_bytes:
            self.close()

    def close(self) -> None:
        """PUT the file in work, if there is one."""
        if self._file is None:
            return
        data, rows = self._file.close(), self._file.rows
        self._file = None
        key = compact_key(self._epoch, len(self.records))
        self._store.put(key, data)
        digest = hashlib.sha256(data).hexdigest()
        self.records.append(PartRecord(key=key, sha256=digest, rows=rows, bytes=len(data)))


def _tables(store: Store, ledger: Ledger) -> Iterator[tuple[pa.Table, int]]:
    """The counting rows of each part, in the order of their first pair, and the first pair of all parts after it."""
    counting = [np.flatnonzero(mask) for mask in ledger.counting_rows()]
    first = _first_indices(ledger)
    order = [number for number in np.argsort(first, kind="stable") if len(counting[number])]
    bounds = [*(int(first[number]) for number in order), np.iinfo(np.int64).max][1:]
    tables = _read_ahead(store, [ledger.files[number] for number in order])
    for number, bound, table in zip(order, bounds, tables, strict=True):
        chosen = counting[number]
        yield table if len(chosen) == table.num_rows else table.take(pa.array(chosen)), bound


def _first_indices(ledger: Ledger) -> np.ndarray:
    """(files,) the smallest pair_index among each file's counting rows; the largest int64 where it has none."""
    first = np.full(len(ledger.files), np.iinfo(np.int64).max)
    file = np.searchsorted(ledger.starts, ledger.positions, side="right") - 1
    np.minimum.at(first, file, ledger.indices)
    return first


def _read_ahead(store: Store, files: list[PartFile]) -> Iterator[pa.Table]:
    with ThreadPoolExecutor(_AHEAD) as readers:
        coming: deque[Future[pa.Table]] = deque()
        for file in files:
            coming.append(readers.submit(_read, store, file))
            if len(coming) > _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _read(store: Store, file: PartFile) -> pa.Table:
    return _conformed(read_whole(store, file))


def _conformed(table: pa.Table) -> pa.Table:
    """The table under this version's schema: an older version's part may lack a column."""
    columns = [
        table.column(field.name) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in RESULTS_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=RESULTS_SCHEMA)


def _groups(tables: Iterator[tuple[pa.Table, int]], held_bytes: int) -> Iterator[pa.Table]:
    """Row groups, sorted: rows wait until no later part can have an earlier one, or until too many wait."""
    held: list[pa.Table] = []
    size = 0
    for table, bound in tables:
        held.append(table)
        size += table.nbytes
        if size < held_bytes:
            continue
        whole = pa.concat_tables(held).combine_chunks()
        held.clear()
        ready = pc.sum(pc.less(whole.column("pair_index"), bound)).as_py() or 0
        ready = max(ready, (whole.num_rows + 1) // 2)  # holding more would mean sorting the same rows for ever
        order = _order(whole)
        yield from _slices(whole, order[:ready])
        held.append(whole.take(order[ready:]))
        size = held[0].nbytes
    if held:
        whole = pa.concat_tables(held).combine_chunks()
        yield from _slices(whole, _order(whole))


def _order(table: pa.Table) -> pa.Array:
    return pc.sort_indices(table, sort_keys=[("pair_index", "ascending")])


def _slices(table: pa.Table, order: pa.Array) -> Iterator[pa.Table]:
    """The rows in `order`, in tables of a row group's size."""
    rows = min(GROUP_ROWS, max(1, GROUP_BYTES * table.num_rows // max(1, table.nbytes)))
    for start in range(0, len(order), rows):
        yield table.take(order[start : start + rows])
