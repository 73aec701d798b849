"""Random choices that are the same wherever and in whichever order they are made."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def of(*names: object) -> random.Random:
    """A generator of its own for each name; Python seeds it with the text's sha512, on every machine alike."""
    return random.Random("\0".join(map(str, names)))  # noqa: S311  # no secrets


def balanced(values: Sequence[T], count: int, chance: random.Random) -> list[T]:
    """So many of the values in random order, each as often as any other to within one."""
    whole, rest = divmod(count, len(values))
    chosen = [*values] * whole + chance.sample(list(values), rest)
    chance.shuffle(chosen)
    return chosen
