"""The pairs that a night's pictures and factors ask for, each with a key that outlives renames and upgrades."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neckar.pipeline.designs.expansion import cells
from neckar.pipeline.designs.items import listed
from neckar.pipeline.manifests.resolution import Resolver
from neckar.pipeline.manifests.source import LoadedManifest
from neckar.pipeline.results.identity import canonical_json
from neckar.schemas import identifier
from neckar.schemas.night import Picture
from neckar.schemas.nightly import NightlyConfig

KEY_LENGTH = 20  # hex digits, 80 bits: a hundred million pairs collide with a chance of one in a hundred million
KEY_TYPE = np.dtype(f"S{KEY_LENGTH}")


@dataclass(frozen=True, slots=True)
class _Cell:
    """One combination of the factors.

    Attributes:
        overrides: settings, as JSON types.
        levels: factor to level.
        name: of the levels, as a part of an id.
        meaning: the whole settings as canonical JSON.
    """

    overrides: dict[str, Any]
    levels: dict[str, str]
    name: list[str]
    meaning: str


@dataclass(frozen=True)
class Wanted:
    """Every picture with every other under every combination of factors; a pair's number counts through all of them.

    A pair's key is a hash of its spec without what a release decides: both pictures' bytes, the settings as asked for
    and the weights' name. So an upgrade leaves keys as they are, and so does another name for the same bytes.

    Attributes:
        contents, styles: the pictures; a side without any is no side.
    """

    contents: Sequence[Picture | None]
    styles: Sequence[Picture | None]
    _cells: Sequence[_Cell]
    _weights: str

    @cached_property
    def keys(self) -> np.ndarray:
        """(pairs,) S20: the key of each pair, in order: contents outermost, the last factor fastest."""
        sha256 = hashlib.sha256
        digests = bytearray()
        styles = [_sha(style) for style in self.styles]
        end = f',"weights":{json.dumps(self._weights)}}}'
        middles = [f',"settings":{cell.meaning},"style_sha256":' for cell in self._cells]
        for content in self.contents:
            begins = [f'{{"content_sha256":{_sha(content)}{middle}' for middle in middles]
            for style in styles:
                for begin in begins:
                    digests += sha256(f"{begin}{style}{end}".encode()).digest()[: KEY_LENGTH // 2]
        return np.frombuffer(digests.hex().encode(), dtype=KEY_TYPE)

    @cached_property
    def _names(self) -> dict[str, str]:
        """sha256 to the name of each picture: its file's; where two have one, with a piece of the hash."""
        names: dict[str, str] = {}
        for side in (self.contents, self.styles):
            stems = {picture.sha256: identifier.stem(picture.uri) for picture in side if picture is not None}
            shared = Counter(stems.values())
            names |= {sha: stem if shared[stem] == 1 else f"{stem}-{sha[:8]}" for sha, stem in stems.items()}
        return names

    def lines(self, numbers: np.ndarray) -> Iterator[bytes]:
        """Rows of a pairs file, as JSON, for the pairs of these numbers."""
        keys = self.keys
        for number in map(int, numbers):
            rest, cell_number = divmod(number, len(self._cells))
            content_number, style_number = divmod(rest, len(self.styles))
            content, style = self.contents[content_number], self.styles[style_number]
            cell = self._cells[cell_number]
            images = {side: p.uri for side, p in (("content", content), ("style", style)) if p is not None}
            stems = {
                side: self._names[p.sha256] for side, p in (("content", content), ("style", style)) if p is not None
            }
            row: dict[str, Any] = {"id": _pair_id([*stems.values(), *cell.name], keys[number].decode()), **images}
            if cell.overrides:
                row["settings"] = cell.overrides
            row["levels"] = stems | cell.levels
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def wanted_pairs(
    config: NightlyConfig,
    loaded: LoadedManifest,
    contents: Sequence[Picture],
    styles: Sequence[Picture],
    *,
    sha256_of: Callable[[str], str],
) -> Wanted:
    """The pairs of a configuration and pictures.

    Args:
        config: with the factors.
        loaded: the manifest they will stand in.
        contents: the photographs.
        styles: the artworks.
        sha256_of: of a picture to start from, by its absolute URI.

    Raises:
        UserError: the settings cannot be those of such pairs.
    """
    resolver = Resolver(loaded, local=True)
    found = []
    design = config.design()
    for cell in cells(design, listed(design), config.settings.seed):
        merged = resolver.merged(cell.overrides, content=bool(contents), style=bool(styles))
        meaning = merged.settings.canonical()
        if merged.settings.init_uri is not None:
            meaning["init"] = f"sha256:{sha256_of(merged.settings.init_uri)}"
        levels = {factor: level for factor, level in cell.levels.items() if factor not in ("content", "style")}
        name = [f"{factor}-{level}" for factor, level in levels.items()]
        found.append(_Cell(dict(merged.changes), levels, name, canonical_json(meaning)))
    return Wanted(contents or [None], styles or [None], found, config.weights)


def key_of(pair_id: str) -> str:
    """The key that an id ends with."""
    return pair_id[-KEY_LENGTH:]


def _sha(picture: Picture | None) -> str:
    return "null" if picture is None else f'"{picture.sha256}"'


def _pair_id(pieces: Sequence[str], key: str) -> str:
    """The pieces, as far as there is room, and the key."""
    head = "__".join(pieces)[: identifier.LENGTH_MAX - KEY_LENGTH - 2].rstrip(".")
    return f"{head}__{key}"
