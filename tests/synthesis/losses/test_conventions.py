from __future__ import annotations

import numpy as np
import pytest
import torch

from neckar.pipeline.synthesis.losses.batch import Targets
from neckar.pipeline.synthesis.losses.conventions import mean_squared_weights, ratios
from neckar.pipeline.synthesis.losses.table import CONTENT
from neckar.pipeline.synthesis.losses.table import STYLE as STYLE_LOSS
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.network.pictures import to_network
from neckar.pipeline.synthesis.network.vgg19 import SPECS, WIDTH, map_size
from neckar.pipeline.synthesis.task import Program, Task
from neckar.schemas.layers import LAYER_NAMES
from tests.synthesis.evaluated import evaluated

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def test_both_conventions_have_one_gradient_after_conversion(random_weights):
    """cw = alpha N_c M_c / 2, s_l = beta w_l / 4: the gradients are the same to rounding."""
    h = w = 32
    cpu = torch.device("cpu")
    rng = np.random.default_rng(3)
    x, p, a = (to_network(rng.uniform(0, 255, (h, w, 3)).astype(np.float32), cpu).double() for _ in range(3))
    network = Network(random_weights, [*STYLE, "conv4_2"], pooling="average", dtype=torch.float64, device=cpu)
    targets = Targets((CONTENT.targets(network, ("conv4_2",), p), STYLE_LOSS.targets(network, STYLE, a)))
    paper = Program(h, w, ("conv4_2",), STYLE, convention="gatys2015")
    later = Program(h, w, ("conv4_2",), STYLE, convention="gatys_pytorch")
    alpha, beta, w_l = 1e-3, 2.0, (0.2,) * 5
    (cw,), s = mean_squared_weights(paper, alpha, beta, w_l)
    M_c = map_size("conv4_2", h, w)[0] ** 2
    assert cw == pytest.approx(alpha * 512 * M_c / 2)
    assert s == pytest.approx([beta * 0.2 / 4] * 5)
    converted = tuple(s_l * WIDTH[layer] ** 2 / 1e3 for s_l, layer in zip(s, STYLE, strict=True))  # s_l = w_l 1e3/N^2

    def gradient(program: Program, alpha: float, beta: float, weights: tuple[float, ...]) -> torch.Tensor:
        asked = Task(key="k", program=program, content=None, style=None, alpha=alpha, beta=beta, style_weights=weights)
        return evaluated(network, program, x, [targets], [asked]).gradient

    torch.testing.assert_close(
        gradient(paper, alpha, beta, w_l), gradient(later, cw, 1.0, converted), rtol=1e-10, atol=1e-12
    )
    assert ratios(later, cw, 1.0, converted) == pytest.approx(ratios(paper, alpha, beta, w_l))
    assert ratios(paper, alpha, beta, w_l)[0] == pytest.approx(alpha / beta)


def test_the_authors_notebook_in_the_papers_terms():
    """Its defaults at 512 x 512 px: alpha/beta = 7.27e-7, beta w_l = 4000/N_l^2."""
    notebook = Program(512, 512, ("conv4_2",), STYLE, convention="gatys_pytorch")
    _, s = mean_squared_weights(notebook, 1.0, 1.0, (1.0,) * 5)
    assert [4 * s_l for s_l in s] == pytest.approx([0.9766, 0.2441, 0.06104, 0.01526, 0.01526], rel=1e-3)
    paper, _ = ratios(notebook, 1.0, 1.0, (1.0,) * 5)
    assert paper == pytest.approx(7.27e-7, rel=1e-3)


def test_one_image_has_no_ratio():
    assert ratios(Program(32, 32, ("conv4_2",), ()), 1.0, 0.0, ()) == (None, None)
    assert ratios(Program(32, 32, (), STYLE), 0.0, 1.0, (0.2,) * 5) == (None, None)


def test_layer_names_stand_in_two_places_and_agree():
    """The walls keep schemas and synthesis apart; this test keeps their names together."""
    assert tuple(spec.name for spec in SPECS) == LAYER_NAMES
