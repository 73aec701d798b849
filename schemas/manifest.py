"""The job manifest: which pairs to make, with which settings, and where to put them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from neckar.schemas import identifier
from neckar.schemas.design import Design
from neckar.schemas.fields import one_of
from neckar.schemas.finishing import MatchOrMethod, Quality
from neckar.schemas.settings import Settings
from neckar.schemas.trials import Trials
from neckar.schemas.wording import refusal, refusals, shown

WEIGHTS_NAMES = ("oxford", "torchvision")
PAIRS_FORMATS = (".jsonl", ".csv", ".parquet")


def _legal(noun: str) -> AfterValidator:
    def check(name: str) -> str:
        if not identifier.is_legal(name):
            raise refusal(f"{shown(name)} {identifier.mend(noun)}")
        return name

    return AfterValidator(check)


def _pairs_format(uri: str) -> str:
    if not uri.endswith(PAIRS_FORMATS):
        raise refusal(f"{shown(uri)} is not a file of pairs; write one that ends in {', '.join(PAIRS_FORMATS)}")
    return uri


_ID_JSON = WithJsonSchema({"type": "string", "pattern": identifier.PATTERN, "not": {"pattern": r"\.\."}})

Id = Annotated[str, _legal("an id"), _ID_JSON]
Name = Annotated[str, _legal("a name for a run"), _ID_JSON]
Uri = Annotated[str, Field(min_length=1)]
PairsFile = Annotated[
    Uri,
    AfterValidator(_pairs_format),
    WithJsonSchema({"type": "string", "pattern": r"\.(jsonl|csv|parquet)$"}),
]
Weights = Annotated[
    str,
    one_of("a network, nor the URI of its weights", WEIGHTS_NAMES, or_uri=True),
    WithJsonSchema({"anyOf": [{"enum": list(WEIGHTS_NAMES)}, {"type": "string", "pattern": "[/.:]"}]}),
]
Overrides = Annotated[Settings, PlainSerializer(lambda settings: settings.model_dump(exclude_unset=True))]

_NONE = Settings()
_NOTHING: dict[str, str] = {}


def _texts(value: Any) -> Any:
    """Values as text, as they would be written; nulls are left out."""
    if not isinstance(value, dict):
        return value
    return {str(key): _as_text(part) for key, part in value.items() if part is not None}


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


Extra = Annotated[dict[str, str], BeforeValidator(_texts)]


class PairEntry(BaseModel):
    """One pair as listed in a manifest or a pairs file: two images, or one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id | None = Field(None, description="Unique in the manifest; derived from the pair where none is given.")
    content: Uri | None = Field(None, description="URI of the photograph; without one only the style is made.")
    style: Uri | None = Field(None, description="URI of the artwork; without one only the content is made.")
    settings: Overrides = Field(
        default_factory=lambda: _NONE,  # a plain default would be copied for each of a million pairs
        json_schema_extra={"default": {}},
        description="Settings in which this pair departs from the manifest's.",
    )
    levels: Extra = Field(
        default_factory=lambda: _NOTHING,
        json_schema_extra={"default": {}},
        description="Factor to level, for pairs that were laid out elsewhere; those of a design know their own.",
    )
    extra: Extra = Field(
        default_factory=lambda: _NOTHING,
        json_schema_extra={"default": {}},
        description="Whatever else belongs to the pair; it travels to the results as text and decides nothing.",
    )

    @model_validator(mode="after")
    def _some_image(self) -> PairEntry:
        if self.content is None and self.style is None:
            raise refusal("the pair names no image; add content, style or both")
        return self


class Manifest(BaseModel):
    """A job. Relative URIs are relative to the manifest's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Neckar job manifest")

    schema_version: Literal[1] = Field(description="Version of this schema: 1.")
    name: Name = Field(description="Name of the run.")
    output: Uri | None = Field(None, description="Folder or s3:// prefix of the results; --output overrides it.")
    weights: Weights = Field(
        "oxford",
        description="The network: oxford (the paper's VGG-19), torchvision, or the URI of its weights.",
    )
    settings: Settings = Field(Settings(), description="Settings of every pair; a pair may override any of them.")
    pairs: list[PairEntry] = Field([], description="Pairs, listed.")
    pairs_from: PairsFile | None = Field(
        None, description="A .jsonl, .csv or .parquet file of more pairs, read as a stream."
    )
    design: Design | None = Field(None, description="More pairs: a factorial design.")
    match: MatchOrMethod = Field(
        None, description="Luminance statistics of the whole set, once all is made: lum, hist, sf or spec."
    )
    match_within: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="Factors and columns whose levels make groups, each matched by itself, e.g. [content.category]."
    )
    qc: Quality | None = Field(None, description="Quality control: what is measured, and what a stimulus must hold.")

    trials: list[Trials] = Field([], description="Trials that `neckar trials` and `neckar export` write for the set.")

    @model_validator(mode="after")
    def _groups_are_matched(self) -> Manifest:
        if self.match_within and self.match is None:
            raise refusals([(("match_within",), "groups of what? Add match, or leave this out")])
        return self

    @property
    def finishes(self) -> bool:
        """Whether the whole set is looked at once all is made."""
        return self.match is not None or self.qc is not None

    @model_validator(mode="after")
    def _some_pairs(self) -> Manifest:
        if not self.pairs and self.pairs_from is None and self.design is None:
            raise refusal("there is no pair; list some under pairs, or add pairs_from or design")
        return self

    @model_validator(mode="after")
    def _seeds_matter(self) -> Manifest:
        """Pictures that start from a picture, or from noise of no strength, do not know their seed."""
        if self.design is None:
            return self
        factor, count = self.design.seeds
        starts = [init for init in self.design.values("init", self.settings.init) if init != "white_noise"]
        flat = 0.0 in self.design.values("init_sigma", self.settings.init_sigma)
        if count > 1 and (starts or flat):
            cause = f"init: {starts[0]}" if starts else "init_sigma: 0"
            mend = "write init: white_noise with an init_sigma above 0" if flat else "write init: white_noise"
            told = f"{count} seeds make {count} identical pictures with {cause}, which has no noise"
            raise refusals([(("design", "factors", factor), f"{told}; {mend}, or leave it out")])
        return self

    def resolved(self) -> dict[str, Any]:
        """The manifest as JSON types, its settings with all defaults; valid as a manifest again."""
        return self.model_dump(mode="json")
