"""The rows of a Parquet file of pairs, whatever wrote it: pandas, Spark, R, DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neckar.pipeline.manifests.columns import SETTINGS_COLUMN, Row, check_columns, gathered
from neckar.pipeline.manifests.json_document import NotJson, parse_json
from neckar.schemas.errors import UserError

BATCH_ROWS = 256  # in memory at a time
BATCH_MAX_BYTES = 64 << 20  # unpacked: a cell of a megabyte in every row is no manifest
PAGES_MAX_BYTES = 1 << 30  # of a column in a group of rows, unpacked
ROWS_PER_BYTE_MAX = 64  # more rows than that cannot differ
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def parquet_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows in order. Nulls are not given, at any depth; a file that unpacks to gigabytes is refused.

    Raises:
        UserError: the columns or the file are no pairs.
    """
    try:
        table = pq.ParquetFile(file)
        _check_size(table.metadata, file.seek(0, 2), name)
        schema = table.schema_arrow
        columns = [column for column in schema.names if not _PANDAS_INDEX.fullmatch(column)]
        check_columns(columns, name)
        plain = {column: _plain(schema.field(column).type) for column in columns}
        row = 0
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            unpacked = sum(_unpacked_bytes(column) for column in batch.columns)
            if unpacked > BATCH_MAX_BYTES:
                told = f"rows {row + 1} to {row + batch.num_rows} unpack to {unpacked >> 20:,} MiB"
                raise UserError.at(name, f"{told}, over the limit of {BATCH_MAX_BYTES >> 20}; write shorter cells")
            for values in batch.to_pylist():
                row += 1
                yield _row(f"row {row}", values, plain)
    except (pa.ArrowException, OSError, ValueError) as error:  # a damaged page is an OSError, a name a ValueError
        reason, _, _ = str(error).partition("\n")
        raise UserError.at(name, f"not a valid Parquet file: {reason}") from None


def _check_size(metadata: pq.FileMetaData, size: int, name: str) -> None:
    """Raises `UserError` where the file tells that a few bytes of it unpack to very many."""
    if metadata.num_rows > ROWS_PER_BYTE_MAX * size:
        raise UserError.at(name, f"{metadata.num_rows:,} rows in {size:,} bytes cannot be different pairs")
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            if chunk.total_uncompressed_size > PAGES_MAX_BYTES:
                unpacked = f"{chunk.path_in_schema!r} unpacks to {chunk.total_uncompressed_size >> 20:,} MiB"
                limit = f"over the limit of {PAGES_MAX_BYTES >> 20:,}"
                raise UserError.at(name, f"the column {unpacked}, {limit}; write groups of fewer rows")


def _unpacked_bytes(array: pa.Array) -> int:
    """Of the texts and lists in it, each counted as often as it stands there; numbers are short."""
    types, kind = pa.types, array.type
    if types.is_dictionary(kind):
        lengths = pc.take(_lengths(array.dictionary), array.indices)
        return int(pc.sum(lengths).as_py() or 0)
    if types.is_struct(kind):
        return sum(_unpacked_bytes(part) for part in array.flatten())
    if types.is_map(kind):
        return _unpacked_bytes(array.keys) + _unpacked_bytes(array.items)
    if types.is_nested(kind):
        return _unpacked_bytes(array.flatten())
    return int(array.nbytes)


def _lengths(texts: pa.Array) -> pa.Array:
    try:
        return pc.cast(pc.binary_length(texts), pa.int64())
    except pa.ArrowNotImplementedError:  # a dictionary of numbers
        return pa.repeat(pa.scalar(8, pa.int64()), len(texts))


def _row(place: str, values: dict[str, Any], plain: dict[str, Callable[[Any], Any]]) -> Row:
    """Settings may be a struct, a map or JSON text."""
    try:
        given = {column: plain[column](value) for column, value in values.items() if value is not None}
        if isinstance(given.get(SETTINGS_COLUMN), str):
            given[SETTINGS_COLUMN] = parse_json(given[SETTINGS_COLUMN])
    except NotJson as error:
        return Row(place, problem=f"settings: {error}")
    except ValueError as error:
        return Row(place, problem=str(error))
    return Row(place, gathered(given))


def _plain(kind: pa.DataType) -> Callable[[Any], Any]:
    """From a value as pyarrow gives it to what JSON would hold; raises `ValueError` where there is none."""
    types = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_float32(kind):
        return lambda value: float(str(np.float32(value)))  # .001 and not .0010000000474974513
    if types.is_float16(kind):
        return lambda value: float(str(np.float16(value)))
    if types.is_decimal(kind):
        return _number
    if types.is_struct(kind):
        parts = {kind.field(i).name: _plain(kind.field(i).type) for i in range(kind.num_fields)}
        return lambda value: {key: parts[key](part) for key, part in value.items() if part is not None}
    if types.is_map(kind):
        item = _plain(kind.item_type)
        return lambda value: _mapping(value, item)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = _plain(kind.value_type)
        return lambda value: [None if part is None else item(part) for part in value]
    if types.is_temporal(kind):
        return lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _text
    return lambda value: value


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _mapping(entries: list[tuple[Any, Any]], item: Callable[[Any], Any]) -> dict[Any, Any]:
    names = [key for key, _ in entries]
    for key in names:
        if names.count(key) > 1:
            raise ValueError(f"the key {key!r} stands twice; leave one out")
    return {key: item(part) for key, part in entries if part is not None}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("a cell holds bytes that are no UTF-8 text; store text") from None
