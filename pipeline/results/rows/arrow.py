"""Result rows as Arrow tables, and as the metadata a PNG carries of its own making."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import pyarrow as pa

from neckar.pipeline.results.rows.traces import trace_from_text, trace_of, trace_to_text, traces_to_array
from neckar.schemas.errors import ErrorCode
from neckar.schemas.results import RESULTS_SCHEMA, ResultRow

METADATA_VERSION = 1
_UNKNOWABLE = "image_sha256"  # a file cannot hold its own hash


def rows_to_table(rows: Sequence[ResultRow]) -> pa.Table:
    """The rows under `RESULTS_SCHEMA`, in the order given.

    Raises:
        pa.ArrowException, OverflowError: a value that does not fit its column.
    """
    columns = [_column(field, [getattr(row, field.name) for row in rows]) for field in RESULTS_SCHEMA]
    return pa.Table.from_arrays(columns, schema=RESULTS_SCHEMA)


def _column(field: pa.Field, values: list[Any]) -> pa.Array:
    if field.name == "loss_trace":
        return traces_to_array(values)
    if pa.types.is_map(field.type):
        values = [list(value.items()) for value in values]
    column = pa.array(values, type=field.type)
    if column.null_count and not field.nullable:
        raise pa.ArrowInvalid(f"{field.name} may not be null")
    return column


def table_to_rows(table: pa.Table) -> list[ResultRow]:
    """The rows of a table with `RESULTS_SCHEMA`'s columns; meant for a few, each becomes Python objects.

    Columns the table does not have (an older version wrote it, or they were not read) keep their defaults.
    """
    return [_row(table, index) for index in range(table.num_rows)]


def _row(table: pa.Table, index: int) -> ResultRow:
    cells = {name: table.column(name)[index] for name in table.column_names if name in RESULTS_SCHEMA.names}
    values = {name: cell.as_py() for name, cell in cells.items() if name != "loss_trace"}
    if "loss_trace" in cells:
        values["loss_trace"] = trace_of(cells["loss_trace"], values.get("style_layers"))
    return _row_of(values)


def _row_of(values: dict[str, Any]) -> ResultRow:
    """A row of plain values: lists become tuples, codes the vocabulary's entries."""
    for name, value in values.items():
        if isinstance(value, list):  # a map's entries, or a list column
            values[name] = dict(value) if pa.types.is_map(RESULTS_SCHEMA.field(name).type) else tuple(value)
    if values.get("error_code") is not None:
        values["error_code"] = ErrorCode(values["error_code"])
    return ResultRow(**values)


def row_to_metadata(row: ResultRow) -> dict[str, Any]:
    """What the PNG of an `ok` row carries: everything but the file's own hash, as JSON types; nulls are left out."""
    values: dict[str, Any] = {"schema_version": METADATA_VERSION}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if value is not None and field.name != _UNKNOWABLE:
            values[field.name] = _to_json(field.name, value)
    return values


def _to_json(name: str, value: Any) -> Any:
    if name == "loss_trace":
        return trace_to_text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has neither NaN nor infinities
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def metadata_to_row(metadata: Mapping[str, Any]) -> ResultRow:
    """The row a PNG's metadata tells of; `image_sha256` is left for who has the file to fill in.

    Raises:
        ValueError: no metadata of this version, or damaged.
    """
    if metadata.get("schema_version") != METADATA_VERSION:
        found = metadata.get("schema_version")
        raise ValueError(f"its metadata has version {found!r}, this Neckar reads {METADATA_VERSION}")
    try:
        values = {name: _from_json(name, value) for name, value in metadata.items() if name != "schema_version"}
        row = _row_of(values)
        rows_to_table([row])  # every value fits its column
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, pa.ArrowException) as error:
        raise ValueError(f"its metadata is damaged: {error}") from None
    return row


def _from_json(name: str, value: Any) -> Any:
    if name == "loss_trace":
        return trace_from_text(cast("dict[str, Any]", value))
    kind = RESULTS_SCHEMA.field(name).type
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    return float(value) if pa.types.is_floating(kind) else value
