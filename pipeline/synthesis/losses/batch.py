"""What the images of a batch are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..task import Task

Kinds = tuple[tuple[Tensor, ...], ...]  # of every loss of the table, one tensor a layer


@dataclass(frozen=True)
class Targets:
    """What one image is compared with.

    Attributes:
        kinds: of every loss, its target at every one of its layers: P^l (M, N), A^l / M_a (N, N).
    """

    kinds: Kinds


@dataclass(frozen=True)
class Batch:
    """Targets and factors of several images, side by side.

    Attributes:
        tasks: one an image.
        targets: of every loss and layer, (B, ...).
        factors: of their gradients, likewise, (B, 1, 1).
    """

    tasks: tuple[Task, ...]
    targets: Kinds
    factors: Kinds

    def clone(self) -> Batch:
        """The same on memory of its own."""
        return Batch(self.tasks, _cloned(self.targets), _cloned(self.factors))

    def rows(self, chosen: Sequence[int]) -> Batch:
        """Some of the images, in this order, on memory of their own; one may be chosen several times."""
        at = list(chosen)
        return Batch(tuple(self.tasks[row] for row in at), _chosen(self.targets, at), _chosen(self.factors, at))

    def take(self, other: Batch) -> None:
        """Copy the tensors of a batch of the same shapes into this one's memory."""
        for t, new in zip(self._tensors(), other._tensors(), strict=True):
            t.copy_(new)

    def _tensors(self) -> Iterator[Tensor]:
        for kinds in (self.targets, self.factors):
            for layers in kinds:
                yield from layers


def _chosen(kinds: Kinds, rows: list[int]) -> Kinds:
    return tuple(tuple(t[rows] for t in layers) for layers in kinds)


def _cloned(kinds: Kinds) -> Kinds:
    return tuple(tuple(t.clone() for t in layers) for layers in kinds)
