"""How phases are scrambled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema


class Scramble(BaseModel):
    """Of the condition phase_scrambled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: Literal["encoded", "linear"] = Field(
        "encoded", description="Whose amplitudes stay: those of the encoded values, or of linear light."
    )
    range: Literal["rescale", "clip"] = Field(
        "rescale", description="What leaves the gamut: the contrast is scaled about the mean, or levels are clipped."
    )
    weight: Annotated[float, Field(strict=True, ge=0.0, le=1.0)] = Field(
        1.0, description="Share of the random phases: 0 leaves the picture, 1 scrambles it."
    )


_JSON = {
    "type": "object",
    "properties": Scramble.model_json_schema()["properties"],
    "additionalProperties": False,
}

ScrambleSetting = Annotated[Scramble, WithJsonSchema(_JSON)]
