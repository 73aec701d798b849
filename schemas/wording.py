"""Pydantic's validation errors in Neckar's words: place, value, mend."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from neckar.schemas.errors import Problem, UserError
from neckar.schemas.nearest import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_SHOWN_CHARACTERS = 80  # enough to recognise a value; a message stays one line

# Pydantic's error type -> what was wanted instead
_WANTED = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of this size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "datetime_type": "a time",
    "timezone_aware": "a time with its zone",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}

Steps = tuple[int | str, ...]

Model = TypeVar("Model", bound=BaseModel)


def shown(value: Any) -> str:
    """The value as its author wrote it, on one line: text in quotes, JSON's null, true and false."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, Mapping | list | tuple | bool | None):
        try:
            text = json.dumps(value)
        except (TypeError, ValueError):
            text = str(value)
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 4]} ..."


def refusal(message: str) -> PydanticCustomError:
    """For a validator to raise: one mistake in its value."""
    return refusals([((), message)])


def refusals(mistakes: Sequence[tuple[Steps, str]]) -> PydanticCustomError:
    """For a validator to raise: several mistakes, each with the steps that lead to it inside the value."""
    text = "; ".join(message for _, message in mistakes)
    return PydanticCustomError("neckar", "{text}", {"text": text, "mistakes": list(mistakes)})


def mistakes_inside(error: PydanticCustomError) -> list[tuple[Steps, str]]:
    """What a `refusal` or `refusals` was made of."""
    return list((error.context or {})["mistakes"])


def path_of(steps: Steps) -> str:
    """`pairs[17].settings.pooling` of ("pairs", 17, "settings", "pooling")."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def validated(model: type[Model], value: Any) -> Model:
    """`value` as `model`.

    Raises:
        UserError: every mistake, the field path as place.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UserError(problems_of(error, model)) from None


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every mistake in `error`, which came of validating `model`; the field path is the place."""
    return [Problem(path_of(steps), message) for steps, message in mistakes_of(error, model)]


def mistakes_of(error: ValidationError, model: type[BaseModel]) -> list[tuple[Steps, str]]:
    """Like `problems_of`, the place as steps."""
    mistakes: list[tuple[Steps, str]] = []
    for details in error.errors(include_url=False):
        steps, kind = details["loc"], details["type"]
        if kind == "neckar":
            mistakes += [((*steps, *inside), message) for inside, message in details["ctx"]["mistakes"]]
        elif kind in {"extra_forbidden", "missing"}:  # the message names the key: the place is its mapping
            mistakes.append((steps[:-1], _message(details, model)))
        else:
            mistakes.append((steps, _message(details, model)))
    return mistakes


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, context = details["type"], shown(details["input"]), details.get("ctx", {})
    key = details["loc"][-1] if details["loc"] else ""
    match kind:
        case "extra_forbidden":
            text = f"unknown key {shown(key)}{did_you_mean(str(key), _keys(details, model))}"
        case "missing":
            text = f"the key {shown(key)} is missing; add it"
        case "invalid_key":
            text = f"the key {value} is not text; put it in quotes"
        case "literal_error":
            text = f"{value} is not valid here; write {context['expected']}"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            bound, words = _BOUNDS[kind]
            text = f"{value} is out of range; write {words} {str(context[bound]).removesuffix('.0')}"
        case "string_pattern_mismatch":
            text = f"{value} is not of the form {context['pattern']}"
        case "string_too_short":
            text = f"{value} is empty; write it out, or leave the key out"
        case _:
            text = f"{value} is not {_WANTED[kind]}" if kind in _WANTED else f"{value}: {details['msg']}"
    return text


def _keys(details: ErrorDetails, model: type[BaseModel]) -> list[str]:
    """The keys valid where `details` found an unknown one."""
    here: Any = model
    for step in details["loc"][:-1]:
        if isinstance(step, str):
            here = here.model_fields[step].annotation
        here = next(_models_in(here), here)
    return list(here.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The Pydantic models an annotation such as `list[PairEntry]` or `Design | None` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {Union, types.UnionType, list, tuple}:
        for argument in get_args(annotation):
            yield from _models_in(argument)
