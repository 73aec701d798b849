"""JPEG through libjpeg-turbo, whose warnings are heard: it fills up what is missing with grey and goes on."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
import simplejpeg
from PIL import Image

from neckar.pipeline.images.exif import orientation
from neckar.pipeline.images.samples import Opened, Samples, Space, UnsupportedPicture, Warn

Image.MAX_IMAGE_PIXELS = None  # `decode` checks every size against its own limit, before any pixel is decoded

_END_OF_IMAGE = 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment: TEM, RST0-7, SOI (ITU-T T.81, table B.1)
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")  # within a scan; FF 00 is data, FF D0-D7 only a restart
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0-15 (T.81, table B.1)
_DECODED_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # sequential and progressive, Huffman and arithmetic
_FRAME_NAMES = {0xC3: "lossless JPEG", 0xF7: "JPEG-LS"}
_SPACES: dict[int, tuple[Space, str]] = {1: ("gray", "GRAY"), 3: ("rgb", "RGB"), 4: ("cmyk", "CMYK")}
# What libjpeg may say of a whole picture: some cameras fill up before the end marker.
_HARMLESS = re.compile(r"extraneous bytes before marker 0xd9")


def open_jpeg(data: bytes, warn: Warn) -> Opened:
    """The header of a JPEG file.

    Raises:
        UnsupportedPicture: a kind of JPEG that libjpeg does not decode.
        ValueError: broken, or without its end marker: also where a broken download left zeros to the end of the file.
    """
    frame: tuple[int, int, int] | None = None
    ended = False
    for marker, segment in _segments(data):
        if marker in _FRAMES or marker in _FRAME_NAMES:
            frame = frame or _frame(marker, segment)
        ended = marker == _END_OF_IMAGE
    if frame is None:
        raise ValueError("it has no frame header" if ended else "the file is cut off")
    if not ended:
        raise ValueError("the file is cut off")
    height, width, components = frame
    if components not in _SPACES:
        raise UnsupportedPicture(f"is a JPEG of {components} components; save it as RGB")
    return Opened(width, height, lambda least: _read(data, height, components, least, warn))


def check_whole(data: bytes, components: int) -> None:
    """Decode, and throw the pixels away. Raises `ValueError` where libjpeg had to make something up."""
    _decoded(data, _SPACES[components][1], None, warn=lambda _: None)


def _read(data: bytes, height: int, components: int, least: int | None, warn: Warn) -> Samples:
    space, name = _SPACES[components]
    values = _decoded(data, name, least, warn)
    try:
        header = Image.open(io.BytesIO(data), formats=("JPEG",))
        profile, upright = header.info.get("icc_profile"), orientation(header.getexif)
    except Exception:  # noqa: BLE001  # Pillow's parser raises almost anything on broken notes
        warn("its notes (EXIF, colour profile) cannot be read; passed over")
        profile, upright = None, 1
    # Adobe's programs store ink the other way round, and everybody followed.
    values = 255 - values if space == "cmyk" else values
    eighths = 8 * values.shape[0] // height  # libjpeg rounds the height up
    return Samples(values, space, profile=profile, orientation=upright, cell=8 / eighths)


def _decoded(data: bytes, space: str, least: int | None, warn: Warn) -> np.ndarray:
    """(H, W, C) uint8; in halves, quarters or eighths where no side becomes shorter than `least` px by that."""
    least = least or 0
    scaling = {"min_height": least, "min_width": least, "min_factor": 2 if least else 1}
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, space, strict=True, **scaling))
    except ValueError as error:
        reason = str(error)
        if "nsupported" in reason or "not supported" in reason or "not implemented" in reason:
            raise UnsupportedPicture(f"is a JPEG that libjpeg does not decode ({reason}); save it anew") from error
        if not _HARMLESS.search(reason):
            raise
        warn(f"libjpeg says: {reason}")
    return np.asarray(simplejpeg.decode_jpeg(data, space, strict=False, **scaling))


def _frame(marker: int, segment: bytes) -> tuple[int, int, int]:
    """Height, width and number of components (T.81, B.2.2)."""
    if marker not in _DECODED_FRAMES:
        name = _FRAME_NAMES.get(marker, f"a JPEG of the kind SOF{marker - 0xC0}")
        raise UnsupportedPicture(f"is {name}; save it as an ordinary JPEG or PNG")
    bits, height, width, components = struct.unpack_from(">BHHB", segment)
    if bits != 8:
        raise UnsupportedPicture(f"is a JPEG of {bits} bits a sample; save it as PNG or TIFF of 16 bits")
    return height, width, components


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Every marker of the first picture with its segment, to the end marker or to where the file breaks off."""
    at = 2
    while found := _NEXT_MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            yield marker, b""
            return
        if marker in _ALONE:
            continue
        if at + 2 > len(data):
            return
        length = struct.unpack_from(">H", data, at)[0]
        yield marker, data[at + 2 : at + length]
        at += length
