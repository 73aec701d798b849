"""A few pairs of images in each cell of a design, so that every image is used as often as its like."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from neckar.pipeline.designs.items import Item, attributes_of
from neckar.schemas.errors import UserError
from neckar.schemas.sampling import Sample

Couple = tuple[Item, Item]
Cell = tuple[str, ...]


def sampled(couples: Sequence[Couple], sample: Sample, seed: int) -> list[Couple]:
    """`sample.n` couples of every cell, in the order given.

    Which ones hangs on ids and seed alone, on no order. In a cell the content used least so far comes first, with the
    style used least; then exchanges inside cells level what is left.

    Args:
        couples: (content, style), those that the design's rules leave.
        sample: the cells' columns, how many, and whether uses are balanced.
        seed: another one gives another sample.

    Raises:
        UserError: a cell has fewer couples, or images of one kind cannot be used equally often.
    """
    cells: dict[Cell, list[Couple]] = defaultdict(list)
    for couple in couples:
        known = attributes_of(*couple)
        cells[tuple(known[column] for column in sample.per)].append(couple)
    _check_sizes(cells, sample)
    chosen: dict[Cell, list[Couple]] = {}
    uses: Counter[tuple[str, str]] = Counter()
    for cell in sorted(cells):
        chosen[cell] = _drawn(cells[cell], sample.n, uses, lambda *what, cell=cell: _rank(seed, *cell, *what))
    if sample.balance == "item":
        _level(cells, chosen, uses)
    taken = {(content.id, style.id) for drawn in chosen.values() for content, style in drawn}
    return [couple for couple in couples if (couple[0].id, couple[1].id) in taken]


def _rank(seed: int, *what: str) -> bytes:
    """A random place that depends on the names alone."""
    return hashlib.sha256("\0".join([str(seed), *what]).encode()).digest()


def _check_sizes(cells: Mapping[Cell, Sequence[Couple]], sample: Sample) -> None:
    for cell, couples in sorted(cells.items()):
        if len(couples) < sample.n:
            named = ", ".join(f"{column} = {value}" for column, value in zip(sample.per, cell, strict=True))
            mend = "lower n, or add images"
            raise UserError.at("sample.n", f"the cell {named} has {len(couples)} pairs, fewer than {sample.n}; {mend}")


def _drawn(
    couples: Sequence[Couple], n: int, uses: Counter[tuple[str, str]], rank: Callable[..., bytes]
) -> list[Couple]:
    contents = {content.id: content for content, _ in couples}
    partners: dict[str, dict[str, Item]] = defaultdict(dict)
    for content, style in couples:
        partners[content.id][style.id] = style
    drawn: list[Couple] = []
    for _ in range(n):
        name = min((c for c in partners if partners[c]), key=lambda c: (uses["content", c], rank("content", c)))
        style_name = min(partners[name], key=lambda s: (uses["style", s], rank("style", name, s)))
        drawn.append((contents[name], partners[name].pop(style_name)))
        uses["content", name] += 1
        uses["style", style_name] += 1
    return drawn


def _level(
    cells: Mapping[Cell, Sequence[Couple]], chosen: dict[Cell, list[Couple]], uses: Counter[tuple[str, str]]
) -> None:
    """Exchange images inside cells until those that appear in the same cells are used equally often, to within one."""
    allowed = {cell: {(c.id, s.id): (c, s) for c, s in couples} for cell, couples in cells.items()}
    for side in (0, 1):
        kind = ("content", "style")[side]
        homes: dict[str, set[Cell]] = defaultdict(set)
        for cell, couples in cells.items():
            for couple in couples:
                homes[couple[side].id].add(cell)
        like: dict[frozenset[Cell], list[str]] = defaultdict(list)
        for name, found in sorted(homes.items()):
            like[frozenset(found)].append(name)
        for homes_of, names in like.items():
            where = sorted(homes_of)
            while max(uses[kind, n] for n in names) - min(uses[kind, n] for n in names) > 1:
                most = max(names, key=lambda n: (uses[kind, n], n))
                least = min(names, key=lambda n: (uses[kind, n], n))
                if not _exchanged(most, least, side, where, allowed, chosen):
                    told = f"{most} is used {uses[kind, most]} times and {least} {uses[kind, least]}"
                    mend = "write balance: none, or change rules and tables"
                    raise UserError.at("sample.balance", f"no balance of {kind} images: {told}; {mend}")
                uses[kind, most] -= 1
                uses[kind, least] += 1


def _exchanged(
    most: str,
    least: str,
    side: int,
    where: Sequence[Cell],
    allowed: Mapping[Cell, Mapping[tuple[str, str], Couple]],
    chosen: dict[Cell, list[Couple]],
) -> bool:
    """Give one use of `most` to `least`, with the same partner in the same cell."""
    for cell in where:
        taken = {(c.id, s.id) for c, s in chosen[cell]}
        for at, couple in enumerate(chosen[cell]):
            if couple[side].id != most:
                continue
            names = [couple[0].id, couple[1].id]
            names[side] = least
            key = (names[0], names[1])
            if key in allowed[cell] and key not in taken:
                chosen[cell][at] = allowed[cell][key]
                return True
    return False
