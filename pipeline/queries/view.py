"""A table that DuckDB reads through Arrow: of the store it reads the columns and rows that are asked for, no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds


class View(ds.InMemoryDataset):  # type: ignore[misc]  # pyarrow has no types
    """An empty dataset to Arrow; DuckDB calls `scanner` of it, and takes what comes.

    A filter is a conjunction over columns, each term of one column alone: so DuckDB pushes them down. It leaves out all
    that it has pushed down, so that a view has to apply the filter itself.

    Args:
        schema: of the view.
    """

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(schema.empty_table())
        self.failure: Exception | None = None  # that ended a scan: DuckDB tells no more than its words

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: ds.Expression | None = None,  # noqa: A002  # Arrow's name
        **_: Any,
    ) -> ds.Scanner:
        """Called by DuckDB; None asks for all columns, and for all rows."""
        return self.scan(list(self.schema.names if columns is None else columns), filter)

    def scan(self, columns: list[str], where: ds.Expression | None) -> ds.Scanner:
        """The columns, in this order, of the rows that the filter lets pass."""
        raise NotImplementedError


class StreamedView(View):
    """A view whose rows are made batch by batch."""

    def scan(self, columns: list[str], where: ds.Expression | None) -> ds.Scanner:
        """See `View`."""
        needed = [name for name in self.schema.names if name in columns or mentions(where, name)]
        schema = pa.schema([self.schema.field(name) for name in needed])
        batches = pa.RecordBatchReader.from_batches(schema, self._guarded(needed, where))
        return ds.Scanner.from_batches(batches, columns=columns, filter=where)

    def batches(self, columns: Sequence[str], where: ds.Expression | None) -> Iterator[pa.RecordBatch]:
        """Rows with these columns; there may be more of them than the filter lets pass."""
        raise NotImplementedError

    def _guarded(self, columns: Sequence[str], where: ds.Expression | None) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.batches(columns, where)
        except Exception as error:
            self.failure = error
            raise


def mentions(where: ds.Expression | None, column: str) -> bool:
    """Whether a filter may be about a column: where it is not sure, it says so."""
    return where is not None and column in str(where)
