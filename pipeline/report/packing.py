"""Columns as one block of bytes that a page unpacks: a header in JSON, then arrays, gzipped.

    gzip( uint32 length of the header | header, padded to 8 | arrays, each padded to 8 )

An array's bytes are sorted by significance (all first bytes, then all second ones, ...): what neighbours have in common
compresses then.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_LEVEL = 6
_TYPES = {"float64": "<f8", "float32": "<f4", "uint32": "<u4", "uint16": "<u2", "uint8": "<u1"}
CODE_TYPES = (np.uint8, np.uint16, np.uint32)


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The block.

    Args:
        header: as JSON has it: no NaN.
        arrays: of one dimension, float64, float32 or unsigned; their names stand in the header as `arrays`.

    Raises:
        ValueError: the header has NaN or an infinity.
    """
    places, pieces, offset = [], [], 0
    for name, values in arrays.items():
        kind = values.dtype.name
        data = _by_significance(np.ascontiguousarray(values, dtype=_TYPES[kind]))
        places.append({"name": name, "type": kind, "length": len(values), "offset": offset})
        pieces.append(_padded(data))
        offset += len(pieces[-1])
    text = json.dumps({**header, "arrays": places}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    head = text.encode("utf-8", errors="replace")  # half a surrogate pair, as a file's name may have
    padding = b" " * (-(4 + len(head)) % 8)
    length = (len(head) + len(padding)).to_bytes(4, "little")
    return gzip.compress(b"".join([length, head, padding, *pieces]), _LEVEL, mtime=0)


def unpack(block: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a block."""
    data = gzip.decompress(block)
    start = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:start])
    arrays = {}
    for place in header.pop("arrays"):
        kind = np.dtype(_TYPES[place["type"]])
        first = start + place["offset"]
        planes = np.frombuffer(data, np.uint8, place["length"] * kind.itemsize, first)
        arrays[place["name"]] = planes.reshape(kind.itemsize, -1).T.copy().view(kind).ravel()
    return header, arrays


def as_text(block: bytes) -> str:
    """The block where only letters may stand."""
    return base64.b64encode(block).decode("ascii")


def codes(values: np.ndarray, levels: int) -> np.ndarray:
    """Numbers of levels, 0 for none, in the smallest type that has them all."""
    kind = next(kind for kind in CODE_TYPES if levels <= np.iinfo(kind).max)
    return values.astype(kind)


def differences(bits: np.ndarray) -> np.ndarray:
    """Of float32 values along the last axis: from one to the next, as numbers of their bits, small ones near 0.

    Exact: bits are numbers in the order of the floats, and the differences wrap around as uint32 does. The first is
    kept. A sign goes to the lowest bit, so that small differences have small codes.
    """
    whole = np.ascontiguousarray(bits, dtype=np.float32).view(np.uint32)
    steps = np.diff(whole, axis=-1, prepend=np.uint32(0)).astype(np.int32)
    folded: np.ndarray = ((steps << 1) ^ (steps >> 31)).view(np.uint32)
    return folded


def finite(value: Any) -> Any:
    """What JSON has no number for as the word for it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _by_significance(values: np.ndarray) -> bytes:
    return values.view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
