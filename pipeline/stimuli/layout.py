"""Where a stimulus set stands in its run: the only place that spells its keys."""

from __future__ import annotations

import re

PREFIX = "stimuli/"
_SET = re.compile(r"stimuli/(\d{5})/set\.json")


def folder(version: int) -> str:
    """`stimuli/00001/`."""
    return f"{PREFIX}{version:05d}/"


def set_key(version: int) -> str:
    """What the version is made of, written first."""
    return f"{folder(version)}set.json"


def set_version(key: str) -> int | None:
    """The version whose record a key names, or None for another file."""
    match = _SET.fullmatch(key)
    return int(match[1]) if match else None


def work_key(version: int, number: int) -> str:
    """Rows as they are made, so that an interrupted pass goes on."""
    return f"{folder(version)}work/part-{number:05d}.parquet"


def table_key(version: int) -> str:
    """All rows, with what only the whole set tells."""
    return f"{folder(version)}stimuli.parquet"


def success_key(version: int) -> str:
    """The version is complete, and this is its table's hash."""
    return f"{folder(version)}_SUCCESS.json"


def picture_key(version: int, pair_id: str) -> str:
    """A matched picture."""
    return f"{folder(version)}images/{pair_id}.png"


def copy_key(version: int, pair_id: str) -> str:
    """Its copy of 8 bits, beside one of 16."""
    return f"{folder(version)}images/{pair_id}.8bit.png"
