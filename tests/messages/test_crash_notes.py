"""What is known of a process after a real signal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neckar.pipeline.messages import crash_notes

DIE = """
import ctypes, os, signal
from neckar.pipeline.messages import crash_notes
def innermost():
    {death}
def outer():
    innermost()
print(crash_notes.keep(), flush=True)
outer()
"""


def died_by(death: str) -> Path:
    process = subprocess.run(
        [sys.executable, "-c", DIE.format(death=death)], check=False, capture_output=True, text=True
    )
    assert process.returncode < 0
    return Path(process.stdout.strip())


@pytest.mark.parametrize(("death", "name"), [("ctypes.string_at(0)", "Segmentation fault"), ("os.abort()", "Aborted")])
def test_a_signal_is_told_with_its_stack(death: str, name: str) -> None:
    path = died_by(death)
    words = crash_notes.read(path)
    assert words is not None
    assert words.startswith(name)
    assert "innermost (<string>:5), outer (<string>:7)" in words
    assert not path.exists()


def test_of_a_killed_process_there_is_nothing_and_that_is_told() -> None:
    assert crash_notes.read(died_by("os.kill(os.getpid(), signal.SIGKILL)")) == crash_notes.SILENT


def test_a_process_of_another_machine_has_said_nothing_here(tmp_path: Path) -> None:
    assert crash_notes.read(tmp_path / "elsewhere") is None
    crash_notes.forget(tmp_path / "elsewhere")
    crash_notes.forget(None)
