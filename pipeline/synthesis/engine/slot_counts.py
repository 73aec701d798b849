"""How many images of a program at a time: as asked for, or what fills the device; no more than memory holds."""

from __future__ import annotations

import logging

import torch

from ..task import Program
from . import memory

log = logging.getLogger(__name__)

# Of a thread. Two images of 256 px fill it; smaller ones need more company to spread the cost of a call, and of reading
# the kernels, over. More than these gain another 3 % at best, and all are lost when the process is killed.
CPU_PIXELS, CPU_SLOTS = 2 * 256 * 256, 9
# Guesses, not measured: enough work a kernel for the largest chips; and what their host keeps up with, image by image.
GPU_PIXELS, GPU_SLOTS = 16 * 512 * 512, 64


class SlotCounts:
    """The slots of each program, settled when it is first asked for.

    Args:
        device: of the engine.
        wanted: for every program; None chooses by the device and the image size.
        workers: of this run that share the device's memory.
    """

    def __init__(self, device: torch.device, wanted: int | None, workers: int = 1) -> None:
        self._device = device
        self._wanted = wanted
        self._workers = workers
        self._settled: dict[Program, int] = {}

    def of(self, program: Program) -> int:
        """No more than free memory holds, or than did not run out of it; 0 where not even one image fits.

        Asked for while no other program holds memory.
        """
        if program in self._settled:
            return self._settled[program]
        wanted = self._wanted or self._chosen(program.height * program.width)
        fitting = memory.slots_that_fit(program, self._device, self._workers)
        if fitting is not None and fitting < wanted:
            log.log(
                logging.WARNING if self._wanted else logging.INFO,  # what was asked for, and not what was chosen here
                "%s: %d slots do not fit into free memory, taking %d",
                program,
                wanted,
                fitting,
            )
            wanted = fitting
        self._settled[program] = wanted
        return wanted

    def halve(self, program: Program, reason: str) -> bool:
        """After running out of memory; False where one slot alone was too much."""
        slots = self.of(program)
        if slots <= 1:
            return False
        self._settled[program] = slots // 2
        log.warning("%s: %d slots are too many, trying %d: %s", program, slots, slots // 2, reason)
        return True

    def _chosen(self, pixels: int) -> int:
        if self._device.type == "cuda":
            return max(1, min(GPU_SLOTS, GPU_PIXELS // pixels))
        return torch.get_num_threads() * max(1, min(CPU_SLOTS, round(CPU_PIXELS / pixels)))
