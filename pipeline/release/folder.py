"""A folder of a release: filled aside, then put in its place as a whole; what is in it is on its list of checksums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from neckar.schemas.errors import UserError

CHECKSUMS = "checksums.sha256"


class Folder:
    """Files of one form of a release, on this machine.

    Args:
        target: where the folder is to stand; one of an earlier release is replaced.

    Raises:
        UserError: something else stands there.
    """

    def __init__(self, target: Path) -> None:
        if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / CHECKSUMS).exists())):
            raise UserError.at(str(target), "stands there, and is no release of ours; name another folder, or move it")
        self._target = target
        self.path = target.with_name(f".{target.name}.partial")
        shutil.rmtree(self.path, ignore_errors=True)
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            raise UserError.at(str(target), f"cannot be written: {error.strerror}; name another folder") from None
        self._sums: dict[str, str] = {}

    def put(self, path: str, data: bytes) -> None:
        """Write a file."""
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        self._sums[path] = hashlib.sha256(data).hexdigest()

    def text(self, path: str, *lines: str) -> None:
        """Write lines."""
        self.put(path, ("\n".join(lines) + "\n").encode())

    def json(self, path: str, value: Any) -> None:
        """Write JSON, indented."""
        self.put(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())

    def took(self, path: str) -> str:
        """A file was written by somebody else: put it on the list. Returns its sha256, hex."""
        with (self.path / path).open("rb") as file:
            self._sums[path] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._sums[path]

    def link(self, path: str, to: str) -> None:
        """Another name for a file of the folder: a relative link, or a copy where the disk knows none."""
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.symlink_to(os.path.relpath(self.path / to, place.parent))
        except OSError:
            shutil.copyfile(self.path / to, place)

    def close(self) -> None:
        """Write the list of checksums, as `sha256sum --check` reads it, and put the folder in its place."""
        lines = [f"{digest}  {path}" for path, digest in sorted(self._sums.items())]
        (self.path / CHECKSUMS).write_text("\n".join(lines) + "\n")
        if self._target.exists():
            shutil.rmtree(self._target)
        self.path.rename(self._target)
