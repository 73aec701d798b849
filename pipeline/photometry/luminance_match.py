"""Mean and standard deviation of luminance, given: Willenbockel et al. 2010 (SHINE), `lumMatch`, in linear light.

Y' = (Y - m) / s * S + M, with the population's divisor N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neckar.pipeline.photometry.gamut import relit
from neckar.pipeline.photometry.luminance import from_light, luminance, to_light


@dataclass(frozen=True, slots=True)
class Moments:
    """Of one picture's luminance.

    Attributes:
        mean, deviation: m and s.
        least, most: the extremes.
    """

    mean: float
    deviation: float
    least: float
    most: float

    @staticmethod
    def of(y: np.ndarray, weights: np.ndarray | None = None) -> Moments:
        """Of (H, W), weighted by an aperture's window (H, W) where there is one; the extremes are of what it shows."""
        mean = float(np.average(y, weights=weights))
        deviation = float(np.sqrt(np.average((y - mean) ** 2, weights=weights)))
        shown = y if weights is None else y[weights > 0.0]
        return Moments(mean, deviation, float(shown.min()), float(shown.max()))

    @property
    def below(self) -> float:
        """z_l = (m - min) / s; 0 of a constant picture."""
        return (self.mean - self.least) / self.deviation if self.deviation > 0.0 else 0.0

    @property
    def above(self) -> float:
        """z_h = (max - m) / s."""
        return (self.most - self.mean) / self.deviation if self.deviation > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """What the luminance of every picture is to have: M and S."""

    mean: float
    deviation: float


def target(
    pictures: Sequence[Moments], *, mean: float | None = None, deviation: float | None = None, safe: bool = False
) -> Target:
    """M and S for a set: the means of m and s, unless given.

    Args:
        pictures: of the set.
        mean: M, where it is given.
        deviation: S, where it is given.
        safe: lower S, and without a given M move M, so that no pixel of the set leaves 0-1.
    """
    M = float(np.mean([one.mean for one in pictures])) if mean is None else mean
    S = float(np.mean([one.deviation for one in pictures])) if deviation is None else deviation
    if not safe:
        return Target(M, S)
    below, above = max(one.below for one in pictures), max(one.above for one in pictures)
    if mean is not None:
        limits = [M / below] * (below > 0.0) + [(1.0 - M) / above] * (above > 0.0)
        return Target(M, min([S, *limits]))
    if below + above > 0.0:
        S = min(S, 1.0 / (below + above))
    return Target(float(np.clip(M, S * below, 1.0 - S * above)), S)


def matched(y: np.ndarray, wanted: Target, weights: np.ndarray | None = None) -> np.ndarray:
    """Y' (H, W) of a picture's luminance, not clipped; a constant picture has no contrast to scale and becomes M."""
    own = Moments.of(y, weights)
    gain = wanted.deviation / own.deviation if own.deviation > 0.0 else 0.0
    return np.asarray((y - own.mean) * gain + wanted.mean)


@dataclass(frozen=True, slots=True)
class Matched:
    """A colour picture with a matched luminance.

    Attributes:
        image: (H, W, 3), sRGB levels 0-255.
        chroma_kept: see `gamut.Relit`.
    """

    image: np.ndarray
    chroma_kept: float


def with_luminance_of(picture: np.ndarray, model: np.ndarray) -> Matched:
    """A picture with the mean and, as far as no pixel leaves the gamut, the standard deviation of another's luminance.

    Args:
        picture: (H, W, 3), sRGB levels 0-255.
        model: likewise, of any size.
    """
    light = to_light(picture.astype(np.float64) / 255)
    y, of_model = luminance(light), Moments.of(luminance(to_light(model.astype(np.float64) / 255)))
    wanted = target([Moments.of(y)], mean=of_model.mean, deviation=of_model.deviation, safe=True)
    made = relit(light, matched(y, wanted))
    return Matched(255 * from_light(made.light), made.chroma_kept)
