"""A checksum of a Parquet footer, in the footer itself: pages have their own, the footer has none in the format.

The footer says where every column lies, how many rows there are, and which row groups a filter may skip: a flipped bit
in it changes an answer without an error. So its SHA-256 stands among its key-value metadata, made while 64 zeros stood
in that place. Other readers see one more key. (A flip in that key's name alone makes the footer look like one of an
earlier release: nothing else of it is changed then.)
"""

from __future__ import annotations

import hashlib

KEY = "neckar.footer_sha256"
BLANK = "0" * 64

_MAGIC = b"PAR1"
_END = 8  # the footer's length in four bytes, and the magic


class DamagedFooter(OSError):  # noqa: N818  # named for what is the case; an OSError, as Arrow's own complaints are
    """The footer is not the one that was written."""


def length(tail: bytes) -> int | None:
    """Bytes of a file's end that are its footer, its length and the magic; None where there is no such end."""
    if len(tail) < _END or tail[-4:] != _MAGIC:
        return None
    return int.from_bytes(tail[-_END:-4], "little") + _END


def seal(data: bytearray | memoryview) -> None:
    """Put the checksum into the footer of a whole file that was written with `BLANK` under `KEY`."""
    start = len(data) - (length(bytes(data[-_END:])) or 0)
    place = _place(bytes(data[start:]))
    assert place is not None, KEY
    digest = hashlib.sha256(data[start:]).hexdigest().encode()
    data[start + place : start + place + len(digest)] = digest


def check(footer: bytes) -> None:
    """See that a footer is the one that was written; one of a release that wrote no checksum passes.

    Args:
        footer: the file's end, `length` bytes of it.

    Raises:
        DamagedFooter: it is not.
    """
    place = _place(footer)
    if place is None:
        return
    blank = footer[:place] + BLANK.encode() + footer[place + len(BLANK) :]
    if hashlib.sha256(blank).hexdigest().encode() != footer[place : place + len(BLANK)]:
        raise DamagedFooter("its footer has changed since it was written")


def _place(footer: bytes) -> int | None:
    """Where the checksum's digits begin: in Thrift's compact form a tag and a length of one byte each stand between."""
    at = footer.find(KEY.encode())
    return None if at < 0 else at + len(KEY) + 2
