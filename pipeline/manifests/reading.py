"""The one pass over a manifest's pairs: listed ones, those of the pairs file, those of the design."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from neckar.pipeline.designs.expansion import Cell, cells
from neckar.pipeline.designs.items import Items, listed
from neckar.pipeline.manifests.columns import Row
from neckar.pipeline.manifests.resolution import Resolver
from neckar.pipeline.manifests.rows import iter_rows
from neckar.pipeline.manifests.source import LoadedManifest, resolve
from neckar.pipeline.manifests.source_tables import read_items
from neckar.pipeline.storage.access import open_uri
from neckar.pipeline.storage.store import StoreError
from neckar.schemas import identifier
from neckar.schemas.condition import SELF_TRANSFER
from neckar.schemas.design import Design
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.manifest import PairEntry
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings
from neckar.schemas.wording import shown, validated


@dataclass(slots=True)
class PairReader:
    """Reads the pairs of one manifest once, in order, a mistake in the place of a pair that has one.

    Attributes:
        loaded: the manifest.
        rows: of the pairs file, read so far.
        pairs_sha256: of the bytes of the pairs file and of the design's tables, hex, once they were read.
    """

    loaded: LoadedManifest
    rows: int = 0
    pairs_sha256: str | None = None
    _resolver: Resolver = field(init=False)
    _first: dict[int, int] = field(default_factory=dict)  # id's hash to index: a million take 0.1 GB, as text 0.2

    def __post_init__(self) -> None:
        self._resolver = Resolver(self.loaded, self.loaded.may_name_files(self.loaded.uri))

    def read(self) -> Iterator[Pair | UserError]:
        """Every pair, or its mistakes with their full places."""
        manifest = self.loaded.manifest
        yield from self._listed(manifest.pairs)
        if manifest.pairs_from is not None:
            yield from self._from_file(manifest.pairs_from)
        if manifest.design is not None:
            yield from self._designed(manifest.design)

    def _listed(self, entries: list[PairEntry]) -> Iterator[Pair | UserError]:
        for index, entry in enumerate(entries):
            try:
                pair = self._pair(index, entry, entry.settings)
            except UserError as error:
                yield error.below(f"{self.loaded.uri}: pairs[{index}]", ".")
            else:
                yield pair

    def _from_file(self, uri: str) -> Iterator[Pair | UserError]:
        place = f"{self.loaded.uri}: pairs_from"
        try:
            found = resolve(self.loaded.base, uri, place, local=self._resolver.local)
            with open_uri(found) as file:
                self.pairs_sha256 = _sha256(file)
                file.seek(0)
                with self._trusting(found):
                    for row in iter_rows(file, uri):
                        yield self._pair_in(row, uri)
        except StoreError as error:
            yield UserError.at(place, str(error))
        except UserError as error:
            yield error

    @contextmanager
    def _trusting(self, source: str) -> Iterator[None]:
        """Rows of a file on an object store may name no more than a manifest from there."""
        before = self._resolver
        if not self.loaded.may_name_files(source):
            self._resolver = Resolver(self.loaded, local=False)
        try:
            yield
        finally:
            self._resolver = before

    def _pair_in(self, row: Row, uri: str) -> Pair | UserError:
        index = len(self.loaded.manifest.pairs) + self.rows
        self.rows += 1
        if row.problem is not None:
            return UserError.at(f"{uri}: {row.place}", row.problem)
        try:
            return self._pair_of_row(index, row.value)
        except UserError as error:
            return error.below(f"{uri}: {row.place}")

    def _pair_of_row(self, index: int, value: Any) -> Pair:
        """Like `_pair`; the settings, much the same in most rows, are validated apart and once."""
        settings = value.get("settings") if isinstance(value, dict) else None
        try:
            entry = validated(PairEntry, {**value, "settings": {}} if settings else value)
        except UserError:
            validated(PairEntry, value)  # raises too, with the mistakes in the settings
            raise
        return self._pair(index, entry, settings or {})

    def _pair(self, index: int, entry: PairEntry, overrides: Mapping[str, Any] | Settings) -> Pair:
        """The pair of an entry. Raises `UserError` with all its mistakes, places relative to it."""
        images: dict[str, str | None] = {"content": entry.content, "style": entry.style}
        problems: list[Problem] = []
        for name, uri in images.items():
            try:
                images[name] = uri and self._resolver.uri(uri, name)
            except UserError as error:
                problems += error.problems
        try:
            merged = self._resolver.merged(overrides, content=entry.content is not None, style=entry.style is not None)
            pair_id = entry.id or derived_id(entry, merged.changes)
            self._claim(pair_id, index)
        except UserError as error:
            raise UserError([*problems, *error.problems]) from None
        if problems:
            raise UserError(problems)
        style = images["content"] if merged.settings.condition == SELF_TRANSFER else images["style"]
        return Pair(index, pair_id, images["content"], style, merged.settings, entry.levels, entry.extra)

    def _designed(self, design: Design) -> Iterator[Pair | UserError]:
        place = f"{self.loaded.uri}: design"
        try:
            items = self._items(design)
        except UserError as error:
            yield error
            return
        wrong = []
        for axis, images in (("content", design.content), ("style", design.style)):
            for name, uri in (images or {}).items():
                try:
                    self._resolver.uri(uri, f"{place}.{axis}.{name}")
                except UserError as error:
                    wrong.append(error)
        if wrong:  # told once rather than in every cell
            yield from wrong
            return
        told: set[tuple[str, str]] = set()
        start = len(self.loaded.manifest.pairs) + self.rows
        try:
            for index, cell in enumerate(cells(design, items, self.loaded.manifest.settings.seed), start=start):
                try:
                    yield self._pair_of_cell(index, cell)
                except UserError as error:
                    mistake = (repr({**cell.overrides, "seed": 0}), str(error))
                    if mistake not in told:  # once, rather than with every image
                        told.add(mistake)
                        yield error.below(f"{place}: {cell.pair_id}")
        except UserError as error:  # the sample cannot be drawn
            yield error.below(place, ".")

    def _items(self, design: Design) -> Items:
        if design.sources is None:
            return listed(design)
        items = read_items(self.loaded, design, local=self._resolver.local)
        if self.pairs_sha256 is None:
            self.pairs_sha256 = items.sha256
        else:
            self.pairs_sha256 = hashlib.sha256(f"{self.pairs_sha256} {items.sha256}".encode()).hexdigest()
        return items

    def _pair_of_cell(self, index: int, cell: Cell) -> Pair:
        content = cell.content and self._resolver.uri(cell.content, "content")
        style = cell.style and self._resolver.uri(cell.style, "style")
        merged = self._resolver.merged(cell.overrides, content=content is not None, style=style is not None)
        self._claim(cell.pair_id, index)
        style = content if merged.settings.condition == SELF_TRANSFER else style
        return Pair(index, cell.pair_id, content, style, merged.settings, cell.levels, cell.extra)

    def _claim(self, pair_id: str, index: int) -> None:
        """Raises `UserError` if another pair has the id."""
        first = self._first.setdefault(hash(pair_id), index)
        if first == index:
            return
        listed = len(self.loaded.manifest.pairs)
        if first < listed:
            place = f"pairs[{first}]"
        elif first < listed + self.rows:
            place = f"row {first - listed + 1} of {self.loaded.manifest.pairs_from}"
        else:
            place = "another cell; name the levels so that they differ when joined"
        raise UserError.at("id", f"{shown(pair_id)} stands twice; the first is {place}")


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def derived_id(entry: PairEntry, changes: Mapping[str, Any]) -> str:
    """The id of an entry that has none, e.g. `neckarfront__starry_night__4f1d3c8a90be`: the same in every run.

    Args:
        entry: the entry, its URIs as written, so that the id outlives a move of all files.
        changes: the settings it makes itself, as JSON types.
    """
    stems = [identifier.stem(uri) for uri in (entry.content, entry.style) if uri is not None]
    entirety = json.dumps([entry.content, entry.style, changes], sort_keys=True)
    return identifier.joined([*stems, identifier.digest(entirety)])
