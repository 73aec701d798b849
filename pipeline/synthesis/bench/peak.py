"""The most memory that was in use at one time."""

from __future__ import annotations

from pathlib import Path

import torch


def reset_peak(device: torch.device) -> None:
    """Begin anew; where that cannot be done, `peak_mb` is that of the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: VmHWM begins anew
    except OSError:
        return  # the peak is then that of the whole run


def peak_mb(device: torch.device) -> float:
    """MiB, of the process on a CPU, of the device on CUDA; NaN where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        entries = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # macOS, Windows
        return float("nan")
    return next((int(entry.split()[1]) / 1024 for entry in entries if entry.startswith("VmHWM:")), float("nan"))
