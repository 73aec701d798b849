"""The slot engine: images of one program optimised together, each slot refilled as soon as its image is done."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as nn
from torch import Tensor

from ..kernels.compiled import ALIGNED
from ..losses.batch import Batch, Targets
from ..losses.objective import Objective, as_losses
from ..network.network import Network
from ..network.pictures import from_network
from ..optimizers.adam import Adam
from ..optimizers.history import kept
from ..optimizers.lbfgs import LBFGS, Steps
from ..optimizers.preconditioner import FourierPreconditioner
from ..task import Failure, Losses, Program, Solution, Task
from .replay import ReplayedObjective
from .start import start

WINDOW = 20  # evaluations over which `tolerance` looks at the loss
FIRST_STEP = 1.0  # root mean square of the change, levels of 0-255; torch's 1/|g|_1 changes no pixel visibly
LONGEST_STEP = 10.0  # likewise; without a line search a bad curvature estimate would throw the image far out
STRETCH = 3.0  # of L-BFGS's first Hessian approximation; at 3.5 single images oscillate, see docs/benchmarks.md
IMPROVED = 1e-4  # of the start's loss: a result that gained less is the start, as far as an observer sees
LADDER = ("", "+restart", "+adam")  # what is tried after a loss or gradient that is not finite


@dataclass
class _Occupant:
    """The image in a slot.

    Attributes:
        task: what is wanted.
        targets: of the network that evaluates it.
        exact: of the float32 network that judges it at the end; None where that is the same one.
        best: row of x with the lowest finite loss so far.
        best_row: losses at `best`.
        rung: of the ladder.
        scale: power of two that brings the gradients of this start to about 1; None until there is one.
        snapshots: of the evaluations asked for so far.
    """

    task: Task
    targets: Targets
    exact: Targets | None
    best: Tensor
    best_row: np.ndarray | None = None
    rung: int = 0
    scale: float | None = None
    trace: list[np.ndarray] = field(default_factory=list)
    snapshots: list[tuple[int, np.ndarray]] = field(default_factory=list)
    started_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class _Ended:
    """An image that is made, and why it ended."""

    occupant: _Occupant
    reason: str


class SlotEngine:
    """S slots for images of one program.

    Images do not know each other: each has its own targets, weights, optimiser state and end. An image's bits are the
    same in every slot and with any batch mates.

    With bfloat16 the trace is the rounded network's, and the losses of the result are those that the float32 network
    has at the same image; they differ by some parts in a thousand.

    Args:
        network: deep enough for the program.
        program: what all images share.
        slots: S >= 1.
        exact: the float32 network that judges the results, if the network is another one.
        graphs: whether CUDA may record evaluations; no other device does.

    Raises:
        RecordingFailed: from `step`: the device is not to be used from this process any more.
    """

    def __init__(
        self, network: Network, program: Program, slots: int, *, exact: Network | None = None, graphs: bool = True
    ) -> None:
        assert slots >= 1
        self.program = program
        self.evaluations = 0  # of all images
        self._objective = _objective(network, program, graphs=graphs)
        self._exact = Objective(exact, program) if exact is not None else None
        self._shape = (3, program.height, program.width)
        self._n = 3 * program.height * program.width
        n = -(-self._n // ALIGNED) * ALIGNED  # kernels take so many, and BLAS rounds differently off a 64-byte line
        self._dtype = torch.promote_types(network.dtype, torch.float32)
        self._device = network.device
        self._x = torch.zeros(slots, n, dtype=self._dtype, device=self._device)
        self._occupants: list[_Occupant | None] = [None] * slots
        self._batch: Batch | None = None  # of the occupants; None after one has come or gone
        self._lbfgs = (
            LBFGS(
                slots,
                n,
                dtype=self._dtype,
                kept=kept(network.dtype, network.device),
                device=self._device,
                precondition=FourierPreconditioner(
                    program.height, program.width, device=self._device, dtype=self._dtype
                ),
                steps=Steps(FIRST_STEP * self._n**0.5, LONGEST_STEP * self._n**0.5, STRETCH),
            )
            if program.optimizer == "lbfgs"
            else None
        )
        self._adam: Adam | None = None  # made when the program or the ladder asks for it

    @property
    def free(self) -> int:
        """Slots without an image."""
        return sum(occupant is None for occupant in self._occupants)

    @property
    def busy(self) -> int:
        """Slots with an image."""
        return len(self._occupants) - self.free

    @property
    def running(self) -> dict[str, float]:
        """The tasks in the slots, with the fraction of their evaluations that is done."""
        return {o.task.key: len(o.trace) / o.task.iterations for o in self._occupants if o is not None}

    @property
    def last_losses(self) -> dict[str, float]:
        """The tasks in the slots that have had an evaluation, with the total loss of the last one."""
        return {o.task.key: float(o.trace[-1][0]) for o in self._occupants if o is not None and o.trace}

    @property
    def remaining(self) -> int:
        """Evaluations that the images in the slots may still take."""
        return sum(o.task.iterations - len(o.trace) for o in self._occupants if o is not None)

    def admit(self, task: Task, targets: Targets, exact: Targets | None = None) -> None:
        """Put a task into a free slot; it starts with the next step.

        Args:
            task: of the engine's program.
            targets: through its network.
            exact: through its float32 network, if it has one.
        """
        assert task.program == self.program
        assert (exact is None) == (self._exact is None)
        slot = self._occupants.index(None)
        self._x[slot, : self._n] = start(task, self._device).reshape(-1).to(self._dtype)
        self._occupy(slot, _Occupant(task, targets, exact, best=self._x[slot].clone()))
        if self._lbfgs is not None:
            self._lbfgs.reset(slot)
        if self._adam is not None:
            self._adam.reset(slot)

    @property
    def tasks(self) -> list[Task]:
        """The tasks in the slots."""
        return [occupant.task for occupant in self._occupants if occupant is not None]

    def evict(self, key: str) -> bool:
        """Empty the slot of this task; False if it is in none."""
        for slot, occupant in enumerate(self._occupants):
            if occupant is not None and occupant.task.key == key:
                self._occupy(slot, None)
                return True
        return False

    def _occupy(self, slot: int, occupant: _Occupant | None) -> None:
        self._occupants[slot] = occupant
        self._batch = None

    @torch.no_grad()
    def step(self) -> list[Solution | Failure]:
        """One evaluation of loss and gradient for every occupied slot, and one step of each optimiser.

        Returns:
            The images that ended with it; their slots are free again.
        """
        busy = [(slot, occupant) for slot, occupant in enumerate(self._occupants) if occupant is not None]
        if not busy:
            return []
        x = self._x if len(busy) == len(self._occupants) else self._x[[slot for slot, _ in busy]]
        occupants = [occupant for _, occupant in busy]
        last = np.array([len(o.trace) + 1 >= o.task.iterations for o in occupants])  # their gradients lead nowhere
        losses, gradient = self._evaluate(x, occupants, way_back=not last.all())
        largest = np.ones(len(busy))
        if gradient is not None:
            largest[~last] = _largest(gradient)[~last]
        # x is looked at too, for oneDNN's fused ReLU turns NaN into 0.
        finite = np.isfinite(losses).all(1) & np.isfinite(largest) & np.isfinite(_largest(x))
        ended: list[tuple[int, _Ended | Failure]] = []
        moving: list[int] = []
        for row, (slot, occupant) in enumerate(busy):
            end: _Ended | Failure | None
            if finite[row]:
                end = self._judge(slot, occupant, losses[row], stationary=largest[row] == 0.0)
            else:
                end = self._climb(slot, occupant, losses[row])
            if end is not None:
                ended.append((slot, end))
            elif finite[row]:  # one that has just climbed is evaluated again before it moves
                moving.append(row)
        if gradient is not None:
            self._scale(gradient, occupants, largest)
            self._move([(row, *busy[row]) for row in moving], gradient)
        failures = [end for _, end in ended if isinstance(end, Failure)]
        answers: list[Solution | Failure] = [
            *failures,
            *self._solutions([end for _, end in ended if isinstance(end, _Ended)]),
        ]
        for slot, _ in ended:  # not before its answer exists: memory may run out on the way
            self._occupy(slot, None)
        return answers

    def _evaluate(self, x: Tensor, occupants: list[_Occupant], *, way_back: bool) -> tuple[np.ndarray, Tensor | None]:
        """Losses, float64 (B, columns), and with a way back the gradient, padded as x is (B, n)."""
        if self._batch is None:
            self._batch = self._objective.batch([o.targets for o in occupants], [o.task for o in occupants])
        self.evaluations += len(x)
        if not way_back:
            return self._objective.judge(self._images(x), self._batch), None
        found = self._objective.evaluate(self._images(x), self._batch)
        gradient = found.gradient
        if self.program.grey:
            red, green, blue = gradient.unbind(1)
            gradient = ((red + green + blue) / 3)[:, None].expand_as(gradient).contiguous()
        gradient = gradient.view(len(x), -1)
        if self._n < x.shape[1]:
            gradient = nn.pad(gradient, (0, x.shape[1] - self._n))
        return found.losses, gradient

    def _judge(self, slot: int, occupant: _Occupant, losses: np.ndarray, *, stationary: bool) -> _Ended | None:
        """Take a finite evaluation into the record; the end of this image, or None if it goes on."""
        task, trace = occupant.task, occupant.trace
        trace.append(losses)
        if len(trace) in task.snapshots:
            image = from_network(self._images(self._x[slot][None])[0], grey=self.program.grey)
            occupant.snapshots.append((len(trace), image))
        if occupant.best_row is None or losses[0] < occupant.best_row[0]:
            occupant.best_row = losses
            occupant.best.copy_(self._x[slot])
        if stationary:
            return _Ended(occupant, "stationary")
        if _is_flat(occupant):
            return _Ended(occupant, "tolerance")
        if len(trace) >= task.iterations:
            return _Ended(occupant, "iterations")
        return None

    def _climb(self, slot: int, occupant: _Occupant, losses: np.ndarray) -> _Ended | Failure | None:
        """After an evaluation that is not finite: back to the best iterate, with an empty history, then with Adam."""
        task = occupant.task
        occupant.trace.append(losses)
        if occupant.best_row is None:
            return Failure(task.key, "non_finite_loss", "the loss or its gradient is not finite at the start")
        if occupant.rung + 1 == len(LADDER) or self._lbfgs is None:
            return _Ended(occupant, "non_finite")
        if len(occupant.trace) >= task.iterations:
            return _Ended(occupant, "iterations")
        occupant.rung += 1
        occupant.scale = None
        self._x[slot] = occupant.best
        self._lbfgs.reset(slot)
        return None

    @staticmethod
    def _scale(gradient: Tensor, occupants: Sequence[_Occupant], largest: np.ndarray) -> None:
        """Bring every image's gradients to about 1, in place: the unit of the loss changes no step.

        By a power of two, which rounds nothing, and the same one until the image starts anew. So the optimisers' own
        constants mean the same whatever alpha and beta are, and no square of a gradient leaves the range of float32.
        """
        for occupant, most in zip(occupants, largest, strict=True):
            if occupant.scale is None and 0.0 < most < np.inf:
                occupant.scale = 2.0 ** -math.frexp(most)[1]
        scales = [1.0 if occupant.scale is None else occupant.scale for occupant in occupants]
        gradient *= torch.tensor(scales, dtype=gradient.dtype, device=gradient.device)[:, None]

    def _move(self, moving: list[tuple[int, int, _Occupant]], gradient: Tensor) -> None:
        """One step of each image's own optimiser."""
        last = len(LADDER) - 1
        by_lbfgs = [(row, slot) for row, slot, o in moving if self._lbfgs is not None and o.rung < last]
        by_adam = [(row, slot, o) for row, slot, o in moving if self._lbfgs is None or o.rung == last]
        if by_lbfgs:
            assert self._lbfgs is not None
            rows = [row for row, _ in by_lbfgs]
            chosen = gradient if rows == list(range(len(gradient))) else gradient[rows]
            self._lbfgs.advance(self._x, [slot for _, slot in by_lbfgs], chosen)
        if by_adam:
            if self._adam is None:
                self._adam = Adam(len(self._occupants), self._x.shape[1], dtype=self._dtype, device=self._device)
            rates = [o.task.learning_rate for _, _, o in by_adam]
            self._adam.advance(
                self._x, [slot for _, slot, _ in by_adam], gradient[[row for row, _, _ in by_adam]], rates
            )

    def _images(self, rows: Tensor) -> Tensor:
        """Rows of x as (B, 3, H, W), without their padding."""
        return rows[:, : self._n].reshape(-1, *self._shape)

    def _solutions(self, ended: Sequence[_Ended]) -> list[Solution]:
        return [
            Solution(
                key=end.occupant.task.key,
                image=from_network(self._images(end.occupant.best[None])[0], grey=self.program.grey),
                losses=losses,
                iterations=len(end.occupant.trace),
                stop_reason=end.reason + LADDER[end.occupant.rung] + _told_of_no_improvement(end.occupant),
                trace_columns=self._objective.columns,
                trace=np.asarray(end.occupant.trace, np.float32),
                started_at=end.occupant.started_at,
                finished_at=time.time(),
                snapshots=tuple(end.occupant.snapshots),
            )
            for end, losses in zip(ended, self._judged([end.occupant for end in ended]), strict=True)
        ]

    def _judged(self, occupants: Sequence[_Occupant]) -> list[Losses]:
        """Losses at the best images, in float32 or better."""
        if self._exact is None or not occupants:
            return [as_losses(o.best_row) for o in occupants if o.best_row is not None]
        images = self._images(torch.stack([o.best for o in occupants]))
        targets = [o.exact for o in occupants if o.exact is not None]
        return self._exact.losses(images, targets, [o.task for o in occupants])


def _objective(network: Network, program: Program, *, graphs: bool) -> Objective:
    """As the device takes it best."""
    if not network.recordable:
        return Objective(network, program)
    return ReplayedObjective(network, program) if graphs else ReplayedObjective(network, program, record=None)


def _largest(rows: Tensor) -> np.ndarray:
    """Of every row (B, n), the largest absolute value, float64; NaN and infinity propagate through it."""
    return rows.abs().amax(1).double().cpu().numpy()


def _told_of_no_improvement(occupant: _Occupant) -> str:
    """What the stop reason says of an image that is its start, though more than the start was looked at."""
    start, best = occupant.trace[0], occupant.best_row
    assert best is not None
    moved = len(occupant.trace) > 1 and start[0] > 0.0
    return "+no_improvement" if moved and best[0] > (1.0 - IMPROVED) * start[0] else ""


def _is_flat(occupant: _Occupant) -> bool:
    """Whether the loss has come to rest."""
    trace, tolerance = occupant.trace, occupant.task.tolerance
    if tolerance <= 0.0 or len(trace) <= WINDOW:
        return False
    before = trace[-1 - WINDOW][0]
    return bool(abs(before - trace[-1][0]) <= tolerance * abs(before))
