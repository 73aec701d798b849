"""What the columns of a pairs file mean: the pair itself, its settings, and whatever else travels to the results."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from neckar.schemas.errors import UserError
from neckar.schemas.settings import Settings
from neckar.schemas.wording import shown

TEXT_COLUMNS = ("id", "content", "style")
SETTINGS_COLUMN = "settings"  # all of them in one cell
LEVELS = "levels"  # a mapping of factors to levels; anything else of this name is a column like others
EXTRA = "extra"  # what is neither, and travels to the results
EXTRA_PREFIX = "extra."  # lets any name travel
NEAR = 0.8  # of difflib: one letter in six, or two that changed places


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: `row 40001`, counted from 1 without header and blank lines; the line too where it differs.
        value: id, content, style, settings, levels and extra as far as given; not validated, it may be anything that
            JSON can be.
        problem: why the row cannot be read at all; then there is no value.
    """

    place: str
    value: Any = None
    problem: str | None = None


def check_columns(columns: list[str], name: str) -> None:
    """Raises `UserError` where a column stands twice, may be a misspelt one, or no column names an image."""
    for column in columns:
        if mistake := _misspelt(column, (*TEXT_COLUMNS, SETTINGS_COLUMN, *Settings.model_fields)):
            raise UserError.at(name, f"{shown(column)} is not a column of pairs; {mistake}")
        if columns.count(column) > 1:
            raise UserError.at(name, f"the column {shown(column)} stands twice; leave one out")
    if not {"content", "style"} & set(columns):
        raise UserError.at(name, "no column names an image; add content, style or both")


def gathered(values: dict[str, Any]) -> dict[str, Any]:
    """The mapping a listed pair would be: settings go below `settings`, over its own; what is neither travels."""
    pair = {column: values[column] for column in TEXT_COLUMNS if column in values}
    settings = {column: value for column, value in values.items() if column in Settings.model_fields}
    own = values[EXTRA] if isinstance(values.get(EXTRA), dict) else {}
    if isinstance(values.get(LEVELS), dict):
        pair[LEVELS] = values[LEVELS]
    known = {*pair, *settings, SETTINGS_COLUMN, *([EXTRA] if own else [])}
    others = {column.removeprefix(EXTRA_PREFIX): value for column, value in values.items() if column not in known}
    extra = {**own, **others}
    if extra:
        pair["extra"] = extra
    written = values.get(SETTINGS_COLUMN, {})
    if not isinstance(written, dict):  # told when the pair is validated
        return {**pair, "settings": written}
    settings = {**written, **settings}
    return {**pair, "settings": settings} if settings else pair


def _misspelt(column: str, valid: tuple[str, ...]) -> str | None:
    """The mend where a name is not valid and so near to one that it may be meant; then it must not travel silently."""
    if column in valid:
        return None
    close = difflib.get_close_matches(column.strip().casefold(), valid, n=1, cutoff=NEAR)
    return f"did you mean {close[0]!r}? A column of your own: {EXTRA_PREFIX + column!r}" if close else None


def with_extra(value: Any) -> Any:
    """A row of JSON: keys that mean nothing here travel as `extra`; those that may be misspelt stay, to be told."""
    if not isinstance(value, dict):
        return value
    levels = (LEVELS,) if isinstance(value.get(LEVELS), dict) else ()
    known = (*TEXT_COLUMNS, SETTINGS_COLUMN, EXTRA, *levels)
    own = {key: part for key, part in value.items() if key not in known and not _meant(key, known)}
    if not own or not isinstance(value.get(EXTRA, {}), dict):
        return value
    kept = {key: part for key, part in value.items() if key not in own}
    own = {key.removeprefix(EXTRA_PREFIX): part for key, part in own.items()}
    return {**kept, EXTRA: {**own, **value.get(EXTRA, {})}}


def _meant(key: str, known: tuple[str, ...]) -> bool:
    """Whether a key is a setting, which belongs below `settings`, or may be a misspelt name."""
    names = (*known, *Settings.model_fields)
    return key in Settings.model_fields or _misspelt(key, names) is not None
