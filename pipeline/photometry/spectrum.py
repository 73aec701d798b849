"""The amplitude spectrum of a luminance picture: by spatial frequency, and by orientation.

Frequencies are in cycles per short side of the picture. The angle of a wave vector is counted counterclockwise as the
picture is seen: 0 is horizontal (vertical stripes), 90 vertical.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ORIENTATIONS = (0, 45, 90, 135)  # degrees, each +- 22.5


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the two-dimensional amplitude spectrum says.

    Attributes:
        slope: of log10 amplitude over log10 frequency; None where the band has fewer than two annuli, or no amplitude.
        orientations: share of the band's power in each of `ORIENTATIONS`; None where there is no power.
    """

    slope: float | None
    orientations: tuple[float, ...] | None


@dataclass(frozen=True)
class _Plane:
    """The frequencies of one shape, of the half plane that a real transform has.

    Attributes:
        window: Hann, (H, W).
        annulus: (H, W // 2 + 1) int, rounded cycles per short side.
        sector: (H, W // 2 + 1) int, index into `ORIENTATIONS`.
        twice: (H, W // 2 + 1), how many bins of the whole plane each stands for.
        band: annuli of the slope, first and last.
    """

    window: np.ndarray
    annulus: np.ndarray
    sector: np.ndarray
    twice: np.ndarray
    band: tuple[int, int]


@lru_cache(maxsize=8)
def _plane(height: int, width: int) -> _Plane:
    short = min(height, width)
    rows, columns = np.fft.fftfreq(height)[:, None] * short, np.fft.rfftfreq(width)[None, :] * short
    annulus = np.rint(np.hypot(rows, columns)).astype(np.intp)
    angle = np.degrees(np.arctan2(-rows, columns)) % 180.0
    sector = (np.floor((angle + 22.5) / 45.0).astype(np.intp)) % len(ORIENTATIONS)
    twice = np.full((height, width // 2 + 1), 2.0)
    twice[:, 0] = 1.0
    if width % 2 == 0:
        twice[:, -1] = 1.0
    window = np.outer(_hann(height), _hann(width))
    return _Plane(window, annulus, sector, twice, (max(4, short // 32), short // 4))


def _hann(length: int) -> np.ndarray:
    """Periodic, as a transform wants it."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def spectrum(deviation: np.ndarray) -> Spectrum:
    """Slope and orientations of a picture without its mean.

    The mean |FFT| of integer annuli k under a Hann window; the slope is that of the least squares of log10 amplitude on
    log10 k for k = max(4, n // 32) ... n // 4, n the short side; the orientations are of the power in that band.

    Args:
        deviation: (H, W) float64, luminance minus its mean.
    """
    plane = _plane(*deviation.shape)
    amplitude = np.abs(np.fft.rfft2(deviation * plane.window))
    first, last = plane.band
    inside = (plane.annulus >= first) & (plane.annulus <= last)
    annulus, weight, seen = plane.annulus[inside], plane.twice[inside], amplitude[inside]
    counts = np.bincount(annulus, weight, last + 1)[first:]
    means = np.bincount(annulus, weight * seen, last + 1)[first:] / np.maximum(counts, 1.0)
    power = np.bincount(plane.sector[inside], weight * seen**2, len(ORIENTATIONS))
    total = float(power.sum())
    return Spectrum(
        _slope(np.arange(first, last + 1), means),
        tuple(float(part) / total for part in power) if total > 0.0 else None,
    )


def _slope(frequencies: np.ndarray, amplitudes: np.ndarray) -> float | None:
    if len(frequencies) < 2 or not (amplitudes > 0.0).all():
        return None
    x, y = np.log10(frequencies), np.log10(amplitudes)
    x -= x.mean()
    return float((x @ (y - y.mean())) / (x @ x))
