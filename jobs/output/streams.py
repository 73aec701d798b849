"""Rows on their way to programs: CSV, JSON and Parquet, batch by batch, in memory that does not grow with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from neckar.jobs.output.tables import plain, rows_of, write_table
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_BATCHES = 8  # of some 16,000 rows each, in a row group
_MONTH_DAYS = 30  # of an interval in months, as DuckDB counts them


class Format(StrEnum):
    """How `neckar query` writes its answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_SUFFIXES = {".txt": Format.TABLE, ".csv": Format.CSV, ".json": Format.JSON, ".parquet": Format.PARQUET}


def format_of(output: str | None, asked: Format | None) -> Format:
    """The format of a file, by its name unless one is asked for; aligned text on standard output.

    Raises:
        UserError: the name says nothing, or something else than what is asked for.
    """
    if output is None:
        return asked or Format.TABLE
    named = _SUFFIXES.get(PurePosixPath(output).suffix.lower())
    if asked is None and named is None:
        raise UserError.at(f"--output {output}", f"end it in {', '.join(_SUFFIXES)}, or add --format")
    if asked is not None and named not in (None, asked):
        raise UserError.at(f"--output {output}", f"its name says {named}, and --format {asked}; change one of them")
    return asked or named or Format.TABLE


def write(batches: pa.RecordBatchReader, form: Format, out: IO[bytes]) -> None:
    """Write the rows, `out` being a terminal, a pipe or a file."""
    _WRITERS[form](_told(batches), out)


def _told(batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The rows with a name a column, and intervals in seconds: neither Parquet nor CSV has any."""
    import pyarrow as pa

    fields = [
        pa.field(name, pa.float64() if _is_interval(field) else field.type)
        for name, field in zip(_distinct(batches.schema.names), batches.schema, strict=True)
    ]
    schema = pa.schema(fields)

    def told() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [
                _seconds(column) if _is_interval(field) else column
                for column, field in zip(batch.columns, batches.schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, told())


def _is_interval(field: pa.Field) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_interval(field.type))


def _seconds(intervals: pa.Array) -> pa.Array:
    import pyarrow as pa

    found = []
    for value in intervals.to_pylist():
        days = None if value is None else value.months * _MONTH_DAYS + value.days
        found.append(None if days is None else days * 86_400 + value.nanoseconds / 1e9)
    return pa.array(found, pa.float64())


def _write_csv(batches: pa.RecordBatchReader, out: IO[bytes]) -> None:
    """Texts in quotes, so that an empty one is another than none; times in ISO 8601, what is nested as JSON."""
    import pyarrow as pa
    from pyarrow import csv

    schema = pa.schema([pa.field(field.name, _csv_type(field.type)) for field in batches.schema])
    with csv.CSVWriter(_Sink(out), schema) as writer:
        for batch in batches:
            columns = [_csv_column(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _csv_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as kinds

    return kind if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) else pa.string()


def _csv_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    if kinds.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    if column.type == kind:
        return column
    if kinds.is_dictionary(column.type) and kinds.is_string(column.type.value_type):
        return column.cast(kind)
    values = (plain(value) for value in column.to_pylist(maps_as_pydicts="strict"))
    return pa.array([json.dumps(value) if isinstance(value, dict | list) else _string(value) for value in values], kind)


def _string(value: Any) -> str | None:
    return None if value is None else str(value)


def _write_json(batches: pa.RecordBatchReader, out: IO[bytes]) -> None:
    """An array, one row a line."""
    separator = b"[\n"
    for row in rows_of(batches):
        out.write(separator + json.dumps(plain(row), allow_nan=False).encode())
        separator = b",\n"
    out.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _write_parquet(batches: pa.RecordBatchReader, out: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(_Sink(out), batches.schema) as writer:
        while group := list(islice(batches, _GROUP_BATCHES)):
            writer.write_table(pa.Table.from_batches(group, batches.schema))


class _Sink:
    """A stream for Arrow to write to; it is told where it is, for a pipe does not know, and stays its owner's."""

    closed = False

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._position = 0

    def write(self, data: bytes) -> int:
        self._out.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def _distinct(names: list[str]) -> list[str]:
    """SQL may answer with one name twice, a mapping may not: `loss`, `loss` becomes `loss`, `loss_2`."""
    distinct: list[str] = []
    for name in names:
        candidate, count = name, 1
        while candidate in distinct:
            count += 1
            candidate = f"{name}_{count}"
        distinct.append(candidate)
    return distinct


_WRITERS: dict[Format, Callable[[pa.RecordBatchReader, IO[bytes]], None]] = {
    Format.TABLE: write_table,
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.PARQUET: _write_parquet,
}
