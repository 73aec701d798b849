"""White noise that has a picture's mean colour and contrast, and nothing else of it."""

from __future__ import annotations

import numpy as np

from neckar.pipeline.photometry.recolour import colour_root


def noise_like(picture: np.ndarray, seed: int) -> np.ndarray:
    """Gaussian white noise with the mean and covariance of a picture's colours; grey for a grey one.

    Args:
        picture: (H, W, 3), levels 0-255.
        seed: of the noise.

    Returns:
        (H, W, 3) float64, levels 0-255, not clipped.
    """
    colours = picture.reshape(-1, 3).astype(np.float64)
    mean = colours.mean(0)
    if np.ptp(picture, axis=2).max() == 0.0:  # one field, so that the channels are equal bits
        field = np.random.default_rng(seed).standard_normal((*picture.shape[:2], 1))
        return np.repeat(mean[0] + colours[:, 0].std() * field, 3, axis=2)
    field = np.random.default_rng(seed).standard_normal(picture.shape)
    return np.asarray(mean + field @ colour_root(colours))
