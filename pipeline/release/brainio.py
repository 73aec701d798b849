"""BrainIO: a table, a flat ZIP of the pictures whose dates are fixed, and the sha1 of both."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from neckar.pipeline.release.columns import text_of
from neckar.pipeline.release.folder import Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.release.tables import comma_separated

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a ZIP knows
_ILLEGAL = re.compile(r"[^a-z0-9_]+")


class StimuliZip:
    """The ZIP, written as the pictures come; pictures are compressed already."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def add(self, item: Item, data: bytes) -> None:
        """A picture."""
        info = zipfile.ZipInfo(item.filename, EPOCH)
        info.external_attr = 0o644 << 16
        self._zip.writestr(info, data)

    def close(self) -> None:
        """Write its directory."""
        self._zip.close()


def write_brainio(folder: Folder, items: Sequence[Item], names: Sequence[str]) -> None:
    """`stimulus_set.csv` and `sha1.txt`, beside the ZIP that stands there."""
    columns = columns_named(names)
    header = ["stimulus_id", "filename", *columns]
    present = [item for item in items if item.present]
    rows = ([item.id, item.filename, *(text_of(item.columns.get(n), nothing="") for n in names)] for item in present)
    folder.put("stimulus_set.csv", comma_separated(header, rows))
    sums = [f"{_sha1(folder.path / name)}  {name}" for name in ("stimulus_set.csv", "stimulus_set.zip")]
    folder.text("sha1.txt", *sums)


def columns_named(names: Sequence[str]) -> list[str]:
    """Names of letters, digits and underscores in small, each once."""
    taken = {"stimulus_id", "filename"}
    found = []
    for name in names:
        plain = _ILLEGAL.sub("_", name.lower()).strip("_") or "column"
        while plain in taken:
            plain += "_"
        taken.add(plain)
        found.append(plain)
    return found


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()  # what BrainIO asks for; nothing is signed with it
