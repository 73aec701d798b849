"""A full factorial design: every image with every value of every factor, each value a named level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neckar.schemas.condition import DEFAULT, Condition, kind_of
from neckar.schemas.levels import EXEMPLAR, Factors, Images
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.rule import ExclusionOrRule
from neckar.schemas.sampling import Sample, SeedPolicy, SharedSeeds, Sources
from neckar.schemas.wording import Steps, refusal, refusals, shown

CELLS_MAX = 10_000_000  # beyond it stands a factor too many rather than a plan


class Design(BaseModel):
    """Every content with every style with every value of every factor; one of the images may be absent.

    Lists become mappings of level names to values: an image is named by its file's stem, a value by its text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: Images | None = Field(
        None, description="Photographs: a list of URIs, or a mapping of level names to URIs."
    )
    style: Images | None = Field(None, description="Artworks: a list of URIs, or a mapping of level names to URIs.")
    factors: Factors = Field(
        {}, description="Settings to vary: each a list of values or a mapping of level names to values."
    )

    sources: Sources | None = Field(
        None, description="Tables of the images, in place of the lists content and style: their columns describe them."
    )
    exclude: list[ExclusionOrRule] = Field(
        [], description="Rules over the tables' columns for pairs that are left out, or kept as congruent."
    )
    sample: Sample | None = Field(None, description="So many pairs of images a cell, in place of all of them.")
    seed_policy: SeedPolicy | None = Field(
        None,
        description="unique: a seed of its own for every cell; {shared_across: [...]}: one seed for cells that differ"
        " in these factors alone. Without it exemplar i has seed = settings.seed + i - 1, whatever the images.",
    )
    conditions: list[Condition] = Field(
        [], description="Conditions to make of the design's images; [stylised] where none is named."
    )

    @model_validator(mode="after")
    def _images_come_from_one_place(self) -> Design:
        mistakes: list[tuple[Steps, str]] = [
            ((side,), f"sources.{side} is a table of them; leave one of the two out")
            for side in ("content", "style")
            if self.sources and getattr(self, side) and getattr(self.sources, side)
        ]
        if mistakes:
            raise refusals(mistakes)
        return self

    @model_validator(mode="after")
    def _its_parts_know_each_other(self) -> Design:
        if mistakes := [*self._seed_mistakes(), *self._column_mistakes(), *self._condition_mistakes()]:
            raise refusals(mistakes)
        return self

    def _seed_mistakes(self) -> Iterator[tuple[Steps, str]]:
        if isinstance(self.seed_policy, SharedSeeds):
            known = (*self.factors, "condition")
            for i, factor in enumerate(self.seed_policy.shared_across):
                if factor not in known:
                    told = f"{shown(factor)} is not a factor of the design{did_you_mean(factor, known)}"
                    yield ("seed_policy", "shared_across", i), told
        if self.seed_policy is not None and "seed" in self.factors:
            yield ("seed_policy",), "the seed is a factor of the design; leave one of the two out"

    def _column_mistakes(self) -> Iterator[tuple[Steps, str]]:
        """Columns of tables that there are not."""
        spoken: list[tuple[Steps, str]] = [
            (("exclude", i, "rule"), name) for i, one in enumerate(self.exclude) for name in one.attributes
        ]
        spoken += [(("sample", "per"), name) for name in (self.sample.per if self.sample else ())]
        for place, name in spoken:
            side = name.partition(".")[0]
            if getattr(self.sources, side, None) is None:
                yield place, f"{shown(name)} is a column of a table that the design does not name; add sources.{side}"

    def _condition_mistakes(self) -> Iterator[tuple[Steps, str]]:
        for i, condition in enumerate(self.conditions):
            kind = kind_of(condition)
            for side, needed in (("content", kind.content), ("style", kind.style)):
                if needed and not self.has(side) and condition != DEFAULT:
                    told = f"{shown(condition)} is made of a {side}, and the design has none"
                    yield ("conditions", i), f"{told}; add {side}, or leave it out"
        if "condition" in self.factors:
            yield ("factors", "condition"), "conditions cross other images; list them under conditions"
        if "external" in self.conditions:
            yield ("conditions",), "external pictures have a table of their own: name it sources.external"
        if len(set(self.conditions)) < len(self.conditions):
            yield ("conditions",), "a condition stands twice; name each once"

    @model_validator(mode="after")
    def _sensible(self) -> Design:
        if not self.content and not self.style and not self.sources:
            raise refusal("the design names no image; add content, style or both, or sources")
        if self.sources and not any((self.sources.content, self.sources.style, self.sources.external)):
            raise refusals([(("sources",), "no table is named; add content, style or external")])
        if self.size > CELLS_MAX:
            raise refusal(f"the design has {self.size:,} cells, more than {CELLS_MAX:,}; leave a factor out")
        return self

    def has(self, side: str) -> bool:
        """Whether the design names images of this kind."""
        return bool(getattr(self, side)) or getattr(self.sources, side, None) is not None

    @property
    def size(self) -> int:
        """Number of cells."""
        factors = (levels if isinstance(levels, int) else len(levels) for levels in self.factors.values())
        return math.prod(factors, start=len(self.content or "-") * len(self.style or "-"))

    @property
    def tells_conditions(self) -> bool:
        """Whether condition is a factor: there is more than one."""
        kept = any(exclusion.keep_as for exclusion in self.exclude)
        external = self.sources is not None and self.sources.external is not None
        return kept or external or self.conditions not in ([], [DEFAULT])

    @property
    def attributes(self) -> tuple[str, ...]:
        """The columns of tables that rules and cells look at."""
        named = [name for exclusion in self.exclude for name in exclusion.attributes]
        return tuple(dict.fromkeys([*named, *(self.sample.per if self.sample else ())]))

    @property
    def seeds(self) -> tuple[str, int]:
        """The factor whose levels are seeds, and how many there are: one where no factor is."""
        for factor in (EXEMPLAR, "seed"):
            levels = self.factors.get(factor, 1)
            count = levels if isinstance(levels, int) else len(levels)
            if count > 1:
                return factor, count
        return EXEMPLAR, 1

    def values(self, setting: str, default: Any) -> list[Any]:
        """The values that a setting takes in the design; `default` where it is no factor."""
        levels = self.factors.get(setting)
        return list(levels.values()) if isinstance(levels, Mapping) else [default]
