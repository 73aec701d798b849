"""PNG of every kind through libpng: 1 to 16 bits, grey, palette, transparent colours, interlaced."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image

from neckar.pipeline.images.chunks import PngError, chunks, picture_only
from neckar.pipeline.images.exif import orientation
from neckar.pipeline.images.samples import Opened, Samples

_SIZE = struct.Struct(">II")
_PROFILE_LIMIT_BYTES = 16 << 20  # inflated; the largest printer profiles have some 3 MB


def open_png(data: bytes) -> Opened:
    """The header of a PNG file. Raises `PngError` where even that is broken."""
    first = next(chunks(data))
    if first.kind != b"IHDR":
        raise PngError("it does not start with an IHDR chunk")
    width, height = _SIZE.unpack_from(first.data)
    return Opened(width, height, lambda: _read(data))


def _read(data: bytes) -> Samples:
    values = np.asarray(imagecodecs.png_decode(picture_only(data)))
    values = values[..., None] if values.ndim == 2 else values
    channels = values.shape[2]
    extra = {chunk.kind: bytes(chunk.data) for chunk in chunks(data) if chunk.kind in (b"iCCP", b"eXIf")}
    return Samples(
        values=values[..., : 3 if channels > 2 else 1],
        space="rgb" if channels > 2 else "gray",
        alpha=values[..., -1] if channels in (2, 4) else None,
        profile=_profile(extra.get(b"iCCP")),
        orientation=orientation(lambda: _notes(extra.get(b"eXIf", b""))),
    )


def _profile(chunk: bytes | None) -> bytes | None:
    """The ICC profile: a name, a zero, the method (0, deflate), the profile (PNG 11.3.2.3)."""
    if chunk is None:
        return None
    inflater = zlib.decompressobj()
    profile = inflater.decompress(chunk.partition(b"\0")[2][1:], _PROFILE_LIMIT_BYTES)
    if not inflater.eof:
        raise PngError("its colour profile is longer than the limit, or cut off")
    return profile


def _notes(chunk: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + chunk)
    return exif
