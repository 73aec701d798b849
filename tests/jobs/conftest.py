"""The real command as a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def neckar(tmp_path):
    """Calls `python -m neckar ARGUMENTS` in `tmp_path` and returns the finished process."""

    def call(*arguments, env=None, timeout=120, text=True, stdin=None):
        return subprocess.run(
            [sys.executable, "-m", "neckar", *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "100",
                "TORCH_HOME": str(tmp_path / "absent"),  # nothing was ever fetched
                **(env or {}),
            },
            capture_output=True,
            input=stdin,
            text=text,
            timeout=timeout,
            check=False,
        )

    return call


@pytest.fixture
def manifest(tmp_path):
    """Writes a manifest and returns its name."""

    def write(text, name="jobs.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write
