"""Where an object is: `s3://bucket/key`, a local path or `file://`, and `package:name/path` for shipped resources."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from neckar.pipeline.storage.store import ForbiddenUri

Scheme = Literal["s3", "file", "package"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least; a slash before the colon makes it a path
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_PACKAGE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # no dots: finding `a.b` would import `a`
_KINDS = {"s3": ("bucket", "s3://bucket/key"), "package": ("package", "package:skimage/data/coffee.png")}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN_MAX = 300  # a data: URI pasted by mistake has megabytes
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed, absolute URI.

    Attributes:
        scheme: "s3", "file" or "package".
        root: the bucket, "" for a local path, or the package's name.
        path: the key below the bucket or package, without slashes at its ends; for a local path the absolute path.
    """

    scheme: Scheme
    root: str
    path: str

    @property
    def uri(self) -> str:
        """The canonical text: local paths as plain absolute paths."""
        if self.scheme == "file":
            return self.path
        start = "s3://" if self.scheme == "s3" else "package:"
        return f"{start}{self.root}/{self.path}".rstrip("/")


def shown(uri: str) -> str:
    """The URI as it may stand in a message: no user and password, and no query outside S3 (it may be a signature)."""
    safe = _USERINFO.sub("***@", uri)
    if "://" in safe and not safe.startswith("s3://"):
        safe = re.split(r"[?#]", safe, maxsplit=1)[0]
    return _CONTROL.sub("?", safe if len(safe) <= _SHOWN_MAX else f"{safe[:_SHOWN_MAX]}...")


def is_absolute(uri: str) -> bool:
    """Whether the URI stands for itself: it has a scheme, known or not, or is an absolute path."""
    return uri.startswith("/") or _SCHEME.match(uri) is not None


def parse(uri: str) -> Location:
    """The location a URI names; a relative path is relative to the working directory.

    Raises:
        ForbiddenUri: another scheme, or a path that leaves its bucket or package.
    """
    if not uri.strip() or _CONTROL.search(uri):
        raise ForbiddenUri(shown(uri), "a location may not be empty nor have control characters")
    match = _SCHEME.match(uri)
    scheme = match.group(1).lower() if match else None
    if scheme is None:
        path = os.path.expanduser(uri) if _is_home(uri) else uri  # noqa: PTH111  # ~backup.png is a file's name
        return Location("file", "", os.path.abspath(path))  # noqa: PTH100  # not Path.resolve, which would follow links
    if scheme == "file":
        return _file(uri)
    if scheme == "s3":
        return _below(uri, uri[len("s3:") :].removeprefix("//"), "s3", _BUCKET)
    if scheme == "package":
        return _below(uri, uri[len("package:") :], "package", _PACKAGE)
    hint = "" if "://" in uri or len(uri) > 99 else f", or ./{uri} for a file with a colon in its name"
    places = "s3://, a path, file:// or package:"
    raise ForbiddenUri(shown(uri), f"'{scheme}:' is no place Neckar reads; use {places}{hint}")


def is_local(uri: str) -> bool:
    """Whether the URI names a file of this machine. Raises `ForbiddenUri`."""
    return parse(uri).scheme == "file"


def absolute(uri: str) -> str:
    """The canonical absolute form of a URI. Raises `ForbiddenUri`."""
    return parse(uri).uri


def join(base: str, relative: str) -> str:
    """`relative` as seen from the folder `base`, absolute and canonical; an absolute URI stays itself.

    `..` may climb within a file system, as in a shell, but never out of a bucket or a package.

    Raises:
        ForbiddenUri: another scheme, or a path that leaves its bucket or package.
    """
    if is_absolute(relative) or _is_home(relative):
        return absolute(relative)
    if not relative.strip():
        raise ForbiddenUri(shown(base), "a location may not be empty")
    if "\\" in relative:
        raise ForbiddenUri(shown(relative), "write / instead of the backslash")
    parent = parse(base)
    if parent.scheme == "file":
        return parse(posixpath.join(parent.path, relative)).uri
    return parse(f"{parent.uri}/{relative}").uri


def parent(uri: str) -> str:
    """The folder a URI stands in, absolute: what a manifest's relative URIs are relative to. Raises `ForbiddenUri`."""
    location = parse(uri)
    return Location(location.scheme, location.root, posixpath.dirname(location.path)).uri


def _is_home(uri: str) -> bool:
    """Whether it is below the user's home; `~` at the beginning of any other name is a letter like others."""
    return uri == "~" or uri.startswith("~/")


def _file(uri: str) -> Location:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ForbiddenUri(shown(uri), "write file:///absolute/path, on this machine")
    path = unquote(parts.path)
    if _CONTROL.search(path):
        raise ForbiddenUri(shown(uri), "a location may not have control characters")
    return Location("file", "", posixpath.normpath(path))


def _below(uri: str, rest: str, scheme: Literal["s3", "package"], names: re.Pattern[str]) -> Location:
    root, _, path = rest.partition("/")
    kind, example = _KINDS[scheme]
    if not names.fullmatch(root):
        raise ForbiddenUri(shown(uri), f"this names no {kind}; write e.g. {example}")
    if scheme == "s3" and "//" in path:  # another object's key than the one with a single slash
        raise ForbiddenUri(shown(uri), "its key has an empty part; write one slash, or copy the object to another key")
    normal = posixpath.normpath(path) if path else ""
    if normal == ".":
        normal = ""
    if normal.startswith("/") or normal.split("/")[0] == "..":
        raise ForbiddenUri(shown(uri), f"the path leaves its {kind}")
    return Location(scheme, root, normal)
