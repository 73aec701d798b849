"""A stimulus as far as trials know it, and what a trial is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

EXEMPLAR, CONDITION = "exemplar", "condition"


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One stimulus of a set.

    Attributes:
        id: of the pair.
        condition: stylised, or the control that it is.
        content, style: names of its images; None where it has none.
        levels: of all factors, images, exemplar and condition among them.
        height, width: px.
    """

    id: str
    condition: str
    content: str | None
    style: str | None
    levels: Mapping[str, str]
    height: int
    width: int

    @property
    def exemplar(self) -> str:
        """Which repeat it is."""
        return self.levels.get(EXEMPLAR, "1")

    @property
    def cell(self) -> tuple[tuple[str, str], ...]:
        """All its levels but the exemplar's."""
        return tuple(sorted((name, level) for name, level in self.levels.items() if name != EXEMPLAR))


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of a picture. left, top, side in px."""

    left: int
    top: int
    side: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        task: oddity, match_to_sample, triads, quads, single.
        cell: what is averaged over subjects: levels that its stimuli share.
        kind: a variant within the task, e.g. which class the odd one is of; "catch" of a catch trial.
        stimuli: in the order of the places they are shown in.
        answer: the place, from 1, that is right; 0 where nothing is.
        crops: of each stimulus; none where whole pictures are shown.
        repeat: from 1.
    """

    task: str
    cell: str
    kind: str
    stimuli: tuple[str, ...]
    answer: int
    crops: tuple[Crop, ...] = ()
    repeat: int = 1

    @property
    def pictures(self) -> frozenset[str]:
        """Ids of what is seen in it."""
        return frozenset(self.stimuli)


@dataclass(slots=True)
class Groups:
    """Stimuli by cell, each cell's exemplars in order.

    Attributes:
        cells: exemplars by cell.
    """

    cells: dict[tuple[tuple[str, str], ...], list[Stimulus]] = field(default_factory=dict)

    @staticmethod
    def of(stimuli: Sequence[Stimulus]) -> Groups:
        """Sorted by their names: the order of the stimuli does not matter."""
        groups = Groups()
        for stimulus in sorted(stimuli, key=lambda one: (one.cell, _number(one.exemplar), one.id)):
            groups.cells.setdefault(stimulus.cell, []).append(stimulus)
        return groups


def _number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text)


def named(cell: Sequence[tuple[str, str]]) -> str:
    """A cell in words: `alpha=0.001 content=cat`."""
    return " ".join(f"{name}={level}" for name, level in cell)
