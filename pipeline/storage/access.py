"""From a URI to a store, to bytes or to a stream: the only place that knows every scheme."""

from __future__ import annotations

import io
import posixpath
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from neckar.pipeline.storage.file import open_file, read_file, write_error
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.location import Location, parse
from neckar.pipeline.storage.package import PackageStore
from neckar.pipeline.storage.store import NotFound, Store

if TYPE_CHECKING:
    from neckar.pipeline.storage.s3 import S3Store

READ_LIMIT_BYTES = 1 << 30  # a 16-bit RGB picture of 100 megapixels is 0.6 GB; VGG-19's weights are 0.55 GB


def open_store(uri: str, *, conditional_writes: bool | None = None) -> Store:
    """The store rooted at a URI; nothing is read or made yet.

    Args:
        uri: of its root.
        conditional_writes: whether it keeps its promise of them, where somebody has found out already.

    Raises:
        ForbiddenUri: another scheme, or a path that leaves its bucket or package.
    """
    location = parse(uri)
    if location.scheme == "s3":
        return _s3(location.root, location.path, conditional_writes)
    if location.scheme == "package":
        return PackageStore(location.root, location.path)
    return LocalStore(Path(location.path))


def read_uri(uri: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
    """All bytes of one object.

    Raises:
        StoreError: `ForbiddenUri`, `NotFound`, `TooLarge` (beyond `limit_bytes`), `Denied`, `Unavailable`.
    """
    location = parse(uri)
    if location.scheme == "file":  # the user named the file, through whichever links
        return read_file(Path(location.path), limit_bytes=limit_bytes)
    folder, key = _split(location)
    store = _s3(location.root, folder) if location.scheme == "s3" else PackageStore(location.root, folder)
    return store.get(key, limit_bytes=limit_bytes)


def open_uri(uri: str) -> BinaryIO:
    """A seekable stream of one object, for what is too long to hold; the caller closes it.

    An S3 object is first copied to a nameless temporary file.

    Raises:
        StoreError: `ForbiddenUri`, `NotFound`, `Denied`, `Unavailable`, `Full` (the temporary folder).
    """
    location = parse(uri)
    if location.scheme == "file":
        return open_file(Path(location.path))
    folder, key = _split(location)
    if location.scheme == "package":
        return io.BytesIO(PackageStore(location.root, folder).get(key))
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        _s3(location.root, folder).download(key, file)
        file.seek(0)
    except OSError as error:
        file.close()
        raise write_error(Path(tempfile.gettempdir()), error) from error
    except BaseException:  # an interruption too: the file is nobody's then
        file.close()
        raise
    return file


def _split(location: Location) -> tuple[str, str]:
    folder, key = posixpath.split(location.path)
    if not key:
        raise NotFound(location.uri, "this names no object; add its key")
    return folder, key


def _s3(bucket: str, prefix: str, conditional: bool | None = None) -> S3Store:
    from neckar.pipeline.storage.s3 import S3Store  # noqa: PLC0415  # boto3 takes a third of a second to import

    return S3Store(bucket, prefix, conditional=conditional)
