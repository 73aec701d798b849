"""A table of results on its way out: aligned text for people, CSV, JSON and Parquet for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1024  # Python objects made of an Arrow table at a time
_WIDE = 1_000_000  # columns of "paper" where nobody's screen wraps the lines


class Format(StrEnum):
    """How `neckar query` writes its answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def write(table: pa.Table, form: Format, out: IO[bytes]) -> None:
    """Write the table, `out` being a terminal or not."""
    _WRITERS[form](table.rename_columns(_distinct(table.column_names)), out)


def plain(value: Any) -> Any:
    """The value in JSON's types: NaN and infinities as null, times in ISO 8601, bytes in hex."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():  # DuckDB's sum of whole numbers
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.hex()
        case timedelta():
            return value.total_seconds()
        case _:
            return value


def text(value: Any) -> str:
    """The value for a person: six digits of a float, whole seconds, lists with commas, nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.6g}"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case list() | tuple() if not any(isinstance(item, dict) for item in value):
            return ", ".join(text(item) for item in value)
        case dict() | list():
            return json.dumps(plain(value))
        case _:
            return str(plain(value))


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from batch.to_pylist(maps_as_pydicts="strict")


def _write_table(table: pa.Table, out: IO[bytes]) -> None:
    import pyarrow.types as kinds
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    printed = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for field in table.schema:
        number = any(is_kind(field.type) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_decimal))
        printed.add_column(Text(field.name), justify="right" if number else "left", overflow="fold")
    for row in _rows(table):
        printed.add_row(*(Text(text(value)) for value in row.values()))
    lines = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    console = Console(file=lines, width=None if out.isatty() else _WIDE, highlight=False)
    console.print(printed)
    console.print("1 row" if table.num_rows == 1 else f"{table.num_rows:,} rows", style="dim")
    lines.detach()  # the stream stays its owner's


def _write_csv(table: pa.Table, out: IO[bytes]) -> None:
    lines = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        values = (plain(value) for value in row.values())
        writer.writerow(json.dumps(value) if isinstance(value, dict | list | bool) else value for value in values)
    lines.detach()  # flushes; the stream stays its owner's


def _write_json(table: pa.Table, out: IO[bytes]) -> None:
    """An array, one row a line."""
    separator = b"[\n"
    for row in _rows(table):
        out.write(separator + json.dumps(plain(row), allow_nan=False).encode())
        separator = b",\n"
    out.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _write_parquet(table: pa.Table, out: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    whole = io.BytesIO()  # a pipe cannot seek
    pq.write_table(table, whole)
    out.write(whole.getbuffer())


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


_WRITERS: dict[Format, Callable[[pa.Table, IO[bytes]], None]] = {
    Format.TABLE: _write_table,
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.PARQUET: _write_parquet,
}
