"""Stimuli that all but equal each other: 64-bit perceptual hashes (pHash) that differ in few bits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from PIL import Image
from scipy.fft import dct

BITS = 64
NEAR = 4  # bits: two encodings of one picture differ in 0 to 2, exemplars of one texture in 20 or more
_SIDE, _LOW = 32, 8  # px of the picture that is transformed, and frequencies of it that are kept
_PIECES = NEAR + 1  # two hashes within NEAR bits agree in one of so many pieces at least


def phash(levels: np.ndarray) -> int:
    """Of a picture (H, W, 3) of 8 bits: signs of its lowest cosines about their median, first row first."""
    small = Image.fromarray(levels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    cosines = dct(dct(np.asarray(small, np.float64), axis=0), axis=1)[:_LOW, :_LOW]
    bits = (cosines > np.median(cosines)).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def near_duplicates(hashes: Mapping[str, int]) -> dict[str, list[str]]:
    """Ids by id of the stimuli within `NEAR` bits; those that have none are left out.

    Args:
        hashes: of all stimuli, by id.
    """
    width = -(-BITS // _PIECES)
    together: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, value in hashes.items():
        for piece in range(_PIECES):
            together[piece, (value >> (piece * width)) & ((1 << width) - 1)].append(name)
    found: dict[str, set[str]] = defaultdict(set)
    for names in together.values():
        values = np.array([hashes[name] for name in names], np.uint64)
        for i, name in enumerate(names[:-1]):
            distance = np.bitwise_count(values[i + 1 :] ^ values[i])
            for j in np.flatnonzero(distance <= NEAR):
                other = names[i + 1 + int(j)]
                found[name].add(other)
                found[other].add(name)
    return {name: sorted(others) for name, others in sorted(found.items())}
