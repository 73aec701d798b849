"""VGG-19's 16 convolutions by name, in the order of the forward pass."""

from __future__ import annotations

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)  # Simonyan & Zisserman 2015, configuration E

LAYER_NAMES: tuple[str, ...] = tuple(
    f"conv{block}_{i}" for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, start=1) for i in range(1, count + 1)
)
