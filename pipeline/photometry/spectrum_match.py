"""Spatial frequencies given: Willenbockel et al. 2010 (SHINE), `sfMatch` and `specMatch`, on luminance in linear light.

`sf` gives every annulus of spatial frequency the set's mean amplitude and keeps orientations; `spec` gives every
frequency the set's mean amplitude. Phases stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=4)
def annuli(height: int, width: int) -> np.ndarray:
    """Spatial frequency of every bin of the whole plane, rounded to whole cycles per short side: (height, width)."""
    short = min(height, width)
    rows, columns = np.fft.fftfreq(height)[:, None] * short, np.fft.fftfreq(width)[None, :] * short
    return np.asarray(np.rint(np.hypot(rows, columns)), np.intp)


def annular_amplitude(amplitude: np.ndarray) -> np.ndarray:
    """Mean amplitude by annulus, (K,), of an amplitude spectrum (H, W)."""
    where = annuli(*_shape(amplitude))
    counts = np.bincount(where.ravel())
    return np.asarray(np.bincount(where.ravel(), amplitude.ravel()) / np.maximum(counts, 1))


def amplitude_of(y: np.ndarray) -> np.ndarray:
    """|F| of a picture (H, W)."""
    return np.asarray(np.abs(np.fft.fft2(y)))


def mean_amplitude(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """The set's mean amplitude spectrum (H, W).

    Raises:
        ValueError: pictures of different sizes, or none.
    """
    total: np.ndarray | None = None
    count = 0
    for y in pictures:
        if total is not None and total.shape != y.shape:
            raise ValueError(f"pictures of {total.shape} and of {y.shape} px have no mean spectrum")
        total = amplitude_of(y) if total is None else total + amplitude_of(y)
        count += 1
    if total is None:
        raise ValueError("no picture")
    return np.asarray(total / count)


def frequencies_matched(y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Y' (H, W) with the wanted mean amplitude in every annulus: F t(r) / a(r), 0 beyond the short side's Nyquist.

    Args:
        y: (H, W).
        wanted: t, (K,) as `annular_amplitude`.
    """
    spectrum = np.fft.fft2(y)
    own = annular_amplitude(np.abs(spectrum))
    gain = np.divide(wanted, own, out=np.zeros_like(own), where=own > 0.0)
    gain[min(y.shape) // 2 + 1 :] = 0.0
    return np.asarray(np.fft.ifft2(spectrum * gain[annuli(*_shape(y))]).real)


def spectrum_matched(y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Y' (H, W) with the wanted amplitude spectrum (H, W) and its own phases."""
    spectrum = np.fft.fft2(y)
    mirrored = np.roll(spectrum[::-1, ::-1], (1, 1), (0, 1)).conj()  # equal but for rounding, which is all of a zero
    return np.asarray(np.fft.ifft2(wanted * np.exp(1j * np.angle(spectrum + mirrored))).real)


def _shape(plane: np.ndarray) -> tuple[int, int]:
    height, width = plane.shape
    return height, width
