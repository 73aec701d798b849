"""Exact histogram specification: Willenbockel et al. 2010 (SHINE), `histMatch`, on luminance in linear light.

The target is the mean of the set's sorted luminances. Equal luminances are told apart by the mean of their
neighbourhood, 3 x 3, then 5 x 5, then by position.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import uniform_filter

NEIGHBOURHOODS = (3, 5)  # px


def target(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Mean sorted luminance (N,) of pictures (H, W) of one number of pixels.

    Raises:
        ValueError: they have different numbers of pixels, or there is none.
    """
    total: np.ndarray | None = None
    count = 0
    for y in pictures:
        ordered = np.sort(y, axis=None)
        if total is not None and total.shape != ordered.shape:
            raise ValueError(f"pictures of {total.size} and of {ordered.size} pixels have no mean histogram")
        total = ordered if total is None else total + ordered
        count += 1
    if total is None:
        raise ValueError("no picture")
    return np.asarray(total / count)


def matched(y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Y' (H, W): the picture's order, the wanted values.

    Args:
        y: (H, W).
        wanted: (H W,), sorted.
    """
    neighbours = [uniform_filter(y, size, mode="nearest").ravel() for size in NEIGHBOURHOODS]
    order = np.lexsort((*reversed(neighbours), y.ravel()))  # stable: the last tie goes by position
    made = np.empty(y.size)
    made[order] = wanted
    return made.reshape(y.shape)
