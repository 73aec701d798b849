"""What the network sees in one picture, for measures beside the losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..network.network import Network
from ..task import Program
from .gram import gram, positions


@dataclass(frozen=True, slots=True)
class Representation:
    """Of one picture, in the layers of a program.

    Attributes:
        grams: of the style layers, G / M (eq. 3 over the number of positions), (N, N) float32.
        responses: of the content layers, F, flattened, float32.
    """

    grams: Mapping[str, np.ndarray]
    responses: Mapping[str, np.ndarray]


def representation(network: Network, program: Program, x: Tensor) -> Representation:
    """Of one picture x, (1, 3, H, W).

    Args:
        network: deep enough for the program.
        program: its layers.
        x: RGB on the 0-255 scale minus the VGG mean.
    """
    tape = network.respond(x, layers={*program.style_layers, *program.content_layers})
    grams = {}
    for layer in program.style_layers:
        F = positions(tape[layer])
        grams[layer] = (gram(F)[0] / F.shape[1]).float().cpu().numpy()
    responses = {layer: tape[layer][0].float().contiguous().cpu().numpy().ravel() for layer in program.content_layers}
    return Representation(grams, responses)
