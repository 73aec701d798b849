"""The device and what it is good at."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Literal

import torch

from ..kernels.processor import bfloat16_is_fast, bfloat16_is_possible
from ..task import Precision

_M_MMAP_MAX, _M_TRIM_THRESHOLD, _M_ARENA_MAX = -4, -1, -8  # malloc.h of glibc


def choose(name: str = "auto") -> torch.device:
    """CUDA where there is one, else the CPU; or the device by its torch name."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def describe(device: torch.device) -> str:
    """A name for the record, e.g. "NVIDIA H200" or "AMD EPYC 9R14 (avx512_bf16)"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()} ({'bf16' if has_fast_bfloat16(device) else 'no bf16'})"


def possible(device: torch.device) -> tuple[Precision, ...]:
    """The precisions that can be computed there, be they slow."""
    if device.type == "cuda":
        return ("float32", "tf32", "bfloat16") if has_fast_bfloat16(device) else ("float32", "bfloat16")
    return ("float32", "bfloat16") if device.type == "cpu" and bfloat16_is_possible() else ("float32",)


def impossible(precision: str, device: torch.device) -> str | None:
    """Why a precision cannot be computed there, with the mend; None where it can, as `auto` always can."""
    if precision == "auto" or precision in possible(device):
        return None
    place = "an NVIDIA GPU of compute capability 8.0 or more" if precision == "tf32" else "a machine with AVX-512"
    return f"{precision} cannot be computed on {describe(device)}; write precision: float32 or auto, or take {place}"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are faster there than in float32, not merely possible."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and bfloat16_is_possible() and bfloat16_is_fast()


def resolve(precision: Precision | Literal["auto"], device: torch.device) -> Precision:
    """`auto` as what this device is fast in."""
    if precision == "auto":
        return "bfloat16" if has_fast_bfloat16(device) else "float32"
    return precision


def prepare(device: torch.device, threads: int | None = None) -> None:
    """Settle the process for the engine: threads on purpose, deterministic kernels, memory that is kept.

    On Linux every large allocation is a fresh mapping, and an evaluation spends a tenth of its time on page faults;
    glibc is asked to keep freed memory instead, for all threads together.

    Args:
        device: where the engine will run.
        threads: of the CPU's kernels; None leaves torch's choice.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False  # Gram matrices and losses stay float32
        # Nor are sums split: their parts are rounded, and how many there are depends on how busy the chip is.
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = (False, False)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # two streams else choose their kernels apart
        torch.backends.cudnn.allow_tf32 = False  # float32 means IEEE, above all where results are judged
        torch.backends.cudnn.deterministic = True
    elif platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_ARENA_MAX, 1)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a device file, not a path of ours
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
