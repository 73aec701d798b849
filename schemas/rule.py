"""Rules over the attributes of a pair's images, e.g. `content.category == style.category`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from neckar.schemas.wording import refusal, shown

_SIDE = r"""(?:(?:content|style)\.[A-Za-z_]\w*|"[^"]*"|'[^']*')"""
_COMPARISON = re.compile(rf"\s*({_SIDE})\s*(==|!=)\s*({_SIDE})\s*\Z")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values that are to be equal, or not.

    Attributes:
        left, right: an attribute, e.g. `content.category`, or a text in quotes.
        equal: whether they are to be equal.
    """

    left: str
    equal: bool
    right: str

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes it looks at."""
        return tuple(side for side in (self.left, self.right) if side[0] not in "'\"")

    def holds(self, attributes: Mapping[str, str]) -> bool:
        """Whether it holds of a pair with these attributes, all of the rule's among them."""
        left, right = (attributes[side] if side[0] not in "'\"" else side[1:-1] for side in (self.left, self.right))
        return (left == right) is self.equal


def comparisons(rule: str) -> tuple[Comparison, ...]:
    """What a legal rule asks for, all of it."""
    found = (_COMPARISON.match(part) for part in rule.split(" and "))
    return tuple(Comparison(match[1], match[2] == "==", match[3]) for match in found if match)


def _rule(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    if not text or not all(_COMPARISON.match(part) for part in text.split(" and ")):
        mend = "content.category == style.category, or style.category != 'cubism', several joined by and"
        raise refusal(f"{shown(value)} is not a rule; write e.g. {mend}")
    return text


Rule = Annotated[str, BeforeValidator(_rule), WithJsonSchema({"type": "string"})]


class Exclusion(BaseModel):
    """Pairs that a rule takes out of the design, or keeps under another condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rule = Field(description="Of the images' columns, e.g. content.category == style.category.")
    keep_as: Literal["congruent"] | None = Field(
        None, description="Keep such pairs, as this condition; they are dropped where nothing is said."
    )

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes its rule looks at."""
        return tuple(dict.fromkeys(name for one in comparisons(self.rule) for name in one.attributes))

    def holds(self, attributes: Mapping[str, str]) -> bool:
        """Whether the rule holds of a pair with these attributes."""
        return all(one.holds(attributes) for one in comparisons(self.rule))


def _exclusion(value: Any) -> Any:
    return {"rule": value} if isinstance(value, str) else value


_KEYS = Exclusion.model_json_schema()["properties"]
_JSON = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": _KEYS, "required": ["rule"], "additionalProperties": False},
    ]
}

ExclusionOrRule = Annotated[Exclusion, BeforeValidator(_exclusion), WithJsonSchema(_JSON)]
