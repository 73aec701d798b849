"""Seeds from a cell's place in the design: no order of lines, styles or runs changes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping

BITS = 63  # an int64 column and torch's generator both end here


def coordinate_seed(base: int, coordinates: Mapping[str, str], shared: Collection[str] = ()) -> int:
    """The seed of a cell, 0 to 2^63 - 1.

    Args:
        base: the manifest's seed; another one gives another set.
        coordinates: factor to level, images and condition among them.
        shared: factors that do not count: cells that differ in them alone have one seed.
    """
    place = {factor: level for factor, level in coordinates.items() if factor not in shared}
    text = json.dumps([base, place], sort_keys=True, ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - BITS)
