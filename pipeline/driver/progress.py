"""How far a run is: one small record that feeds the bar and the JSON lines alike."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from neckar.schemas.status import Counts

RATE_WINDOW_S = 600.0  # the rate is that of the last ten minutes: slow pairs come first, so an all-time rate misleads


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment of a run.

    Attributes:
        total: pairs in the manifest; None while they are still counted.
        ok, failed, quarantined: pairs settled, those of earlier sessions too.
        in_flight: pairs on workers.
        under_way: what is done of them, in pairs: two that are half done make one.
        workers: workers ready.
        elapsed_s: since the command began.
        rate: pairs a second, lately, those under way by their part; None before the first evaluations.
        eta_s: until the end at that rate; None where it cannot be told.
        waiting_for: what has to happen next, in words.
    """

    total: int | None
    ok: int
    failed: int
    quarantined: int
    in_flight: int
    under_way: float
    workers: int
    elapsed_s: float
    rate: float | None
    eta_s: float | None
    waiting_for: str

    @property
    def settled(self) -> int:
        """ok + failed + quarantined."""
        return self.ok + self.failed + self.quarantined


class Pace:
    """Pairs done a second over the last `RATE_WINDOW_S`, half a pair counting half."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()  # (time, done), a second apart at least

    def note(self, now: float, done: float) -> None:
        """The count at a time."""
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, done))
        while now - self._marks[0][0] > RATE_WINDOW_S and len(self._marks) > 2:
            self._marks.popleft()

    def rate(self, now: float, done: float) -> float | None:
        """Pairs a second; None where nothing was done."""
        if not self._marks or done <= self._marks[0][1]:
            return None
        began, before = self._marks[0]
        return (done - before) / max(now - began, 1e-3)


class ProgressReporter:
    """Tells a callback how far the run is.

    Args:
        tell: the callback.
        clock: seconds, monotonic.
    """

    def __init__(self, tell: Callable[[Progress], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.total: int | None = None
        self.before = Counts()  # pairs settled in earlier sessions
        self._tell = tell
        self._clock = clock
        self._began = clock()
        self._pace = Pace()
        self._counts = Counts()

    @property
    def elapsed_s(self) -> float:
        """Since it was made."""
        return self._clock() - self._began

    def say(self, waiting_for: str) -> None:
        """Before and after the work: only what is waited for."""
        self.report(self._counts, in_flight=0, under_way=0.0, workers=0, waiting_for=waiting_for)

    def report(self, counts: Counts, *, in_flight: int, under_way: float, workers: int, waiting_for: str) -> Progress:
        """Tell of the work.

        Args:
            counts: of this session.
            in_flight: pairs on workers.
            under_way: what is done of them.
            workers: workers ready.
            waiting_for: in words.
        """
        now = self._clock()
        self._counts = counts
        if workers:
            self._pace.note(now, counts.settled + under_way)
        rate = self._pace.rate(now, counts.settled + under_way)
        left = None if self.total is None else self.total - self.before.settled - counts.settled - under_way
        progress = Progress(
            total=self.total,
            ok=self.before.ok + counts.ok,
            failed=self.before.failed + counts.failed,
            quarantined=self.before.quarantined + counts.quarantined,
            in_flight=in_flight,
            under_way=under_way,
            workers=workers,
            elapsed_s=now - self._began,
            rate=rate,
            eta_s=left / rate if rate and left is not None else None,
            waiting_for=waiting_for,
        )
        self._tell(progress)
        return progress
