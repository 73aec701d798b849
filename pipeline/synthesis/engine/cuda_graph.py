"""Kernels that CUDA records once and plays again: one launch in place of hundreds.

With few images, or small ones, a chip waits for its host to name one kernel after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Work = Callable[[], tuple[Tensor, ...]]
Recorded = tuple[Callable[[], object], tuple[Tensor, ...]]
Recorder = Callable[[Work, torch.device], Recorded]


def recorded(work: Work, device: torch.device) -> Recorded:
    """A CUDA graph of the work.

    Args:
        work: kernels alone, on tensors that stay where they are; run once before it is recorded.
        device: a CUDA device.

    Returns:
        What plays it again, and the work's tensors: their contents are new after every play, and anything before.

    Raises:
        RuntimeError: it cannot be recorded, as when it waits for the device.
    """
    here, beside = torch.cuda.current_stream(device), _beside(device)
    with torch.cuda.stream(here):  # a recording that fails leaves its own stream behind
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            work()  # libraries make their workspaces at a stream's first call
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=beside, capture_error_mode="thread_local"):
            found = work()
    return graph.replay, found


@cache
def _beside(device: torch.device) -> torch.cuda.Stream:
    """One for all recordings: every stream that was ever used keeps workspaces of its own in cuBLAS and cuDNN."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
