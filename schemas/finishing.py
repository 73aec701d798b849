"""What a whole set of pictures goes through once all are made: matching, and quality control."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from neckar.schemas.wording import refusal, refusals, shown

Method = Literal["lum", "hist", "sf", "spec"]
METHODS = get_args(Method)
Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Percent = Annotated[float, Field(strict=True, ge=0.0, le=100.0)]


class Match(BaseModel):
    """Luminance statistics that every picture of the set is given (Willenbockel et al. 2010), on linear light."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = Field(
        description="lum: mean and standard deviation of luminance; hist: its histogram; sf: amplitudes by spatial"
        " frequency; spec: the amplitude spectrum."
    )
    safe: Annotated[bool, Field(strict=True)] = Field(
        False, description="Of lum: less contrast, until no pixel of the set leaves the gamut."
    )
    mean: Share | None = Field(None, description="Of lum: the mean luminance, 0-1; else the set's own.")
    deviation: Share | None = Field(None, description="Of lum: the standard deviation, 0-1; else the set's own.")

    @model_validator(mode="after")
    def _only_lum_is_told(self) -> Match:
        if self.method == "lum":
            return self
        told = [name for name in ("safe", "mean", "deviation") if name in self.model_fields_set]
        if told:
            mend = "leave it out, or write method: lum"
            raise refusals([((name,), f"{self.method} knows no {name}; {mend}") for name in told])
        return self


def _match(value: Any) -> Any:
    if isinstance(value, str):
        if value not in METHODS:
            raise refusal(f"{shown(value)} is not a way to match; valid are {', '.join(METHODS)}")
        return {"method": value}
    return value


MatchOrMethod = Annotated[
    Match | None,
    BeforeValidator(_match),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [*METHODS, None]},
                {
                    "type": "object",
                    "properties": Match.model_json_schema()["properties"],
                    "required": ["method"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Quality(BaseModel):
    """What a stimulus must hold to pass; of terms that its loss does not contain, nothing is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gram_rel_err: Annotated[float, Field(strict=True, gt=0.0)] | None = Field(
        None, description="Most of the relative error of a Gram matrix, in any of its style layers."
    )
    gram_percentile: Percent | None = Field(
        None, description="Most of that error's percentile among its errors towards other styles."
    )
    content_pearson_r: Annotated[float, Field(strict=True, ge=-1.0, le=1.0)] | None = Field(
        None, description="Least correlation with the content's activations."
    )
    content_spearman_rho: Annotated[float, Field(strict=True, ge=-1.0, le=1.0)] | None = Field(
        None, description="Least rank correlation with them."
    )
    content_percentile: Percent | None = Field(
        None, description="Least of that correlation's percentile among its correlations with other contents."
    )
    clipped: Share | None = Field(None, description="Most of the share of samples at 0, and of that at full scale.")
    copies: Annotated[bool, Field(strict=True)] = Field(False, description="Refuse what copies pieces of its style.")
    near_duplicates: Annotated[bool, Field(strict=True)] = Field(
        False, description="Refuse what another stimulus of the set all but equals."
    )
    match: Annotated[bool, Field(strict=True)] = Field(
        False, description="Refuse what could not be matched to within .005."
    )
