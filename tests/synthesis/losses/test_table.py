"""A third loss is an implementation of the contract and a line in the table: nothing else has to know of it."""

from __future__ import annotations

import numpy as np
import torch

from neckar.pipeline.synthesis.losses.batch import Targets
from neckar.pipeline.synthesis.losses.gram import positions
from neckar.pipeline.synthesis.losses.layer_loss import LayerLoss, Term, as_maps
from neckar.pipeline.synthesis.losses.objective import Objective
from neckar.pipeline.synthesis.losses.table import CONTENT, LOSSES, STYLE
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.task import Program, Task
from tests.synthesis.referee import responses

CPU = torch.device("cpu")
SHARE = 0.25  # its weight in L


class MeanLoss(LayerLoss):
    """1/2 |m - m_a|^2 of the filters' mean responses, at the style layers."""

    name = "mean"

    def layers(self, program):
        return program.style_layers

    def picture(self, task):
        return task.style, task.style_key

    def target(self, F):
        return F[0].mean(0)

    def factor(self, program, layer, task):
        return SHARE

    def term(self, program, layer, response, target, factor):
        F = positions(response)
        difference = F.mean(1) - target
        gradient = (factor * difference[:, None] / F.shape[1]).expand_as(F).contiguous()

        def add(g):
            own = as_maps(gradient, response)
            return own if g is None else g.add_(own)

        return Term(layer, difference.square().sum(1) / 2, add)

    def total(self, task, values):
        return float(values.sum())

    def weight(self, task):
        return SHARE


def test_the_table_is_eq_7():
    assert LOSSES == (CONTENT, STYLE)
    assert [loss.name for loss in LOSSES] == ["content", "style"]


def test_a_third_loss_joins_value_and_gradient(random_weights):
    rng = np.random.default_rng(3)
    x, p, a = (torch.from_numpy(rng.normal(0, 60, (1, 3, 24, 32))) for _ in range(3))
    program = Program(24, 32, ("conv2_2",), ("conv1_1", "conv2_1"))
    task = Task(key="", program=program, content=None, style=None, alpha=1e-3, beta=2.0, style_weights=(0.5, 0.5))
    network = Network(random_weights, ["conv2_2"], pooling="average", dtype=torch.float64, device=CPU)
    results = []
    for losses in (LOSSES, (*LOSSES, MeanLoss())):
        pictures = {"content": p, "style": a, "mean": a}
        targets = Targets(tuple(loss.targets(network, loss.layers(program), pictures[loss.name]) for loss in losses))
        objective = Objective(network, program, losses)
        results.append(objective.evaluate(x, objective.batch([targets], [task])))
    assert objective.columns == ("total", "content", "style", "mean", "conv1_1", "conv2_1")

    x.requires_grad_()
    F, A = (responses(random_weights, t) for t in (x, a))
    theirs = sum((F[layer].mean(1) - A[layer].mean(1)).square().sum() / 2 for layer in program.style_layers)
    (SHARE * theirs).backward()
    two, three = results
    np.testing.assert_allclose(three.losses[0, 3], float(theirs.detach()), rtol=1e-9)
    np.testing.assert_allclose(three.losses[0, 0], two.losses[0, 0] + SHARE * float(theirs.detach()), rtol=1e-12)
    np.testing.assert_array_equal(np.delete(three.losses[0], [0, 3]), two.losses[0, 1:])
    torch.testing.assert_close(three.gradient - two.gradient, x.grad, rtol=1e-6, atol=1e-9 * float(x.grad.abs().max()))
