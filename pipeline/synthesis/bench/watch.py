"""A watch on the network's passes, in the engine's own threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Any

from torch import Tensor

from ..network.network import Injection, Network
from .roofline import synchronise


class WatchedNetwork(Network):
    """The network with a watch on its passes, in every thread that computes with it.

    Attributes:
        rounds: of each evaluation that another one followed, the seconds from its forward pass to the next one's, and
            those of them that its two passes took, without the losses' injections.
    """

    rounds: list[tuple[float, float]]
    recordable = False  # what is replayed does not come by here

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.reset()

    def reset(self) -> None:
        """Begin anew, while no thread computes."""
        self.rounds = []
        self._begun: dict[int, float] = {}  # by thread, the forward pass of the evaluation under way
        self._passes: dict[int, float] = {}  # likewise, seconds in passes

    def respond(self, x: Tensor, *, layers: Collection[str] | None = None) -> dict[str, Tensor]:
        """See `Network`."""
        thread, begin = threading.get_ident(), self._now()
        if thread in self._begun:
            self.rounds.append((begin - self._begun[thread], self._passes[thread]))
        tape = super().respond(x, layers=layers)
        self._begun[thread], self._passes[thread] = begin, self._now() - begin
        return tape

    def pull_back(self, tape: dict[str, Tensor], injected: dict[str, list[Injection]]) -> Tensor:
        """See `Network`."""
        apart: list[float] = []

        def watched(injection: Injection) -> Injection:
            def add(g: Tensor | None) -> Tensor:
                begin = self._now()
                found = injection(g)
                apart.append(self._now() - begin)
                return found

            return add

        begin = self._now()
        gradient = super().pull_back(tape, {layer: [*map(watched, injected.pop(layer))] for layer in [*injected]})
        self._passes[threading.get_ident()] += self._now() - begin - sum(apart)
        return gradient

    @property
    def overhead(self) -> float:
        """Share of the rounds that is not spent in passes."""
        return 1 - sum(passes for _, passes in self.rounds) / sum(whole for whole, _ in self.rounds)

    def _now(self) -> float:
        synchronise(self.device)
        return time.perf_counter()
