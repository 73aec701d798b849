"""VGG-19's sixteen convolutions (Simonyan & Zisserman 2015, configuration E): names, widths, pools."""

from __future__ import annotations

from typing import NamedTuple

VGG_MEAN_RGB = (123.68, 116.779, 103.939)  # of the training images, on the 0-255 scale
SIDE_MIN_PX = 16  # four 2x2 pools lie before conv5_1


class ConvSpec(NamedTuple):
    """One 3x3 convolution, padding 1, followed by ReLU.

    Attributes:
        name: `conv<block>_<i>`.
        inputs: channels in.
        outputs: N_l, channels out.
        pooled: whether a 2x2 pool of stride 2 stands before it.
    """

    name: str
    inputs: int
    outputs: int
    pooled: bool


def _specs() -> tuple[ConvSpec, ...]:
    specs: list[ConvSpec] = []
    inputs = 3
    for block, (count, width) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)), start=1):
        for i in range(1, count + 1):
            specs.append(ConvSpec(f"conv{block}_{i}", inputs, width, pooled=block > 1 and i == 1))
            inputs = width
    return tuple(specs)


SPECS: tuple[ConvSpec, ...] = _specs()
DEPTH: dict[str, int] = {spec.name: depth for depth, spec in enumerate(SPECS)}
WIDTH: dict[str, int] = {spec.name: spec.outputs for spec in SPECS}


def map_size(layer: str, height: int, width: int) -> tuple[int, int]:
    """Height and width of the layer's feature map for an image of `height` x `width` px.

    Each pool halves and drops an odd last row or column.
    """
    for spec in SPECS[: DEPTH[layer] + 1]:
        if spec.pooled:
            height, width = height // 2, width // 2
    return height, width


def up_to(layers: tuple[str, ...]) -> tuple[ConvSpec, ...]:
    """The network cut after the deepest of `layers`: what lies behind it costs time and changes nothing."""
    return SPECS[: max(DEPTH[layer] for layer in layers) + 1]
