"""The stand-in engine with a diary: what was begun and ended, when, and by which process."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from neckar.pipeline.messages.setup import WorkerSetup
from neckar.pipeline.synthesis.task import Failure, Solution, Task
from neckar.pipeline.worker.engine import ReadyEngine
from tests.worker.standin import WEIGHTS_SHA256, StandIn

FOLDER = "NECKAR_CHAOS_FOLDER"  # environment variable: where diaries are kept


@dataclass(frozen=True)
class Entry:
    """One line of a diary: `event` is "begin", "end" or "ready"; `alone`: no other pair was in the process."""

    at: float
    pid: int
    event: str
    seed: int
    alone: bool


class Diarist(StandIn):
    """Writes a line before an image's first evaluation, for the process may not survive it, and one after its last."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        path = Path(os.environ[FOLDER]) / f"{os.getpid()}.diary"
        self._diary = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._begun: set[str] = set()
        self._write("ready", 0)

    def _fate(self, task: Task) -> Failure | None:
        if task.key not in self._begun:
            self._begun.add(task.key)
            self._write("begin", task.seed)
        return super()._fate(task)

    def _solution(self, task: Task, started: float) -> Solution:
        self._begun.discard(task.key)
        self._write("end", task.seed)
        return super()._solution(task, started)

    def _write(self, event: str, seed: int) -> None:
        line = f"{time.time():.3f} {os.getpid()} {event} {seed} {int(self.backlog == 1)}\n"
        os.write(self._diary, line.encode())


def set_up(setup: WorkerSetup) -> ReadyEngine:
    return ReadyEngine(Diarist(setup.slots or 2), "a stand-in", "float32", WEIGHTS_SHA256, "0.0")


def diaries(folder: Path) -> list[Entry]:
    """All lines of all processes, oldest first."""
    entries = []
    for path in folder.glob("*.diary"):
        for line in path.read_text().splitlines():
            at, pid, event, seed, alone = line.split()
            entries.append(Entry(float(at), int(pid), event, int(seed), alone == "1"))
    return sorted(entries, key=lambda entry: entry.at)


def alive(folder: Path) -> list[int]:
    """Processes that have been set up and still run."""
    pids = [int(path.stem) for path in folder.glob("*.diary")]
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
