"""Reading a run, live or finished: a snapshot of what stood on the store when it was opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from neckar.pipeline.results.layout import LEASE_KEY, RUN_KEY
from neckar.pipeline.results.ledger import (
    Ledger,
    PartFile,
    list_parts,
    open_part,
    part_files,
    read_columns,
    read_ledger,
)
from neckar.pipeline.results.records import read_record
from neckar.pipeline.results.rows.arrow import table_to_rows
from neckar.pipeline.results.run import finished
from neckar.pipeline.results.stored_file import open_stored
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.results import RESULTS_SCHEMA, ResultRow
from neckar.schemas.run import LeaseRecord, RunRecord, SuccessRecord
from neckar.schemas.status import Counts

PART_COLUMN = "_part"  # number of the file a row came from: a dataset has it after RESULTS_SCHEMA's columns
FOLDER_COLUMN = "_folder"  # what stands before the keys of its pictures: a dataset has it last

_DATASET_SCHEMA: pa.Schema = RESULTS_SCHEMA.append(pa.field(PART_COLUMN, pa.int32(), nullable=False)).append(
    pa.field(FOLDER_COLUMN, pa.string(), nullable=False)
)
NONE_SUPERSEDED = pa.table({PART_COLUMN: pa.array([], pa.int32()), "pair_id": pa.array([], pa.string())})


@dataclass(frozen=True)
class ResultsReader:
    """Rows of results, and which of them count.

    Every method may raise `StoreError`, and `UserError` where a file is damaged.

    Attributes:
        store: rooted at what is read; files and pictures are named relative to it.
        files: the Parquet files with its rows, oldest first.
    """

    store: Store
    files: tuple[PartFile, ...]

    @cached_property
    def ledger(self) -> Ledger:
        """Which row counts for which pair; reads three columns of everything, once."""
        return read_ledger(self.store, self.files)

    def row(self, pair_id: str) -> ResultRow:
        """One pair's result, with its loss trace.

        Raises:
            UserError: no such pair, or it has no result yet.
        """
        found = self.ledger.position(pair_id)
        row = None if found is None else read_row(self.store, *found)
        if row is None or row.pair_id != pair_id:  # another: two ids with one hash
            mend = 'ask neckar query RUN "select pair_id from results" which there are'
            raise UserError.at(f"{self.store.uri}: {pair_id}", f"no pair of this name has a result; {mend}")
        return row

    def image(self, row: ResultRow) -> bytes:
        """The PNG of an `ok` row, as it stands on the store. Raises `NotFound` where somebody deleted it."""
        assert row.image_uri is not None, row.status
        return self.store.get(row.image_uri)

    def dataset(self) -> ds.Dataset:
        """All rows of all files, columns and filters pushed down to ranged reads; `_part` and `_folder` are last.

        It may hold rows that count no more: leave out those `superseded` tells of, as `query` does.
        """
        checked = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
        format_ = ds.ParquetFileFormat(default_fragment_scan_options=checked)
        fragments = [
            format_.make_fragment(
                open_stored(self.store, file.key, file.size),
                partition_expression=(ds.field(PART_COLUMN) == number)
                & (ds.field(FOLDER_COLUMN) == self.folder_of(number)),
            )
            for number, file in enumerate(self.files)
        ]
        return ds.FileSystemDataset(fragments, _DATASET_SCHEMA, format_)

    def counting_rows(self) -> Iterator[np.ndarray]:
        """For each file a mask of its rows: those that count."""
        return self.ledger.counting_rows()

    def superseded(self) -> pa.Table:
        """`_part` and `pair_id` of the rows that count no more."""
        rows: list[pa.Table] = []
        for number, counting in enumerate(self.counting_rows()):
            if not counting.all():
                ids = read_columns(self.store, self.files[number], ["pair_id"]).column("pair_id")
                gone = ids.filter(pa.array(~counting))
                part = pa.array(np.full(len(gone), number, dtype=np.int32))
                rows.append(pa.table({PART_COLUMN: part, "pair_id": gone}))
        return pa.concat_tables([NONE_SUPERSEDED, *rows])

    def folder_of(self, number: int) -> str:  # noqa: ARG002  # of a run: its root
        """What stands before the keys of pictures in the rows of a file, relative to the store."""
        return ""


@dataclass(frozen=True)
class RunReader(ResultsReader):
    """An open run. A finished one is read from the files _SUCCESS.json lists and no others.

    Attributes:
        record: run.json.
        success: _SUCCESS.json, None while the run is not complete.
    """

    record: RunRecord
    success: SuccessRecord | None

    def lease(self) -> LeaseRecord | None:
        """Who worked on the run last, and until when they hold it; read anew each time."""
        return read_record(self.store, LEASE_KEY, LeaseRecord)

    def counts(self) -> Counts:
        """Pairs by status. `record.pairs` is how many there will be."""
        if self.success is None:
            return self.ledger.counts()
        return Counts(self.success.ok, self.success.failed, self.success.quarantined)

    def superseded(self) -> pa.Table:
        """See `ResultsReader`; none in a finished run."""
        return super().superseded() if self.success is None else NONE_SUPERSEDED


def open_run(uri: str) -> RunReader:
    """The run at a folder or `s3://` URI.

    Raises:
        UserError: there is no run, or a record is damaged.
        StoreError: as the store says.
    """
    store = open_store(uri)
    record = read_record(store, RUN_KEY, RunRecord)
    if record is None:
        raise UserError.at(store.uri, f"no run stands here: there is no {RUN_KEY}; give the output of a neckar run")
    success = finished(store)
    if success is None:
        return RunReader(store, tuple(list_parts(store)), record, None)
    return RunReader(store, part_files(success), record, success)


def read_row(store: Store, file: PartFile, number: int) -> ResultRow:
    """The row of this number, from 0, in a file; reads the row group it is in."""
    with open_part(store, file) as part:
        for group in range(part.num_row_groups):
            rows = part.metadata.row_group(group).num_rows
            if number < rows:
                return table_to_rows(part.read_row_group(group).slice(number, 1))[0]
            number -= rows
    raise AssertionError(file.key)
