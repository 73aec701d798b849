"""A finished picture's samples as the PNG that an observer sees, with its own record inside; and back."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image, PngImagePlugin

from neckar.pipeline.images.chunks import SIGNATURE, PngError, chunks, encoded, picture_only
from neckar.pipeline.photometry.luminance import full_scale
from neckar.schemas.fields import SIZE_MAX_PX, TransferFunction

KEYWORD = "neckar"
METADATA_LIMIT_BYTES = 64 << 20  # inflated; a trace of 100,000 evaluations is some 5 MB
_INFLATE_LIMIT_BYTES = 1 << 20  # Pillow, and what is built on it, inflates no longer text


def encode_png(levels: np.ndarray, metadata: Mapping[str, Any], *, transfer: TransferFunction = "srgb") -> bytes:
    """A PNG file, declared sRGB or of gamma 1, with the metadata as JSON in an iTXt chunk.

    Args:
        levels: (H, W, 3) or with alpha (H, W, 4), uint8 or uint16.
        metadata: the picture's record.
        transfer: what the levels mean.

    Raises:
        ValueError: the metadata is no JSON, or the levels are something else.
    """
    if levels.dtype not in (np.uint8, np.uint16) or levels.ndim != 3 or levels.shape[2] not in (3, 4):
        raise ValueError(f"a PNG is made of uint8 or uint16 (H, W, 3 or 4), not {levels.dtype} {levels.shape}")
    text = json.dumps(metadata, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if len(text) > METADATA_LIMIT_BYTES:
        raise ValueError(f"the metadata has {len(text):,} bytes, over the limit of {METADATA_LIMIT_BYTES:,}")
    colours = (b"sRGB", b"\x00") if transfer == "srgb" else (b"gAMA", struct.pack(">I", 100_000))  # perceptual; 1.0
    compressed = len(text) <= _INFLATE_LIMIT_BYTES
    if levels.dtype == np.uint16:
        return _deep_png(levels, colours, text, compressed=compressed)
    record = PngImagePlugin.PngInfo()
    record.add(*colours)
    record.add_itxt(KEYWORD, text, zip=compressed)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", pnginfo=record)
    return file.getvalue()


def _deep_png(levels: np.ndarray, colours: tuple[bytes, bytes], text: str, *, compressed: bool) -> bytes:
    """Of 16 bits, which Pillow does not write."""
    header, *rest = chunks(bytes(imagecodecs.png_encode(levels)))
    body = text.encode()
    itxt = KEYWORD.encode() + b"\0" + (b"\1" if compressed else b"\0") + b"\0\0\0"
    itxt += zlib.compress(body) if compressed else body
    parts = [(header.kind, bytes(header.data)), colours, (b"iTXt", itxt)]
    parts += [(chunk.kind, bytes(chunk.data)) for chunk in rest]
    return SIGNATURE + b"".join(encoded(*part) for part in parts)


def read_levels(data: bytes) -> np.ndarray:
    """The samples of a file that `encode_png` wrote: (H, W, 3 or 4), uint8 or uint16.

    Raises:
        ValueError: no whole PNG, or one of another kind.
    """
    try:
        width, height = struct.unpack_from(">II", next(chunks(data)).data)
        if width * height > SIZE_MAX_PX**2:
            raise ValueError(f"{width} x {height} px are more than any picture of ours has")
        levels = np.asarray(imagecodecs.png_decode(picture_only(data)))
    except (PngError, imagecodecs.PngError, struct.error) as error:
        raise ValueError(str(error)) from error
    if levels.ndim != 3 or levels.shape[2] not in (3, 4):
        raise ValueError(f"samples of shape {levels.shape} are not a picture's of ours")
    return levels


def transfer_of(data: bytes) -> TransferFunction:
    """What the levels of a file that `encode_png` wrote mean.

    Raises:
        PngError: no whole PNG.
    """
    return "linear" if any(chunk.kind == b"gAMA" for chunk in chunks(data)) else "srgb"


def read_metadata(data: bytes) -> dict[str, Any] | None:
    """What `encode_png` wrote, or None for any other file, also for one that is cut off or altered."""
    try:
        texts = [bytes(chunk.data) for chunk in chunks(data) if chunk.kind == b"iTXt"]
        for text in texts:
            keyword, _, rest = text.partition(b"\0")
            if keyword == KEYWORD.encode():
                found = json.loads(_itxt(rest))
                return found if isinstance(found, dict) else None
    except (PngError, zlib.error, ValueError):  # ValueError: no iTXt, no UTF-8, no JSON
        return None
    return None


def pixel_sha256(levels: np.ndarray) -> str:
    """sha256 of the samples, row by row, hex: equal for equal pictures in whichever file. 16 bits: low byte first."""
    kind = "<u2" if full_scale(levels) > 255 else np.uint8
    return hashlib.sha256(np.ascontiguousarray(levels, dtype=kind).data).hexdigest()


def _itxt(rest: bytes) -> bytes:
    """The text of an iTXt chunk after its keyword (PNG 11.3.3.4), never inflated beyond the limit."""
    _language, _translated, body = rest[2:].split(b"\0", 2)  # after the flag and the method of compression
    if rest[:1] != b"\1":
        return body
    inflater = zlib.decompressobj()
    text = inflater.decompress(body, METADATA_LIMIT_BYTES)
    if not inflater.eof:
        raise ValueError("the text is longer than the limit, or cut off")
    return text
