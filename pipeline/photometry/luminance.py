"""Levels of a file to light, and light to luminance: the two transfer functions and the two weighted sums in use."""

from __future__ import annotations

import numpy as np

from neckar.schemas.fields import TransferFunction

LUMINANCE = np.array((0.2126, 0.7152, 0.0722))  # of linear light, BT.709
LUMA = np.array((0.299, 0.587, 0.114))  # of encoded values, BT.601

_TOE, _SLOPE, _OFFSET, _POWER = 0.04045, 12.92, 0.055, 2.4  # IEC 61966-2-1


def to_light(encoded: np.ndarray) -> np.ndarray:
    """sRGB values 0-1 as linear light 0-1 (IEC 61966-2-1), any shape, float64."""
    encoded = np.asarray(encoded, np.float64)
    curve = ((np.maximum(encoded, _TOE) + _OFFSET) / (1 + _OFFSET)) ** _POWER
    return np.where(encoded <= _TOE, encoded / _SLOPE, curve)


def from_light(light: np.ndarray) -> np.ndarray:
    """The inverse of `to_light`."""
    light = np.asarray(light, np.float64)
    toe = _TOE / _SLOPE
    curve = (1 + _OFFSET) * np.maximum(light, toe) ** (1 / _POWER) - _OFFSET
    return np.where(light <= toe, light * _SLOPE, curve)


def full_scale(levels: np.ndarray) -> int:
    """The greatest level of a file's samples: 255 or 65535.

    Raises:
        TypeError: neither uint8 nor uint16.
    """
    if levels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"a file's samples are uint8 or uint16, not {levels.dtype}")
    return int(np.iinfo(levels.dtype).max)


def light_of(levels: np.ndarray, transfer: TransferFunction = "srgb") -> np.ndarray:
    """A file's samples (any shape, uint8 or uint16) as linear light 0-1, float64."""
    values = np.arange(full_scale(levels) + 1) / full_scale(levels)
    table = values if transfer == "linear" else to_light(values)
    return np.asarray(table[levels])


def luminance(light: np.ndarray) -> np.ndarray:
    """Y = .2126 R + .7152 G + .0722 B of linear light (H, W, 3): (H, W)."""
    return np.asarray(light @ LUMINANCE)


def luma(encoded: np.ndarray) -> np.ndarray:
    """Y = .299 R + .587 G + .114 B of encoded values (H, W, 3): (H, W), on their scale."""
    return np.asarray(encoded @ LUMA)
