"""The controls of a stimulus set: pictures that no network makes, on the same way in and out as all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neckar.pipeline.photometry.luminance_match import with_luminance_of
from neckar.pipeline.photometry.noise import noise_like
from neckar.pipeline.photometry.phase_scramble import at_gain, scrambled
from neckar.pipeline.worker.colours import Inputs
from neckar.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Control:
    """A control, made.

    Attributes:
        image: (H, W, 3), sRGB levels 0-255, not clipped.
        rescale_gain: of the contrast of a scrambled picture; None where nothing was scrambled.
        chroma_kept: share of the colour that the gamut left; None where the luminance was not changed.
    """

    image: np.ndarray
    rescale_gain: float | None = None
    chroma_kept: float | None = None


def control(inputs: Inputs, settings: Settings) -> Control:
    """Make the control that `settings.condition` names.

    Args:
        inputs: its pictures, in the colours of the setting `color`.
        settings: of the pair; its seed is that of noise and phases.
    """
    assert inputs.content is not None, "every control has a content"
    content = inputs.content.pixels
    scramble = settings.scramble
    match settings.condition:
        case "noise":
            return Control(noise_like(content, settings.seed))
        case "phase_scrambled" | "original_at_scramble_gain":
            made = scrambled(
                content, settings.seed, space=scramble.space, limits=scramble.range, weight=scramble.weight
            )
            if settings.condition == "phase_scrambled":
                return Control(made.image, made.gain)
            return Control(at_gain(content, made.gain, space=scramble.space), made.gain)
        case "luminance_matched_original":
            assert inputs.style is not None, "the manifest refuses it without a style"
            matched = with_luminance_of(content, inputs.style.pixels)
            return Control(matched.image, chroma_kept=matched.chroma_kept)
        case "original" | "external":
            return Control(content)
    raise AssertionError(f"{settings.condition} is synthesised")
