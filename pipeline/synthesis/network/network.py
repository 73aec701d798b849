"""The forward pass that keeps its responses, and the way back from injected gradients to the image."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from ..task import Pooling, Precision
from .convolution import convolution
from .pooling import pool, through_relu, unpool
from .vgg19 import up_to
from .weights import Weights
from .workspace import Workspace

DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}


class Injection(Protocol):
    """The gradient of one loss with respect to one layer's responses."""

    def __call__(self, g: Tensor | None) -> Tensor:
        """It added to g (B, N, H, W), channels last, in place; alone where there is no g yet."""


class Network:
    """VGG-19 cut after the deepest layer in use, without fully connected layers (section 2 of the paper).

    There is no autograd graph: a tape of post-ReLU responses is all that eq. 2 and 6 need.

    Args:
        weights: of the sixteen convolutions.
        layers: those in use; the deepest is the last one computed.
        pooling: "average" or "max".
        dtype: of the convolutions; float64 is for tests.
        device: where they run.
        tf32: float32's products may be of 10 bits, as an NVIDIA GPU of compute capability 8.0 has them.
    """

    def __init__(
        self,
        weights: Weights,
        layers: Sequence[str],
        *,
        pooling: Pooling,
        dtype: torch.dtype,
        device: torch.device,
        tf32: bool = False,
    ) -> None:
        self.specs = up_to(tuple(layers))
        self.pooling = pooling
        self.dtype = dtype
        self.device = device
        self._tf32 = tf32
        workspace = Workspace()
        self._convolutions = [
            convolution(weights.kernels[spec.name], weights.biases[spec.name], dtype, device, workspace)
            for spec in self.specs
        ]

    @property
    def recordable(self) -> bool:
        """Whether passes may be recorded once and then replayed, as CUDA can."""
        return self.device.type == "cuda"

    def respond(self, x: Tensor, *, layers: Collection[str] | None = None) -> dict[str, Tensor]:
        """The tape: F^l of every layer.

        Args:
            x: (B, 3, H, W), RGB on the 0-255 scale minus the VGG mean.
            layers: those to keep, where there is no way back; None keeps all.

        Returns:
            Layer name to (B, N_l, H_l, W_l), in the network's data type, channels last in memory.
        """
        x = x.to(self.device, self.dtype, memory_format=torch.channels_last)
        tape: dict[str, Tensor] = {}
        for spec, conv in zip(self.specs, self._convolutions, strict=True):
            if spec.pooled:
                x = pool(x, self.pooling)
            with products(tf32=self._tf32):
                x = conv.respond(x)
            if layers is None or spec.name in layers:
                tape[spec.name] = x
                if layers is not None and len(tape) == len(layers):
                    break
        return tape

    def pull_back(self, tape: dict[str, Tensor], injected: dict[str, list[Injection]]) -> Tensor:
        """dL/dx from the dL/dF^l injected where they belong.

        Args:
            tape: of the forward pass; emptied on the way, so that the memory of deep layers serves for shallow ones.
            injected: layer name to what that layer's own losses add to dL/dF^l; likewise emptied. The cases "0 where
                F < 0" of eq. 2 and 6 are applied here, together with ReLU's derivative, for they are the same mask.

        Returns:
            (B, 3, H, W) in the network's data type.
        """
        g: Tensor | None = None
        for depth in range(len(self.specs) - 1, -1, -1):
            spec = self.specs[depth]
            g = _with(g, injected.pop(spec.name, []))
            response = tape.pop(spec.name)
            if g is None:
                continue  # nothing lies behind this layer: the tape is longer than the losses need
            g = through_relu(g, response)
            del response
            with products(tf32=self._tf32):
                g = self._convolutions[depth].pull_back(g)
            if spec.pooled:
                g = unpool(g, tape[self.specs[depth - 1].name], self.pooling)
        assert g is not None, "no loss was injected"
        return g


@contextmanager
def products(*, tf32: bool) -> Iterator[None]:
    """Meanwhile, what float32 means on a GPU. Nobody else computes in this process: a GPU has one lane."""
    if not tf32:
        yield
        return
    convolutions, matrices = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, matrices.allow_tf32
    convolutions.allow_tf32 = matrices.allow_tf32 = True
    try:
        yield
    finally:
        convolutions.allow_tf32, matrices.allow_tf32 = before


def _with(g: Tensor | None, injections: Sequence[Injection]) -> Tensor | None:
    for injection in injections:
        g = injection(g)
    return g
