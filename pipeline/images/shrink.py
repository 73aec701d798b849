"""Large pictures made smaller before their colours are converted: whole cells of samples become their mean."""

from __future__ import annotations

import dataclasses

import numpy as np

from neckar.pipeline.images.frame import Size
from neckar.pipeline.images.samples import Samples

LARGE_PX = 16_000_000  # from here on; whatever is smaller stays as it is to the last bit
GAP = 4  # times the px that are wanted: so much is left to the filter of the resize, and no eye sees the rest
_CELL_MAX = 255  # px a side: sums of 16 bits fit into 32


def least_side(height: int, width: int, size: Size | None) -> int | None:
    """What no side may go below, px, so that the resize has enough.

    None where the picture is to be decoded whole: it is not large, or nothing is said of what is wanted.
    """
    if size is None or height * width <= LARGE_PX:
        return None
    if isinstance(size, int):
        return -(-GAP * size * min(height, width) // max(height, width))
    return GAP * max(size)  # of a picture that may yet be turned


def shrunk(samples: Samples, least: int | None) -> Samples:
    """The picture with whole cells of k x k px averaged into one, deep samples; k the largest that leaves `least` px.

    A cell's colour is weighted by its opacity. The last row and column may be means of fewer px than the others.
    """
    height, width, _ = samples.values.shape
    k = 1 if least is None else min(min(height, width) // least, _CELL_MAX)
    if k < 2:
        return samples
    samples = dataclasses.replace(samples, cell=samples.cell * k)
    if samples.alpha is None:
        return dataclasses.replace(samples, values=_deep(_mean(samples.values, k), samples.values))
    if samples.premultiplied:
        alpha = _deep(_mean(samples.alpha[..., None], k), samples.alpha)[..., 0]
        return dataclasses.replace(samples, values=_deep(_mean(samples.values, k), samples.values), alpha=alpha)
    return _weighted(samples, samples.alpha, k)


def _weighted(samples: Samples, alpha: np.ndarray, k: int) -> Samples:
    """By opacity, a strip of cells at a time: products of 32 bits are four times the picture."""
    strips = []
    full = np.float32(np.iinfo(alpha.dtype).max)
    for top in range(0, alpha.shape[0], k):
        weight = alpha[top : top + k, :, None] / full
        opacity = _mean(weight, k)
        colour = _mean(samples.values[top : top + k] * weight, k) / np.maximum(opacity, 1e-6)
        strips.append((_deep(colour, samples.values), _deep(opacity * full, alpha)[..., 0]))
    values, opacities = (np.concatenate(parts) for parts in zip(*strips, strict=True))
    return dataclasses.replace(samples, values=values, alpha=opacities)


def _deep(mean: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Means on the scale of `like` as uint16 of full scale."""
    scale = np.float32(65535 / np.iinfo(like.dtype).max)
    return np.rint(np.minimum(mean * scale, 65535)).astype(np.uint16)


def _mean(values: np.ndarray, k: int) -> np.ndarray:
    """(ceil(H/k), ceil(W/k), C) float32; rows first, for they lie side by side in memory."""
    return _mean_along(_mean_along(values, k, 0), k, 1)


def _mean_along(values: np.ndarray, k: int, axis: int) -> np.ndarray:
    length = values.shape[axis]
    cells = -(-length // k)
    shape = list(values.shape)
    shape[axis] = cells
    sums = np.zeros(shape, np.uint32 if values.dtype.kind == "u" else np.float32)
    for offset in range(min(k, length)):
        part = values[offset::k] if axis == 0 else values[:, offset::k]
        target = sums[: part.shape[0]] if axis == 0 else sums[:, : part.shape[1]]
        np.add(target, part, out=target)
    counts = np.full(cells, k, np.float32)
    counts[-1] = length - (cells - 1) * k
    return np.asarray(sums / counts.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1)), np.float32)
