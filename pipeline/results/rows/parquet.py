"""How the results' Parquet is written: one set of options for parts and compact files."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neckar.pipeline.results.rows import footer
from neckar.schemas.results import RESULTS_SCHEMA, TRACE_TYPE

# Losses are a fifth smaller with their bytes split; counters all but vanish as differences.
_TRACE_ENCODING = {
    f"loss_trace.list.element.{field.name}": (
        "DELTA_BINARY_PACKED" if pa.types.is_integer(field.type) else "BYTE_STREAM_SPLIT"
    )
    for field in TRACE_TYPE.value_type
}

# Of all columns these alone are asked for by range or value, over more than a few row groups; statistics of the
# others, 19 trace columns among them, would only lengthen every footer.
_SEARCHED = ["pair_index", "pair_id", "status", "spec_hash", "loss_total", "finished_at"]

# Few distinct values in many rows. A dictionary of floats or of hashes costs time and saves nothing.
_REPEATED = [
    "status", "error_code", "error_message", "content_uri", "style_uri", "content_sha256", "style_sha256",
    "loss_convention", "content_layers.list.element", "style_layers.list.element", "style_weights.list.element",
    "levels.key_value.key", "levels.key_value.value", "pooling", "init", "resample", "optimizer", "precision",
    "stop_reason", "device", "worker", "torch_version", "neckar_version", "weights_sha256",
    "node", "kernels", "fit", "warnings.list.element", "extra.key_value.key",
    "extra.key_value.value",
]  # fmt: skip

_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": _REPEATED,
    "column_encoding": _TRACE_ENCODING,
    "write_statistics": _SEARCHED,
    "write_page_checksum": True,
    "sorting_columns": [pq.SortingColumn(RESULTS_SCHEMA.get_field_index("pair_index"))],
}


class ParquetBuffer:
    """A Parquet file in memory, of tables under `RESULTS_SCHEMA`; every page and the footer have a checksum.

    Attributes:
        rows: written so far.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sink = io.BytesIO()  # hands its bytes over without a copy, which Arrow's own does not
        self._writer = pq.ParquetWriter(self._sink, RESULTS_SCHEMA, **_OPTIONS)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._sink.tell()

    def write(self, group: pa.Table) -> None:
        """A row group, sorted by `pair_index`: the caller sorts."""
        self._writer.write_table(group, row_group_size=max(1, group.num_rows))
        self.rows += group.num_rows

    def close(self) -> bytes:
        """The whole file."""
        self._writer.add_key_value_metadata({footer.KEY: footer.BLANK})
        self._writer.close()
        with self._sink.getbuffer() as data:
            footer.seal(data)
        return self._sink.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as one Parquet file of one row group."""
    file = ParquetBuffer()
    file.write(table)
    return file.close()
