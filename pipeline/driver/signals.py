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
    """While entered, a signal raises `KeyboardInterrupt`; while held back, the first one is noted in `wanted`.

    Outside the main thread, where Python takes no signals, nothing changes.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._held = False
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
        self._held = True
        self._listen()
        try:
            yield
        finally:
            self._held = False

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
