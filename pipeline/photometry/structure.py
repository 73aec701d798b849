"""Structural similarity of two luma pictures: Wang et al. 2004 (SSIM), Wang et al. 2003 (MS-SSIM).

Gaussian window of sigma 1.5 over 11 x 11 px, population covariance, values 0-1.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

SIGMA, RADIUS = 1.5, 5  # px
C1, C2 = 0.01**2, 0.03**2  # of a range of 1
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents, finest first
MS_SIDE_MIN = (2 * RADIUS + 1) << (len(SCALES) - 1)  # 176 px: the window has to fit at the coarsest scale


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures (H, W) of 11 px a side at least."""
    luminance, structure = _terms(a, b)
    return float((luminance * structure).mean())


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Over five scales, each half the one before; None under 176 px. Negative structure counts as none."""
    if min(a.shape) < MS_SIDE_MIN:
        return None
    found = 1.0
    for scale, weight in enumerate(SCALES):
        luminance, structure = _terms(a, b)
        last = scale == len(SCALES) - 1
        term = float((luminance * structure).mean() if last else structure.mean())
        found *= max(term, 0.0) ** weight
        a, b = _halved(a), _halved(b)
    return found


def _terms(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The term of luminance, and that of contrast and structure, where the whole window fits."""
    mean_a, mean_b = _seen(a), _seen(b)
    var_a, var_b = _seen(a * a) - mean_a**2, _seen(b * b) - mean_b**2
    both = _seen(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * both + C2) / (var_a + var_b + C2)


def _seen(values: np.ndarray) -> np.ndarray:
    blurred = gaussian_filter(values, SIGMA, radius=RADIUS)
    return np.asarray(blurred[RADIUS:-RADIUS, RADIUS:-RADIUS])


def _halved(values: np.ndarray) -> np.ndarray:
    return np.asarray(uniform_filter(values, 2, origin=-1)[::2, ::2])
