"""How many slots fit: what an image costs, what is free, and how running out shows."""

from __future__ import annotations

from pathlib import Path

import torch

from ..network.network import DTYPES
from ..network.vgg19 import map_size, up_to
from ..optimizers.history import kept
from ..optimizers.lbfgs import HISTORY
from ..task import Precision, Program

ROWS = 8  # float32 copies of an image: x, best, step, gradients
TAPE = 1.6  # the tape itself and what comes and goes beside it, measured at 256 and 512 px
SHARE = 0.6  # of the free memory that slots may take; pictures, targets and the network want theirs


def bytes_per_slot(program: Program, device: torch.device) -> int:
    """What one image of the program needs while it is optimised, about."""
    numbers = 3 * program.height * program.width
    history = 2 * HISTORY * numbers * kept(DTYPES[program.precision], device).itemsize
    return history + ROWS * 4 * numbers + tape_bytes(program, program.precision)


def tape_bytes(program: Program, precision: Precision) -> int:
    """What an evaluation of one image needs, about."""
    tape = 0
    for spec in up_to((*program.content_layers, *program.style_layers)):
        h, w = map_size(spec.name, program.height, program.width)
        tape += spec.outputs * h * w * DTYPES[precision].itemsize
    return int(TAPE * tape)


def free_bytes(device: torch.device) -> int | None:
    """What this process may still take; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    available = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if available is None else 1024 * int(available)


def slots_that_fit(program: Program, device: torch.device) -> int | None:
    """At least 1, for one image is always tried; None where free memory is unknown."""
    free = free_bytes(device)
    if free is None:
        return None
    judging = tape_bytes(program, "float32")  # of one image at a time
    return max(1, int((SHARE * free - judging) / bytes_per_slot(program, device)))


def ran_out(error: RuntimeError) -> bool:
    """Whether torch's error says that memory ran out; on the CPU it has no class of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
