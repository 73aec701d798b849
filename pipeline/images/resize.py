"""The one rule of geometry for every picture: antialiased, and nothing is squeezed unless that is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from neckar.pipeline.images.colour import MID_GREY
from neckar.pipeline.images.frame import Frame, Size
from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.fields import SIZE_MIN_PX, Crop, Fit, Resample

_FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def target_shape(height: int, width: int, size: Size) -> tuple[int, int]:
    """(height, width) after `resize`: the longest side becomes `size`, the other is rounded half up, at least 1."""
    if not isinstance(size, int):
        return size
    longest = max(height, width)

    def scaled(side: int) -> int:
        return max(1, (2 * side * size + longest) // (2 * longest))

    return scaled(height), scaled(width)


def resize(
    pixels: np.ndarray,
    size: Size,
    resample: Resample,
    *,
    fit: Fit = "crop",
    crop: Crop = "none",
    frame: Frame | None = None,
    name: str = "the picture",
) -> np.ndarray:
    """Pixels (H, W, 3) float32 0-255 in another size, smaller or larger.

    Pillow's filters on the sRGB values as they are, widened when shrinking so that nothing aliases; overshoot of the
    filter is clipped to 0-255, and nothing is rounded.

    Args:
        pixels: what `decode` returned.
        size: the longest side in px with the aspect kept, or exactly (height, width).
        resample: "lanczos", "bicubic" or "bilinear".
        fit: what becomes of another aspect than that of an exact size: the rest is cut off on both sides ("crop"),
            the picture is squeezed ("stretch"), or it lies whole on mid-grey ("pad").
        crop: what is cut off before: all but the square in the middle ("center_square"), or nothing ("none").
        frame: how the picture lies in `pixels` where they are already a smaller copy of it.
        name: for the message.

    Raises:
        PairError: `IMAGE_TOO_SMALL` where a side becomes shorter than the network can pool.
    """
    whole = Frame(*pixels.shape[:2])
    frame = frame or whole
    if crop == "center_square":
        frame = frame.middle_square()
    height, width = frame.height, frame.width
    new_height, new_width = target_shape(height, width, size)
    if min(new_height, new_width) < SIZE_MIN_PX:
        raise PairError(
            ErrorCode.IMAGE_TOO_SMALL,
            f"{name}: {width} x {height} px become {new_width} x {new_height} at size {size}, and the network needs"
            f" {SIZE_MIN_PX} px a side; raise settings.size or use a picture less narrow",
        )
    if frame == whole and (new_height, new_width) == pixels.shape[:2]:
        return pixels
    scales = new_height / height, new_width / width
    if isinstance(size, int) or fit == "stretch":
        return _resampled(pixels, frame, (new_height, new_width), resample)
    if fit == "crop":
        seen = scales[0] / max(scales), scales[1] / max(scales)
        return _resampled(pixels, frame, (new_height, new_width), resample, seen)
    inner = max(1, round(height * min(scales))), max(1, round(width * min(scales)))
    top, left = (new_height - inner[0]) // 2, (new_width - inner[1]) // 2
    padded = np.full((new_height, new_width, 3), MID_GREY, np.float32)
    padded[top : top + inner[0], left : left + inner[1]] = _resampled(pixels, frame, inner, resample)
    return padded


def _resampled(
    pixels: np.ndarray,
    frame: Frame,
    shape: tuple[int, int],
    resample: Resample,
    seen: tuple[float, float] = (1, 1),
) -> np.ndarray:
    """The middle of a picture, the parts `seen` of its height and width, in another shape."""
    height, width = frame.height / frame.cell, frame.width / frame.cell
    top, left = frame.top + height * (1 - seen[0]) / 2, frame.left + width * (1 - seen[1]) / 2
    bottom, right = top + height * seen[0], left + width * seen[1]
    box = max(0, left), max(0, top), min(right, pixels.shape[1]), min(bottom, pixels.shape[0])  # sums round
    resized = np.empty((*shape, 3), np.float32)
    for c in range(3):  # Pillow's float mode has one channel
        channel = Image.fromarray(np.ascontiguousarray(pixels[..., c]))
        resized[..., c] = np.asarray(channel.resize((shape[1], shape[0]), _FILTERS[resample], box=box))
    np.clip(resized, 0.0, 255.0, out=resized)
    return resized
