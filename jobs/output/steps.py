"""How far a command of several steps is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

Tell = Callable[[str, int, int], None]


@contextmanager
def steps(title: str, out: IO[str]) -> Iterator[Tell]:
    """Something to tell: a step's name, how many are done, how many there are."""
    if not out.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=out), transient=True) as display:
        task = display.add_task(title, total=None)

        def tell(step: str, done: int, of: int) -> None:
            display.update(task, description=f"{title}: {step}", completed=done, total=of)

        yield tell
