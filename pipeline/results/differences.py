"""In what two configurations differ, leaf by leaf, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from neckar.schemas.errors import Problem, UserError
from neckar.schemas.wording import shown

_ABSENT = object()
_SHOWN = 20


def differences(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(field path, value then, value now) of every leaf in which two JSON values differ, as text."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*then, *now]):
            step = f"{path}.{name}" if path else name
            yield from differences(then.get(name, _ABSENT), now.get(name, _ABSENT), step)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from differences(old, new, f"{path}[{index}]")
    elif then != now:
        yield path, _shown(then, now), _shown(now, then)


def told(place: str, message: str, found: Sequence[tuple[str, str, str]]) -> UserError:
    """The refusal of another configuration, with its differences; beyond twenty, how many more there are."""
    problems = [Problem(place, message)]
    problems += [Problem(path, f"was {was}, is {becomes} now") for path, was, becomes in found[:_SHOWN]]
    if len(found) > _SHOWN:
        problems.append(Problem(place, f"and {len(found) - _SHOWN} more differences"))
    return UserError(problems)


def _shown(value: Any, other: Any) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, list) and isinstance(other, list):
        return f"a list of {len(value)}"
    return shown(value)
