"""From a picture's pixels to the numbers that the network takes, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .vgg19 import VGG_MEAN_RGB


def to_network(picture: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, 3) RGB 0-255 as (1, 3, H, W) float32 minus the VGG mean."""
    centred = picture.astype(np.float32) - np.asarray(VGG_MEAN_RGB, np.float32)
    return torch.from_numpy(np.ascontiguousarray(centred.transpose(2, 0, 1)))[None].to(device)


def from_network(x: Tensor, *, grey: bool = False) -> np.ndarray:
    """(3, H, W) minus the VGG mean as (H, W, 3) RGB on the 0-255 scale, float32, not clipped.

    With `grey` the channels, which then differ by rounding alone, become equal bits.
    """
    mean = np.asarray(VGG_MEAN_RGB, np.float32)
    picture = np.ascontiguousarray(x.detach().float().cpu().numpy().transpose(1, 2, 0)) + mean
    return np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2) if grey else picture
