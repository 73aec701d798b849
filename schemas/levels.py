"""The named levels of a design's factors, read from a list or a mapping."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler, ValidationError, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from neckar.schemas import identifier
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.settings import Settings
from neckar.schemas.wording import Steps, mistakes_inside, mistakes_of, refusal, refusals, shown

EXEMPLAR = "exemplar"  # the factor whose levels differ in the seed alone
EXEMPLARS_MAX = 100_000


def _named(value: list[Any] | Mapping[Any, Any], name_of: Callable[[Any], str]) -> Iterator[tuple[Any, Steps, Any]]:
    """Name, step and value of each level; `name_of` names those of a list, a number tells namesakes apart."""
    if isinstance(value, Mapping):
        yield from ((name, (name,), item) for name, item in value.items())
        return
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for i, item in enumerate(value):
        name = stem = name_of(item)
        while name in taken:
            counts[stem] += 1
            name = f"{stem}-{counts[stem] + 1}"
        taken.add(name)
        yield name, (i,), item


def _levels(value: Any, name_of: Callable[[Any], str], read: Callable[[Any], Any]) -> dict[str, Any]:
    """Level name to value as `read`, which raises a refusal; all mistakes are told at once."""
    form = "a list, or a mapping of level names to values"
    if not isinstance(value, list | Mapping):
        raise refusal(f"{shown(value)} is neither a list nor a mapping; write {form}")
    if not value:
        raise refusal(f"no level given; write {form}, or leave the factor out")
    levels: dict[str, Any] = {}
    mistakes: list[tuple[Steps, str]] = []
    seen: set[str] = set()
    for name, steps, item in _named(value, name_of):
        if not isinstance(name, str) or not identifier.is_legal(name):
            mistakes.append(((), f"{shown(name)} {identifier.mend('a level name')}"))
        try:
            levels[name] = read(item)
        except PydanticCustomError as error:
            mistakes += [((*steps, *inside), text) for inside, text in mistakes_inside(error)]
            continue
        meaning = json.dumps(levels[name], default=repr)
        if meaning in seen:
            mistakes.append((steps, f"{shown(item)} stands twice; for repeats of one value use exemplar"))
        seen.add(meaning)
    if mistakes:
        raise refusals(mistakes)
    return levels


def _images(value: Any) -> dict[str, str]:
    def read(item: Any) -> str:
        if not isinstance(item, str) or not item:
            raise refusal(f"{shown(item)} is not the URI of an image")
        return item

    return _levels(value, lambda item: identifier.stem(str(item)), read)


def _values(factor: str, value: Any) -> dict[str, Any]:
    def read(item: Any) -> Any:
        try:
            return getattr(Settings.model_validate({factor: item}), factor)
        except ValidationError as error:
            raise refusals([(steps[1:], text) for steps, text in mistakes_of(error, Settings)]) from None

    if factor not in Settings.model_fields:
        mend = did_you_mean(str(factor), (EXEMPLAR, *Settings.model_fields))
        raise refusal(f"{shown(factor)} is not a setting, so it is no factor{mend}")
    return _levels(value, identifier.level_name, read)


def _exemplars(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= EXEMPLARS_MAX:
        raise refusal(f"{shown(value)} is not a number of exemplars; write a whole number, 1 to {EXEMPLARS_MAX}")
    return value


def _factors(value: Any) -> dict[str, dict[str, Any] | int]:
    if not isinstance(value, Mapping):
        raise refusal(f"{shown(value)} is not a mapping of factors to levels, e.g. {{alpha: [0.001, 0.01]}}")
    factors: dict[str, dict[str, Any] | int] = {}
    mistakes: list[tuple[Steps, str]] = []
    for factor, levels in value.items():
        try:
            factors[factor] = _exemplars(levels) if factor == EXEMPLAR else _values(factor, levels)
        except PydanticCustomError as error:
            mistakes += [((str(factor), *inside), text) for inside, text in mistakes_inside(error)]
    if EXEMPLAR in factors and "seed" in factors:
        mistakes.append(((EXEMPLAR,), "exemplars differ in the seed, which is a factor too; leave one out"))
    if mistakes:
        raise refusals(mistakes)
    return factors


def _levels_json(value: dict[str, Any]) -> dict[str, Any]:
    named = {
        "type": "object",
        "propertyNames": {"pattern": identifier.PATTERN},
        "additionalProperties": value,
    }
    return {"anyOf": [{"type": "array", "items": value, "minItems": 1}, {**named, "minProperties": 1}]}


class _FactorsJson:
    """One factor a setting, and the exemplars."""

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        exemplars = {
            "description": "Repeats: exemplar i of n has seed = settings.seed + i - 1.",
            "type": "integer",
            "minimum": 1,
            "maximum": EXEMPLARS_MAX,
        }
        factors: dict[str, Any] = {EXEMPLAR: exemplars}
        for name, setting in Settings.model_json_schema()["properties"].items():
            value = {key: part for key, part in setting.items() if key not in {"default", "title", "description"}}
            factors[name] = {"description": setting["description"], **_levels_json(value)}
        return {"type": "object", "properties": factors, "additionalProperties": False}


Images = Annotated[
    dict[str, str], BeforeValidator(_images), WithJsonSchema(_levels_json({"type": "string", "minLength": 1}))
]
Factors = Annotated[dict[str, dict[str, Any] | int], BeforeValidator(_factors), _FactorsJson()]
