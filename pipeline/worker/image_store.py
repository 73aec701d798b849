"""The run's pictures on its store: each made once, never written twice, found again by its spec hash."""

from __future__ import annotations

import dataclasses
import hashlib
import logging

import numpy as np

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.results.layout import image_key
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

    def find(self, spec_hash: str) -> ResultRow | None:
        """The row of the picture that stands there, naming the pair that made it; None where there is no whole one.

        Raises:
            StoreError: the store refused or did not answer.
        """
        try:
            return recover(self._store, image_key(spec_hash))
        except NotFound:
            return None
        except Unrecoverable as error:
            log.warning("%s; it is made again", error)
            return None

    def put(self, row: ResultRow, pixels: np.ndarray) -> ResultRow:
        """Store a picture with its row in its metadata, and complete the row.

        Another worker may have been first: then its picture stays, the same pixels, and its row is the one.

        Args:
            row: without `image_sha256`.
            pixels: (H, W, 3) uint8.

        Raises:
            StoreError: the store refused or did not answer.
        """
        assert row.spec_hash is not None
        key = image_key(row.spec_hash)
        data = encode_png(pixels, row_to_metadata(row))
        try:
            self._store.put(key, data, content_type="image/png", create_only=True)
        except PreconditionFailed:
            found = self.find(row.spec_hash)
            if found is not None:
                return found
            self._store.put(key, data, content_type="image/png")  # over the damaged one
        return dataclasses.replace(row, image_sha256=hashlib.sha256(data).hexdigest())
