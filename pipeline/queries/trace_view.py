"""`loss_trace`: one row an evaluation. Of a trace's columns only those asked for leave the store.

In Parquet every column of the trace is a leaf of its own. Arrow's datasets read all of them or none, so they are read
here, row group by row group. A row group of which no pair is asked for costs its ids alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from neckar.pipeline.queries.view import StreamedView
from neckar.pipeline.results.ledger import damaged, open_part
from neckar.pipeline.results.reading import ResultsReader
from neckar.schemas.results import TRACE_TYPE

SCHEMA: pa.Schema = pa.schema([pa.field("pair_id", pa.string(), nullable=False), *TRACE_TYPE.value_type])

_CALL = re.compile(r"\w+\((?!pair_id\b)")  # of a function, in a filter's text, on anything but the pair's id
_LEAF = "loss_trace.list.element."
_SHORTEST = "iteration"  # the leaf of the fewest bytes, where only the number of evaluations is asked for


class TraceView(StreamedView):
    """See the module.

    Args:
        reader: of a run or of a version.
    """

    def __init__(self, reader: ResultsReader) -> None:
        super().__init__(SCHEMA)
        self._reader = reader

    def batches(self, columns: Sequence[str], where: ds.Expression | None) -> Iterator[pa.RecordBatch]:
        """See `StreamedView`."""
        for file, counting in zip(self._reader.files, self._reader.counting_rows(), strict=True):
            try:
                with open_part(self._reader.store, file) as part:
                    yield from _of_part(part, counting, columns, where)
            except (pa.ArrowException, OSError) as error:
                raise damaged(self._reader.store, file, str(error)) from error


def _of_part(
    part: pq.ParquetFile, counting: np.ndarray, columns: Sequence[str], where: ds.Expression | None
) -> Iterator[pa.RecordBatch]:
    leaves = [_LEAF + name for name in columns if name != "pair_id"] or [_LEAF + _SHORTEST]
    first = 0
    for group in range(part.num_row_groups):
        rows = part.metadata.row_group(group).num_rows
        wanted, first = counting[first : first + rows], first + rows
        if not wanted.any():
            continue
        ids = None
        if where is not None or "pair_id" in columns:
            ids = part.read_row_group(group, columns=["pair_id"], use_threads=False).column("pair_id").combine_chunks()
            wanted = wanted & _possible(ids, where)
            if not wanted.any():
                continue
        traces = part.read_row_group(group, columns=leaves, use_threads=False).column("loss_trace").combine_chunks()
        yield _flattened(traces, ids, wanted, columns)


def _flattened(
    traces: pa.ListArray, ids: pa.StringArray | None, wanted: np.ndarray, columns: Sequence[str]
) -> pa.RecordBatch:
    if not wanted.all():
        chosen = pa.array(np.flatnonzero(wanted))
        traces = traces.take(chosen)
        ids = ids.take(chosen) if ids is not None else None
    points = traces.flatten()
    arrays = []
    for name in columns:
        if name == "pair_id":
            assert ids is not None
            lengths = pc.fill_null(pc.list_value_length(traces), 0).to_numpy()
            arrays.append(ids.take(pa.array(np.repeat(np.arange(len(ids)), lengths))))
        else:
            arrays.append(pc.struct_field(points, name))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([SCHEMA.field(name) for name in columns]))


def _possible(ids: pa.StringArray, where: ds.Expression | None) -> np.ndarray:
    """(rows,) whether each pair may have an evaluation that the filter lets pass.

    The filter is asked with every other column null. A comparison with null is null, so that only the pair's own term
    can make it false. What other functions say of null is false, as `is_valid` does: then nothing is known unless some
    pair passes all the same.
    """
    everyone = np.ones(len(ids), dtype=bool)
    if where is None:
        return everyone
    others = {field.name: pa.nulls(len(ids), field.type) for field in SCHEMA if field.name != "pair_id"}
    rows = ds.InMemoryDataset(pa.table({"pair_id": ids} | others))
    verdict = rows.scanner(columns={"verdict": where}).to_table().column("verdict")
    possible: np.ndarray = pc.fill_null(verdict, True).to_numpy()
    return everyone if _CALL.search(str(where)) and not possible.any() else possible
