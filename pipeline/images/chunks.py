"""The chunks of a PNG file: what the picture needs, checked byte by byte, and the text that travels with it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
# Without these the picture is the same or, without the last six, in other colours; a damaged one is told. Any other
# damaged kind may have been a piece of the picture before a bit of its name fell over.
_BESIDE_IT = (
    b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"bKGD", b"hIST", b"sPLT", b"sBIT",
    b"eXIf", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP",
)  # fmt: skip


class PngError(ValueError):
    """Not a whole PNG file; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its four-letter kind, its data, and whether its checksum is right."""

    kind: bytes
    data: memoryview
    whole: bool = True


def chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk up to IEND; one that is no part of the picture may be damaged.

    Raises:
        PngError: cut off, or the checksum of a part of the picture differs.
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
        whole = zlib.crc32(view[at + 4 : end]) == struct.unpack_from(">I", data, end)[0]
        if not whole and kind not in _BESIDE_IT:
            raise PngError(f"the checksum of its {_name(kind)} chunk is wrong")
        yield Chunk(kind, view[at + 8 : end], whole)
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


def _name(kind: bytes) -> str:
    return kind.decode() if kind.isalpha() else repr(kind)[2:-1]
