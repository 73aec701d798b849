"""Pictures and weights that ship inside an installed package, read without importing it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import BINARY, Denied, NotFound, ObjectInfo


class PackageStore:
    """The files of one installed package, below a folder of it: reading only.

    Args:
        package: its import name, e.g. "skimage".
        folder: relative to the package, "" for all of it.
    """

    def __init__(self, package: str, folder: str = "") -> None:
        self._uri = f"package:{package}/{folder}".rstrip("/")
        self._package = package
        self._folder = folder

    @property
    def uri(self) -> str:
        """`package:name` or `package:name/folder`."""
        return self._uri

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """See `Store.get`."""
        return self._files().get(key, limit_bytes=limit_bytes)

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """See `Store.get_with_etag`."""
        return self._files().get_with_etag(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `Store.get_range`."""
        return self._files().get_range(key, start, length)

    def put(
        self,
        key: str,
        data: bytes,  # noqa: ARG002  # the protocol's signature
        *,
        content_type: str = BINARY,  # noqa: ARG002  # as above
        create_only: bool = False,  # noqa: ARG002  # as above
        if_match: str | None = None,  # noqa: ARG002  # as above
    ) -> NoReturn:
        """Always `Denied`."""
        raise Denied(f"{self._uri}/{key}", "an installed package is read-only; choose a folder or s3://")

    def head(self, key: str) -> ObjectInfo | None:
        """See `Store.head`."""
        return self._files().head(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Store.list`."""
        return self._files().list(prefix)

    def conditional_writes(self) -> bool:
        """Never: there are no writes."""
        return False

    def _files(self) -> LocalStore:
        spec = importlib.util.find_spec(self._package)  # of a top-level name: finds it without running its code
        places = (spec.submodule_search_locations or []) if spec else []
        for place in places:
            if os.path.isdir(place):  # noqa: PTH112  # a namespace package lists plain strings
                # Some installers link every file to their cache; what is installed is trusted like code.
                return LocalStore(Path(place) / self._folder, links_may_leave=True)
        raise NotFound(self._uri, f"no package '{self._package}' is installed here; pip install what ships it")
