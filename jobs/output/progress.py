"""How far a run is and how it ended: a bar on a terminal, JSON lines elsewhere, from the same records."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from neckar.jobs.output.files import abandon

if TYPE_CHECKING:
    from rich.progress import Progress as Display

    from neckar.pipeline.driver.progress import Progress

LINE_SECONDS = 5.0  # between two JSON lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The last word on a run: the last JSON line.

    Attributes:
        state: how it ended.
        run: its URI.
        ok, failed, quarantined: pairs, if it is complete.
        elapsed_s: since the command began, if it is complete.
        reason: why it is not complete.
    """

    state: Literal["complete", "incomplete", "interrupted"]
    run: str
    ok: int | None = None
    failed: int | None = None
    quarantined: int | None = None
    elapsed_s: float | None = None
    reason: str | None = None


class Reporter(Protocol):
    """Shows a run to whoever looks on."""

    def __call__(self, progress: Progress) -> None:
        """How far it is; as often as one likes."""

    def conclude(self, ending: Ending) -> None:
        """How it ended."""


@contextmanager
def reporting(title: str, out: IO[str]) -> Iterator[Reporter]:
    """The reporter that suits a stream, for as long as the run goes on."""
    if not out.isatty():
        yield JsonLines(out)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    pace = TextColumn("{task.fields[pace]}", style="progress.remaining")
    settled = TextColumn("{task.fields[settled]}", style="progress.download")
    wrong = TextColumn("{task.fields[wrong]}", style="red")
    columns = (TextColumn("{task.description}"), BarColumn(), settled, wrong, TimeElapsedColumn(), pace)
    with Progress(*columns, console=Console(file=out)) as display:
        yield Bar(display, title, out)


class JsonLines:
    """A line at once, then one every five seconds, however often it is called.

    A reader that goes away ends the lines, not the run.
    """

    def __init__(self, out: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._next = clock()

    def __call__(self, progress: Progress) -> None:
        """See `Reporter`."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_SECONDS
        self._write(
            {
                "state": "running",
                "total": progress.total,
                "ok": progress.ok,
                "failed": progress.failed,
                "quarantined": progress.quarantined,
                "in_flight": progress.in_flight,
                "under_way": round(progress.under_way, 2),
                "workers": progress.workers,
                "elapsed_s": round(progress.elapsed_s, 1),
                "pairs_per_min": None if progress.rate is None else round(60.0 * progress.rate, 2),
                "eta_s": None if progress.eta_s is None else round(progress.eta_s),
                "waiting_for": progress.waiting_for,
            }
        )

    def conclude(self, ending: Ending) -> None:
        """See `Reporter`."""
        self._write({name: value for name, value in asdict(ending).items() if value is not None})

    def _write(self, line: dict[str, Any]) -> None:
        try:
            print(json.dumps(line), file=self._out, flush=True)
        except BrokenPipeError:
            abandon(self._out)


class Bar:
    """Pairs settled, those that went wrong, the time, and rate and time to go, or what is waited for until then."""

    def __init__(self, display: Display, title: str, out: IO[str]) -> None:
        self._display = display
        self._out = out
        self._task = display.add_task(title, total=None, settled="", wrong="", pace="")

    def __call__(self, progress: Progress) -> None:
        """See `Reporter`."""
        self._display.update(
            self._task,
            total=progress.total,
            completed=progress.settled + progress.under_way,
            settled=f"{progress.settled:,}/{'?' if progress.total is None else f'{progress.total:,}'}",
            wrong=_wrong(failed=progress.failed, quarantined=progress.quarantined),
            pace=_pace(progress),
        )

    def conclude(self, ending: Ending) -> None:
        """See `Reporter`; of a run that is not complete standard error tells."""
        self._display.update(self._task, pace="")
        self._display.stop()
        if ending.state == "complete":
            counts = f"ok {ending.ok:,} · failed {ending.failed:,} · quarantined {ending.quarantined:,}"
            elapsed = timedelta(seconds=round(ending.elapsed_s or 0.0))
            print(f"complete: {counts}, in {elapsed}: {ending.run}", file=self._out)


def _wrong(**counts: int) -> str:
    """The pairs that went wrong, if any did."""
    return " ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _pace(progress: Progress) -> str:
    if progress.rate is None or progress.eta_s is None:
        return progress.waiting_for
    return f"{60.0 * progress.rate:,.1f} pairs/min, {timedelta(seconds=round(progress.eta_s))} to go"
