"""What the setting `color` does to a pair's pictures before the network sees them, and to the result after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neckar.pipeline.images.finish import seen
from neckar.pipeline.photometry.recolour import grey, grey_of_same_contrast, matched_colours, with_luma
from neckar.pipeline.worker.pictures import Picture
from neckar.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures of one pair, as far as it has them.

    Attributes:
        content, style: for the losses.
        start: of the optimisation; None is white noise.
    """

    content: Picture | None
    style: Picture | None
    start: Picture | None


def is_grey(settings: Settings) -> bool:
    """Whether the network sees three equal channels."""
    return settings.color in {"gray", "luminance"}


def coloured(inputs: Inputs, settings: Settings) -> Inputs:
    """The pictures as the network is to see them; where one of two is missing, there is nothing to match."""
    content, style, start = inputs.content, inputs.style, inputs.start
    if is_grey(settings):
        if settings.color == "luminance" and content and style:
            style = _after(style, content, grey_of_same_contrast)
        else:
            style = style and _as_grey(style)
        return Inputs(content and _as_grey(content), style, start and _as_grey(start))
    if content is None or style is None or settings.color == "rgb":
        return inputs
    if settings.color == "match_content":
        if settings.init == "style" and start is not None:
            start = _after(start, content, matched_colours)
        return Inputs(content, _after(style, content, matched_colours), start)
    if settings.init == "content" and start is not None:
        start = _after(start, style, matched_colours)
    return Inputs(_after(content, style, matched_colours), style, start)


def made(image: np.ndarray, content: Picture | None, settings: Settings) -> np.ndarray:
    """The result in its colours: (H, W, 3), levels 0-255, not clipped."""
    if settings.color == "luminance" and content is not None:
        return with_luma(content.pixels, image)
    return image


def as_the_network_sees(levels: np.ndarray, settings: Settings) -> np.ndarray:
    """A finished file's samples as (H, W, 3) float32, levels 0-255, for its losses."""
    picture = seen(levels, settings.transfer_function)
    return grey(picture) if settings.color == "luminance" else picture


def _as_grey(picture: Picture) -> Picture:
    return dataclasses.replace(picture, key=f"{picture.key}:grey", pixels=grey(picture.pixels))


def _after(picture: Picture, model: Picture, recolour: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Picture:
    """A picture recoloured after another one; its key names both."""
    pixels = recolour(picture.pixels, model.pixels)
    name = recolour.__name__
    return dataclasses.replace(picture, key=f"{picture.key}:{name}:{model.key}", pixels=pixels)
