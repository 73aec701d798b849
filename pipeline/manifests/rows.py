"""The rows of a pairs file, streamed: JSON lines, CSV or Parquet, each as the mapping a listed pair would be."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from neckar.pipeline.manifests.json_document import NotJson, parse_json
from neckar.pipeline.manifests.yaml_document import parse_yaml, scalar
from neckar.schemas.errors import UserError
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.settings import Settings
from neckar.schemas.wording import shown

LINE_MAX_BYTES = 1 << 20  # a file without line ends is refused rather than held
BATCH_ROWS = 4096  # of Parquet, in memory at a time

TEXT_COLUMNS = ("id", "content", "style")
SETTINGS_COLUMN = "settings"  # all of them in one cell; every other column is one setting


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: `row 40001`, counted from 1 without header and blank lines; the line too where it differs.
        value: id, content, style and settings as far as given; not validated, it may be anything JSON can be.
        problem: why the row cannot be read at all; then there is no value.
    """

    place: str
    value: Any = None
    problem: str | None = None


def iter_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows of a file whose kind its name tells.

    Raises:
        UserError: from there on it cannot be read at all: the header, the container, a line without end.
    """
    if name.endswith(".parquet"):
        return _parquet_rows(file, name)
    return _csv_rows(file, name) if name.endswith(".csv") else _json_rows(file, name)


def _place(row: int, line: int) -> str:
    return f"row {row}" if row == line else f"row {row} (line {line})"


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Line number from 1 and bytes, without a byte order mark."""
    number = 0
    while line := file.readline(LINE_MAX_BYTES):
        number += 1
        if len(line) == LINE_MAX_BYTES:
            raise UserError.at(f"{name}: line {number}", f"longer than {LINE_MAX_BYTES:,} bytes; end each row")
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _json_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    row = 0
    for number, line in _lines(file, name):
        if line.isspace():
            continue
        row += 1
        try:
            yield Row(_place(row, number), parse_json(line.decode()))
        except UnicodeDecodeError:
            yield Row(_place(row, number), problem="not UTF-8 text; save the file as UTF-8")
        except NotJson as error:
            yield Row(_place(row, number), problem=str(error))


def _csv_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    def texts() -> Iterator[str]:
        for number, line in _lines(file, name):
            try:
                yield line.decode()
            except UnicodeDecodeError:
                raise UserError.at(f"{name}: line {number}", "not UTF-8 text; save the file as UTF-8") from None

    reader = csv.reader(texts(), strict=True, skipinitialspace=True)
    try:
        header = next(reader, [])
        _check_columns(header, name)
        for row, cells in enumerate(filter(None, reader), start=1):
            place = f"row {row} (line {reader.line_num})"
            if len(cells) != len(header):
                yield Row(place, problem=f"{len(cells)} cells under {len(header)} columns; mind commas and quotes")
                continue
            yield _csv_row(place, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise UserError.at(f"{name}: line {reader.line_num}", f"not valid CSV: {error}") from None


def _csv_row(place: str, cells: dict[str, str]) -> Row:
    """Empty cells are not given; id and images are text, settings are read as in a manifest."""
    pair: dict[str, Any] = {column: text for column in TEXT_COLUMNS if (text := cells.get(column))}
    try:
        settings = {column: _cell(text) for column, text in cells.items() if text and column not in TEXT_COLUMNS}
    except UserError as error:
        return Row(place, problem=error.problems[0].message)
    return Row(place, _gathered(pair, settings))


def _cell(text: str) -> Any:
    return parse_yaml(text, "") if text.startswith(("[", "{")) else scalar(text.strip())


def _parquet_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415  # 0.3 s that only a Parquet file should cost
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.ParquetFile(file)
        _check_columns(table.schema_arrow.names, name)
        row = 0
        for batch in table.iter_batches(batch_size=BATCH_ROWS):
            for values in batch.to_pylist():
                row += 1
                given = {column: value for column, value in values.items() if value is not None}
                yield _parquet_row(f"row {row}", given)
    except (pa.ArrowException, OSError, ValueError) as error:  # a damaged page is an OSError, a name a ValueError
        reason, _, _ = str(error).partition("\n")
        raise UserError.at(name, f"not a valid Parquet file: {reason}") from None


def _parquet_row(place: str, values: dict[str, Any]) -> Row:
    """Nulls are not given; settings may be a struct or JSON text."""
    settings = values.get(SETTINGS_COLUMN)
    if isinstance(settings, str):
        try:
            values[SETTINGS_COLUMN] = parse_json(settings)
        except NotJson as error:
            return Row(place, problem=f"settings: {error}")
    elif isinstance(settings, dict):
        values[SETTINGS_COLUMN] = {key: value for key, value in settings.items() if value is not None}
    pair = {column: values.pop(column) for column in TEXT_COLUMNS if column in values}
    return Row(place, _gathered(pair, values))


def _check_columns(columns: list[str], name: str) -> None:
    valid = (*TEXT_COLUMNS, SETTINGS_COLUMN, *Settings.model_fields)
    for column in columns:
        if column not in valid:
            mend = did_you_mean(column, valid)
            raise UserError.at(name, f"{shown(column)} is not a column of pairs{mend}")
        if columns.count(column) > 1:
            raise UserError.at(name, f"the column {shown(column)} stands twice; leave one out")
    if not {"content", "style"} & set(columns):
        raise UserError.at(name, "no column names an image; add content, style or both")


def _gathered(pair: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The mapping a listed pair would be: columns that are settings go below `settings`, over its own."""
    written = settings.pop(SETTINGS_COLUMN, {})
    if not isinstance(written, dict):  # told when the pair is validated
        return {**pair, "settings": written}
    settings = {**written, **settings}
    return {**pair, "settings": settings} if settings else pair
