"""L-BFGS per image, step by step beside `torch.optim.LBFGS` on that image alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neckar.pipeline.synthesis.optimizers.lbfgs import LBFGS

N = 60


def problem(seed: int):
    """A smooth, non-quadratic function of N numbers with curvatures over three decades."""
    generator = torch.Generator().manual_seed(seed)
    Q, _ = torch.linalg.qr(torch.randn(N, N, generator=generator, dtype=torch.float64))
    A = Q @ torch.diag(torch.logspace(-2, 1, N, dtype=torch.float64)) @ Q.T
    b = torch.randn(N, generator=generator, dtype=torch.float64)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x @ A @ x + b @ x + 0.01 * (x**4).sum()

    return loss, 3 * torch.randn(N, generator=generator, dtype=torch.float64)


def gradient(loss, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(x), x)[0]


def torch_iterates(loss, x0: torch.Tensor, steps: int, history: int) -> list[torch.Tensor]:
    x = x0.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([x], lr=1, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss(x)
        value.backward()
        return value

    iterates = []
    for _ in range(steps):
        optimiser.step(closure)
        iterates.append(x.detach().clone())
    return iterates


@pytest.mark.parametrize("history", [3, 20])
def test_equals_torch_step_by_step_for_every_image_of_a_batch(history):
    problems = [problem(seed) for seed in range(3)]
    ours = LBFGS(3, N, history=history, dtype=torch.float64)
    x = torch.stack([x0 for _, x0 in problems])
    expected = [torch_iterates(loss, x0, 40, history) for loss, x0 in problems]
    for step in range(40):
        ours.advance(
            x, [0, 1, 2], torch.stack([gradient(loss, row) for (loss, _), row in zip(problems, x, strict=True)])
        )
        for row in range(3):
            torch.testing.assert_close(x[row], expected[row][step], rtol=1e-7, atol=1e-9)
    for (loss, x0), row in zip(problems, x, strict=True):
        assert gradient(loss, row).norm() < 1e-2 * gradient(loss, x0).norm()  # and it went somewhere


def test_slots_move_alone():
    """A slot that rests or restarts changes nothing in the others."""
    (loss_a, a0), (loss_b, b0) = problem(0), problem(1)
    together, alone = LBFGS(2, N, dtype=torch.float64), LBFGS(1, N, dtype=torch.float64)
    x, y = torch.stack([a0, b0]), a0[None].clone()
    for step in range(25):
        if step == 10:
            together.reset(1)
        slots = [0] if step % 3 == 0 else [0, 1]
        together.advance(x, slots, torch.stack([gradient((loss_a, loss_b)[slot], x[slot]) for slot in slots]))
        alone.advance(y, [0], gradient(loss_a, y[0])[None])
        assert torch.equal(x[0], y[0])


def test_a_preconditioner_is_a_change_of_variables():
    """K as first Hessian approximation equals plain L-BFGS in z = K^(-1/2) x."""
    loss, x0 = problem(4)
    root = torch.linspace(0.5, 2.0, N, dtype=torch.float64)
    ours = LBFGS(1, N, dtype=torch.float64, precondition=lambda g: g * root**2)
    plain = LBFGS(1, N, dtype=torch.float64)
    x, z = x0[None].clone(), (x0 / root)[None].clone()
    g = gradient(loss, x[0])
    ours.advance(x, [0], g[None])
    plain.advance(z, [0], (g * root)[None])
    # The length of the very first step, 1/|g|_1, is not invariant: give both the same one.
    plain._step[0] = (x - x0)[0] / root
    z = x / root
    for _ in range(15):
        g = gradient(loss, x[0])
        ours.advance(x, [0], g[None])
        plain.advance(z, [0], (gradient(loss, root * z[0]) * root)[None])
        np.testing.assert_allclose(x[0], root * z[0], rtol=1e-7, atol=1e-9)


def test_stays_where_the_gradient_is_zero():
    x = torch.ones(1, 4)
    LBFGS(1, 4).advance(x, [0], torch.zeros(1, 4))
    assert torch.equal(x, torch.ones(1, 4))
