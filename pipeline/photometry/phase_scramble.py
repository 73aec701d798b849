"""A picture with its amplitude spectrum and random phases.

One field of phases is added to those of every channel, so the relations between channels stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neckar.pipeline.photometry.luminance import from_light, to_light

Space = Literal["encoded", "linear"]
Range = Literal["rescale", "clip"]


@dataclass(frozen=True, slots=True)
class Scrambled:
    """A scrambled picture.

    Attributes:
        image: (H, W, 3) float64, sRGB levels; within 0-255 but for `range: clip`, where the file clips.
        gain: of the contrast about each channel's mean, that kept it in the gamut; 1 where nothing was scaled.
    """

    image: np.ndarray
    gain: float


def phase_field(height: int, width: int, seed: int) -> np.ndarray:
    """Phases of a half plane, (height, width // 2 + 1) radians: those of the transform of white Gaussian noise.

    A real picture's transform is conjugate about 0; so is that of real noise. At the bins that are their own conjugate
    the phase is 0.
    """
    noise = np.random.default_rng(seed).standard_normal((height, width))
    field = np.angle(np.fft.rfft2(noise))
    rows = [0, height // 2] if height % 2 == 0 else [0]
    columns = [0, width // 2] if width % 2 == 0 else [0]
    field[np.ix_(rows, columns)] = 0.0
    return np.asarray(field)


def with_phases(channels: np.ndarray, field: np.ndarray, weight: float = 1.0) -> np.ndarray:
    """Every channel of (H, W, C) with `weight` times the field added to its phases."""
    height, width = channels.shape[:2]
    spectrum = np.fft.rfft2(channels, axes=(0, 1)) * np.exp(1j * weight * field)[..., None]
    return np.asarray(np.fft.irfft2(spectrum, (height, width), axes=(0, 1)))


def scrambled(
    image: np.ndarray, seed: int, *, space: Space = "encoded", limits: Range = "rescale", weight: float = 1.0
) -> Scrambled:
    """Scramble a picture's phases.

    Args:
        image: (H, W, 3), sRGB levels 0-255.
        seed: of the phases.
        space: whose amplitudes stay.
        limits: what becomes of values outside 0-1.
        weight: share of the random phases.
    """
    values = _in(space, image)
    height, width = image.shape[:2]
    made = with_phases(values, phase_field(height, width, seed), weight)
    gain = _gain(made) if limits == "rescale" else 1.0
    return Scrambled(_out(space, _about_mean(made, gain)), gain)


def at_gain(image: np.ndarray, gain: float, *, space: Space = "encoded") -> np.ndarray:
    """The picture with its contrast about each channel's mean scaled: what a scrambled one is compared with.

    Args:
        image: (H, W, 3), sRGB levels 0-255.
        gain: 0-1.
        space: in which it is scaled.
    """
    return _out(space, _about_mean(_in(space, image), gain))


def _in(space: Space, image: np.ndarray) -> np.ndarray:
    shares = image.astype(np.float64) / 255
    return to_light(shares) if space == "linear" else shares


def _out(space: Space, values: np.ndarray) -> np.ndarray:
    return np.asarray(255 * (from_light(values) if space == "linear" else values))


def _about_mean(values: np.ndarray, gain: float) -> np.ndarray:
    mean = values.mean((0, 1))
    return np.asarray(mean + gain * (values - mean))


def _gain(values: np.ndarray) -> float:
    """The largest that keeps all values within 0-1, no more than 1."""
    mean = values.mean((0, 1))
    above, below = values.max((0, 1)) - mean, mean - values.min((0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        most = np.concatenate([np.where(above > 0, (1 - mean) / above, 1.0), np.where(below > 0, mean / below, 1.0)])
    return float(np.clip(most.min(), 0.0, 1.0))
