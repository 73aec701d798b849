"""The networks of all programs, each built once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..network.network import DTYPES, Network
from ..network.normalisation import normalised
from ..network.vgg19 import DEPTH
from ..network.weights import Weights
from ..task import Precision, Program

_Key = tuple[str, str, Precision, bool]  # deepest layer, pooling, precision, normalised


class Networks:
    """Programs that need the same layers, pooling, precision and weights share a network.

    Args:
        weights: of VGG-19.
        device: where the networks run.
        calibration: gives pictures (h, w, 3) RGB 0-255 for `normalised` programs, asked when the first one comes.
    """

    def __init__(self, weights: Weights, device: torch.device, calibration: Callable[[], Sequence[np.ndarray]]) -> None:
        self._weights = weights
        self._normalised: Weights | None = None
        self._device = device
        self._calibration = calibration
        self._built: dict[_Key, Network] = {}

    def of(self, program: Program, precision: Precision | None = None) -> Network:
        """The program's network, in its own precision or another one."""
        precision = precision or program.precision
        deepest = max((*program.content_layers, *program.style_layers), key=DEPTH.__getitem__)
        key = (deepest, program.pooling, precision, program.normalised)
        if key not in self._built:
            self._built[key] = Network(
                self._weights_for(program),
                [deepest],
                pooling=program.pooling,
                dtype=DTYPES[precision],
                device=self._device,
                tf32=precision == "tf32",
            )
        return self._built[key]

    def exact(self, program: Program) -> Network | None:
        """The float32 network that judges what tf32 or bfloat16 made; None where the program's own is one."""
        return self.of(program, "float32") if program.precision != "float32" else None

    def _weights_for(self, program: Program) -> Weights:
        if not program.normalised:
            return self._weights
        if self._normalised is None:
            self._normalised = normalised(self._weights, self._calibration())
        return self._normalised
