"""Which stimuli stand in a grid: rows and columns are factors, every other is pinned to a level. Decisions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from neckar.schemas.errors import UserError

Level = str | int | float


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair of the design.

    Attributes:
        pair_id: its id.
        status: ok, failed, quarantined or pending.
        levels: by factor; a factor may be missing.
        error_code: of a pair without a picture.
        sources: "content" and "style" to their URIs.
    """

    pair_id: str
    status: str
    levels: Mapping[str, Level]
    error_code: str | None = None
    sources: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Panel:
    """One grid.

    Attributes:
        level: of the facet; None without a facet.
        cells: rows of entries; None where the design has no such pair.
    """

    level: Level | None
    cells: tuple[tuple[Entry | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Panels of one shape.

    Attributes:
        rows, columns, facet: the factors; None where there is none.
        row_levels, column_levels: in the order of numbers, or that of the design.
        panels: one for each level of the facet.
        pinned: every other factor to its level.
        choices: of the pinned factors those that have others, which nobody chose among.
    """

    rows: str | None
    columns: str | None
    facet: str | None
    row_levels: tuple[Level | None, ...]
    column_levels: tuple[Level | None, ...]
    panels: tuple[Panel, ...]
    pinned: Mapping[str, Level]
    choices: Mapping[str, tuple[Level, ...]]


def levels_of(entries: Sequence[Entry]) -> dict[str, tuple[Level, ...]]:
    """Every factor's levels: numbers ascending, words in the order they are met."""
    found: dict[str, dict[Level, None]] = {}
    for entry in entries:
        for factor, level in entry.levels.items():
            found.setdefault(factor, {})[level] = None
    return {factor: tuple(in_order(list(levels))) for factor, levels in found.items()}


def in_order(levels: list[Level]) -> list[Level]:
    """Numbers ascending; levels among which there are words as they come."""
    return levels if any(isinstance(level, str) for level in levels) else sorted(levels)


def grid_of(
    entries: Sequence[Entry],
    *,
    rows: str | None = None,
    columns: str | None = None,
    facet: str | None = None,
    pins: Mapping[str, str] | None = None,
) -> Grid:
    """The grid along some factors.

    Args:
        entries: the pairs, in the manifest's order.
        rows: the factor of the rows. Without rows and columns: content and style if both have several levels, else the
            first two factors that have.
        columns: the factor of the columns.
        facet: a factor with a panel of its own for each level.
        pins: factor to level, as text; the others are pinned to their first level.

    Raises:
        UserError: no such factor or level, one factor in two places, several pairs of one cell, no pair at all.
    """
    levels = levels_of(entries)
    pins = pins or {}
    axes = [axis for axis in (rows, columns, facet) if axis is not None]
    _check_factors([*axes, *pins], levels)
    if rows is None and columns is None:
        rows, columns = _default_axes([name for name in levels if name not in (facet, *pins)], levels)
        axes = [axis for axis in (rows, columns, facet) if axis is not None]
    pinned: dict[str, Level] = {}
    choices: dict[str, tuple[Level, ...]] = {}
    for factor, known in levels.items():
        if factor in axes:
            continue
        pinned[factor] = _level(factor, pins[factor], known) if factor in pins else known[0]
        if factor not in pins and len(known) > 1:
            choices[factor] = known
    places: dict[tuple[Level | None, ...], Entry] = {}
    for entry in entries:
        if any(entry.levels.get(factor) != level for factor, level in pinned.items()):
            continue
        place = tuple(None if axis is None else entry.levels.get(axis) for axis in (facet, rows, columns))
        if place in places:
            told = (
                f"{places[place].pair_id!r} and {entry.pair_id!r} have the same levels; give pairs levels that differ"
            )
            raise UserError.at("sheet", told)
        places[place] = entry
    if not places:
        told = ", ".join(f"{factor}={level}" for factor, level in pinned.items())
        raise UserError.at("sheet", f"no pair has {told or 'any levels'}; pin other levels with --pin FACTOR=LEVEL")
    row_levels, column_levels, facet_levels = (
        (None,) if axis is None else levels[axis] for axis in (rows, columns, facet)
    )
    panels = tuple(
        Panel(level, tuple(tuple(places.get((level, row, column)) for column in column_levels) for row in row_levels))
        for level in facet_levels
    )
    return Grid(rows, columns, facet, row_levels, column_levels, panels, pinned, choices)


def _check_factors(given: Sequence[str], levels: Mapping[str, Sequence[Level]]) -> None:
    for factor in given:
        if factor not in levels:
            near = get_close_matches(factor, levels, 1)
            known = f"did you mean {near[0]}?" if near else f"it has {', '.join(levels) or 'none'}"
            raise UserError.at(f"factor {factor}", f"the design has none of this name; {known}")
        if given.count(factor) > 1:
            raise UserError.at(f"factor {factor}", "is asked for in two places; leave one out")


def _default_axes(free: Sequence[str], levels: Mapping[str, Sequence[Level]]) -> tuple[str | None, str | None]:
    several = [factor for factor in free if len(levels[factor]) > 1]
    if {"content", "style"} <= set(several):
        return "content", "style"
    return (several[0], several[1]) if len(several) > 1 else (None, several[0] if several else None)


def _level(factor: str, text: str, levels: Sequence[Level]) -> Level:
    for level in levels:
        if text == str(level) or (not isinstance(level, str) and _number(text) == level):
            return level
    raise UserError.at(f"--pin {factor}={text}", f"no such level; it has {', '.join(map(str, levels[:20]))}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
