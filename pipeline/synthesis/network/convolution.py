"""A 3x3 convolution with its ReLU, and the gradient with respect to its input, as fast as the device has them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as nn
from torch import Tensor

from .winograd import BACK, FORWARD, Choice, Winograd
from .workspace import Workspace

_PAD = _STEP = (1, 1)
SMALL_MAP = 256  # positions; below it the plain CPU library picks other kernels for other batch sizes


class Convolution(Protocol):
    """Post-ReLU response and input gradient of one layer; maps are (B, C, H, W), channels last in memory."""

    def respond(self, x: Tensor) -> Tensor:
        """F = max(0, W * x + b)."""

    def pull_back(self, g: Tensor) -> Tensor:
        """Gradient with respect to x, for g = dL/d(W * x + b)."""


def turned(kernel: Tensor) -> Tensor:
    """The kernel whose convolution is the input gradient: in and out swapped, turned by 180 degrees."""
    return kernel.flip(2, 3).transpose(0, 1)


class PackedConvolution:
    """oneDNN on the CPU, its weights reordered once and ReLU fused, or Winograd's filtering where that is faster.

    Reordering outside the call is worth up to 15 % on small maps, and it fixes the kernel: the same image has the
    same bits in every batch and with any number of threads, also on small float32 maps, where `conv2d` has not.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,).
        dtype: float32 or bfloat16.
        workspace: of the network.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype, workspace: Workspace) -> None:
        self._forward = _Pass(kernel, bias, dtype, workspace, FORWARD[dtype])
        self._back = _Pass(turned(kernel), None, dtype, workspace, BACK[dtype])

    def respond(self, x: Tensor) -> Tensor:
        """See `Convolution`."""
        return self._forward(x, relu=True)

    def pull_back(self, g: Tensor) -> Tensor:
        """See `Convolution`."""
        return self._back(g, relu=False)


class _Pass:
    """One direction of a layer; how it is computed depends on the map's size and on nothing else."""

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        workspace: Workspace,
        choices: Sequence[Choice],
    ) -> None:
        self._kernel = kernel
        self._bias = bias
        self._dtype = dtype
        self._workspace = workspace
        self._choices = choices
        self._ways: dict[Choice | None, Direct | Winograd] = {}
        self._making = threading.Lock()

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        outputs, inputs = self._kernel.shape[:2]
        positions = x.shape[2] * x.shape[3]
        paying = (choice for choice in self._choices if choice.pays(inputs, outputs, positions))
        return self._by(next(paying, None))(x, relu=relu)

    def _by(self, choice: Choice | None) -> Direct | Winograd:
        """Made when a map of that size first comes, for each way holds kernels of its own."""
        with self._making:  # lanes come at the same time
            way = self._ways.get(choice)
            if way is None:
                way = self._ways[choice] = self._made(choice)
            return way

    def _made(self, choice: Choice | None) -> Direct | Winograd:
        if choice is None:
            return Direct(self._kernel, self._bias, self._dtype)
        return Winograd(self._kernel, self._bias, self._dtype, self._workspace, choice)


class Direct:
    """oneDNN's sum over the 3 x 3 window.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,), or None.
        dtype: float32 or bfloat16.
    """

    def __init__(self, kernel: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        # No input size is given: a size would let oneDNN choose a layout for one batch size.
        self._kernel: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(
            kernel.to(dtype).contiguous(memory_format=torch.channels_last).to_mkldnn(), _PAD, _STEP, _STEP, 1, None
        )
        self._bias = None if bias is None else bias.to(dtype)

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        """(B, in, H, W) to (B, out, H, W), both channels last in memory; with `relu`, max(0, .) of it."""
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(  # noqa: SLF001 - the operator torch.compile itself uses
            x, self._kernel, self._bias, _PAD, _STEP, _STEP, 1, "relu" if relu else "none", [], ""
        )
        return y


class PlainConvolution:
    """`conv2d`: CUDA (cuDNN), float64 and CPUs without oneDNN.

    The input gradient is a forward convolution with the turned kernel, which cuDNN computes without atomics.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        def place(t: Tensor) -> Tensor:
            return t.to(device, dtype).contiguous(memory_format=torch.channels_last)

        self._kernel, self._turned = place(kernel), place(turned(kernel))
        self._bias = bias.to(device, dtype)

    def respond(self, x: Tensor) -> Tensor:
        """See `Convolution`."""
        return torch.relu_(self._apply(x, self._kernel, self._bias))

    def pull_back(self, g: Tensor) -> Tensor:
        """See `Convolution`."""
        return self._apply(g, self._turned, None)

    @staticmethod
    def _apply(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        if x.device.type == "cpu" and x.shape[2] * x.shape[3] <= SMALL_MAP and x.shape[0] > 1:
            return torch.cat([nn.conv2d(image[None], kernel, bias, padding=1) for image in x])
        return nn.conv2d(x, kernel, bias, padding=1)


def packable(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether this torch build has oneDNN's packed convolutions for the data type."""
    return (
        device.type == "cpu"
        and dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def convolution(
    kernel: Tensor, bias: Tensor, dtype: torch.dtype, device: torch.device, workspace: Workspace
) -> Convolution:
    """The layer for this device and data type."""
    if packable(dtype, device):
        return PackedConvolution(kernel, bias, dtype, workspace)
    return PlainConvolution(kernel, bias, dtype, device)
