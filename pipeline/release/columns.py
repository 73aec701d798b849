"""The columns of a release: those that say something, each with its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from neckar.pipeline.release.items import Item
from neckar.pipeline.stimuli.columns import SCHEMA
from neckar.schemas.results import RESULTS_SCHEMA

_OWN = {
    "pair_id": "name of the pair in Neckar's run",
    "condition": "stylised, or the control that it is",
    "exemplar": "repeat of the same design cell, another noise",
    "content": "level of the factor content: which photograph",
    "style": "level of the factor style: which artwork",
}


def columns_of(items: Sequence[Item]) -> list[str]:
    """Names of the columns in which any stimulus has a value, in their order."""
    names = dict.fromkeys(name for item in items for name in item.columns)
    return [name for name in names if any(item.columns.get(name) is not None for item in items)]


def meaning_of(name: str) -> dict[str, str]:
    """`meaning` and, where there is one, `unit`."""
    if name in _OWN:
        return {"meaning": _OWN[name]}
    for schema in (SCHEMA, RESULTS_SCHEMA):
        if name in schema.names:
            metadata: Mapping[bytes, bytes] = schema.field(name).metadata or {}
            return {key.decode(): value.decode() for key, value in metadata.items()}
    side, dot, column = name.partition(".")
    if dot and side in {"content", "style"}:
        return {"meaning": f"{column} of the {side}'s source, from its table"}
    return {"meaning": f"level of the design factor {name}"}


def text_of(value: Any, *, nothing: str = "n/a") -> str:
    """A value as text: numbers so that they come back, lists joined by +, no tab nor line end."""
    if value is None:
        return nothing
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "+".join(map(str, value)) or nothing
    return " ".join(str(value).split()) or nothing


def arrow_type_of(name: str) -> pa.DataType:
    """Of a column in Parquet; levels and columns of tables are text."""
    for schema in (SCHEMA, RESULTS_SCHEMA):
        if name in schema.names:
            return schema.field(name).type
    return pa.string()
