"""Colour taken out of a picture, or out of the style's way: what is done before synthesis, on sRGB values 0-255.

The two ways of Gatys et al. 2016, *Preserving color in neural artistic style transfer*: synthesis of the luma alone,
and a linear map of the colours.
"""

from __future__ import annotations

import numpy as np

from neckar.pipeline.photometry.luminance import luma

RIDGE = 0.65  # levels squared, added to every variance: pictures of few colours have no inverse


def grey(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) with its luma in all three channels, float32."""
    return np.repeat(luma(pixels.astype(np.float64))[..., None], 3, axis=2).astype(np.float32)


def grey_of_same_contrast(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The style's luma with the mean and standard deviation of the content's: Y' = (s_c / s_s)(Y - m_s) + m_c.

    Args:
        style: (H, W, 3), levels 0-255.
        content: likewise, of any size.

    Returns:
        (H, W, 3) float32, not clipped. A style of one level becomes the content's mean.
    """
    of_style, of_content = luma(style.astype(np.float64)), luma(content.astype(np.float64))
    deviation = of_style.std()
    gain = of_content.std() / deviation if deviation > 0.0 else 0.0
    matched = gain * (of_style - of_style.mean()) + of_content.mean()
    return np.repeat(matched[..., None], 3, axis=2).astype(np.float32)


def with_luma(content: np.ndarray, made: np.ndarray) -> np.ndarray:
    """The content's colours with the luma of what was made: R - Y and B - Y stay the content's.

    Args:
        content: (H, W, 3) levels 0-255.
        made: (H, W, 3), grey.

    Returns:
        (H, W, 3) float64, not clipped.
    """
    content = content.astype(np.float64)
    change = luma(made.astype(np.float64)) - luma(content)
    return np.asarray(content + change[..., None])


def matched_colours(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The source with the target's mean colour and covariance of colours.

    p' = T (p - m_s) + m_t, and of all T with T S_s T' = S_t the symmetric one, which moves the colours least:
    T = S_s^-1/2 (S_s^1/2 S_t S_s^1/2)^1/2 S_s^-1/2, with a ridge of 0.65 on both covariances.

    Args:
        source: (H, W, 3), levels 0-255.
        target: likewise, of any size.

    Returns:
        (H, W, 3) float32, not clipped.
    """
    own, wanted = source.reshape(-1, 3).astype(np.float64), target.reshape(-1, 3).astype(np.float64)
    root = _root(_covariance(own))
    inverse = np.linalg.inv(root)
    transport = inverse @ _root(root @ _covariance(wanted) @ root) @ inverse
    matched = (own - own.mean(0)) @ transport + wanted.mean(0)
    return np.asarray(matched.reshape(source.shape), np.float32)


def colour_root(colours: np.ndarray) -> np.ndarray:
    """The symmetric root (3, 3) of the covariance of colours (N, 3): it gives white noise their covariance."""
    centred = colours - colours.mean(0)
    return _root(centred.T @ centred / len(colours))


def _covariance(colours: np.ndarray) -> np.ndarray:
    centred = colours - colours.mean(0)
    return np.asarray(centred.T @ centred / len(colours) + RIDGE * np.eye(3))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Of a symmetric positive matrix, the symmetric root."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
