"""The cells of a design, one by one: stylised pairs and the controls beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neckar.pipeline.designs.items import Item, Items, attributes_of
from neckar.pipeline.designs.sample import Couple, sampled
from neckar.pipeline.designs.seeds import coordinate_seed
from neckar.schemas import identifier
from neckar.schemas.condition import DEFAULT, kind_of
from neckar.schemas.design import Design
from neckar.schemas.levels import EXEMPLAR
from neckar.schemas.sampling import SharedSeeds

CONDITION = "condition"
_RANDOM = ("content_only", "style_only", "self_transfer", "noise", "phase_scrambled", "original_at_scramble_gain")

Level = tuple[str, str, Any]  # factor, level, value


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a design.

    Attributes:
        pair_id: made of its levels' names.
        content: the photograph's URI as given; None in a design without any.
        style: the artwork's URI as given; None in a design without any.
        overrides: the settings its levels stand for.
        levels: factor to level; "content" and "style" are factors too, and "condition" where there are several.
        extra: what the tables say of its images, e.g. "content.category".
    """

    pair_id: str
    content: str | None
    style: str | None
    overrides: Mapping[str, Any]
    levels: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)


def cells(design: Design, items: Items, seed: int) -> Iterator[Cell]:
    """Every cell, lazily: condition by condition; contents outermost, then styles, then the factors, the last fastest.

    Args:
        design: the factors, rules, conditions and policy of seeds.
        items: its images.
        seed: of the manifest's settings: exemplars count up from it, and coordinates are hashed with it.

    Raises:
        UserError: the sample cannot be drawn.
    """
    maker = _Maker(design, seed)
    for condition in design.conditions or (DEFAULT,):
        yield from maker.of(condition, items)
    for item in items.external:
        yield maker.cell("external", item, None, ())


@dataclass(frozen=True)
class _Maker:
    design: Design
    seed: int

    def of(self, condition: str, items: Items) -> Iterator[Cell]:
        """The cells of one condition."""
        if condition == DEFAULT:
            factors = list(itertools.product(*self._axes(list(self.design.factors))))
            for content, style, kept_as in self._couples(items):
                for levels in factors:
                    yield self.cell(kept_as, content, style, levels)
            return
        kind = kind_of(condition)
        random = condition.partition("@")[0] in _RANDOM and EXEMPLAR in self.design.factors
        repeats = list(itertools.product(*self._axes([EXEMPLAR] if random else [])))
        couples: Iterator[tuple[Item | None, Item | None]] = (
            ((content, style) for content, style, _ in self._couples(items))
            if kind.content and kind.style
            else ((content, None) for content in items.content)
            if kind.content
            else ((None, style) for style in items.style)
        )
        for content, style in couples:
            for levels in repeats:
                yield self.cell(condition, content, style, levels)

    def _axes(self, factors: Sequence[str]) -> list[list[Level]]:
        axes: list[list[Level]] = []
        for factor in factors:
            levels = self.design.factors[factor]
            if isinstance(levels, int):
                axes.append([(EXEMPLAR, str(i + 1), self.seed + i) for i in range(levels)])
            else:
                axes.append([(factor, name, value) for name, value in levels.items()])
        return axes

    def _couples(self, items: Items) -> Iterator[tuple[Item | None, Item | None, str]]:
        """The couples that meet, with the condition that they are made under."""
        if not items.content or not items.style:
            yield from ((content, None, DEFAULT) for content in items.content)
            yield from ((None, style, DEFAULT) for style in items.style)
            return
        left: Iterator[Couple] | list[Couple] = (
            (content, style)
            for content, style in itertools.product(items.content, items.style)
            if self._kept_as(content, style) is not None
        )
        if self.design.sample is not None:
            left = sampled(list(left), self.design.sample, self.seed)
        for content, style in left:
            kept_as = self._kept_as(content, style)
            assert kept_as is not None
            yield content, style, kept_as

    def _kept_as(self, content: Item, style: Item) -> str | None:
        """The condition of a couple; None where a rule drops it."""
        if not self.design.exclude:
            return DEFAULT
        known = attributes_of(content, style)
        kept: str | None = DEFAULT
        for exclusion in self.design.exclude:
            if exclusion.holds(known):
                if exclusion.keep_as is None:
                    return None
                kept = exclusion.keep_as
        return kept

    def cell(self, condition: str, content: Item | None, style: Item | None, factors: Sequence[Level]) -> Cell:
        """One cell."""
        images = [(side, item.id) for side, item in (("content", content), ("style", style)) if item is not None]
        levels = {**dict(images), **{factor: name for factor, name, _ in factors}}
        overrides = {factor: value for factor, _, value in factors}
        pieces = [name for _, name in images] + [f"{factor}-{name}" for factor, name, _ in factors]
        if condition != DEFAULT:
            overrides[CONDITION] = condition
        if condition not in {DEFAULT, "congruent"}:
            pieces.insert(len(images), identifier.slug(condition))
        if self.design.tells_conditions:
            levels[CONDITION] = condition
        if EXEMPLAR in overrides:
            overrides["seed"] = overrides.pop(EXEMPLAR)
        if self.design.seed_policy is not None:
            overrides["seed"] = self._seed_of(condition, levels)
        return Cell(
            identifier.joined(pieces),
            content.uri if content else None,
            style.uri if style else None,
            overrides,
            levels,
            attributes_of(content, style),
        )

    def _seed_of(self, condition: str, levels: Mapping[str, str]) -> int:
        """Congruent pairs are seeded as stylised ones: the rule that tells them apart decides no pixel."""
        named = DEFAULT if condition == "congruent" else condition
        policy = self.design.seed_policy
        shared = policy.shared_across if isinstance(policy, SharedSeeds) else ()
        return coordinate_seed(self.seed, {**levels, CONDITION: named}, shared)
