"""Eq. 1-7: losses and gradients against autograd in float64, and against cases small enough for a sheet of paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neckar.pipeline.synthesis.losses.batch import Targets
from neckar.pipeline.synthesis.losses.table import CONTENT
from neckar.pipeline.synthesis.losses.table import STYLE as STYLE_LOSS
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.network.pictures import to_network
from neckar.pipeline.synthesis.task import Program, Task
from tests.synthesis.evaluated import evaluated
from tests.synthesis.referee import total_loss

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CPU = torch.device("cpu")


def task(program: Program, **changes) -> Task:
    given = {
        "key": "k",
        "program": program,
        "content": None,
        "style": None,
        "alpha": 1e-3,
        "beta": 1.0,
        "style_weights": tuple(0.1 * (i + 1) for i in range(len(program.style_layers))),
    }
    return Task(**(given | changes))


def pictures(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    shapes = (height, width), (height, width), (height + 5, width - 3)
    return tuple(rng.uniform(0, 255, (*shape, 3)).astype(np.float32) for shape in shapes)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("convention", ["gatys2015", "gatys_pytorch"])
@pytest.mark.parametrize(
    ("content", "style"), [(("conv4_2",), STYLE), (("conv2_2", "conv3_4"), ()), ((), ("conv1_2", "conv3_1"))]
)
@pytest.mark.parametrize("size", [(32, 32), (35, 50)])
def test_gradient_is_that_of_autograd(random_weights, pooling, convention, content, style, size):
    program = Program(*size, content, style, pooling=pooling, convention=convention)
    network = Network(random_weights, [*content, *style], pooling=pooling, dtype=torch.float64, device=CPU)
    x, p, a = (to_network(picture, CPU).double() for picture in pictures(*size))
    asked = task(program)
    targets = Targets((CONTENT.targets(network, content, p), STYLE_LOSS.targets(network, style, a)))
    ours = evaluated(network, program, x, [targets], [asked])

    x = x.requires_grad_()
    theirs = total_loss(
        random_weights,
        x,
        p if content else None,
        a if style else None,
        alpha=asked.alpha,
        beta=asked.beta,
        content_layers=content,
        w=dict(zip(style, asked.style_weights, strict=True)),
        convention=convention,
        pooling=pooling,
    )
    theirs["total"].backward()
    torch.testing.assert_close(ours.gradient, x.grad, rtol=1e-9, atol=1e-12 * float(x.grad.abs().max()))
    expected = [float(theirs[name].detach()) for name in ("total", "content", "style", *style)]
    np.testing.assert_allclose(ours.losses[0], expected, rtol=1e-9)


class OneLayer:
    """A network whose tape is given: F^l by hand, and the gradient that reaches it handed back."""

    dtype = torch.float64
    device = CPU

    def __init__(self, F: torch.Tensor, layer: str) -> None:
        self.tape = {layer: F.double().contiguous(memory_format=torch.channels_last)}

    def respond(self, x, *, layers=None):
        return self.tape

    def pull_back(self, tape, injected):
        (layer,) = tape
        (injection,) = injected[layer]
        alone = injection(None).clone()
        already = torch.ones_like(alone)
        torch.testing.assert_close(injection(already), alone + 1)  # what comes from deeper layers is added to
        return torch.where(tape[layer] > 0, alone, 0.0)


def test_content_by_hand():
    """Two positions, one filter is enough to see eq. 1 and 2: F = (3, 0), P = (1, 2)."""
    F = torch.tensor([[[[3.0, 0.0]]]])
    program = Program(1, 2, ("conv1_1",), ())
    found = evaluated(
        OneLayer(F, "conv1_1"),
        program,
        torch.zeros(1),
        [Targets(((torch.tensor([[1.0], [2.0]]).double(),), ()))],
        [task(program, alpha=2.0)],
    )
    assert found.losses[0, 1] == 0.5 * ((3 - 1) ** 2 + (0 - 2) ** 2)  # eq. 1
    assert found.losses[0, 0] == 2.0 * found.losses[0, 1]  # eq. 7
    assert found.gradient.flatten().tolist() == [2.0 * (3 - 1), 0.0]  # eq. 2: F - P, but 0 where F is not positive


def test_style_by_hand():
    """Two filters, two positions: G = F F^T, eq. 4 and 6 written out. conv1_1 has N = 64, the other filters silent."""
    F = torch.zeros(1, 64, 1, 2)
    F[0, 0] = torch.tensor([[1.0, 2.0]])
    F[0, 1] = torch.tensor([[3.0, 0.0]])
    A = torch.zeros(64, 64, dtype=torch.float64)
    A[0, 0] = 4.0
    program = Program(1, 2, (), ("conv1_1",))
    found = evaluated(
        OneLayer(F, "conv1_1"),
        program,
        torch.zeros(1),
        [Targets(((), (A / 2,)))],
        [task(program, beta=1.0, style_weights=(1.0,))],
    )
    N, M = 64, 2
    G = [[1 + 4, 3], [3, 9]]  # eq. 3
    squared = (G[0][0] - 4) ** 2 + 2 * G[0][1] ** 2 + G[1][1] ** 2
    assert found.losses[0, 3] == pytest.approx(squared / (4 * N**2 * M**2), rel=1e-14)  # eq. 4
    D = [[G[0][0] - 4, 3], [3, 9]]
    by_hand = [
        [D[0][0] * 1 + D[0][1] * 3, D[0][0] * 2 + D[0][1] * 0],
        [D[1][0] * 1 + D[1][1] * 3, 0.0],  # eq. 6: 0 where F is not positive, though D F is 6 there
    ]
    expected = torch.zeros(64, 2, dtype=torch.float64)
    expected[:2] = torch.tensor(by_hand, dtype=torch.float64) / (N**2 * M**2)
    torch.testing.assert_close(found.gradient[0, :, 0], expected, rtol=1e-14, atol=0)


def test_images_of_a_batch_keep_their_own_weights(random_weights):
    """Each image of a batch has the losses and the gradient it has alone: alpha, beta and w_l are per image."""
    program = Program(32, 32, ("conv2_1",), ("conv1_1", "conv2_2"))
    network = Network(random_weights, ["conv2_2"], pooling="average", dtype=torch.float32, device=CPU)
    x, p, a = (to_network(picture, CPU) for picture in pictures(32, 32))
    targets = Targets(
        (CONTENT.targets(network, ("conv2_1",), p), STYLE_LOSS.targets(network, ("conv1_1", "conv2_2"), a))
    )
    first = task(program)
    second = replace(first, alpha=7.0, beta=0.5, style_weights=(1.0, 0.25))
    batch = evaluated(network, program, torch.cat([x, x]), [targets, targets], [first, second])
    for row, asked in enumerate((first, second)):
        alone = evaluated(network, program, x, [targets], [asked])
        assert np.array_equal(alone.losses[0], batch.losses[row])
        assert torch.equal(alone.gradient[0], batch.gradient[row])
    assert not torch.equal(batch.gradient[0], batch.gradient[1])
