"""`results`: one row a pair, every column but the trace, filters and columns pushed down into the Parquet files."""

from __future__ import annotations

from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from neckar.pipeline.queries.view import View, mentions
from neckar.pipeline.results.reading import FOLDER_COLUMN, PART_COLUMN, ResultsReader
from neckar.schemas.results import RESULTS_SCHEMA

_KEYS = ("image_uri", "copy_uri")  # of pictures; of a version they are relative to the runs it is made of

# The trace is left out, so that `select *` stays small; it is a view of its own.
SCHEMA: pa.Schema = pa.schema([field for field in RESULTS_SCHEMA if field.name != "loss_trace"])


class ResultsView(View):
    """See the module.

    Args:
        reader: of a run or of a version.
    """

    def __init__(self, reader: ResultsReader) -> None:
        super().__init__(SCHEMA)
        self._reader = reader

    def scan(self, columns: list[str], where: ds.Expression | None) -> ds.Scanner:
        """See `View`."""
        rows = self._reader.dataset()
        if not self._placed:
            return rows.scanner(columns=columns, filter=_both(where, self._counting))
        late = where if any(mentions(where, key) for key in _KEYS) else None  # asks for keys as they are told here
        needed = [name for name in SCHEMA.names if name in columns or mentions(late, name)]
        scanner = rows.scanner(
            columns={name: self._column(name) for name in needed},
            filter=_both(None if late is not None else where, self._counting),
        )
        if late is None and needed == columns:
            return scanner
        return ds.Scanner.from_batches(scanner.to_reader(), columns=columns, filter=late)

    @cached_property
    def _counting(self) -> ds.Expression | None:
        """Leaves out rows that count no more; None where all do."""
        gone = self._reader.superseded()
        counting = None
        for number in pc.unique(gone.column(PART_COLUMN)).to_pylist():
            ids = gone.filter(pc.equal(gone.column(PART_COLUMN), number)).column("pair_id").combine_chunks()
            term = ~((ds.field(PART_COLUMN) == number) & ds.field("pair_id").isin(ids))
            counting = term if counting is None else counting & term
        return counting

    @cached_property
    def _placed(self) -> bool:
        """Whether keys of pictures have a folder before them."""
        return any(self._reader.folder_of(number) for number in range(len(self._reader.files)))

    def _column(self, name: str) -> ds.Expression:
        if name in _KEYS:
            return pc.binary_join_element_wise(ds.field(FOLDER_COLUMN), ds.field(name), pc.scalar(""))
        return ds.field(name)


def _both(one: ds.Expression | None, other: ds.Expression | None) -> ds.Expression | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other
