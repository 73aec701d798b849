"""The start of the optimisation: white noise, or a given picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neckar.pipeline.synthesis.task import Task
from neckar.pipeline.synthesis.vgg19 import VGG_MEAN_RGB


def to_network(picture: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, 3) RGB 0-255 as (1, 3, H, W) float32 minus the VGG mean."""
    centred = picture.astype(np.float32) - np.asarray(VGG_MEAN_RGB, np.float32)
    return torch.from_numpy(np.ascontiguousarray(centred.transpose(2, 0, 1)))[None].to(device)


def from_network(x: Tensor) -> np.ndarray:
    """(3, H, W) minus the VGG mean as (H, W, 3) RGB on the 0-255 scale, float32, not clipped."""
    mean = np.asarray(VGG_MEAN_RGB, np.float32)
    return np.ascontiguousarray(x.detach().float().cpu().numpy().transpose(1, 2, 0)) + mean


def white_noise(seed: int, sigma: float, height: int, width: int) -> np.ndarray:
    """Gaussian noise around the VGG mean, (height, width, 3) float32, not clipped.

    NumPy's PCG64 on the CPU: one seed gives one picture on every device and with every torch.
    """
    noise = np.random.default_rng(seed).standard_normal((height, width, 3), dtype=np.float32)
    return noise * np.float32(sigma) + np.asarray(VGG_MEAN_RGB, np.float32)


def start(task: Task, device: torch.device) -> Tensor:
    """x_0, (1, 3, H, W)."""
    program = task.program
    picture = (
        white_noise(task.seed, task.init_sigma, program.height, program.width)
        if isinstance(task.init, str)
        else task.init
    )
    return to_network(picture, device)
