"""The run's pictures on its store: each made once, never written twice, found again by its spec hash."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
from collections.abc import Sequence

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.images.finish import Finished
from neckar.pipeline.results.layout import copy_key, image_key, snapshot_key
from neckar.pipeline.results.recovery import Unrecoverable, recover
from neckar.pipeline.results.rows.arrow import row_to_metadata
from neckar.pipeline.storage.store import NotFound, PreconditionFailed, Store
from neckar.schemas.results import ResultRow

log = logging.getLogger(__name__)


class ImageStore:
    """Safe to use from several threads and processes at once.

    Args:
        store: of the run.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stored_bytes = 0
        self._lock = threading.Lock()

    @property
    def stored_bytes(self) -> int:
        """Of the pictures written so far."""
        return self._stored_bytes

    def find(self, spec_hash: str) -> ResultRow | None:
        """The row of the picture that stands there, naming the pair that made it; None where there is no whole one.

        Raises:
            StoreError: the store refused or did not answer.
        """
        try:
            row = recover(self._store, image_key(spec_hash))
        except NotFound:
            return None
        except Unrecoverable as error:
            log.warning("%s; it is made again", error)
            return None
        return row if self._has_its_copy(row) else None

    def _has_its_copy(self, row: ResultRow) -> bool:
        if row.copy_uri is None:
            return True
        try:
            return _sha256(self._store.get(row.copy_uri)) == row.copy_sha256
        except NotFound:
            return False

    def put_snapshots(self, spec_hash: str, snapshots: Sequence[tuple[int, Finished]]) -> None:
        """Store what a picture was on its way, in 8 bits, before the picture: where that stands, these do.

        Raises:
            StoreError: the store refused or did not answer.
        """
        for iteration, finished in snapshots:
            levels = finished.levels if finished.copy is None else finished.copy
            data = encode_png(levels, {}, transfer=finished.form.transfer)
            self._store.put(snapshot_key(spec_hash, iteration), data, content_type="image/png")
            self._count(data)

    def put(self, row: ResultRow, finished: Finished) -> ResultRow:
        """Store a picture with its row in its metadata, and complete the row.

        Another worker may have been first: then its picture stays, the same pixels, and its row is the one.

        Args:
            row: without `image_sha256`.
            finished: its samples.

        Raises:
            StoreError: the store refused or did not answer.
        """
        spec_hash = row.spec_hash
        assert spec_hash is not None
        key = image_key(spec_hash)
        transfer = finished.form.transfer
        if finished.copy is not None:  # first: a picture with its row tells that all is there
            copy = encode_png(finished.copy, {}, transfer=transfer)
            row = dataclasses.replace(row, copy_uri=copy_key(spec_hash), copy_sha256=_sha256(copy))
            self._store.put(copy_key(spec_hash), copy, content_type="image/png")
            self._count(copy)
        data = encode_png(finished.levels, row_to_metadata(row), transfer=transfer)
        try:
            self._store.put(key, data, content_type="image/png", create_only=True)
        except PreconditionFailed:
            found = self.find(spec_hash)
            if found is not None:
                return found
            self._store.put(key, data, content_type="image/png")  # over the damaged one
        self._count(data)
        return dataclasses.replace(row, image_sha256=_sha256(data))

    def _count(self, written: bytes) -> None:
        with self._lock:
            self._stored_bytes += len(written)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
