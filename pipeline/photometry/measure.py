"""What a picture's file shows, measured: luminance, contrast, clipping, spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neckar.pipeline.photometry.luminance import full_scale, light_of, luma, luminance
from neckar.pipeline.photometry.spectrum import spectrum
from neckar.schemas.fields import TransferFunction

PERCENTILES = (1.0, 99.0)  # of Michelson's contrast: the extremes themselves saturate
FLAT = 1e-9  # a standard deviation of luminance below it is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Photometry:
    """Statistics of one picture, with the population's divisor N; None where a number does not exist.

    Luminance Y is relative, 0-1: .2126 R + .7152 G + .0722 B of linear light. Luma is .299 R + .587 G + .114 B of the
    file's values 0-1.

    Attributes:
        lum_mean: mean Y.
        rms_contrast: std(Y) / mean(Y).
        luma_mean, luma_rms: the same of luma.
        michelson: (p99 - p1) / (p99 + p1) of Y.
        lum_skew, lum_kurtosis: of Y; kurtosis in excess of the normal's.
        clip_low, clip_high: share of samples at 0 and at full scale.
        amp_slope: see `spectrum.spectrum`.
        orient_000, orient_045, orient_090, orient_135: shares of power by the angle of the wave vector.
    """

    lum_mean: float
    rms_contrast: float | None
    luma_mean: float
    luma_rms: float | None
    michelson: float | None
    lum_skew: float | None
    lum_kurtosis: float | None
    clip_low: float
    clip_high: float
    amp_slope: float | None
    orient_000: float | None
    orient_045: float | None
    orient_090: float | None
    orient_135: float | None


def photometry(
    levels: np.ndarray, *, transfer: TransferFunction = "srgb", weights: np.ndarray | None = None
) -> Photometry:
    """Measure a decoded file.

    Args:
        levels: (H, W, 3) uint8 or uint16, as in the file.
        transfer: of the file: with "linear" its values are light already.
        weights: (H, W) of an aperture, 0-1, not all 0; None weighs all pixels alike.

    Raises:
        TypeError: neither uint8 nor uint16.
    """
    scale = full_scale(levels)
    w = np.ones(levels.shape[:2]) if weights is None else np.asarray(weights, np.float64)
    w = w / w.sum()
    y = luminance(light_of(levels, transfer))
    mean, deviation, std = _moments(y, w)
    coded_mean, _, coded_std = _moments(luma(levels / scale), w)
    low, high = (_percentile(y, None if weights is None else w, q) for q in PERCENTILES)
    flat = std <= FLAT
    found = spectrum(deviation if weights is None else deviation * w / w.max())
    shares = found.orientations if found.orientations is not None and not flat else (None,) * 4
    return Photometry(
        lum_mean=mean,
        rms_contrast=_over(std, mean),
        luma_mean=coded_mean,
        luma_rms=_over(coded_std, coded_mean),
        michelson=_over(high - low, high + low),
        lum_skew=None if flat else _sum(w, deviation**3) / std**3,
        lum_kurtosis=None if flat else _sum(w, deviation**4) / std**4 - 3.0,
        clip_low=_share(levels == 0, w),
        clip_high=_share(levels == scale, w),
        amp_slope=None if flat else found.slope,
        orient_000=shares[0],
        orient_045=shares[1],
        orient_090=shares[2],
        orient_135=shares[3],
    )


def _moments(values: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Weighted mean, deviations from it, and their root mean square."""
    mean = _sum(w, values)
    deviation = values - mean
    return mean, deviation, float(np.sqrt(_sum(w, deviation**2)))


def _sum(w: np.ndarray, values: np.ndarray) -> float:
    return float(np.sum(w * values))


def _share(where: np.ndarray, w: np.ndarray) -> float:
    return _sum(w, where.mean(axis=2))


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole > 0.0 else None


def _percentile(values: np.ndarray, w: np.ndarray | None, q: float) -> float:
    """Linear between samples; weighted, the least value with so much of the weight at or below it."""
    if w is None:
        return float(np.percentile(values, q))
    seen = w > 0.0
    return float(np.percentile(values[seen], q, weights=w[seen], method="inverted_cdf"))
