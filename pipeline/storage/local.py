"""A local folder with the contract of an object store: whole files, atomically, durably, conditionally."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from neckar.pipeline.storage.file import (
    flush_folder,
    make_folder,
    open_file,
    read_error,
    read_file,
    temporary_file,
    write_error,
)
from neckar.pipeline.storage.key import RESERVED_PREFIX, checked_key, checked_prefix
from neckar.pipeline.storage.store import BINARY, ForbiddenUri, NotFound, ObjectInfo, PreconditionFailed

_LOCK_NAME = f"{RESERVED_PREFIX}lock"
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}  # FAT, some FUSE mounts


class LocalStore:
    """Files below one folder, which is made on the first write.

    A write goes to a temporary file beside its target, is flushed to the disk and takes its name in one step: a link
    for `create_only`, a rename otherwise. `if_match` is decided under a lock file in the same folder; a plain `put`
    does not take that lock, so do not mix the two on one key. Symbolic links below the root are not listed.

    Args:
        root: the folder; may itself be reached through links.
        links_may_leave: whether a link below the root may lead out of it; a run's folder may be shared, so no.
    """

    def __init__(self, root: Path, *, links_may_leave: bool = False) -> None:
        self._root = root
        self._links_may_leave = links_may_leave

    @property
    def uri(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """See `Store.get`."""
        return read_file(self._path(key), limit_bytes=limit_bytes)

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """See `Store.get_with_etag`."""
        data = self.get(key)
        return data, _etag(data)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `Store.get_range`."""
        path = self._path(key)
        with open_file(path) as file:
            try:
                file.seek(start)
                return file.read(length)
            except OSError as error:
                raise read_error(path, error) from error

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = BINARY,  # noqa: ARG002  # a file system has nowhere to keep it
        create_only: bool = False,
        if_match: str | None = None,
    ) -> str:
        """See `Store.put`."""
        path = self._path(key)
        try:
            make_folder(path.parent)
            with temporary_file(path.parent, data) as temporary:
                if create_only:
                    _create(temporary, path)
                elif if_match is not None:
                    with _locked(path.parent):
                        _expect(path, if_match)
                        temporary.replace(path)
                else:
                    temporary.replace(path)
            flush_folder(path.parent)
        except OSError as error:
            raise write_error(path, error) from error
        return _etag(data)

    def head(self, key: str) -> ObjectInfo | None:
        """See `Store.head`; reads the file for its etag."""
        path = self._path(key)
        try:
            data = read_file(path)
            modified = path.stat().st_mtime
        except (NotFound, FileNotFoundError):
            return None
        return ObjectInfo(key, len(data), _etag(data), datetime.fromtimestamp(modified, UTC))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Store.list`; in byte order, holding the names of one folder and of its parents at a time."""
        folder, _, start = checked_prefix(self.uri, prefix).rpartition("/")
        return _walk(self._path(folder) if folder else self._root, f"{folder}/" if folder else "", start)

    def conditional_writes(self) -> bool:
        """Always: the file system decides."""
        return True

    def _path(self, key: str) -> Path:
        path = self._root / checked_key(self.uri, key)
        if self._links_may_leave:
            return path
        root = os.path.realpath(self._root)
        if os.path.commonpath([root, os.path.realpath(path)]) != root:
            raise ForbiddenUri(str(path), "a symbolic link leads out of the folder; link the whole folder instead")
        return path


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _create(temporary: Path, path: Path) -> None:
    """Give the file its name if nobody has it: the link is the decision."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise PreconditionFailed(str(path), "exists already") from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with _locked(path.parent):  # where there are no links, every writer comes here: the lock is the decision
            if path.exists():
                raise PreconditionFailed(str(path), "exists already") from None
            temporary.replace(path)


def _expect(path: Path, etag: str) -> None:
    try:
        found = _etag(read_file(path))
    except NotFound:
        raise PreconditionFailed(str(path), "is gone, though it was expected") from None
    if found != etag:
        raise PreconditionFailed(str(path), "was changed by another writer")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone among all processes and threads that lock this folder; a process that dies lets go."""
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _walk(folder: Path, above: str, start: str = "") -> Iterator[ObjectInfo]:
    """Regular files below a folder in the byte order of their keys; `start` filters the first level's names."""
    try:
        with os.scandir(folder) as entries:
            # "/" takes part in the order: `a-b` comes before `a/b`, as on S3
            names = [f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise read_error(folder, error) from error
    for name in sorted((name for name in names if name.startswith(start)), key=os.fsencode):
        if name.startswith(RESERVED_PREFIX):
            continue
        if name.endswith("/"):
            yield from _walk(folder / name, above + name)
            continue
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:  # gone since the folder was read
            continue
        if stat.S_ISREG(status.st_mode):
            yield ObjectInfo(above + name, status.st_size, None, datetime.fromtimestamp(status.st_mtime, UTC))
