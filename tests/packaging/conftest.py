"""A wheel built from what git has, once for all tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Without the kernels in C: they have tests of their own, and building them takes long."""
    pytest.importorskip("setuptools", reason="no setuptools to build a wheel with")
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    folder = tmp_path_factory.mktemp("wheel")
    names = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(["git", "-C", str(ROOT), *names], capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(folder)]
    environment = {"CC": "false", "PATH": "/usr/bin:/bin"}  # a compiler that compiles nothing
    subprocess.run(command, cwd=folder / "source", env=environment, capture_output=True, check=True)
    (found,) = folder.glob("neckar-*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """A folder like site-packages, with Neckar and a distribution that has a package `jobs` of its own."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (folder / "jobs").mkdir()
    (folder / "jobs" / "__init__.py").write_text("WHOSE = 'a lab'\n")
    return folder
