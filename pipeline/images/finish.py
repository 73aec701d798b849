"""From a finished picture's floats to the samples of its file, and back to what an observer sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neckar.pipeline.images.colour import MID_GREY
from neckar.pipeline.photometry.luminance import from_light, full_scale, to_light
from neckar.pipeline.photometry.window import circle
from neckar.schemas.fields import TransferFunction


@dataclass(frozen=True, slots=True)
class FileForm:
    """What the samples of a file mean.

    Attributes:
        bit_depth: 8 or 16.
        transfer: "srgb", or "linear": levels are proportional to light.
        ramp: of a round aperture, px; None without one.
        bake: whether the aperture is blended into mid-grey rather than kept as alpha.
    """

    bit_depth: Literal[8, 16] = 8
    transfer: TransferFunction = "srgb"
    ramp: float | None = None
    bake: bool = False

    def window(self, height: int, width: int) -> np.ndarray | None:
        """The aperture's weights (H, W), 0-1; None without one."""
        return None if self.ramp is None else circle(height, width, self.ramp)


@dataclass(frozen=True, slots=True)
class Finished:
    """The samples of one file, and of its copy.

    Attributes:
        levels: (H, W, 3) uint8 or uint16, or (H, W, 4) with an aperture in alpha.
        copy: the same picture in 8 bits, rounded from the floats; None where `levels` are 8 bits themselves.
        form: what the samples mean.
    """

    levels: np.ndarray
    copy: np.ndarray | None = None
    form: FileForm = FileForm()  # frozen


def finish(image: np.ndarray, form: FileForm = FileForm()) -> Finished:  # frozen
    """Clip, see through the aperture, encode and round half to even (truncation would darken).

    Args:
        image: (H, W, 3), sRGB levels 0-255.
        form: of the file.

    Raises:
        ValueError: not (H, W, 3), or not finite.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image has the shape (H, W, 3), not {image.shape}")
    if not np.isfinite(image).all():
        raise ValueError("the image has values that are not finite")
    if form == FileForm():
        return Finished(np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8))
    shares = np.clip(image, 0.0, 255.0).astype(np.float64) / 255
    window = form.window(*image.shape[:2])
    if window is not None and form.bake:
        shares = shares * window[..., None] + MID_GREY / 255 * (1 - window[..., None])
    if form.transfer == "linear":
        shares = to_light(shares)
    if window is not None and not form.bake:
        shares = np.concatenate([shares, window[..., None]], axis=2)
    eight = np.rint(shares * 255).astype(np.uint8)
    if form.bit_depth == 8:
        return Finished(eight, form=form)
    return Finished(np.rint(shares * 65535).astype(np.uint16), eight, form)


def seen(levels: np.ndarray, transfer: TransferFunction = "srgb") -> np.ndarray:
    """The samples of a file (H, W, 3 or 4) as sRGB levels 0-255, float32 (H, W, 3), without their alpha."""
    colours, full = levels[..., :3], full_scale(levels)
    if transfer == "linear":
        return (255 * from_light(colours / full)).astype(np.float32)
    return colours.astype(np.float32) / np.float32(full / 255)
