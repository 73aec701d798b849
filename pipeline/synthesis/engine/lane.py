"""One engine in a thread of its own, and the status where the lanes of a program tell what they did."""

from __future__ import annotations

import threading

import torch

from ..task import Failure, Solution
from .slots import SlotEngine


class LaneStatus:
    """What the lanes tell; every look and every change is made under its condition.

    Attributes:
        changed: told after every evaluation.
        moving: lanes that compute.
        ended: images not answered yet.
        error: the first one, of any lane.

    Args:
        threads: of the CPU's kernels, for the lanes that move to share.
    """

    def __init__(self, threads: int) -> None:
        self.changed = threading.Condition()
        self.moving = 0
        self.ended: list[Solution | Failure] = []
        self.error: BaseException | None = None
        self._threads = threads

    @property
    def share(self) -> int:
        """Threads of the kernels of one lane."""
        return max(1, self._threads // max(1, self.moving))


class Lane:
    """An engine and its thread: it moves until an image ends, or until it is told to stop.

    Attributes:
        engine: whoever touches it stops the lane first.
        steps: of the engine so far.

    Args:
        engine: an idle one.
        status: of all lanes of the program.
    """

    def __init__(self, engine: SlotEngine, status: LaneStatus) -> None:
        self.engine = engine
        self.steps = 0
        self._status = status
        self._go = False  # it is to move
        self._moves = False
        self._over = False
        # At the end of the process nobody waits for a daemon but `finish`, and that no longer than an evaluation.
        self._thread = threading.Thread(target=self._live, name="lane", daemon=True)
        self._thread.start()

    @property
    def moves(self) -> bool:
        """Whether it computes, or is about to."""
        return self._moves

    def start(self) -> None:
        """Move, if there is an image in a slot."""
        with self._status.changed:
            if self.engine.busy and not self._moves:
                self._go = self._moves = True
                self._status.moving += 1
                self._status.changed.notify_all()

    def stop(self) -> None:
        """Stand still; returns when it does, after an evaluation at most."""
        with self._status.changed:
            self._go = False
            self._status.changed.wait_for(lambda: not self._moves)

    def finish(self) -> None:
        """End the thread."""
        with self._status.changed:
            self._go, self._over = False, True
            self._status.changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _live(self) -> None:
        status = self._status
        while True:
            with status.changed:
                status.changed.wait_for(lambda: self._moves or self._over)
                if not self._moves:
                    return
            self._move()
            with status.changed:
                self._moves = False
                status.moving -= 1
                status.changed.notify_all()

    def _move(self) -> None:
        status = self._status
        while self._go:
            try:
                torch.set_num_threads(status.share)
                ended = self.engine.step()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
                with status.changed:
                    status.error = status.error or error
                return
            with status.changed:
                self.steps += 1
                status.ended += ended
                status.changed.notify_all()
            if ended:
                return
