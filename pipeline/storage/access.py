"""From a URI to a store or to bytes: the only place that knows every scheme."""

from __future__ import annotations

import posixpath
from pathlib import Path

from pipeline.storage.file import read_file
from pipeline.storage.local import LocalStore
from pipeline.storage.location import Location, parse
from pipeline.storage.package import PackageStore
from pipeline.storage.store import NotFound, Store

READ_LIMIT_BYTES = 1 << 30  # a 16-bit RGB picture of 100 megapixels is 0.6 GB; VGG-19's weights are 0.55 GB


def open_store(uri: str) -> Store:
    """The store rooted at a URI; nothing is read or made yet.

    Raises:
        ForbiddenUri: another scheme, or a path that leaves its bucket or package.
    """
    return _store(parse(uri))


def read_uri(uri: str, *, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
    """All bytes of one object.

    Raises:
        StoreError: `ForbiddenUri`, `NotFound`, `TooLarge` (beyond `limit_bytes`), `Denied`, `Unavailable`.
    """
    location = parse(uri)
    if location.scheme == "file":  # the user named the file, through whichever links
        return read_file(Path(location.path), limit_bytes=limit_bytes)
    folder, name = posixpath.split(location.path)
    if not name:
        raise NotFound(location.uri, "this names no object; add its key")
    return _store(Location(location.scheme, location.root, folder)).get(name, limit_bytes=limit_bytes)


def _store(location: Location) -> Store:
    if location.scheme == "s3":
        from pipeline.storage.s3 import S3Store  # noqa: PLC0415  # boto3 takes a third of a second to import

        return S3Store(location.root, location.path)
    if location.scheme == "package":
        return PackageStore(location.root, location.path)
    return LocalStore(Path(location.path))
