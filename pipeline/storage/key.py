"""Which keys a store accepts: relative paths that cannot leave its root, on any store and any file system."""

from __future__ import annotations

import re

from neckar.pipeline.storage.store import ForbiddenUri

RESERVED_PREFIX = ".neckar-"  # temporary files, lock files and the probe object: hidden from listings
_KEY_BYTES_MAX = 1024  # S3's limit
_PART_BYTES_MAX = 255  # of a name on Linux file systems, and on SeaweedFS
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked_key(root: str, key: str) -> str:
    """The key itself, if it names an object strictly below the root.

    Raises:
        ForbiddenUri: empty, absolute, with a backslash or control character, with a part that is empty, `.`, `..`,
            too long or reserved.
    """
    problem = _problem(key)
    if problem:
        raise ForbiddenUri(root, f"{key!r} is not a key: {problem}")
    return key


def checked_prefix(root: str, prefix: str) -> str:
    """Like `checked_key` for the prefix of a listing, which may be empty or end with a slash."""
    if prefix:
        checked_key(root, prefix.removesuffix("/") or prefix)
    return prefix


def is_reserved(key: str) -> bool:
    """Whether the object is the store's own."""
    return any(part.startswith(RESERVED_PREFIX) for part in key.split("/"))


def _problem(key: str) -> str | None:
    if _CONTROL.search(key):
        return "it has a control character"
    if "\\" in key:
        return "write / instead of the backslash"
    if key.startswith("/"):
        return "it must be relative to the root"
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if len(encoded) > _KEY_BYTES_MAX:
        return f"it has more than {_KEY_BYTES_MAX} bytes"
    parts = key.split("/")
    if ".." in parts or "." in parts:
        return "it may not have '.' or '..' as a part"
    if "" in parts:
        return "it has an empty part"
    if any(len(part.encode()) > _PART_BYTES_MAX for part in parts):
        return f"a part has more than {_PART_BYTES_MAX} bytes"
    if is_reserved(key):
        return f"names that start with {RESERVED_PREFIX!r} are the store's own"
    return None
