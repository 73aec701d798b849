"""Ctrl-C and SIGTERM: an interruption at once, or a wish to be granted at a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While entered, the first signal is noted in `wanted`, the second raises `KeyboardInterrupt`.

    Outside the main thread, where Python takes no signals, nothing changes.

    Args:
        at_once: the first one raises too, but where signals are held back.
    """

    def __init__(self, *, at_once: bool = False) -> None:
        self.wanted = False
        self._held = not at_once
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Meanwhile somebody looks at `wanted` often; only a second signal interrupts him."""
        before, self._held = self._held, True
        self._listen()
        try:
            yield
        finally:
            self._held = before

    def listen_again(self) -> None:
        """After somebody else has taken the signals, as Ray does when it starts and when it ends."""
        self._listen()

    def _listen(self) -> dict[signal.Signals, Any]:
        """Take the signals; what took them before."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self._note) for number in _SIGNALS}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.wanted or not self._held:
            raise KeyboardInterrupt
        self.wanted = True
