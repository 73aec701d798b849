"""Whether a picture copies another one: the best normalised cross-correlation of its crops, at any place of the other.

Zero-mean NCC of square crops of side s, taken every s / 2 px. High values alone prove nothing (unrelated pictures reach
.86 at 32 px): they are read beside those of the other picture with itself, and with unrelated ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import fft

SIDES = (32, 64, 128)  # px
FLAT = 1e-6  # a standard deviation of luma, 0-1: a crop or window below it has no structure to compare
TOGETHER = 16  # crops transformed at a time


class Searched:
    """A picture in which crops are looked for; its transforms are made once.

    Args:
        luma: (H, W), 0-1.
    """

    def __init__(self, luma: np.ndarray) -> None:
        self.luma = luma.astype(np.float32)
        self._centred = self.luma - self.luma.mean()
        self.shape = self.luma.shape
        self._transforms: dict[tuple[int, int], np.ndarray] = {}
        self._deviations: dict[int, np.ndarray] = {}

    def transform(self, shape: tuple[int, int]) -> np.ndarray:
        """Of the picture, padded to a shape."""
        if shape not in self._transforms:
            self._transforms[shape] = fft.rfft2(self._centred, shape)
        return self._transforms[shape]

    def deviations(self, side: int) -> np.ndarray:
        """Root of the sum of squared deviations in every window of this side, (H - s + 1, W - s + 1); 0 where flat."""
        if side not in self._deviations:
            y = self._centred.astype(np.float64)
            first, second = _windows(y, side), _windows(y * y, side)
            variance = second - first * first / side**2
            variance[variance < side**2 * FLAT**2] = 0.0
            self._deviations[side] = np.sqrt(variance).astype(np.float32)
        return self._deviations[side]


def crops(luma: np.ndarray, side: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Every crop of the side, every half side: its row, its column, its pixels."""
    height, width = luma.shape
    for top in range(0, height - side + 1, side // 2):
        for left in range(0, width - side + 1, side // 2):
            yield top, left, luma[top : top + side, left : left + side]


def best_match(luma: np.ndarray, searched: Searched, side: int, *, elsewhere: bool = False) -> float | None:
    """The largest NCC of any crop of a picture with any window of another, -1 to 1.

    Args:
        luma: (H, W), 0-1, whose crops are taken.
        searched: where they are looked for.
        side: of the crops, px.
        elsewhere: leave out windows that overlap the crop's own place: for a picture with itself.

    Returns:
        None where a crop does not fit into both, or nothing has structure.
    """
    if side > min(*luma.shape, *searched.shape):
        return None
    shape = (fft.next_fast_len(searched.shape[0], real=True), fft.next_fast_len(searched.shape[1], real=True))
    transform, deviations = searched.transform(shape), searched.deviations(side)
    rows, columns = deviations.shape
    with np.errstate(divide="ignore"):
        weight = np.where(deviations > 0.0, 1.0 / deviations, 0.0).astype(np.float32)
    best = -np.inf
    for places, templates in _templates(luma.astype(np.float32), side):
        correlated = fft.irfft2(transform * fft.rfft2(templates, shape).conj(), shape)[:, :rows, :columns] * weight
        if elsewhere:
            for (top, left), one in zip(places, correlated, strict=True):
                one[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -np.inf
        best = max(best, float(correlated[:, deviations > 0.0].max(initial=-np.inf)))
    return min(best, 1.0) if np.isfinite(best) else None


def _templates(luma: np.ndarray, side: int) -> Iterator[tuple[list[tuple[int, int]], np.ndarray]]:
    """Crops without their mean, of norm 1, some at a time; flat ones are left out."""
    places: list[tuple[int, int]] = []
    held: list[np.ndarray] = []
    for top, left, crop in crops(luma, side):
        centred = crop - crop.mean()
        norm = float(np.sqrt((centred.astype(np.float64) ** 2).sum()))
        if norm >= side * FLAT:
            places.append((top, left))
            held.append(centred / np.float32(norm))
        if len(held) == TOGETHER:
            yield places, np.stack(held)
            places, held = [], []
    if held:
        yield places, np.stack(held)


def _windows(values: np.ndarray, side: int) -> np.ndarray:
    """Sums over every window of this side."""
    sums = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return np.asarray(sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side])
