"""JSON as plain data, strictly: no key twice, no NaN or Infinity."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from neckar.schemas.wording import shown


class NotJson(ValueError):  # noqa: N818  # named for what is the case
    """Text that is not strict JSON; the message says what and where."""


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        NotJson: not JSON, a key twice, NaN or Infinity, nested too deeply.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, " if "\n" in text.strip() else ""
        raise NotJson(f"not valid JSON at {where}column {error.colno}: {error.msg}") from None
    except NotJson:
        raise
    except ValueError:  # Python's int() ends at 4300 digits
        raise NotJson("not valid JSON: a number has too many digits") from None
    except RecursionError:
        raise NotJson("not valid JSON: nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJson(f"the key {shown(twice)} stands twice; leave one out")
    return value


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON number; write a finite one")


_DECODER = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant)
