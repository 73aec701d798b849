"""Picture files of every kind, made byte by byte where no library writes them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

from neckar.pipeline.images.chunks import SIGNATURE, encoded

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's colour types


def gradient(height: int = 24, width: int = 32) -> np.ndarray:
    """(H, W, 3) uint8 in which every row, column and channel differs."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x * 5 + y * 3) % 256], axis=-1).astype(np.uint8)


def pillow(pixels: np.ndarray, kind: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels)
    return saved(image.convert(mode) if mode else image, kind, **options)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def tiff(values: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def png(rows: np.ndarray, colour: int, bits: int, *, width: int | None = None, extra: bytes = b"") -> bytes:
    """An unfiltered PNG; `rows` are (H, W, C) samples, or (H, bytes) packed ones together with `width`."""
    samples = rows.astype(">u2") if bits == 16 else rows
    header = struct.pack(">IIBBBBB", width or rows.shape[1], rows.shape[0], bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples))
    return SIGNATURE + encoded(b"IHDR", header) + extra + encoded(b"IDAT", data) + encoded(b"IEND", b"")


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk, right after its header."""
    header_end = len(SIGNATURE) + 25
    return data[:header_end] + encoded(kind, content) + data[header_end:]


def ink_profile() -> bytes:
    """An ICC profile of an odd press: all channels together give a lightness, cyan alone is red to it.

    A lut8Type (ICC.1 10.11) of 2^4 grid points, from CMYK to Lab.
    """
    table = bytearray()
    for point in range(16):
        c, m, y, k = (point >> 3) & 1, (point >> 2) & 1, (point >> 1) & 1, point & 1
        lightness = 255 - 50 * (c + m + y) - 105 * k
        table += bytes([max(lightness, 0), 128 + 60 * c, 128 + 40 * c])
    ramp = bytes(range(256))
    one, zero = struct.pack(">i", 65536), struct.pack(">i", 0)
    matrix = one + zero * 3 + one + zero * 3 + one
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + bytes(table) + ramp * 3
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    tags = [(b"A2B0", lut), (b"wtpt", white)]
    at, directory, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags:
        padded = content + bytes(-len(content) % 4)
        directory += name + struct.pack(">II", at + len(body), len(content))
        body += padded
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + directory + body
