"""One file on a file system: read whole within a limit, made visible whole or not at all, errors told in our words."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neckar.pipeline.storage.key import RESERVED_PREFIX
from neckar.pipeline.storage.store import Denied, Full, NotFound, StoreError, TooLarge, Unavailable

_ABSENT = {errno.ENOENT, errno.ENOTDIR}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}


def open_file(path: Path) -> BinaryIO:
    """A regular file opened for reading; never waits on a pipe nor reads an endless device.

    Raises:
        NotFound: no such file, or it is a folder or a device.
        Denied, Unavailable: what the file system said.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a named pipe would block the open
    except OSError as error:
        raise read_error(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise NotFound(str(path), "is a folder, not a file" if stat.S_ISDIR(mode) else "is not a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, *, limit_bytes: int | None = None) -> bytes:
    """A regular file's bytes. Raises as `open_file` does, and `TooLarge` beyond `limit_bytes`."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit_bytes is not None and size > limit_bytes:
            raise TooLarge(str(path), f"{size:,} bytes are more than the limit of {limit_bytes:,}")
        try:
            return file.read()
        except OSError as error:
            raise read_error(path, error) from error


@contextlib.contextmanager
def temporary_file(folder: Path, data: bytes) -> Iterator[Path]:
    """A hidden file beside its target, complete and on the disk; removed at the end unless renamed away."""
    path = folder / f"{RESERVED_PREFIX}tmp-{secrets.token_hex(8)}"
    try:
        # 0o666 under the umask: a result is as readable as any other file, unlike tempfile's 0o600
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """The folder and those above it, each new name on the disk before anything is put inside."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)  # another process may be as quick
        flush_folder(one.parent)


def flush_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush a folder, and say so
            raise
    finally:
        os.close(descriptor)


def read_error(path: Path, error: OSError) -> StoreError:
    """The store's word for what happened on reading."""
    reason = error.strerror or str(error)
    if error.errno in _ABSENT:
        return NotFound(str(path), "no such file")
    if error.errno in _PASSING:
        return Unavailable(str(path), f"the file system failed to read it: {reason}")
    return Denied(str(path), f"cannot be read: {reason}")


def write_error(path: Path, error: OSError) -> StoreError:
    """The store's word for what happened on writing."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return Full(str(path), f"cannot be written: {reason}; free space there or choose another output")
    if error.errno in _PASSING:
        return Unavailable(str(path), f"the file system failed to write it: {reason}")
    return Denied(str(path), f"cannot be written: {reason}; choose an output this user can write to")
