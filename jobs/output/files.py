"""What commands write to: files, whole or not at all, in a folder or on S3; and streams that nobody reads on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def write(uri: str, data: bytes) -> None:
    """Write `data` to a path or `s3://` URI; what was there is replaced.

    Raises:
        StoreError: it cannot be written.
    """
    from neckar.pipeline.storage.access import open_store
    from neckar.pipeline.storage.location import absolute, parent

    open_store(parent(uri)).put(absolute(uri).rpartition("/")[2], data)


@contextmanager
def written(uri: str) -> Iterator[IO[bytes]]:
    """A stream to a path or `s3://` URI that takes its place when the context ends well; else nothing has changed.

    Raises:
        UserError: its folder cannot be written.
        StoreError: as the store says.
    """
    from neckar.pipeline.storage.location import absolute, is_local
    from neckar.schemas.errors import UserError

    if not is_local(uri):
        with tempfile.TemporaryFile() as waiting:
            yield waiting
            waiting.seek(0)
            write(uri, waiting.read())
        return
    target = Path(absolute(uri))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = part.open("wb")
    except OSError as error:
        raise UserError.at(f"--output {uri}", f"cannot be written ({error.strerror}); give another place") from None
    try:
        with out:
            yield out
        part.replace(target)
    except OSError as error:
        raise UserError.at(f"--output {uri}", f"cannot be written ({error.strerror}); give another place") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def abandon(stream: IO[str]) -> None:
    """Let a stream whose reader is gone swallow what is in its buffer and what is still to come."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
