"""A 3x3 convolution with its ReLU, and the gradient with respect to its input, as fast as the device has them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as nn
from torch import Tensor

from .winograd import Choice, Winograd, choices
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

    Reordering outside the call is worth up to 15 % on small maps, and the same image has the same bits in every batch
    and with any number of threads, also on small float32 maps, where `conv2d` has not: tested.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,).
        dtype: float32 or bfloat16.
        workspace: of the network.
    """

    def __init__(self, kernel: Tensor, bias: Tensor, dtype: torch.dtype, workspace: Workspace) -> None:
        self._forward = _Pass(kernel, bias, dtype, workspace, choices(dtype))
        self._back = _Pass(turned(kernel), None, dtype, workspace, choices(dtype, back=True))

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
        ways: Sequence[Choice],
    ) -> None:
        self._kernel = kernel
        self._bias = bias
        self._dtype = dtype
        self._workspace = workspace
        self._choices = ways
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

    oneDNN wants the kernels of a layer in an order that depends on the shape of the maps and on the number of threads,
    and where they have another one it reorders them at every call: on a processor with AVX2 that took 60 ms for 512
    filters, of which the sum itself takes 1.3. So they are ordered for the very shape, once.

    Args:
        kernel: (out, in, 3, 3).
        bias: (out,), or None.
        dtype: float32 or bfloat16.
    """

    def __init__(self, kernel: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self._kernel = kernel
        self._dtype = dtype
        self._bias = None if bias is None else bias.to(dtype)
        self._ordered: dict[tuple[torch.Size, int], Tensor] = {}
        self._orders: dict[bytes, Tensor] = {}  # each is kept once
        self._making = threading.Lock()

    def __call__(self, x: Tensor, *, relu: bool) -> Tensor:
        """(B, in, H, W) to (B, out, H, W), both channels last in memory; with `relu`, max(0, .) of it."""
        key = (x.shape, torch.get_num_threads())
        kernel = self._ordered.get(key)
        if kernel is None:
            with self._making:  # lanes come at the same time
                kernel = self._ordered[key] = self._order(x.shape)
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(  # noqa: SLF001 - the operator torch.compile itself uses
            x, kernel, self._bias, _PAD, _STEP, _STEP, 1, "relu" if relu else "none", [], ""
        )
        return y

    def _order(self, shape: torch.Size) -> Tensor:
        kernel = self._kernel.to(self._dtype).contiguous(memory_format=torch.channels_last).to_mkldnn()
        ordered: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(kernel, _PAD, _STEP, _STEP, 1, list(shape))
        described = torch.ops.mkldnn._get_mkldnn_serialized_md(ordered).numpy().tobytes()  # noqa: SLF001
        order = described[8:108] + described[112:]  # oneDNN's own struct: between its fields stands anything
        return self._orders.setdefault(order, ordered)


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
