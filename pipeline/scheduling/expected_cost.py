"""What can be told of a pair before its pictures are read: with whom it shares a batch, and how long it takes."""

from __future__ import annotations

from collections.abc import Hashable

from neckar.schemas.pair import Pair


def program_of(pair: Pair) -> Hashable:
    """Equal for pairs that surely share a `Program`.

    Where only the longest side is given, the geometry hangs on the picture, so the picture stands for it; pairs of
    different pictures may still turn out to share one, and then the engine batches them.
    """
    settings = pair.settings
    canvas = None if isinstance(settings.size, tuple) else pair.content or pair.style
    return (
        settings.size,
        canvas,
        settings.content_layers if pair.content else (),
        settings.style_layer_names if pair.style else (),
        settings.pooling,
        settings.loss,
        settings.optimizer,
        settings.precision,
        settings.normalise_activations,
        settings.crop,
        settings.color in {"gray", "luminance"},
    )


def cost_of(pair: Pair) -> float:
    """Expected work in pixel evaluations; the picture is taken for square where its aspect is not known."""
    size = pair.settings.size
    height, width = size if isinstance(size, tuple) else (size, size)
    return float(height * width * (pair.settings.iterations if pair.settings.synthesised else 1))
