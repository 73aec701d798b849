"""The rows of a pairs file, streamed: JSON lines, CSV or Parquet, each as the mapping a listed pair would be."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from neckar.pipeline.manifests.json_document import NotJson, parse_json
from neckar.pipeline.manifests.yaml_document import parse_yaml, scalar
from neckar.schemas.errors import UserError
from neckar.schemas.settings import Settings
from neckar.schemas.wording import shown

LINE_MAX_BYTES = 1 << 20  # a file without line ends is refused rather than held

TEXT_COLUMNS = ("id", "content", "style")
SETTINGS_COLUMN = "settings"  # all of them in one cell
EXTRA = "extra"  # what is neither, and travels to the results
EXTRA_PREFIX = "extra."  # lets any name travel
NEAR = 0.8  # of difflib: one letter in six, or two that changed places
_READ = {SETTINGS_COLUMN, *Settings.model_fields}  # as YAML would; anything else is text
_NO_COLUMN = {"", "Unnamed: 0"}  # pandas' index


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: `row 40001`, counted from 1 without header and blank lines; the line too where it differs.
        value: id, content, style, settings and extra as far as given; not validated, it may be anything JSON can be.
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
            yield _json_row(_place(row, number), parse_json(line.decode()))
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


def check_columns(columns: list[str], name: str) -> None:
    """Raises `UserError` where a column stands twice, may be a misspelt one, or no column names an image."""
    for column in columns:
        if mistake := _misspelt(column, (*TEXT_COLUMNS, SETTINGS_COLUMN, *Settings.model_fields)):
            raise UserError.at(name, f"{shown(column)} is not a column of pairs; {mistake}")
        if columns.count(column) > 1:
            raise UserError.at(name, f"the column {shown(column)} stands twice; leave one out")
    if not {"content", "style"} & set(columns):
        raise UserError.at(name, "no column names an image; add content, style or both")


def gathered(values: dict[str, Any]) -> dict[str, Any]:
    """The mapping a listed pair would be: columns that are settings go below `settings`, over its own; others travel."""
    pair = {column: values[column] for column in TEXT_COLUMNS if column in values}
    settings = {column: value for column, value in values.items() if column in Settings.model_fields}
    known = {*pair, *settings, SETTINGS_COLUMN}
    extra = {column.removeprefix(EXTRA_PREFIX): value for column, value in values.items() if column not in known}
    if extra:
        pair["extra"] = extra
    written = values.get(SETTINGS_COLUMN, {})
    if not isinstance(written, dict):  # told when the pair is validated
        return {**pair, "settings": written}
    settings = {**written, **settings}
    return {**pair, "settings": settings} if settings else pair


def _misspelt(column: str, valid: tuple[str, ...]) -> str | None:
    """The mend where a name is not valid and so near to one that it may be meant; then it must not travel silently."""
    if column in valid:
        return None
    close = difflib.get_close_matches(column.strip().casefold(), valid, n=1, cutoff=NEAR)
    return f"did you mean {close[0]!r}? A column of your own: {EXTRA_PREFIX + column!r}" if close else None


def _json_row(place: str, value: Any) -> Row:
    """Keys that mean nothing here travel as `extra`; those that may be misspelt stay, to be told."""
    if not isinstance(value, dict):
        return Row(place, value)
    known = (*TEXT_COLUMNS, SETTINGS_COLUMN, EXTRA)
    own = {key: part for key, part in value.items() if key not in known and not _meant(key, known)}
    if not own or not isinstance(value.get(EXTRA, {}), dict):
        return Row(place, value)
    kept = {key: part for key, part in value.items() if key not in own}
    own = {key.removeprefix(EXTRA_PREFIX): part for key, part in own.items()}
    return Row(place, {**kept, EXTRA: {**own, **value.get(EXTRA, {})}})


def _meant(key: str, known: tuple[str, ...]) -> bool:
    """Whether a key is a setting, which belongs below `settings`, or may be a misspelt name."""
    names = (*known, *Settings.model_fields)
    return key in Settings.model_fields or _misspelt(key, names) is not None
