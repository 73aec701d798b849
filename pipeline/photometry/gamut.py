"""A colour picture with another luminance: its colours are kept as far as the display can show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neckar.pipeline.photometry.luminance import luminance


@dataclass(frozen=True, slots=True)
class Relit:
    """A picture with another luminance.

    Attributes:
        light: (H, W, 3) linear light, 0-1.
        chroma_kept: mean over the pixels of the share of their distance from grey that was kept, 0-1.
    """

    light: np.ndarray
    chroma_kept: float


def relit(light: np.ndarray, wanted: np.ndarray) -> Relit:
    """Give every pixel its wanted luminance Y'.

    Its colour is scaled by Y'/Y; what leaves 0-1 is moved towards grey at constant Y'. Black becomes grey, having no
    colour to keep.

    Args:
        light: (H, W, 3) linear light, 0-1.
        wanted: (H, W), Y', 0-1; what lies outside cannot be shown and is clipped first.
    """
    wanted = np.clip(wanted, 0.0, 1.0)
    y = luminance(light)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(y > 0.0, wanted / y, 0.0)
    chroma = light * ratio[..., None] - np.where(y > 0.0, wanted, 0.0)[..., None]  # distance from the grey of Y'
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(chroma > 0.0, (1.0 - wanted[..., None]) / chroma, np.inf)
        down = np.where(chroma < 0.0, wanted[..., None] / -chroma, np.inf)
    kept = np.minimum(np.minimum(up, down).min(axis=2), 1.0)
    made = np.clip(wanted[..., None] + kept[..., None] * chroma, 0.0, 1.0)
    coloured = np.abs(chroma).max(axis=2) > 0.0
    return Relit(np.asarray(made), float(kept[coloured].mean()) if coloured.any() else 1.0)
