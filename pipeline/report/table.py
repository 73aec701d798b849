"""One row a pair, in the manifest's order: what a report finds, sorts and counts by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neckar.pipeline.figures.grid import in_order
from neckar.pipeline.queries.design_view import DesignView, Factor
from neckar.pipeline.queries.results_view import SCHEMA
from neckar.pipeline.queries.views import views_of
from neckar.pipeline.report.packing import codes, pack
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.stimuli.reading import tables_of
from neckar.schemas.results import PHOTOMETRY_COLUMNS

PENDING_ROW = -1  # row of a pair that has none yet

_WORDS = ("error_code", "stop_reason", "condition")
_NUMBERS = (
    "loss_total",
    "loss_content",
    "loss_style",
    "loss_total_png",
    "iterations",
    "seconds",
    "attempts",
    "height_px",
    "width_px",
)
_KEYS = ("image_uri", "copy_uri")
_PHOTOMETRY = tuple(field.name for field in PHOTOMETRY_COLUMNS)
_OF_THE_ROW = (
    "pair_index",
    "pair_id",
    "condition",
    "image_uri",
    "image_sha256",
    "pixel_sha256",
    "copy_uri",
    "copy_sha256",
)


@dataclass(frozen=True, slots=True)
class Words:
    """A column of few different words.

    Attributes:
        codes: (pairs,) numbers of levels, from 1; 0 where there is none.
        levels: as text, in order.
        numbers: the levels, where all of them are; else None.
        role: "factor" of the design, "source", or "word".
    """

    codes: np.ndarray
    levels: tuple[str, ...]
    numbers: tuple[float, ...] | None = None
    role: str = "word"


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers.

    Attributes:
        values: (pairs,) float64; NaN where there is none.
        present: (pairs,) bool: where there is one, that may be NaN itself.
    """

    values: np.ndarray
    present: np.ndarray


@dataclass(frozen=True, slots=True)
class Column:
    """One of the table's.

    Attributes:
        values: its own.
        of: its name in `design`, `results` or `stimuli`; None of a factor.
        about: its meaning and unit.
    """

    values: Words | Numbers
    of: str | None
    about: Mapping[str, str]


@dataclass(frozen=True)
class PairTable:
    """The pairs of a run, and where their rows stand.

    Attributes:
        ids: of the pairs.
        columns: by name, in the order they are told.
        files: (pairs,) number of the file that has the row.
        rows: (pairs,) its row in that file; `PENDING_ROW` without one.
        pictures: of each pair the key of what an observer sees: the final one, where the set was finished.
        tabulated: whether the run has a finished stimulus set, whose columns are here.
    """

    ids: tuple[str, ...]
    columns: Mapping[str, Column]
    files: np.ndarray
    rows: np.ndarray
    pictures: tuple[str | None, ...]
    tabulated: bool

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def ok(self) -> np.ndarray:
        """(pairs,) whether each has a picture, by its row."""
        status = self.words("status")
        mask: np.ndarray = status.codes == (status.levels.index("ok") + 1 if "ok" in status.levels else -1)
        return mask

    @cached_property
    def places(self) -> dict[str, int]:
        """Id to place in the table."""
        return {pair_id: place for place, pair_id in enumerate(self.ids)}

    def words(self, name: str) -> Words:
        """A column of words, by its name in `design` or `results`."""
        found = next(column.values for column in self.columns.values() if column.of == name)
        assert isinstance(found, Words)
        return found

    def packed(self, more: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
        """The table as a page unpacks it, and what else it has to know."""
        told: list[dict[str, Any]] = []
        blocks = dict(arrays)
        for name, column in self.columns.items():
            values = column.values
            entry: dict[str, Any] = {"name": name, "of": column.of, **column.about}
            if isinstance(values, Words):
                entry |= {"kind": "words", "levels": values.levels, "numbers": values.numbers, "role": values.role}
                blocks[name] = codes(values.codes, len(values.levels))
            else:
                entry |= {"kind": "numbers"}
                blocks[name] = values.values
                if not values.present.all():
                    blocks[f"{name} present"] = values.present.astype(np.uint8)
            told.append(entry)
        return pack({**more, "ids": self.ids, "columns": told}, blocks)


class _Columns:
    """Collects them, each under a name of its own: a factor has its name, and another column steps back."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}

    def add(self, field: pa.Field, values: Words | Numbers, view: str = "result") -> None:
        """A column of a view."""
        name = field.name
        while name in self.columns:
            name = f"{name} ({view})" if name == field.name else f"{name}*"
        told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        about = {key: told[key] for key in ("meaning", "unit") if told.get(key)}
        self.columns[name] = Column(values, field.name, about)


def table_of(reader: ResultsReader) -> PairTable:
    """Read it.

    Raises:
        UserError: a file of the run is damaged, or its pairs file is gone.
        StoreError: as the store says.
    """
    views = views_of(reader, "design")
    view = views["design"]
    assert isinstance(view, DesignView)
    pairs = view.scanner().to_table()  # file by file, those that count, then those without a row
    asked = [*_WORDS, *_NUMBERS, *_KEYS, *_PHOTOMETRY]
    made = views["results"].scanner(columns=asked).to_table()  # the same rows in the same order
    files, rows = _places(reader, len(pairs))
    order = np.argsort(pairs.column("pair_index").to_numpy(), kind="stable")
    pairs = pairs.take(pa.array(order))
    places = pa.array(order, mask=order >= len(made))
    made = made.take(places) if len(made) else made.schema.empty_table().take(pa.nulls(len(order), pa.int64()))
    ids = pairs.column("pair_id").to_pylist()
    final = _final(reader, ids)
    found = _Columns()
    for factor in view.factors:
        about = {"meaning": f"level of the factor {factor.name}"}
        found.columns[factor.name] = Column(_levels(factor, pairs.column(factor.column)), None, about)
    found.add(pairs.schema.field("status"), words(pairs.column("status")))
    for side in ("content_uri", "style_uri"):
        found.add(pairs.schema.field(side), words(pairs.column(side), role="source"))
    for name in (*_WORDS, *_NUMBERS):
        found.add(SCHEMA.field(name), (words if name in _WORDS else _numbers)(made.column(name)))
    measured = final if final is not None else made.select(_PHOTOMETRY)
    for field in measured.schema:
        column = measured.column(field.name)
        if field.name not in _OF_THE_ROW and column.null_count < len(column):
            found.add(field, _measured(column), "result" if final is None else "stimulus")
    return PairTable(tuple(ids), found.columns, files[order], rows[order], _pictures(made, final), final is not None)


def words(column: pa.ChunkedArray, role: str = "word") -> Words:
    """A column of text, its levels in the order they are met."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    return Words(_codes(encoded.indices), tuple(encoded.dictionary.to_pylist()), role=role)


def _levels(factor: Factor, column: pa.ChunkedArray) -> Words:
    """A factor's, numbers ascending."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    met = encoded.dictionary.to_pylist()
    levels = in_order(met)
    rank = {level: number for number, level in enumerate(levels, start=1)}
    ranks = np.array([0, *(rank[level] for level in met)], dtype=np.int64)
    numbers = None if factor.type == pa.string() else tuple(map(float, levels))
    texts = tuple(str(level) for level in levels)
    return Words(ranks[_codes(encoded.indices)], texts, numbers, "factor")


def _codes(indices: pa.Array) -> np.ndarray:
    found: np.ndarray = pc.fill_null(indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False) + 1
    return found


def _numbers(column: pa.ChunkedArray) -> Numbers:
    whole = column.combine_chunks().cast(pa.float64())
    present = whole.is_valid().to_numpy(zero_copy_only=False)
    return Numbers(pc.fill_null(whole, float("nan")).to_numpy(zero_copy_only=False), present)


def _measured(column: pa.ChunkedArray) -> Words | Numbers:
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return _numbers(column)
    if pa.types.is_list(kind):
        texts = [None if not value else ", ".join(map(str, value)) for value in column.to_pylist()]
        return words(pa.chunked_array([pa.array(texts, pa.string())]))
    if pa.types.is_boolean(kind):
        texts = [None if value is None else "yes" if value else "no" for value in column.to_pylist()]
        return words(pa.chunked_array([pa.array(texts, pa.string())]))
    return words(column.cast(pa.string()))


def _final(reader: ResultsReader, ids: Sequence[str]) -> pa.Table | None:
    """The rows of the finished set, beside the pairs; None without one."""
    table = tables_of(reader).get("stimuli")
    if table is None:
        return None
    places = pc.index_in(pa.array(ids, pa.string()), value_set=table.column("pair_id").combine_chunks())
    return table.take(places)


def _pictures(made: pa.Table, final: pa.Table | None) -> tuple[str | None, ...]:
    """Keys of what a browser can show: of 16 bits the copy of 8, of a matched set the matched ones."""
    tables = [made] if final is None else [final, made]
    columns = [table.column(name) for table in tables for name in ("copy_uri", "image_uri")]
    return tuple(pc.coalesce(*columns).to_pylist())


def _places(reader: ResultsReader, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows that count stand, file by file; then the pairs without a row."""
    found = [np.flatnonzero(mask) for mask in reader.counting_rows()]
    files = np.concatenate([np.empty(0, np.int64), *(np.full(len(rows), n) for n, rows in enumerate(found))])
    rows = np.concatenate([np.empty(0, np.int64), *found])
    lacking = np.full(pairs - len(rows), PENDING_ROW)
    return np.concatenate([files, lacking]).astype(np.int64), np.concatenate([rows, lacking]).astype(np.int64)
