"""The tasks that wait for a slot, by program."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from ..task import Program, Task


class TaskQueue:
    """First in, first out within a program. `len` is that of all programs together."""

    def __init__(self) -> None:
        self._queues: dict[Program, deque[Task]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    @property
    def longest(self) -> Program | None:
        """The program with the most tasks; of several the one whose tasks came first. None where nothing waits."""
        return max(self._queues, key=lambda program: len(self._queues[program]), default=None)

    def of(self, program: Program) -> Sequence[Task]:
        """Its tasks, the next one first."""
        return self._queues.get(program, ())

    def add(self, task: Task) -> None:
        """Behind the others of its program."""
        self._queues.setdefault(task.program, deque()).append(task)

    def put_back(self, program: Program, tasks: Iterable[Task]) -> None:
        """Before the others of their program, in this order."""
        tasks = [*tasks]
        if tasks:
            self._queues.setdefault(program, deque()).extendleft(reversed(tasks))

    def take(self, program: Program) -> Task:
        """The next one of a program that has some."""
        queue = self._queues[program]
        task = queue.popleft()
        if not queue:
            del self._queues[program]
        return task

    def drop(self, key: str) -> bool:
        """Forget a task; False if it is not here."""
        for program, queue in self._queues.items():
            for task in queue:
                if task.key == key:
                    queue.remove(task)
                    if not queue:
                        del self._queues[program]
                    return True
        return False
