"""A table of results for people: aligned text, and values in their words."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

TERMINAL_ROWS = 40  # shown on a terminal; a file or a pipe gets all
_ROWS_AT_ONCE = 1024  # Python objects made of an Arrow table at a time
_WIDE = 1_000_000  # columns of "paper" where nobody's screen wraps the lines
_GAP = 3  # columns between two columns of a table


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


def rows_of(batches: pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    """The rows as Python objects, never many at a time."""
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            yield from batch.slice(start, _ROWS_AT_ONCE).to_pylist(maps_as_pydicts="strict")


def write_table(batches: pa.RecordBatchReader, out: IO[bytes]) -> None:
    """Print the rows; on a terminal the first of them, and upright where they are too wide for it."""
    from rich.console import Console

    terminal = out.isatty()
    rows = rows_of(batches)
    shown = [[text(value) for value in row.values()] for row in islice(rows, TERMINAL_ROWS if terminal else None)]
    total = len(shown) + sum(1 for _ in rows)
    lines = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    console = Console(file=lines, width=None if terminal else _WIDE, highlight=False)
    names = batches.schema.names
    widths = [max([len(name), *(len(row[i]) for row in shown)]) for i, name in enumerate(names)]
    if terminal and sum(widths) + _GAP * (len(widths) - 1) > console.width:
        _print_upright(console, names, shown)
    else:
        _print_aligned(console, batches.schema, shown)
    counted = "1 row" if total == 1 else f"{total:,} rows"
    if total > len(shown):
        counted = f"{len(shown)} of {counted}; --output FILE writes all of them, as .csv, .json or .parquet"
    console.print(counted, style="dim")
    lines.detach()  # the stream stays its owner's


def _print_aligned(console: Console, schema: pa.Schema, rows: Sequence[Sequence[str]]) -> None:
    import pyarrow.types as kinds
    from rich import box
    from rich.table import Table
    from rich.text import Text

    printed = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for field in schema:
        number = any(is_kind(field.type) for is_kind in (kinds.is_integer, kinds.is_floating, kinds.is_decimal))
        printed.add_column(Text(field.name), justify="right" if number else "left", overflow="fold")
    for row in rows:
        printed.add_row(*map(Text, row))
    console.print(printed)


def _print_upright(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A block a row: name and value, a line each; what has no value is left out."""
    from rich.text import Text

    width = max(map(len, names)) + 2
    for number, row in enumerate(rows, 1):
        console.print(Text(f"row {number}"), style="bold")
        for name, value in zip(names, row, strict=True):
            if value:
                console.print(Text(f"{name:<{width}}{value}"))
        console.print()
