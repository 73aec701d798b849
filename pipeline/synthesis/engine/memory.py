"""How many slots fit into what is free, and how running out shows."""

from __future__ import annotations

import ctypes
import platform
from contextlib import suppress

import torch

from ..network.network import DTYPES
from ..optimizers.history import kept
from ..task import Program
from . import footprint
from .host import free_memory

SHARE = 0.6  # of the free memory that slots may take; pictures, cached targets and the network want theirs

# Torch's allocator on the CPU, C++'s, and the libraries under torch: what they say when they get no memory.
_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "CUFFT_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
)


def bytes_per_slot(program: Program, device: torch.device) -> int:
    """What one image of the program needs while it is optimised, about."""
    return footprint.of_slot(program, history=_history(program, device))


def free_bytes(device: torch.device) -> int | None:
    """What this process may still take; None where the system does not tell."""
    give_back(device)
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def give_back(device: torch.device) -> None:
    """Let the system have what is freed and kept for later, so that it counts as free."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif platform.libc_ver()[0] == "glibc":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def slots_that_fit(program: Program, device: torch.device, workers: int = 1) -> int | None:
    """As many as fit; 0 where one image alone does not. None where free memory is unknown.

    Args:
        program: of all images.
        device: where they are.
        workers: of this run that share the device's memory.
    """
    free = free_bytes(device)
    if free is None:
        return None
    mine = free // workers
    judging = footprint.of_judging(program)  # of one image at a time
    fitting = int((SHARE * mine - judging) / bytes_per_slot(program, device))
    return max(1, fitting) if alone(program, device) <= mine else 0


def alone(program: Program, device: torch.device) -> int:
    """What a worker needs for one image of the program, about."""
    return footprint.alone(program, history=_history(program, device))


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch has no class of its own for it but on CUDA."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def _history(program: Program, device: torch.device) -> int:
    return kept(DTYPES[program.precision], device).itemsize
