"""A full factorial design: every image with every value of every factor, each value a named level."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neckar.schemas import identifier
from neckar.schemas.levels import EXEMPLAR, Factors, Images
from neckar.schemas.wording import refusal

CELLS_MAX = 10_000_000  # beyond it stands a factor too many rather than a plan


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a design.

    Attributes:
        pair_id: made of its levels' names.
        content: the photograph's URI as given; None in a design without any.
        style: the artwork's URI as given; None in a design without any.
        overrides: the settings its levels stand for.
        levels: factor to level; "content" and "style" are factors too.
    """

    pair_id: str
    content: str | None
    style: str | None
    overrides: Mapping[str, Any]
    levels: Mapping[str, str]


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

    @model_validator(mode="after")
    def _sensible(self) -> Design:
        if not self.content and not self.style:
            raise refusal("the design names no image; add content, style or both")
        if self.size > CELLS_MAX:
            raise refusal(f"the design has {self.size:,} cells, more than {CELLS_MAX:,}; leave a factor out")
        return self

    @property
    def size(self) -> int:
        """Number of cells."""
        factors = (levels if isinstance(levels, int) else len(levels) for levels in self.factors.values())
        return math.prod(factors, start=len(self.content or "-") * len(self.style or "-"))

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

    def cells(self, seed: int) -> Iterator[Cell]:
        """Every cell, lazily: contents outermost, then styles, then the factors as given, the last fastest.

        Args:
            seed: of the manifest's settings, from which exemplars count up.
        """
        axes: list[Iterable[tuple[str, str, Any]]] = []
        if self.content:
            axes.append([("content", name, uri) for name, uri in self.content.items()])
        if self.style:
            axes.append([("style", name, uri) for name, uri in self.style.items()])
        for factor, levels in self.factors.items():
            if isinstance(levels, int):
                axes.append([(EXEMPLAR, str(i + 1), seed + i) for i in range(levels)])
            else:
                axes.append([(factor, name, value) for name, value in levels.items()])
        return map(_cell, itertools.product(*axes))


def _cell(levels: tuple[tuple[str, str, Any], ...]) -> Cell:
    values = {factor: value for factor, _, value in levels}
    images = {"content": values.pop("content", None), "style": values.pop("style", None)}
    if EXEMPLAR in values:
        values["seed"] = values.pop(EXEMPLAR)
    pieces = [name if factor in images else f"{factor}-{name}" for factor, name, _ in levels]
    return Cell(
        identifier.joined(pieces),
        images["content"],
        images["style"],
        values,
        {factor: name for factor, name, _ in levels},
    )
