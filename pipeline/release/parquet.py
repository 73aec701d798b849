"""One Parquet file with everything in it: all columns, and the pictures as Hugging Face's `datasets` opens them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neckar.pipeline.release.columns import arrow_type_of, meaning_of, text_of
from neckar.pipeline.release.items import Item

TOGETHER = 100  # pictures a row group: some 20 MB
IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_TEXTS = ("stimulus_id", "license", "copyright", "URL")


class StimuliParquet:
    """The file, written as the pictures come.

    Args:
        path: of the file.
        names: of the columns beside the picture.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._names = names
        fields = [pa.field("image", IMAGE), *(pa.field(name, pa.string()) for name in _TEXTS)]
        fields += [pa.field(name, _plain(arrow_type_of(name)), metadata=meaning_of(name)) for name in names]
        self._schema = pa.schema(fields, metadata={"huggingface": _features(fields)})
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", write_page_checksum=True)
        self._rows: list[dict[str, Any]] = []

    def add(self, item: Item, data: bytes | None) -> None:
        """A stimulus; its picture is None where it is not handed over."""
        row: dict[str, Any] = {
            "image": None if data is None else {"bytes": data, "path": item.filename},
            "stimulus_id": item.id,
            "license": item.license,
            "copyright": item.copyright,
            "URL": item.url,
        }
        for name in self._names:
            value = item.columns.get(name)
            row[name] = text_of(value) if isinstance(value, list | tuple) else value
        self._rows.append(row)
        if len(self._rows) == TOGETHER:
            self._flush()

    def close(self) -> None:
        """Write what is held."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind if pa.types.is_primitive(kind) else pa.string()


def _features(fields: Sequence[pa.Field]) -> str:
    """What `datasets` is told of the columns."""
    told: dict[str, Any] = {"image": {"_type": "Image"}}
    for one in fields[1:]:
        dtype = "float64" if one.type == pa.float64() else "bool" if one.type == pa.bool_() else str(one.type)
        told[one.name] = {"dtype": dtype, "_type": "Value"}
    return json.dumps({"info": {"features": told}})
