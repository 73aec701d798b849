"""Memory that the layers of a network share."""

from __future__ import annotations

import threading

import torch
from torch import Tensor


class Workspace(threading.local):
    """Intermediate results of layers that run one after the other; every thread that comes has its own."""

    def __init__(self) -> None:
        self._flat: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Memory of this shape with anything in it; valid until the name is taken again."""
        size = torch.Size(shape).numel()
        flat = self._flat.get((name, dtype))
        if flat is None or flat.numel() < size:
            flat = self._flat[name, dtype] = torch.empty(size, dtype=dtype)
        return flat[:size].view(shape)
