"""A report as files: one that can be mailed, or a folder beside the pictures it links to."""

from __future__ import annotations

import math
import posixpath
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from neckar.pipeline.report.about import about
from neckar.pipeline.report.again import pairs_again
from neckar.pipeline.report.details import BLOCK_PAIRS, Details, read_rows
from neckar.pipeline.report.packing import as_text, pack
from neckar.pipeline.report.page import Page, charts_script, data_script, render
from neckar.pipeline.report.sources import side_px, source_files, source_uris
from neckar.pipeline.report.table import PENDING_ROW, PairTable, table_of
from neckar.pipeline.report.thumbnails import ACROSS, SIDE_PX, sheets
from neckar.pipeline.report.whole import WholePictures
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.storage.location import parse
from neckar.schemas.errors import UserError

Form = Literal["file", "folder"]
FILE_BYTES = 25_000_000  # of one file: more crashes browsers, and no mail takes it
_AT_ONCE = 64  # blocks of details held at a time
_KEYS = 4096  # keys of pictures in a block
_INDEX = "index.html"

Tell = Callable[[str, int, int], None]  # what is being made, how many of how many


@dataclass(frozen=True, slots=True)
class Made:
    """A report in a folder of its own.

    Attributes:
        folder: with `index.html`, and in the form of a folder with everything else.
        form: which it took.
        pairs: in it.
        bytes: of all its files.
        pictures: how whole pictures are had: inside, copied, linked, or none.
        gone: ok pairs whose pictures cannot be read.
    """

    folder: Path
    form: Form
    pairs: int
    bytes: int
    pictures: str
    gone: int


@contextmanager
def made_report(
    reader: ResultsReader,
    *,
    form: Form | None = None,
    copy_images: bool = False,
    beside: Callable[[Form], str | None] = lambda _: None,
    tell: Tell = lambda *_: None,
) -> Iterator[Made]:
    """A report in a temporary folder, to be taken from there before the context ends.

    Args:
        reader: of a run or of a version of a set.
        form: one file, or a folder; None for one file as far as it is no larger than `FILE_BYTES`.
        copy_images: put every whole picture into it.
        beside: URI of the folder that the page is going to stand in, for links to the run's pictures; None where none
            would hold.
        tell: hears of progress.

    Raises:
        UserError: a file of the run is damaged; one file was asked for and would be too large.
        StoreError: as the store says.
        OSError: no room in the temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="neckar-report-") as scratch:
        yield _Report(reader, Path(scratch), copy_images=copy_images, beside=beside, tell=tell).made(form)


class _Report:
    def __init__(
        self,
        reader: ResultsReader,
        scratch: Path,
        *,
        copy_images: bool,
        beside: Callable[[Form], str | None],
        tell: Tell,
    ) -> None:
        self._reader, self._tell, self._copy, self._beside = reader, tell, copy_images, beside
        self._pieces, self._out = scratch / "pieces", scratch / "out"
        for folder in ("blocks", "sheets", "sources", "pictures"):
            (self._pieces / folder).mkdir(parents=True)
        self._out.mkdir()

    def made(self, form: Form | None) -> Made:
        """Make it, in the form that was asked for or that suits. Raises as `made_report`."""
        table = table_of(self._reader)
        self._details(table)
        limit = math.inf if self._copy else 0 if form == "folder" else 3 * FILE_BYTES / 4
        whole = WholePictures(self._reader.store, table.pictures, self._pieces / "pictures", limit_bytes=limit)
        widths, heights = self._sheets(table, whole)
        header = {**about(self._reader, table), "sources": self._sources(table)}
        header["thumbs"] = {"side": SIDE_PX, "across": ACROSS, "single": False}
        arrays = {"thumb width": widths, "thumb height": heights}
        page = Page(header["name"], header["told"], "file")
        largest = self._page_bytes(table, page, header, arrays)
        if form == "file" and largest > FILE_BYTES:
            message = f"one file would have {largest / 1e6:,.0f} MB, more than the 25 that a browser and a mail take"
            raise UserError.at("--single-file", f"{message}; leave it out, or write --folder")
        copied = self._copied(whole, form, largest)
        chosen: Form = form or ("file" if largest + 4 * whole.kept_bytes // 3 <= FILE_BYTES else "folder")
        if copied:
            header["pictures"] = {"how": "inside" if chosen == "file" else "copied"}
        else:
            beside = self._beside(chosen)
            base = None if beside is None else relative(self._reader.store.uri, beside)
            header["pictures"] = (
                {"how": "none"} if base is None else {"how": "linked", "base": quote(base, safe="/."), "block": _KEYS}
            )
            if base is not None:
                self._keys(table)
        self._write(chosen, page, as_text(table.packed(header, arrays)))
        size = sum(file.stat().st_size for file in self._out.rglob("*") if file.is_file())
        gone = int((table.ok & (widths == 0)).sum())
        return Made(self._out, chosen, len(table), size, header["pictures"]["how"], gone)

    def _details(self, table: PairTable) -> None:
        """Blocks of details, some at a time: rows are read once for all of them."""
        again = pairs_again(self._reader, table)
        held = BLOCK_PAIRS * _AT_ONCE
        for start in range(0, len(table), held):
            end = min(start + held, len(table))
            blocks = [Details(first, min(BLOCK_PAIRS, end - first)) for first in range(start, end, BLOCK_PAIRS)]
            places = np.arange(start, end)
            rows = read_rows(self._reader, table, places[table.rows[start:end] != PENDING_ROW])
            for done, (place, row, trace) in enumerate(rows, start=1):
                blocks[(place - start) // BLOCK_PAIRS].add(place, row, trace)
                if done % BLOCK_PAIRS == 0:
                    self._tell("details", start + done, len(table))
            for number, block in enumerate(blocks, start=start // BLOCK_PAIRS):
                first = number * BLOCK_PAIRS
                packed = block.packed(None if again is None else again[first : first + BLOCK_PAIRS])
                (self._pieces / "blocks" / f"details-{number:04d}").write_bytes(packed)
        self._tell("details", len(table), len(table))

    def _keys(self, table: PairTable) -> None:
        """Where the run has each whole picture."""
        for number, first in enumerate(range(0, len(table), _KEYS)):
            block = pack({"keys": table.pictures[first : first + _KEYS]}, {})
            (self._pieces / "blocks" / f"keys-{number:04d}").write_bytes(block)

    def _sheets(self, table: PairTable, whole: WholePictures) -> tuple[np.ndarray, np.ndarray]:
        sizes: list[tuple[int, int] | None] = []
        found = sheets(len(table), whole.read, lambda done: self._tell("small pictures", done, len(table)))
        for number, (data, of_sheet) in enumerate(found):
            sizes += of_sheet
            if data is not None:
                (self._pieces / "sheets" / f"sheet-{number:04d}.webp").write_bytes(data)
        width, height = (np.array([0 if size is None else size[axis] for size in sizes], np.uint8) for axis in (0, 1))
        return width, height

    def _sources(self, table: PairTable) -> dict[str, Any]:
        uris = source_uris(table)
        present = []
        for number, data in enumerate(
            source_files(uris, side_px(table, uris), lambda n: self._tell("sources", n, len(uris)))
        ):
            present.append(data is not None)
            if data is not None:
                (self._pieces / "sources" / f"source-{number:04d}.webp").write_bytes(data)
        return {"uris": uris, "present": present}

    def _page_bytes(self, table: PairTable, page: Page, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> int:
        """Of one file with everything but whole pictures."""
        packed = table.packed({**header, "pictures": {}}, arrays)
        folders = [self._pieces / name for name in ("blocks", "sheets", "sources")]
        inside = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
        return len(render(page)) + len(charts_script()) + 4 * (len(packed) + inside) // 3

    def _copied(self, whole: WholePictures, form: Form | None, largest: int) -> bool:
        """Whether whole pictures go into the report: because they were asked for, or because they fit."""
        fit = whole.all_kept and largest + 4 * whole.kept_bytes // 3 <= FILE_BYTES
        if self._copy:
            if form == "file" and not fit:
                message = f"the pictures are {whole.kept_bytes / 1e6:,.0f} MB, too much for one file"
                raise UserError.at("--copy-images", f"{message}; write --folder, or leave one of the two out")
            return True
        if form != "folder" and fit:
            return True
        whole.drop()
        return False

    def _write(self, form: Form, page: Page, table: str) -> None:
        if form == "file":
            blocks = {"table": table}
            for file in sorted((self._pieces / "blocks").iterdir()):
                blocks[file.name] = as_text(file.read_bytes())
            for folder, prefix in (("sheets", ""), ("sources", ""), ("pictures", "picture-")):
                for file in sorted((self._pieces / folder).iterdir()):
                    blocks[f"{prefix}{file.stem}"] = as_text(file.read_bytes())
            blocks["charts"] = charts_script()
            (self._out / _INDEX).write_bytes(render(Page(page.title, page.told, "file", blocks)))
            return
        (self._out / _INDEX).write_bytes(render(Page(page.title, page.told, "folder", {"table": table})))
        (self._out / "charts.js").write_text(charts_script(), encoding="utf-8")
        for file in sorted((self._pieces / "blocks").iterdir()):
            (self._out / f"{file.name}.js").write_bytes(data_script(file.name, as_text(file.read_bytes())))
        for folder in ("sheets", "sources", "pictures"):
            if any((self._pieces / folder).iterdir()):
                shutil.move(self._pieces / folder, self._out / folder)


def relative(run: str, folder: str) -> str | None:
    """The way from a folder to a run, ending in a slash; None where there is none: they are on different stores."""
    there, here = parse(run), parse(folder)
    if (there.scheme, there.root) != (here.scheme, here.root) or there.scheme == "package":
        return None
    way = posixpath.relpath(f"/{there.path.lstrip('/')}", f"/{here.path.lstrip('/')}")
    return "" if way == "." else f"{way}/"


def zipped(made: Made, out: Path, name: str) -> None:
    """The report as a zip with a folder of its name; pictures are packed already and stay as they are."""
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(made.folder.rglob("*")):
            if file.is_file():
                how = zipfile.ZIP_STORED if file.suffix in {".png", ".webp"} else zipfile.ZIP_DEFLATED
                archive.write(file, f"{name}/{file.relative_to(made.folder).as_posix()}", how)
