"""Loss traces between numpy, Arrow and text, without a Python object for any single evaluation."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.results import TRACE_COLUMNS, TRACE_TYPE, Trace

_LITTLE_FLOAT32 = np.dtype("<f4")  # the byte order of the text form, whatever the machine's


def traces_to_array(traces: Sequence[Trace | None]) -> pa.ListArray:
    """One list per row, null for None; `iteration` counts the evaluations from 1, unused layers are null.

    500 traces of 500 evaluations take some 10 ms: whole columns are copied, never single values.
    """
    lengths = np.array([0 if trace is None else len(trace.values) for trace in traces], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    total = int(offsets[-1])
    iteration = np.arange(1, total + 1, dtype=np.int32) - np.repeat(offsets[:-1], lengths)
    columns = [_column(name, traces, offsets) for name in (*TRACE_COLUMNS, *LAYER_NAMES)]
    fields = list(TRACE_TYPE.value_type)
    values = pa.StructArray.from_arrays([pa.array(iteration), *columns], fields=fields)
    absent = pa.array([trace is None for trace in traces], type=pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=TRACE_TYPE, mask=absent)


def _column(name: str, traces: Sequence[Trace | None], offsets: np.ndarray) -> pa.Array:
    """The values of one trace column, row after row; null where a trace does not have it."""
    total = int(offsets[-1])
    values = np.zeros(total, dtype=np.float32)
    absent = np.ones(total, dtype=bool)
    for trace, start, end in zip(traces, offsets[:-1], offsets[1:], strict=True):
        if trace is not None and name in trace.columns:
            values[start:end] = trace.values[:, trace.columns.index(name)]
            absent[start:end] = False
    if absent.all():
        return pa.nulls(total, pa.float32())
    return pa.array(values, mask=absent if absent.any() else None)


def trace_of(scalar: pa.ListScalar, style_layers: Sequence[str] | None) -> Trace | None:
    """The trace in one cell of the `loss_trace` column; `style_layers` name the columns of one without evaluations."""
    if not scalar.is_valid:
        return None
    values = scalar.values
    if len(values):
        layers = [name for name in LAYER_NAMES if values.field(name).null_count < len(values)]
    else:
        layers = [name for name in LAYER_NAMES if name in (style_layers or ())]
    columns = (*TRACE_COLUMNS, *layers)
    arrays = [values.field(name).to_numpy(zero_copy_only=False) for name in columns]
    return Trace(columns, np.stack(arrays, axis=1).astype(np.float32, copy=False))


def trace_to_text(trace: Trace) -> dict[str, Any]:
    """JSON form: column names, evaluations, and base64 of zlib of the little-endian float32 values, row by row."""
    data = np.ascontiguousarray(trace.values, dtype=_LITTLE_FLOAT32).tobytes()
    return {
        "columns": list(trace.columns),
        "evaluations": len(trace.values),
        "float32_zlib_base64": base64.b64encode(zlib.compress(data)).decode("ascii"),
    }


def trace_from_text(text: dict[str, Any]) -> Trace:
    """The trace in a JSON form.

    Raises:
        ValueError, KeyError, TypeError: it is none, or its size is not what it says.
    """
    columns = tuple(str(name) for name in text["columns"])
    shape = (int(text["evaluations"]), len(columns))
    expected = shape[0] * shape[1] * _LITTLE_FLOAT32.itemsize
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(base64.b64decode(text["float32_zlib_base64"], validate=True), expected + 1)
    except zlib.error as error:
        raise ValueError(f"the loss trace is damaged: {error}") from None
    if len(data) != expected or not inflater.eof:
        raise ValueError(f"the loss trace is damaged: it has not the size {shape} it claims")
    return Trace(columns, np.frombuffer(data, dtype=_LITTLE_FLOAT32).reshape(shape).astype(np.float32))
