"""Crops of the pictures of one trial: from places that do not overlap, so that no pixel is compared with itself."""

from __future__ import annotations

import random
from collections.abc import Sequence

from neckar.pipeline.trials.stimulus import Crop, Stimulus
from neckar.schemas.errors import UserError


def crops_of(shown: Sequence[Stimulus], side: int, picks: random.Random) -> tuple[Crop, ...]:
    """A crop of each picture, no two of them at overlapping places.

    Raises:
        UserError: a crop is larger than half the picture, or there are too few places.
    """
    height, width = min(one.height for one in shown), min(one.width for one in shown)
    if 2 * side > min(height, width):
        told = f"crops of {side} px are larger than half of {shown[0].id} ({width} x {height} px)"
        raise UserError.at("trials.crop", f"{told}; make them {min(height, width) // 2} px or smaller")
    down, right = picks.randint(0, height % side), picks.randint(0, width % side)
    places = [
        Crop(right + column * side, down + row * side, side)
        for row in range(height // side)
        for column in range(width // side)
    ]
    return tuple(picks.sample(places, len(shown)))
