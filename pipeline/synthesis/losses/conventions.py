"""The two conventions in which alpha, beta and the losses have been written, and the way between them.

gatys2015 is the paper: L_content = 1/2 sum (F-P)^2 (eq. 1), E_l = 1/(4 N^2) sum (G/M - A/M_a)^2 (eq. 4, for images
of different sizes). gatys_pytorch is the author's later code: mean (F-P)^2, and 1e3/N^2 mean (G/M - A/M_a)^2 a layer.
"""

from __future__ import annotations

from ..network.vgg19 import WIDTH, map_size
from ..task import Convention, Program


def content_factor(convention: Convention, N: int, M: int) -> float:
    """The k in L_content = k sum (F - P)^2."""
    return 0.5 if convention == "gatys2015" else 1.0 / (N * M)


def style_factor(convention: Convention, N: int) -> float:
    """The k in E_l = k sum (G/M - A/M_a)^2."""
    return 1.0 / (4 * N**2) if convention == "gatys2015" else 1e3 / N**4


def mean_squared_weights(
    program: Program, alpha: float, beta: float, style_weights: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The weights of the mean squared errors: L = sum_c cw_c mean (F-P)^2 + sum_l s_l mean (G/M - A/M_a)^2.

    For gatys2015 these are cw = alpha N_c M_c / 2 and s_l = beta w_l / 4. Both conventions have one gradient if and
    only if these weights are equal.
    """
    content = []
    for layer in program.content_layers:
        h, w = map_size(layer, program.height, program.width)
        N, M = WIDTH[layer], h * w
        content.append(alpha * content_factor(program.convention, N, M) * N * M)
    style = [
        beta * w_l * style_factor(program.convention, WIDTH[layer]) * WIDTH[layer] ** 2
        for layer, w_l in zip(program.style_layers, style_weights, strict=True)
    ]
    return tuple(content), tuple(style)


def ratios(
    program: Program, alpha: float, beta: float, style_weights: tuple[float, ...]
) -> tuple[float | None, float | None]:
    """The balance of content and style as the paper and as the author's later code would write it.

    Returns:
        alpha / sum_l (beta w_l) in gatys2015, which is alpha/beta for weights that sum to 1; and cw / sum_l s_l, the
        content weight over the summed style weights of the mean squared errors. Content layers are averaged.
        (None, None) where one of the images is missing or has no weight.
    """
    content, style = mean_squared_weights(program, alpha, beta, style_weights)
    if not content or sum(style) == 0.0:
        return None, None
    pytorch = sum(content) / len(content) / sum(style)
    sizes = [map_size(layer, program.height, program.width) for layer in program.content_layers]
    alphas = [
        2 * cw / (WIDTH[layer] * h * w)
        for cw, layer, (h, w) in zip(content, program.content_layers, sizes, strict=True)
    ]
    paper = sum(alphas) / len(alphas) / (4 * sum(style))
    return paper, pytorch
