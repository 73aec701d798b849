"""Rows of a file that do not count, as ranges: short, and readable, where they lie together."""

from __future__ import annotations

import numpy as np


def mask_of(rows: int, without: list[tuple[int, int]]) -> np.ndarray:
    """(rows,) bool: those that are in no range of `without`."""
    mask = np.ones(rows, dtype=bool)
    for start, stop in without:
        mask[start:stop] = False
    return mask


def ranges_of(mask: np.ndarray) -> list[tuple[int, int]]:
    """The inverse of `mask_of`: [first, behind the last] of the rows that are False."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], mask, [True]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
