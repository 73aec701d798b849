"""What commands write to: files, whole or not at all, in a folder or on S3; and streams that nobody reads on."""

from __future__ import annotations

import os
from typing import IO


def write(uri: str, data: bytes) -> None:
    """Write `data` to a path or `s3://` URI; what was there is replaced.

    Raises:
        StoreError: it cannot be written.
    """
    from neckar.pipeline.storage.access import open_store
    from neckar.pipeline.storage.location import absolute, parent

    open_store(parent(uri)).put(absolute(uri).rpartition("/")[2], data)


def abandon(stream: IO[str]) -> None:
    """Let a stream whose reader is gone swallow what is in its buffer and what is still to come."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
