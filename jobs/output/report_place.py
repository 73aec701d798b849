"""Where a report is written: a file or a folder, local or on S3, whole or not at all, and over nothing but a report."""

from __future__ import annotations

import os
import posixpath
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.report.report import Form, Made

SIGN = b'<meta name="generator" content="neckar report">'  # in the head of every report
_HEAD_BYTES = 1 << 13


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """Where one goes.

    Attributes:
        run: URI of its run.
        stem: URI of it without a suffix.
        zip: whether it is packed.
    """

    run: str
    stem: str
    zip: bool

    @classmethod
    def of(cls, run: str, name: str, output: str | None, *, zip_: bool) -> ReportPlace:
        """The place asked for; else beside the run's pictures, or for a run on S3 in the working directory.

        Raises:
            UserError: it is inside the run, where reports do not stand.
            StoreError: the URI leads where Neckar does not write.
        """
        from neckar.pipeline.storage.location import absolute, is_local, join

        if output is None:
            stem = join(run, "report") if is_local(run) else absolute(f"{name}-report")
        else:
            stem = absolute(output).removesuffix(".zip").removesuffix(".html")
        inside = stem == run or stem.startswith(f"{run}/")
        if inside and ("/" in stem[len(run) + 1 :] or not posixpath.basename(stem).startswith("report")):
            mend = "there a report's name begins with report, e.g. report.html; or give a place outside"
            raise UserError.at(f"--output {output or stem}", f"is inside the run, among its records; {mend}")
        return cls(run, stem, zip_)

    def target(self, form: Form) -> str:
        """URI of the file or folder."""
        return f"{self.stem}.zip" if self.zip else f"{self.stem}.html" if form == "file" else self.stem

    def beside(self, form: Form) -> str | None:
        """The folder that the page will stand in; None in a zip, that goes anywhere."""
        from neckar.pipeline.storage.location import parent

        if self.zip:
            return None
        return parent(self.target(form)) if form == "file" else self.target(form)

    def check(self, form: Form | None) -> None:
        """Before the work: what stands there already is a report, or nothing.

        Raises:
            UserError: it is something else.
            StoreError: as the store says.
        """
        for possible in ("file", "folder") if form is None else (form,):
            self._check(self.target(possible), possible)

    def _check(self, target: str, form: Form) -> None:
        from neckar.pipeline.storage.access import open_store
        from neckar.pipeline.storage.location import is_local, parent

        mend = "give another place, or move it away"
        if not is_local(target):
            store = open_store(parent(target))
            key = (
                posixpath.basename(target) if form == "file" or self.zip else f"{posixpath.basename(target)}/index.html"
            )
            if not self.zip and store.head(key) is not None and SIGN not in store.get(key)[:_HEAD_BYTES]:
                raise UserError.at(f"--output {target}", f"stands there and is no report; {mend}")
            return
        path = Path(target)
        if form == "file" or self.zip:
            if path.is_dir():
                raise UserError.at(f"--output {target}", f"is a folder; {mend}")
            if path.exists() and not self.zip and not _is_report(path):
                raise UserError.at(f"--output {target}", f"stands there and is no report; {mend}")
        elif path.exists() and not path.is_dir():
            raise UserError.at(f"--output {target}", f"is a file, not a folder; {mend}")
        elif path.is_dir() and any(path.iterdir()) and not _is_report(path / "index.html"):
            raise UserError.at(f"--output {target}", f"stands there, is not empty and is no report; {mend}")
        existing = next(folder for folder in path.parents if folder.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            raise UserError.at(f"--output {target}", f"cannot be written: {existing} may not be; give another place")

    def write(self, made: Made) -> str:
        """Put it there; URI of what one opens.

        Raises:
            UserError: it cannot be written.
            StoreError: as the store says.
        """
        from neckar.jobs.output.files import write, written
        from neckar.pipeline.report.report import zipped
        from neckar.pipeline.storage.location import is_local

        target = self.target(made.form)
        if self.zip:
            packed = made.folder.parent / "report.zip"
            zipped(made, packed, posixpath.basename(self.stem))
            with packed.open("rb") as data, written(target) as out:
                shutil.copyfileobj(data, out)
            return target
        if made.form == "file":
            with (made.folder / "index.html").open("rb") as data, written(target) as out:
                shutil.copyfileobj(data, out)
            return target
        if is_local(target):
            _place_folder(made.folder, Path(target))
        else:
            files = [file for file in sorted(made.folder.rglob("*")) if file.is_file() and file.name != "index.html"]
            for file in [*files, made.folder / "index.html"]:  # the page last: whoever sees it sees all
                write(f"{target}/{file.relative_to(made.folder).as_posix()}", file.read_bytes())
        return f"{target}/index.html"


def _is_report(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return SIGN in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _place_folder(made: Path, target: Path) -> None:
    """Move a folder to where it belongs; the report that was there goes when the new one is whole."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, part)
        if target.exists():
            target.rename(old)
        part.rename(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        told = f"cannot be written ({error.strerror or 'see its folder'}); give another place"
        raise UserError.at(f"--output {target}", told) from None
    finally:
        for folder in (part, old):
            with suppress(OSError):
                shutil.rmtree(folder)
