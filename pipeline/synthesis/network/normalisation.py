"""Filters rescaled so that each has mean activation 1 over a fixed set of pictures (Gatys et al. 2016, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .network import Network
from .pictures import to_network
from .vgg19 import SPECS
from .weights import Weights

SILENT = 1e-6  # mean activation under which a filter is left as it is


@torch.no_grad()
def normalised(weights: Weights, pictures: Sequence[np.ndarray]) -> Weights:
    """The same function up to a positive factor a filter, with every filter's mean activation 1.

    ReLU and average pooling commute with positive factors, so dividing filter i of layer l by its mean activation and
    multiplying the next layer's input i by it leaves all later responses as they were before their own rescaling.

    Args:
        weights: to rescale.
        pictures: (h, w, 3) RGB 0-255; the mean runs over all positions of all of them, in order.

    Raises:
        ValueError: without pictures.
    """
    if not pictures:
        raise ValueError("normalise_activations: needs calibration pictures, and none were given")
    network = Network(weights, [SPECS[-1].name], pooling="average", dtype=torch.float32, device=torch.device("cpu"))
    totals = {spec.name: torch.zeros(spec.outputs, dtype=torch.float64) for spec in SPECS}
    counts = dict.fromkeys(totals, 0)
    for picture in pictures:
        for name, F in network.respond(to_network(picture, network.device)).items():
            totals[name] += F.double().sum((0, 2, 3))
            counts[name] += F.shape[2] * F.shape[3]
    kernels, biases = dict(weights.kernels), dict(weights.biases)
    before = torch.ones(3)
    for spec in SPECS:
        mean = (totals[spec.name] / counts[spec.name]).float()
        mean = torch.where(mean > SILENT, mean, torch.ones_like(mean))
        kernels[spec.name] = kernels[spec.name] * before[None, :, None, None] / mean[:, None, None, None]
        biases[spec.name] = biases[spec.name] / mean
        before = mean
    return Weights(f"{weights.name} (normalised)", weights.sha256, kernels, biases)
