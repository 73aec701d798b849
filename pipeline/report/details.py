"""What a report tells of a pair beyond the table: hashes, messages, its curves, in blocks of neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from neckar.pipeline.report.packing import differences, finite, pack
from neckar.pipeline.report.table import PENDING_ROW, PairTable
from neckar.pipeline.results.ledger import damaged, open_part
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.results.rows.traces import trace_of
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.results import RESULTS_SCHEMA, TRACE_COLUMNS, Trace

BLOCK_PAIRS = 256
CURVE_POINTS = 48
SERIES = (*TRACE_COLUMNS, *LAYER_NAMES)
_COLUMNS = tuple(field.name for field in RESULTS_SCHEMA if field.name not in {"pair_id", "pair_index", "loss_trace"})


def points(evaluations: int) -> np.ndarray:
    """Places in a trace of so many evaluations that a curve has: the first, the last, and evenly in their logarithm."""
    if evaluations <= CURVE_POINTS:
        return np.arange(evaluations)
    spread: np.ndarray = np.unique(np.round(np.geomspace(1, evaluations, CURVE_POINTS)).astype(int)) - 1
    return spread


class Details:
    """Collects what is told of the pairs, in whichever order their rows come, and packs it block by block.

    Args:
        first: place of the first pair in the table.
        pairs: how many.
    """

    def __init__(self, first: int, pairs: int) -> None:
        self._first = first
        self._rows: list[dict[str, Any] | None] = [None] * pairs
        self._curves: list[tuple[tuple[str, ...], np.ndarray, np.ndarray] | None] = [None] * pairs

    def add(self, place: int, row: dict[str, Any], trace: Trace | None) -> None:
        """A pair's row, by the pair's place in the table."""
        self._rows[place - self._first] = {name: _told(value) for name, value in row.items()}
        if trace is not None and len(trace.values):
            chosen = points(len(trace.values))
            self._curves[place - self._first] = (trace.columns, chosen + 1, trace.values[chosen])

    def packed(self, again: Sequence[Any] | None) -> bytes:
        """The block.

        Args:
            again: of each pair what makes it again; None where the run does not tell.
        """
        columns: dict[str, list[Any]] = {}
        for name in _COLUMNS:
            values = [None if row is None else row[name] for row in self._rows]
            if any(value is not None for value in values):
                columns[name] = values
        curves: list[dict[str, Any] | None] = []
        pieces: list[np.ndarray] = []
        for curve in self._curves:
            if curve is None:
                curves.append(None)
                continue
            names, iterations, losses = curve
            curves.append({"series": [SERIES.index(name) for name in names], "iterations": iterations.tolist()})
            pieces.append(differences(losses.T).ravel())
        header = {"series": SERIES, "columns": columns, "curves": _shared(curves), "again": again}
        bits = np.concatenate([np.empty(0, np.uint32), *pieces])
        return pack(header, {"curves": bits})


def details_of(reader: ResultsReader, table: PairTable, first: int, last: int) -> Details:
    """Those of the pairs at such places in the table.

    Raises:
        UserError: a file of the run is damaged.
        StoreError: as the store says.
    """
    found = Details(first, last - first)
    places = np.arange(first, last)
    for place, row, trace in read_rows(reader, table, places[table.rows[first:last] != PENDING_ROW]):
        found.add(place, row, trace)
    return found


def read_rows(
    reader: ResultsReader, table: PairTable, places: np.ndarray
) -> Iterator[tuple[int, dict[str, Any], Trace | None]]:
    """The rows of some pairs, each with its place in the table, file by file: a row group is read once.

    Raises:
        UserError, StoreError: as `details_of`.
    """
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    for place in places.tolist():
        wanted[int(table.files[place])].append(place)
    for number, of_file in sorted(wanted.items()):
        file = reader.files[number]
        rows = {int(table.rows[place]): place for place in of_file}
        try:
            with open_part(reader.store, file) as part:
                start = 0
                for group in range(part.num_row_groups):
                    length = part.metadata.row_group(group).num_rows
                    here = sorted(row for row in rows if start <= row < start + length)
                    if here:
                        read = part.read_row_group(group, columns=[*_COLUMNS, "loss_trace"], use_threads=False)
                        for row, values in zip(here, _rows(read, [row - start for row in here]), strict=True):
                            yield rows[row], *values
                    start += length
        except (pa.ArrowException, OSError) as error:
            raise damaged(reader.store, file, str(error)) from error


def _rows(table: pa.Table, numbers: Sequence[int]) -> Iterator[tuple[dict[str, Any], Trace | None]]:
    chosen = table.take(numbers).combine_chunks()
    traces = chosen.column("loss_trace")
    for number, row in enumerate(chosen.drop_columns("loss_trace").to_pylist()):
        yield row, trace_of(traces[number], row["style_layers"])


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # a map
            return dict(value)
        return [finite(item) for item in value] or None
    return finite(value)


def _shared(curves: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Curves of one shape told once."""
    shapes: list[Mapping[str, Any]] = []
    which = []
    for curve in curves:
        if curve is None:
            which.append(-1)
            continue
        if curve not in shapes:
            shapes.append(curve)
        which.append(shapes.index(curve))
    return {"shapes": shapes, "of": which}
