"""Which pairs of a design are made where that is not all of them, and which seed each of them has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from neckar.schemas.wording import refusal, shown

_ATTRIBUTE = r"^(content|style)\.[A-Za-z_]\w*$"


class Sources(BaseModel):
    """Tables of images: tab-separated, a line an image, with the columns id, file and whatever describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: Annotated[str, Field(min_length=1)] | None = Field(None, description="URI of the photographs' table.")
    style: Annotated[str, Field(min_length=1)] | None = Field(None, description="URI of the artworks' table.")
    external: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="URI of a table of pictures made elsewhere; each becomes a stimulus, condition external."
    )


class Sample(BaseModel):
    """So many pairs of images in each cell, no pair twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per: list[Annotated[str, Field(pattern=_ATTRIBUTE)]] = Field(
        description="Columns whose values make the cells, e.g. [content.category, style.category].", min_length=1
    )
    n: Annotated[int, Field(strict=True, ge=1)] = Field(description="Pairs of images in a cell.")
    balance: Literal["item", "none"] = Field(
        "item", description="item: images of one category are used as often as each other, to within one."
    )


class SharedSeeds(BaseModel):
    """Seeds that stay when some factors move."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shared_across: list[str] = Field(description="Factors that do not change the seed, e.g. [alpha, style_layers].")


def _policy(value: Any) -> Any:
    if value == "unique" or isinstance(value, dict | SharedSeeds):
        return value
    raise refusal(f"{shown(value)} is not a seed policy; write unique, or {{shared_across: [alpha]}}")


_SHARED = SharedSeeds.model_json_schema()["properties"]
_JSON = {
    "anyOf": [
        {"const": "unique"},
        {"type": "object", "properties": _SHARED, "required": ["shared_across"], "additionalProperties": False},
    ]
}

SeedPolicy = Annotated[Literal["unique"] | SharedSeeds, BeforeValidator(_policy), WithJsonSchema(_JSON)]
