"""One view over several runs: their rows one after another, and which run each is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.dataset as ds

from neckar.pipeline.queries.design_view import DesignView, Factor
from neckar.pipeline.queries.view import StreamedView, View, mentions

RUN = "run"  # the first column


class UnionView(StreamedView):
    """See the module. A column that a run has not is null in its rows.

    Args:
        views: of each run by its name, in order.
    """

    def __init__(self, views: Mapping[str, ds.Dataset]) -> None:
        self._views = dict(views)
        fields = {RUN: pa.field(RUN, pa.string(), nullable=False, metadata={"meaning": "the run, as it was given"})}
        for view in views.values():
            for field in view.schema:
                known = fields.get(field.name)
                kind = field.type if known is None else _common(known.type, field.type)
                fields[field.name] = pa.field(field.name, kind, metadata=field.metadata)
        super().__init__(pa.schema(list(fields.values())))
        self.factors = _all_factors(views)

    def batches(self, columns: Sequence[str], where: ds.Expression | None) -> Iterator[pa.RecordBatch]:
        """See `StreamedView`."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        for run, view in self._views.items():
            there = [name for name in columns if name in view.schema.names]
            # What a filter asks of other columns or types is asked of the whole.
            same = all(
                name in view.schema.names and view.schema.field(name).type == self.schema.field(name).type
                for name in self.schema.names
                if mentions(where, name)
            )
            asked = there or view.schema.names[:1]
            try:
                for batch in view.scanner(columns=asked, filter=where if same else None).to_batches():
                    arrays = [_column(batch, field.name, field.type, run) for field in schema]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            except Exception:
                if isinstance(view, View) and view.failure is not None:
                    raise view.failure from None
                raise


def _all_factors(views: Mapping[str, ds.Dataset]) -> tuple[Factor, ...]:
    """Of `design`: the factors of all runs, each with the levels of all; else none."""
    found: dict[str, Factor] = {}
    for view in views.values():
        for factor in view.factors if isinstance(view, DesignView) else ():
            known = found.get(factor.column, factor)
            levels = tuple(dict.fromkeys((*known.levels, *factor.levels)))
            found[factor.column] = replace(known, levels=levels, type=_common(known.type, factor.type))
    return tuple(found.values())


def _column(batch: pa.RecordBatch, name: str, kind: pa.DataType, run: str) -> pa.Array:
    if name == RUN:
        return pa.repeat(pa.scalar(run, kind), batch.num_rows)
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, kind)
    return batch.column(name).cast(kind)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Of a factor whose levels are numbers in one run and words in another."""
    if one == other:
        return one
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.string()
