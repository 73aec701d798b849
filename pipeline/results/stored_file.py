"""A stored Parquet file that Arrow reads in pieces: footers and columns travel, the rest stays.

Arrow checks the pages; the footer is checked here, before Arrow reads it.
"""

from __future__ import annotations

import io

import pyarrow as pa

from neckar.pipeline.results.rows import footer
from neckar.pipeline.storage.store import Store

TAIL_BYTES = 64 << 10  # what Arrow asks for first: as a rule the whole footer


class _Pieces(io.RawIOBase):
    """Seekable and read-only; every read is one ranged request. The object must be immutable, as parts are.

    The end is read first, whatever is asked for, and kept. Reads raise `DamagedFooter` and `StoreError`.
    """

    def __init__(self, store: Store, key: str, size: int) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._size = size
        self._position = 0
        self._tail: bytes | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; before the first of them the file's end is read and its footer checked."""
        left = max(0, self._size - self._position)
        wanted = left if size < 0 else min(size, left)
        if self._tail is None:
            self._tail = self._read_tail()
        into = self._position - (self._size - len(self._tail))
        kept = into >= 0
        data = self._tail[into : into + wanted] if kept else self._store.get_range(self._key, self._position, wanted)
        self._position += len(data)
        return data

    def _read_tail(self) -> bytes:
        """The file's end with its footer, checked."""
        count = min(self._size, TAIL_BYTES)
        tail = self._store.get_range(self._key, self._size - count, count)
        needed = footer.length(tail)
        if needed is not None and len(tail) < needed <= self._size:
            start = self._size - needed
            tail = self._store.get_range(self._key, start, needed - len(tail)) + tail
        if needed is not None and needed <= len(tail):
            footer.check(tail[-needed:])
        return tail


def open_stored(store: Store, key: str, size: int) -> pa.PythonFile:
    """The object `key` of `size` bytes, for Arrow; nothing is read yet. Reads raise as `_Pieces` does."""
    return pa.PythonFile(_Pieces(store, key, size), mode="r")
