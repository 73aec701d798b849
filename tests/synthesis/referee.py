"""The paper's equations once more, in plain torch with autograd: the referee of the engine's analytic gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as nn
from torch import Tensor

from neckar.pipeline.synthesis.network.vgg19 import SPECS
from neckar.pipeline.synthesis.network.weights import Weights


def responses(weights: Weights, x: Tensor, pooling: str = "average") -> dict[str, Tensor]:
    """F^l of every layer as (N, M), for one image (1, 3, H, W)."""
    F = {}
    for spec in SPECS:
        if spec.pooled:
            if min(x.shape[2:]) < 2:
                break
            x = nn.avg_pool2d(x, 2) if pooling == "average" else nn.max_pool2d(x, 2)
        x = torch.relu(
            nn.conv2d(x, weights.kernels[spec.name].to(x.dtype), weights.biases[spec.name].to(x.dtype), padding=1)
        )
        F[spec.name] = x[0].reshape(x.shape[1], -1)
    return F


def total_loss(  # noqa: PLR0913 - the formula's own letters
    weights: Weights,
    x: Tensor,
    content: Tensor | None,
    style: Tensor | None,
    *,
    alpha: float,
    beta: float,
    content_layers: Sequence[str],
    w: Mapping[str, float],
    convention: str = "gatys2015",
    pooling: str = "average",
) -> dict[str, Tensor]:
    """Eq. 7 and its parts for one image; `E` holds the layers' E_l by name."""
    F = responses(weights, x, pooling)
    L_content = x.new_zeros(())
    if content is not None:
        P = responses(weights, content, pooling)
        for layer in content_layers:
            squared = (F[layer] - P[layer].detach()) ** 2
            L_content = L_content + (0.5 * squared.sum() if convention == "gatys2015" else squared.mean())
    E = {}
    if style is not None:
        S = responses(weights, style, pooling)
        for layer in w:
            (N, M), M_a = F[layer].shape, S[layer].shape[1]
            G, A = F[layer] @ F[layer].T, (S[layer] @ S[layer].T).detach()
            squared = (G / M - A / M_a) ** 2
            E[layer] = squared.sum() / (4 * N**2) if convention == "gatys2015" else 1e3 / N**2 * squared.mean()
    L_style = sum((w[layer] * E_l for layer, E_l in E.items()), x.new_zeros(()))
    return {"total": alpha * L_content + beta * L_style, "content": L_content, "style": L_style, **E}
