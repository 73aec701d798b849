"""Tables of images: tab-separated text (or .csv), a line an image, whatever is known of it in further columns."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from neckar.pipeline.designs.items import Item, Items
from neckar.pipeline.manifests.source import LoadedManifest, resolve
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import StoreError, Unavailable
from neckar.schemas import identifier
from neckar.schemas.design import Design
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.wording import shown

SIZE_MAX_BYTES = 64 << 20
KNOWN = ("id", "file", "category", "license", "copyright", "url", "redistributable")
_FLAGS = {"true": "true", "false": "false", "yes": "true", "no": "false", "1": "true", "0": "false"}


def read_items(loaded: LoadedManifest, design: Design, *, local: bool) -> Items:
    """The images of a design's tables.

    Args:
        loaded: the manifest; tables and files are relative to its base.
        design: with `sources`.
        local: whether the manifest may name files of this machine outside the base.

    Raises:
        UserError: every mistake, with the table and its row.
    """
    sources = design.sources
    assert sources is not None
    digest = hashlib.sha256()
    problems: list[Problem] = []
    found: dict[str, list[Item]] = {}
    for side in ("content", "style", "external"):
        uri = getattr(sources, side)
        needed = [name.partition(".")[2] for name in design.attributes if name.startswith(f"{side}.")]
        try:
            found[side] = _Table(loaded, uri, f"{loaded.uri}: design.sources.{side}", local).read(needed, digest.update)
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    lists = {
        side: [Item(name, uri) for name, uri in (getattr(design, side) or {}).items()] for side in ("content", "style")
    }
    return Items(
        found["content"] or lists["content"],
        found["style"] or lists["style"],
        found["external"],
        digest.hexdigest(),
    )


class _Table:
    def __init__(self, loaded: LoadedManifest, uri: str | None, place: str, local: bool) -> None:
        self._loaded = loaded
        self._uri = uri
        self._place = place
        self._local = local
        self._files_local = local and (uri is None or loaded.may_name_files(uri))

    def read(self, needed: Sequence[str], hashed: Callable[[bytes], None]) -> list[Item]:
        """The table's images; none without a table. Raises `UserError` with all its mistakes."""
        if self._uri is None:
            return []
        where = resolve(self._loaded.base, self._uri, self._place, local=self._local)
        try:
            data = read_uri(where, limit_bytes=SIZE_MAX_BYTES)
        except Unavailable:
            raise
        except StoreError as error:
            raise UserError.at(self._place, str(error)) from None
        hashed(data)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UserError.at(self._uri, "not UTF-8 text; save the file as UTF-8") from None
        delimiter = "," if self._uri.lower().endswith(".csv") else "\t"
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(cell.strip() for cell in row)]
        if len(rows) < 2:
            raise UserError.at(self._uri, "no image in it; write a header (id, file, ...) and a line an image")
        return self._items([cell.strip() for cell in rows[0]], rows[1:], needed)

    def _items(self, header: list[str], rows: list[list[str]], needed: Sequence[str]) -> list[Item]:
        assert self._uri is not None
        problems = self._header_problems(header, needed)
        if problems:
            raise UserError(problems)
        items: list[Item] = []
        first: dict[str, int] = {}
        for number, cells in enumerate(rows, start=1):
            place = f"{self._uri}: row {number}"
            if len(cells) != len(header):
                told = f"{len(cells)} cells under {len(header)} columns; mind tabs and quotes"
                problems.append(Problem(place, told))
                continue
            values = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
            wrong = self._mistakes(values, needed)
            name = values.get("id", "")
            if name in first:
                wrong.append(f"id: {shown(name)} stands twice; the first is row {first[name]}")
            first.setdefault(name, number)
            problems += [Problem(place, told) for told in wrong]
            if not wrong:
                known = {name: value for name, value in values.items() if name not in {"id", "file"}}
                items.append(Item(name, values["file"], _normal(known)))
        if problems:
            raise UserError(problems)
        return items

    def _header_problems(self, header: list[str], needed: Sequence[str]) -> list[Problem]:
        assert self._uri is not None
        problems = []
        for name in dict.fromkeys(["id", "file", *needed]):
            if name not in header:
                mend = did_you_mean(name, tuple(header)) if name in needed else "; add it"
                problems.append(Problem(self._uri, f"no column {shown(name)}{mend}"))
        for name in dict.fromkeys(header):
            if header.count(name) > 1:
                problems.append(Problem(self._uri, f"the column {shown(name)} stands twice; leave one out"))
            if not name:
                problems.append(Problem(self._uri, "a column has no name; write one, or leave it out"))
        return problems

    def _mistakes(self, values: dict[str, str], needed: Sequence[str]) -> list[str]:
        wrong = [
            f"{name} is empty; write it, or leave the image out"
            for name in dict.fromkeys(["id", "file", *needed])
            if name not in values
        ]
        if "id" in values and not identifier.is_legal(values["id"]):
            wrong.append(f"id: {shown(values['id'])} {identifier.mend('an id')}")
        if "license" in values:
            try:
                canonicalize_license_expression(values["license"])
            except InvalidLicenseExpression:
                mend = "write e.g. CC0-1.0, CC-BY-4.0, or LicenseRef-name for one of its own"
                wrong.append(f"license: {shown(values['license'])} is no SPDX expression; {mend}")
        if "redistributable" in values and values["redistributable"].lower() not in _FLAGS:
            wrong.append(f"redistributable: {shown(values['redistributable'])} is neither true nor false")
        if "file" in values:
            try:
                resolve(self._loaded.base, values["file"], "file", local=self._files_local)
            except UserError as error:
                wrong += [str(problem) for problem in error.problems]
        return wrong


def _normal(values: dict[str, str]) -> dict[str, str]:
    if "license" in values:
        values["license"] = canonicalize_license_expression(values["license"])
    if "redistributable" in values:
        values["redistributable"] = _FLAGS[values["redistributable"].lower()]
    return values
