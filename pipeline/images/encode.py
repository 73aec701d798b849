"""From the optimiser's floats to the file an observer sees, with its own record inside."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from neckar.pipeline.images.chunks import PngError, chunks

KEYWORD = "neckar"
METADATA_LIMIT_BYTES = 64 << 20  # inflated; a trace of 100,000 evaluations is some 5 MB
_INFLATE_LIMIT_BYTES = 1 << 20  # Pillow, and what is built on it, inflates no longer text


def quantise(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) of levels 0-255 as 8 bits: clipped, rounded half to even (truncation would darken it).

    Raises:
        ValueError: not (H, W, 3), or not finite.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image has the shape (H, W, 3), not {image.shape}")
    if not np.isfinite(image).all():
        raise ValueError("the image has values that are not finite")
    levels: np.ndarray = np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8)
    return levels


def encode_png(pixels: np.ndarray, metadata: Mapping[str, Any]) -> bytes:
    """A PNG file of uint8 RGB pixels (H, W, 3), declared sRGB, with the metadata as JSON in an iTXt chunk.

    Raises:
        ValueError: the metadata is no JSON, or the pixels are not (H, W, 3) uint8.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"a PNG is made of uint8 (H, W, 3), not {pixels.dtype} {pixels.shape}")
    text = json.dumps(metadata, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if len(text) > METADATA_LIMIT_BYTES:
        raise ValueError(f"the metadata has {len(text):,} bytes, over the limit of {METADATA_LIMIT_BYTES:,}")
    record = PngImagePlugin.PngInfo()
    record.add(b"sRGB", b"\x00")  # rendering intent: perceptual
    record.add_itxt(KEYWORD, text, zip=len(text) <= _INFLATE_LIMIT_BYTES)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=record)
    return file.getvalue()


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


def pixel_sha256(pixels: np.ndarray) -> str:
    """sha256 of the RGB bytes (H, W, 3) uint8, row by row, hex: equal for equal pictures in whichever file."""
    return hashlib.sha256(np.ascontiguousarray(pixels, dtype=np.uint8).data).hexdigest()


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
