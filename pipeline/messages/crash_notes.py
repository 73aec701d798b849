"""What a worker process leaves when a signal ends it: Python's fault handler writes signal and stack to a file.

Ray tells the driver only that a process is gone. A process that was killed (SIGKILL, as the kernel does when memory
runs out) leaves an empty file: that is told as such.
"""

from __future__ import annotations

import faulthandler
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

FRAMES = 4  # of the stack, the innermost first
FUNCTION = re.compile(r'File "(?:.*/)?([^/"]+)", line (\d+) in (\S+)')
SILENT = "it left no word: SIGKILL, which the kernel sends when memory runs out"


def keep() -> Path:
    """From now on this process leaves its last words in the file that is returned."""
    handle, path = tempfile.mkstemp(prefix=f"neckar-worker-{os.getpid()}-", suffix=".fault")
    faulthandler.enable(handle)
    return Path(path)


def read(path: Path) -> str | None:
    """Last words in one line, e.g. `Segmentation fault in string_at (__init__.py:519), ...`; the file is removed.

    None if the file is not here: the worker was on another machine.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    forget(path)
    found = re.search(r"Fatal Python error: (.+)", text)
    if found is None:
        return SILENT
    # The thread that the signal met stands under "Current thread"; before it there may be others.
    stack = text[max(text.find("Current thread"), 0) :]
    frames = [f"{name} ({file}:{line})" for file, line, name in FUNCTION.findall(stack)[:FRAMES]]
    return f"{found[1].strip()} in {', '.join(frames)}" if frames else found[1].strip()


def forget(path: Path | None) -> None:
    """Remove the file of a process that needs it no more."""
    if path is not None:
        with suppress(OSError):  # on another machine, or removed by a cleaner of temporary files
            path.unlink()
