"""A run's whole pictures, each read once: for its small one, and as a file of the report where it is to hold them."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path

from neckar.pipeline.storage.store import Store


class WholePictures:
    """Reads and keeps them. Safe to use from several threads.

    Args:
        store: of the run.
        keys: of the pairs' pictures; None where there is none.
        folder: that they are kept in, one file a pair, by its place.
        limit_bytes: beyond which none is kept any more; infinity keeps all, 0 none.
    """

    def __init__(
        self, store: Store, keys: Sequence[str | None], folder: Path, *, limit_bytes: float = math.inf
    ) -> None:
        self._store, self._keys, self._folder, self._limit = store, keys, folder, limit_bytes
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """Of those that are kept, and of the first that was too much."""
        return self._bytes

    @property
    def all_kept(self) -> bool:
        """Whether each one that was read is kept."""
        return self._limit > 0 and self._bytes <= self._limit

    def read(self, place: int) -> bytes | None:
        """The file of the pair at a place; None where it has none. Raises `StoreError`."""
        key = self._keys[place]
        if key is None:
            return None
        data = self._store.get(key)
        if self.all_kept:
            with self._lock:
                self._bytes += len(data)
            if self.all_kept:
                (self._folder / f"{place:06d}.png").write_bytes(data)
        return data

    def drop(self) -> None:
        """Let go of what is kept."""
        for file in self._folder.iterdir():
            file.unlink()
        self._bytes = 0
