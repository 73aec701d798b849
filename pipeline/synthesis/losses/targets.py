"""P and A computed once: a factorial of C contents and S styles costs C + S target passes, not C x S."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from torch import Tensor

from ..network.network import Network
from ..network.pictures import to_network
from ..task import Task
from .batch import Targets
from .layer_loss import LayerLoss
from .table import LOSSES

CACHE_BYTES = 512 * 2**20  # some 200 artworks' Gram matrices, or 90 photographs' conv4_2 at 512 px


class TargetCache:
    """Least recently used targets go when the cache is full.

    Args:
        capacity: in bytes.
    """

    def __init__(self, capacity: int = CACHE_BYTES) -> None:
        self._capacity = capacity
        self._held: OrderedDict[Hashable, tuple[Tensor, ...]] = OrderedDict()
        self._bytes = 0
        self.passes = 0  # through the network; tests and benches read it

    def clear(self) -> None:
        """Forget all: their memory is needed."""
        self._held.clear()
        self._bytes = 0

    def targets(self, network: Network, task: Task) -> Targets:
        """P and A of the task, from the cache where this image has been through this network before."""
        return Targets(tuple(self._of(network, task, loss) for loss in LOSSES))

    def _of(self, network: Network, task: Task, loss: LayerLoss) -> tuple[Tensor, ...]:
        program = task.program
        layers = loss.layers(program)
        if not layers:
            return ()
        picture, name = loss.picture(task)
        assert picture is not None, f"{loss.name} layers without a {loss.name} picture"
        key = (loss.name, name, picture.shape, layers, program.pooling, network.dtype, program.normalised)
        if name and key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        tensors = loss.targets(network, layers, to_network(picture, network.device))
        self.passes += 1
        if name:
            self._keep(key, tensors)
        return tensors

    def _keep(self, key: Hashable, tensors: tuple[Tensor, ...]) -> None:
        self._held[key] = tensors
        self._bytes += _size(tensors)
        while self._bytes > self._capacity and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._bytes -= _size(gone)


def _size(tensors: tuple[Tensor, ...]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)
