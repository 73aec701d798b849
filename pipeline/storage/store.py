"""What every object store promises: whole objects, conditional writes, streamed listings, and errors that mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from neckar.schemas.errors import ErrorCode

BINARY = "application/octet-stream"


class StoreError(Exception):
    """A store's refusal or failure; only its subclasses are raised.

    Args:
        uri: the object or folder it is about, without any secret.
        message: one line naming the cause and the mend.
    """

    code: ClassVar[ErrorCode] = ErrorCode.STORE_UNAVAILABLE
    passing: ClassVar[bool] = False  # nothing to mend: the same command later

    def __init__(self, uri: str, message: str) -> None:
        super().__init__(uri, message)  # both in args: the exception survives pickling between processes
        self.uri = uri
        self.message = message

    def __str__(self) -> str:
        return f"{self.uri}: {self.message}"


class NotFound(StoreError):  # noqa: N818  # named for what is the case, as in the store's own vocabulary
    """No such object, folder, bucket or package."""

    code = ErrorCode.IMAGE_MISSING


class PreconditionFailed(StoreError):  # noqa: N818  # HTTP's own name for it (412)
    """A conditional write lost: the object exists already, or is no longer the one expected."""

    code = ErrorCode.INTERNAL


class Denied(StoreError):  # noqa: N818  # as above
    """Credentials or permissions refused it; trying again will not help."""

    code = ErrorCode.STORE_DENIED


class Unavailable(StoreError):  # noqa: N818  # as above
    """No answer, or only errors, after all retries."""

    code = ErrorCode.STORE_UNAVAILABLE
    passing = True


class Full(StoreError):  # noqa: N818  # as above
    """Disk full or quota reached."""

    code = ErrorCode.STORE_FULL


class TooLarge(StoreError):  # noqa: N818  # as above
    """The object is longer than the reader was willing to hold."""

    code = ErrorCode.IMAGE_TOO_LARGE


class ForbiddenUri(StoreError):  # noqa: N818  # as above
    """A scheme, place or key that may not be read or written."""

    code = ErrorCode.URI_FORBIDDEN


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a store.

    Attributes:
        key: relative to the store's root.
        size: bytes.
        etag: identity of the content; None in the listing of a local folder, where it would cost reading every file.
        modified: time of the last write, UTC.
    """

    key: str
    size: int
    etag: str | None
    modified: datetime


class Store(Protocol):
    """Objects under one root. Safe to use from several threads and processes at once.

    Keys are relative to the root (see `key.checked_key`). An object is visible whole or not at all. All methods raise
    `StoreError`'s subclasses: `ForbiddenUri` for a bad key, `Denied`, `Unavailable`, `Full`.
    """

    @property
    def uri(self) -> str:
        """The root, without a trailing slash."""

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """The whole object. Raises `NotFound`, and `TooLarge` beyond `limit_bytes`."""

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The whole object and the etag that `put(if_match=...)` takes. Raises `NotFound`."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer or none where the object ends before. Raises `NotFound`."""

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = BINARY,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> str:
        """Write the whole object and return its etag.

        With `create_only` exactly one of several writers wins; with `if_match` the object must still have that etag.
        The others get `PreconditionFailed`.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None where there is none."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with the string `prefix`, streamed; in byte order where the store can."""

    def conditional_writes(self) -> bool:
        """Whether the store itself decides `create_only` and `if_match`; probed once."""
