"""The rows of a pairs file, streamed: JSON lines, CSV or Parquet, each as the mapping a listed pair would be."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, BinaryIO

from neckar.pipeline.manifests.columns import SETTINGS_COLUMN, Row, check_columns, gathered, with_extra
from neckar.pipeline.manifests.json_document import NotJson, parse_json
from neckar.pipeline.manifests.yaml_document import parse_yaml, scalar
from neckar.schemas.errors import UserError
from neckar.schemas.settings import Settings

LINE_MAX_BYTES = 1 << 20  # a file without line ends is refused rather than held

_READ = {SETTINGS_COLUMN, *Settings.model_fields}  # as YAML would; anything else is text
_NO_COLUMN = {"", "Unnamed: 0"}  # pandas' index


def iter_rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """The rows of a file whose kind its name tells.

    Raises:
        UserError: from there on it cannot be read at all: the header, the container, a line without end.
    """
    if name.endswith(".parquet"):
        from neckar.pipeline.manifests.parquet_rows import parquet_rows  # noqa: PLC0415  # pyarrow: 0.3 s

        return parquet_rows(file, name)
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
            yield Row(_place(row, number), with_extra(parse_json(line.decode())))
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
        check_columns([column for column in header if column not in _NO_COLUMN], name)
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
    given = {column: text for column, text in cells.items() if text and column not in _NO_COLUMN}
    try:
        values = {column: _cell(text) if column in _READ else text for column, text in given.items()}
    except UserError as error:
        return Row(place, problem=error.problems[0].message)
    return Row(place, gathered(values))


def _cell(text: str) -> Any:
    return parse_yaml(text, "") if text.startswith(("[", "{")) else scalar(text.strip())
