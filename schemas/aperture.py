"""The round window through which a stimulus is seen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from neckar.schemas.wording import refusal, shown


class Aperture(BaseModel):
    """A circle in the middle of the picture; its radius R is half the short side.

    The window is 1 inside R - ramp and falls to 0 at R like a raised cosine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Literal["circle"] = Field("circle", description="circle.")
    ramp: Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)] = Field(
        8.0, description="Width of the soft edge, px; no more than the radius."
    )
    bake: Annotated[bool, Field(strict=True)] = Field(
        False, description="Blend the picture into mid-grey, in place of an alpha channel."
    )


def _aperture(value: Any) -> Any:
    if value is None or value == "none":
        return None
    if value == "circle":
        return {}
    if isinstance(value, dict | Aperture):
        return value
    raise refusal(f"{shown(value)} is not an aperture; write none, circle, or e.g. {{ramp: 16, bake: true}}")


_KEYS = Aperture.model_json_schema()["properties"]
_JSON = {
    "anyOf": [
        {"enum": ["none", "circle", None]},
        {"type": "object", "properties": _KEYS, "additionalProperties": False},
    ]
}

ApertureOrNone = Annotated[Aperture | None, BeforeValidator(_aperture), WithJsonSchema(_JSON)]
