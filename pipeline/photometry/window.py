"""The round window of an aperture."""

from __future__ import annotations

import numpy as np


def circle(height: int, width: int, ramp: float) -> np.ndarray:
    """A circle around the middle, R half the short side: (height, width) float64, 0-1.

    1 inside R - ramp, then 1/2 (1 + cos(pi (r - R + ramp) / ramp)), 0 from R on. r is that of the pixels' centres.

    Args:
        height: px.
        width: px.
        ramp: width of the edge, px; more than R begins it at the middle.
    """
    radius = min(height, width) / 2
    ramp = min(ramp, radius)
    y, x = np.arange(height) + 0.5 - height / 2, np.arange(width) + 0.5 - width / 2
    r = np.hypot(y[:, None], x[None, :])
    if ramp == 0.0:
        return np.asarray(r < radius, np.float64)
    return np.asarray(0.5 * (1 + np.cos(np.pi * np.clip((r - radius + ramp) / ramp, 0.0, 1.0))))
