"""The one rule of geometry for content and style: antialiased, aspect kept unless both sides are given."""

from __future__ import annotations

import numpy as np
from PIL import Image

from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.fields import SIZE_MIN_PX, Resample

_FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def target_shape(height: int, width: int, size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) after `resize`: the longest side becomes `size`, the other is rounded half up, at least 1."""
    if not isinstance(size, int):
        return size
    longest = max(height, width)

    def scaled(side: int) -> int:
        return max(1, (2 * side * size + longest) // (2 * longest))

    return scaled(height), scaled(width)


def resize(
    pixels: np.ndarray, size: int | tuple[int, int], resample: Resample, *, name: str = "the picture"
) -> np.ndarray:
    """Pixels (H, W, 3) float32 0-255 in another size, smaller or larger.

    Pillow's filters on the sRGB values as they are, widened when shrinking so that nothing aliases; overshoot of the
    filter is clipped to 0-255, and nothing is rounded.

    Args:
        pixels: what `decode` returned.
        size: the longest side in px with the aspect kept, or exactly (height, width).
        resample: "lanczos", "bicubic" or "bilinear".
        name: for the message.

    Raises:
        PairError: `IMAGE_TOO_SMALL` where a side becomes shorter than the network can pool.
    """
    height, width, _ = pixels.shape
    new_height, new_width = target_shape(height, width, size)
    if min(new_height, new_width) < SIZE_MIN_PX:
        raise PairError(
            ErrorCode.IMAGE_TOO_SMALL,
            f"{name}: {width} x {height} px become {new_width} x {new_height} at size {size}, and the network needs"
            f" {SIZE_MIN_PX} px a side; raise settings.size or use a picture less narrow",
        )
    if (new_height, new_width) == (height, width):
        return pixels
    resized = np.empty((new_height, new_width, 3), np.float32)
    for c in range(3):  # Pillow's float mode has one channel
        channel = Image.fromarray(np.ascontiguousarray(pixels[..., c]))
        resized[..., c] = np.asarray(channel.resize((new_width, new_height), _FILTERS[resample]))
    np.clip(resized, 0.0, 255.0, out=resized)
    return resized
