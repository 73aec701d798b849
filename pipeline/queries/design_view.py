"""`design`: one row a pair of the manifest, done or not, with every factor a column of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.manifests.source import loaded_again
from neckar.pipeline.queries.view import StreamedView
from neckar.pipeline.results.ledger import PartFile, damaged, read_columns
from neckar.pipeline.results.reading import ResultsReader, RunReader
from neckar.pipeline.results.stored_file import open_stored
from neckar.schemas.pair import Pair

PENDING = "pending"  # of a pair that has no row yet

_FIELDS = (
    pa.field("pair_index", pa.int64(), nullable=False, metadata={"meaning": "place in the manifest, from 0"}),
    pa.field("pair_id", pa.string(), nullable=False, metadata={"meaning": "the pair's id"}),
    pa.field(
        "status", pa.string(), nullable=False, metadata={"meaning": "ok, failed, quarantined, or pending: no row yet"}
    ),
    pa.field("content_uri", pa.string(), metadata={"meaning": "the content picture"}),
    pa.field("style_uri", pa.string(), metadata={"meaning": "the style picture"}),
)
_OWN = tuple(field.name for field in _FIELDS)
_LEVELS = ["levels.key_value.key", "levels.key_value.value"]
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_NONE = -1  # code of a pair that has no level of a factor


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of the design.

    Attributes:
        name: as the manifest has it.
        column: of the view: the name, unless another column has it.
        levels: in the order they are met.
        type: int64 or double where all levels are numbers, else string.
    """

    name: str
    column: str
    levels: tuple[str, ...]
    type: pa.DataType

    def values(self) -> pa.Array:
        """The levels in the column's type."""
        return pa.array(list(self.levels), pa.string()).cast(self.type)


class _Codes:
    """The level of every pair, as a number, factor by factor; grows row group by row group."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[str, int]] = {}
        self._pieces: defaultdict[int, list[tuple[int, dict[str, np.ndarray]]]] = defaultdict(list)

    def add(self, file: int, levels: pa.MapArray) -> None:
        """The next pairs of a file, by its number."""
        pairs = len(levels)
        keys, items = (
            side if pa.types.is_dictionary(side.type) else side.dictionary_encode()
            for side in (levels.keys, levels.items)
        )
        counts = np.diff(levels.offsets.to_numpy())
        row, start = np.repeat(np.arange(pairs), counts), levels.offsets[0].as_py()
        key_codes, item_codes = (
            side.indices.to_numpy(zero_copy_only=False)[start : start + len(row)] for side in (keys, items)
        )
        texts = np.array(items.dictionary.to_pylist(), dtype=object)
        codes = {}
        for number, name in enumerate(keys.dictionary.to_pylist()):
            here = key_codes == number
            if not here.any():
                continue
            known = self.levels.setdefault(name, {})
            found, inverse = np.unique(item_codes[here], return_inverse=True)
            translated = np.array([known.setdefault(text, len(known)) for text in texts[found]], dtype=np.int32)
            codes[name] = np.full(pairs, _NONE, dtype=np.int32)
            codes[name][row[here]] = translated[inverse]
        self._pieces[file].append((pairs, codes))

    def of(self, file: int, name: str) -> np.ndarray:
        """(pairs,) of a file: the codes of a factor."""
        pieces = self._pieces[file]
        return np.concatenate([codes.get(name, np.full(pairs, _NONE, dtype=np.int32)) for pairs, codes in pieces])


class DesignView(StreamedView):
    """See the module.

    Args:
        reader: of a run or of a version.

    Raises:
        UserError: a file of the run is damaged; of a run that is not complete: its pairs file is gone.
        StoreError: as the store says.
    """

    def __init__(self, reader: ResultsReader) -> None:
        self._reader = reader
        self._masks = list(reader.counting_rows())
        codes = _Codes()
        for number, (file, counting) in enumerate(zip(reader.files, self._masks, strict=True)):
            for levels in _levels(reader, file, counting):
                codes.add(number, levels)
        self._pending = list(_pending(reader))
        kind = pa.map_(pa.string(), pa.string())
        codes.add(len(self._masks), pa.array([list(pair.levels.items()) for pair in self._pending], kind))
        self._codes = codes
        taken = {name.lower() for name in _OWN}
        self.factors = tuple(_factor(name, tuple(known), taken) for name, known in codes.levels.items())
        fields = [
            pa.field(factor.column, factor.type, metadata={"meaning": f"level of the factor {factor.name}"})
            for factor in self.factors
        ]
        super().__init__(pa.schema([*_FIELDS, *fields]))

    def batches(self, columns: Sequence[str], where: ds.Expression | None) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See `StreamedView`."""
        own = [name for name in columns if name in _OWN]
        for number, (file, counting) in enumerate(zip(self._reader.files, self._masks, strict=True)):
            if not counting.any():
                continue
            rows = read_columns(self._reader.store, file, own).filter(pa.array(counting)) if own else None
            yield from self._joined(number, rows, int(counting.sum()), columns)
        if self._pending:
            yield from self._joined(len(self._masks), _rows(self._pending, own), len(self._pending), columns)

    def _joined(
        self, number: int, rows: pa.Table | None, pairs: int, columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """A piece's own columns beside those of its factors."""
        by_column = {factor.column: factor for factor in self.factors}
        arrays = []
        for name in columns:
            if name in by_column:
                factor = by_column[name]
                codes = self._codes.of(number, factor.name)
                places = pa.array(codes, mask=codes == _NONE)
                arrays.append(pa.chunked_array([factor.values().take(places)], factor.type))
            else:
                assert rows is not None
                arrays.append(rows.column(name).cast(self.schema.field(name).type))
        table = pa.Table.from_arrays(arrays, schema=pa.schema([self.schema.field(name) for name in columns]))
        assert table.num_rows == pairs
        yield from table.to_batches()


def _encoded(texts: pa.Array) -> pa.DictionaryArray:
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()


def _levels(reader: ResultsReader, file: PartFile, counting: np.ndarray) -> Iterator[pa.MapArray]:
    """The levels of the rows of a file that count, by row groups; texts that repeat stay numbers."""
    try:
        source = open_stored(reader.store, file.key, file.size)
        options = {"read_dictionary": _LEVELS, "page_checksum_verification": True, "pre_buffer": True}
        with pq.ParquetFile(source, **options) as part:
            first = 0
            for group in range(part.num_row_groups):
                levels = (
                    part.read_row_group(group, columns=_LEVELS, use_threads=False).column("levels").combine_chunks()
                )
                yield levels.filter(pa.array(counting[first : first + len(levels)]))
                first += len(levels)
    except (pa.ArrowException, OSError) as error:
        raise damaged(reader.store, file, str(error)) from error


def _pending(reader: ResultsReader) -> Iterator[Pair]:
    """The manifest's pairs that have no row yet. A version has none: what it lacks it does not list."""
    if isinstance(reader, RunReader) and reader.success is None:
        for pair in iter_pairs(loaded_again(reader.record)):
            if reader.ledger.status(pair.pair_id) is None:
                yield pair


def _rows(pairs: Sequence[Pair], columns: Sequence[str]) -> pa.Table:
    found = {
        "pair_index": pa.array([pair.index for pair in pairs], pa.int64()),
        "pair_id": pa.array([pair.pair_id for pair in pairs], pa.string()),
        "status": pa.array([PENDING] * len(pairs)),
        "content_uri": pa.array([pair.content for pair in pairs], pa.string()),
        "style_uri": pa.array([pair.style for pair in pairs], pa.string()),
    }
    return pa.table({name: found[name] for name in columns})


def _factor(name: str, levels: tuple[str, ...], taken: set[str]) -> Factor:
    column, count = name, 1
    while column.lower() in taken:  # names of columns are alike whatever their case
        count += 1
        column = f"{name}_{count}"
    taken.add(column.lower())
    if all(_INTEGER.fullmatch(level) for level in levels):
        kind = pa.int64()
    elif all(_NUMBER.fullmatch(level) for level in levels):
        kind = pa.float64()
    else:
        kind = pa.string()
    return Factor(name, column, levels, kind)
