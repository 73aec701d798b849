"""PNG of every kind through libpng: 1 to 16 bits, grey, palette, transparent colours, interlaced."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image

from neckar.pipeline.images.chunks import PngError, chunks, picture_only
from neckar.pipeline.images.exif import orientation
from neckar.pipeline.images.samples import Encoding, Opened, Samples, Transfer, UnsupportedPicture, Warn

_SIZE = struct.Struct(">II")
_PROFILE_LIMIT_BYTES = 16 << 20  # inflated; the largest printer profiles have some 3 MB
_BESIDE = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf")
_GAMMA_TOLERANCE = 0.05  # of 1/2.2: libpng's own; so near, a file means sRGB
_SRGB_XY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_XY_TOLERANCE = 0.005  # files round theirs

# ITU-T H.273, tables 2 and 3; what is not here is for films and high dynamic range
_PRIMARIES = {
    1: _SRGB_XY,
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI P3
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
_TRANSFERS: dict[int, Transfer] = {
    **dict.fromkeys((1, 6, 14, 15), "bt709"), 4: 2.2, 5: 2.8, 8: 1.0, 13: "srgb"
}  # fmt: skip


def open_png(data: bytes, warn: Warn) -> Opened:
    """The header of a PNG file. Raises `PngError` where even that is broken."""
    first = next(chunks(data))
    if first.kind != b"IHDR":
        raise PngError("it does not start with an IHDR chunk")
    width, height = _SIZE.unpack_from(first.data)
    return Opened(width, height, lambda _: _read(data, warn))


def _read(data: bytes, warn: Warn) -> Samples:
    beside: dict[bytes, bytes] = {}
    for chunk in chunks(data):
        if not chunk.whole:
            warn(f"its {chunk.kind.decode()} chunk is damaged; passed over")
        elif chunk.kind in _BESIDE:
            beside.setdefault(chunk.kind, bytes(chunk.data))
    profile, encoding = _colours(beside, warn)
    values = np.asarray(imagecodecs.png_decode(picture_only(data)))
    values = values[..., None] if values.ndim == 2 else values
    channels = values.shape[2]
    return Samples(
        values=values[..., : 3 if channels > 2 else 1],
        space="rgb" if channels > 2 else "gray",
        alpha=values[..., -1] if channels in (2, 4) else None,
        profile=profile,
        encoding=encoding,
        orientation=orientation(lambda: _notes(beside.get(b"eXIf", b""))),
    )


def _colours(beside: dict[bytes, bytes], warn: Warn) -> tuple[bytes | None, Encoding | None]:
    """What says how to see the levels, in the order of PNG (third edition) 4.3: cICP, iCCP, sRGB, gAMA with cHRM."""
    if b"cICP" in beside:
        return None, _code_points(beside[b"cICP"])
    if b"iCCP" in beside:
        return _profile(beside[b"iCCP"]), None
    if b"sRGB" in beside or not {b"gAMA", b"cHRM"} & beside.keys():
        return None, None
    return None, _gamma(beside.get(b"gAMA"), beside.get(b"cHRM"), warn)


def _gamma(gamma: bytes | None, primaries: bytes | None, warn: Warn) -> Encoding | None:
    """Of gAMA, the exponent of the encoding times 100,000, and cHRM, eight chromaticities times 100,000."""
    transfer: Transfer = "srgb"
    if gamma is not None:
        value = struct.unpack(">I", gamma)[0] / 100_000 if len(gamma) == 4 else 0.0
        if not 0.1 <= value <= 10:
            warn(f"its gAMA chunk says {value:g}, which nobody means; passed over")
        elif abs(value * 2.2 - 1) > _GAMMA_TOLERANCE:
            transfer = 1 / value
    xy: tuple[float, ...] | None = None
    if primaries is not None:
        xy = tuple(part / 100_000 for part in struct.unpack(">8I", primaries)) if len(primaries) == 32 else None
        if xy is None or not _spans(xy):
            warn("its cHRM chunk has primaries that span no colours; passed over")
            xy = None
        elif np.abs(np.subtract(xy, _SRGB_XY)).max() <= _XY_TOLERANCE:
            xy = None
    return None if transfer == "srgb" and xy is None else Encoding(transfer, xy)


def _spans(xy: tuple[float, ...]) -> bool:
    """Whether white lies inside the triangle of the primaries, and the triangle is one."""
    white, *corners = np.reshape(xy, (4, 2))
    if not all(y > 0 and x >= 0 and x + y <= 1 for x, y in (white, *corners) if y != 0) or white[1] <= 0:
        return False
    matrix = np.vstack([np.transpose(corners), np.ones(3)])
    return abs(np.linalg.det(matrix)) > 1e-4 and bool((np.linalg.solve(matrix, [*white, 1]) > 0).all())


def _code_points(chunk: bytes) -> Encoding | None:
    """Of cICP: primaries, transfer, matrix, full range (PNG 11.3.2.6)."""
    if len(chunk) != 4:
        raise PngError("its cICP chunk has not four bytes")
    primaries, transfer, matrix, full = chunk
    if primaries not in _PRIMARIES or transfer not in _TRANSFERS or matrix != 0 or full != 1:
        told = f"primaries {primaries}, transfer {transfer}, matrix {matrix}, range {full}"
        raise UnsupportedPicture(f"its cICP chunk asks for colours that Neckar does not know ({told}); save it as sRGB")
    xy, curve = _PRIMARIES[primaries], _TRANSFERS[transfer]
    if curve == "srgb" and xy is _SRGB_XY:
        return None
    return Encoding(curve, None if xy is _SRGB_XY else xy)


def _profile(chunk: bytes) -> bytes:
    """The ICC profile: a name, a zero, the method (0, deflate), the profile (PNG 11.3.2.3)."""
    inflater = zlib.decompressobj()
    profile = inflater.decompress(chunk.partition(b"\0")[2][1:], _PROFILE_LIMIT_BYTES)
    if not inflater.eof:
        raise PngError("its colour profile is longer than the limit, or cut off")
    return profile


def _notes(chunk: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + chunk)
    return exif
