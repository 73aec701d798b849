"""A stored object as a file that Arrow reads in pieces: footers and columns travel, the rest stays."""

from __future__ import annotations

import io

import pyarrow as pa

from neckar.pipeline.storage.store import Store


class _Pieces(io.RawIOBase):
    """Seekable and read-only; every read is one ranged request. The object must be immutable, as parts are."""

    def __init__(self, store: Store, key: str, size: int) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._size = size
        self._position = 0

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
        left = max(0, self._size - self._position)
        data = self._store.get_range(self._key, self._position, left if size < 0 else min(size, left))
        self._position += len(data)
        return data


def open_stored(store: Store, key: str, size: int) -> pa.PythonFile:
    """The object `key` of `size` bytes, for Arrow; nothing is read yet. Reads raise `StoreError`."""
    return pa.PythonFile(_Pieces(store, key, size), mode="r")
