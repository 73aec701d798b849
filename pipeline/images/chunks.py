"""The chunks of a PNG file: what the picture needs, checked byte by byte, and the text that travels with it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class PngError(ValueError):
    """Not a whole PNG file; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its four-letter kind and its data."""

    kind: bytes
    data: memoryview


def chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk up to IEND, its checksum verified.

    Raises:
        PngError: cut off, or a checksum differs.
    """
    view, at = memoryview(data), len(SIGNATURE)
    if not data.startswith(SIGNATURE):
        raise PngError("no PNG signature")
    while True:
        if at + 12 > len(data):
            raise PngError("the file is cut off")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise PngError("the file is cut off")
        if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise PngError(f"the checksum of its {kind.decode('latin-1')} chunk is wrong")
        yield Chunk(kind, view[at + 8 : end])
        if kind == b"IEND":
            return
        at = end + 4


def picture_only(data: bytes) -> bytes:
    """The file without text, profiles and further frames: what decoders complain of, or spend their memory on.

    Raises:
        PngError: see `chunks`.
    """
    kept = [chunk for chunk in chunks(data) if chunk.kind in _PICTURE]
    return SIGNATURE + b"".join(encoded(chunk.kind, bytes(chunk.data)) for chunk in kept)


def encoded(kind: bytes, data: bytes) -> bytes:
    """A chunk as it stands in the file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
