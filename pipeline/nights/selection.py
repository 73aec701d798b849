"""Which row stands for each wanted pair: pure arithmetic on keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from neckar.pipeline.results.ranges import ranges_of
from neckar.schemas.night import VersionPart
from neckar.schemas.status import Status

STATUSES: tuple[Status, ...] = get_args(Status)
_OK = STATUSES.index("ok")


@dataclass(frozen=True)
class FileRows:
    """The rows of one file of results.

    Attributes:
        part: the file; its `without` as in the version it is from.
        keys: (rows,) S20: of each row's pair.
        statuses: (rows,) uint8: index into `STATUSES`.
        usable: (rows,) bool: a picture of the planned bytes, or a failure that would come again.
        of_base: whether the last version reads this file.
    """

    part: VersionPart
    keys: np.ndarray
    statuses: np.ndarray
    usable: np.ndarray
    of_base: bool

    def held(self, release: str) -> np.ndarray:
        """(rows,) bool: those that need not be made again under a release: a new one may mend a failure."""
        same = self.part.neckar_version == release
        held: np.ndarray = self.usable & ((self.statuses == _OK) | same)
        return held


@dataclass(frozen=True)
class Selection:
    """The rows of a version that could be published.

    Attributes:
        parts: the files with at least one row that counts, oldest first.
        statuses: rows by status.
        added, kept, remade, dropped: see `VersionRecord`.
        by_release: rows by the release of Neckar that made them.
    """

    parts: list[VersionPart]
    statuses: dict[str, int]
    added: int
    kept: int
    remade: int
    dropped: int
    by_release: dict[str, int]

    @property
    def changes(self) -> bool:
        """Whether it is another set than the base."""
        return bool(self.added or self.remade or self.dropped)

    @property
    def pairs(self) -> int:
        """Rows."""
        return sum(self.statuses.values())


def select(wanted: np.ndarray, files: Sequence[FileRows], *, anew: bool = False) -> Selection:
    """One row for every wanted pair that has any: pictures before failures, the base's before others, or the newest.

    Args:
        wanted: (pairs,) S20: their keys.
        files: oldest first; those of the base before all others.
        anew: whether the base's rows are only counted: all is made again.
    """
    index = _Index(wanted)
    starts = np.cumsum([0, *(len(file.keys) for file in files)])
    pairs = np.concatenate([np.empty(0, np.int64), *(index.places(file.keys) for file in files)])
    statuses = np.concatenate([np.empty(0, np.uint8), *(file.statuses for file in files)])
    usable = np.concatenate([np.empty(0, bool), *(file.usable for file in files)])
    of_base = np.repeat([file.of_base for file in files], np.diff(starts)).astype(bool)
    based = np.zeros(len(wanted), dtype=bool)
    based[pairs[of_base & usable & (pairs >= 0)]] = True
    dropped = int(np.count_nonzero(of_base & usable & (pairs < 0)))
    usable = usable & (pairs >= 0) & ~(of_base & anew)
    ok = statuses == _OK
    rank = ok * 2 + (ok & of_base)
    candidates = np.flatnonzero(usable)
    candidates = candidates[np.argsort(rank[candidates], kind="stable")]  # the newest of a rank comes last
    best = np.full(len(wanted), -1)
    best[pairs[candidates]] = candidates  # and the last one stays
    chosen = np.zeros(len(pairs), dtype=bool)
    chosen[best[best >= 0]] = True
    parts, by_release = [], dict[str, int]()
    for file, start, stop in zip(files, starts[:-1], starts[1:], strict=True):
        mask = chosen[start:stop]
        count = int(np.count_nonzero(mask))
        if count:
            parts.append(file.part.model_copy(update={"without": ranges_of(mask)}))
            by_release[file.part.neckar_version] = by_release.get(file.part.neckar_version, 0) + count
    again = chosen & ~of_base & based[pairs]
    tally = np.bincount(statuses[chosen], minlength=len(STATUSES))
    kept, remade = int(np.count_nonzero(chosen & of_base)), int(np.count_nonzero(again))
    return Selection(
        parts,
        {status: int(count) for status, count in zip(STATUSES, tally, strict=True)},
        added=int(np.count_nonzero(chosen)) - kept - remade,
        kept=kept,
        remade=remade,
        dropped=dropped,
        by_release=by_release,
    )


def to_make(wanted: np.ndarray, files: Sequence[FileRows], release: str) -> np.ndarray:
    """Numbers of the wanted pairs that no row holds, ascending."""
    index = _Index(wanted)
    held = np.zeros(len(wanted), dtype=bool)
    for file in files:
        found = index.places(file.keys[file.held(release)])
        held[found[found >= 0]] = True
    return np.flatnonzero(~held)


class _Index:
    """Where keys stand among the wanted ones.

    Looked up by 64 bits and compared whole: of two wanted keys that share those, one is not found and is made again.

    Args:
        wanted: (pairs,) S20, hex.
    """

    def __init__(self, wanted: np.ndarray) -> None:
        self._wanted = wanted
        numbers = _numbers(wanted)
        self._order = np.argsort(numbers)
        self._numbers = numbers[self._order]

    def places(self, keys: np.ndarray) -> np.ndarray:
        """(n,) int64 of (n,) keys; -1 where one is not wanted."""
        if not len(self._wanted):
            return np.full(len(keys), -1)
        near = np.searchsorted(self._numbers, _numbers(keys)).clip(max=len(self._order) - 1)
        found = self._order[near]
        return np.where(self._wanted[found] == keys, found, -1)


def _numbers(keys: np.ndarray) -> np.ndarray:
    """(n,) uint64 of the first 16 hex digits."""
    digits = np.ascontiguousarray(keys).view(np.uint8).reshape(len(keys), -1)
    numbers = np.zeros(len(keys), dtype=np.uint64)
    for place in range(16):
        digit = digits[:, place]
        numbers = (numbers << np.uint64(4)) | np.where(digit >= ord("a"), digit - (ord("a") - 10), digit - ord("0"))
    return numbers
