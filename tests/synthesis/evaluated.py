"""One evaluation of the engine, in one call."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from neckar.pipeline.synthesis.losses.batch import Targets
from neckar.pipeline.synthesis.losses.objective import Evaluation, Objective
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.task import Program, Task


def evaluated(
    network: Network, program: Program, x: Tensor, targets: Sequence[Targets], tasks: Sequence[Task]
) -> Evaluation:
    """Losses and gradient at x."""
    objective = Objective(network, program)
    return objective.evaluate(x, objective.batch(targets, tasks))
