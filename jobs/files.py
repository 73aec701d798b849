"""A file that a command was asked to write: whole or not at all, in a folder or on S3."""

from __future__ import annotations


def write(uri: str, data: bytes) -> None:
    """Write `data` to a path or `s3://` URI; what was there is replaced.

    Raises:
        StoreError: it cannot be written.
    """
    from pipeline.storage.access import open_store
    from pipeline.storage.location import absolute, parent

    open_store(parent(uri)).put(absolute(uri).rpartition("/")[2], data)
