"""What a call of a worker brings back to the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neckar.pipeline.messages.outcome import Outcome
from neckar.schemas.results import ResultRow


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a worker did since the last call.

    Attributes:
        outcomes: pairs it is done with.
        rows: of those that are ok, by pair index; `attempts` is left for who counts them.
        running: indices of pairs in slots.
        under_way: what is done of them, in pairs: two that are half done make one.
        evaluations: of the engine since the last call, of all images.
        slots: images at a time; 0 where that is not known yet.
        stored_bytes: of pictures written since the last call.
        done: of each that is running the share of its evaluations that is done.
        losses: of those that are running the total loss at the last evaluation, by pair index.
    """

    outcomes: tuple[Outcome, ...]
    rows: dict[int, ResultRow]
    running: tuple[int, ...]
    under_way: float
    evaluations: int
    slots: int
    stored_bytes: int = 0
    done: tuple[float, ...] = ()
    losses: Mapping[int, float] = field(default_factory=dict)
