"""The start of the optimisation: white noise, or a given picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..network.pictures import to_network
from ..network.vgg19 import VGG_MEAN_RGB
from ..task import Task

LUMA = (0.299, 0.587, 0.114)  # of RGB as encoded (ITU-R BT.601)


def white_noise(seed: int, sigma: float, height: int, width: int) -> np.ndarray:
    """Gaussian noise around the VGG mean, (height, width, 3) float32, not clipped.

    NumPy's PCG64 on the CPU: one seed gives one picture on every device and with every torch.
    """
    noise = np.random.default_rng(seed).standard_normal((height, width, 3), dtype=np.float32)
    return noise * np.float32(sigma) + np.asarray(VGG_MEAN_RGB, np.float32)


def grey_noise(seed: int, sigma: float, height: int, width: int) -> np.ndarray:
    """As `white_noise`, one field for all channels, around the luma of the VGG mean."""
    field = np.random.default_rng(seed).standard_normal((height, width, 1), dtype=np.float32)
    mean = np.float32(np.dot(LUMA, VGG_MEAN_RGB))
    return np.repeat(field * np.float32(sigma) + mean, 3, axis=2)


def start(task: Task, device: torch.device) -> Tensor:
    """x_0, (1, 3, H, W)."""
    program = task.program
    if not isinstance(task.init, str):
        return to_network(task.init, device)
    noise = grey_noise if program.grey else white_noise
    return to_network(noise(task.seed, task.init_sigma, program.height, program.width), device)
