"""The image itself: built by buildah on a base of Debian's own packages, then looked at and run.

Some ten minutes and ten gigabytes: `pytest -m long tests/deploy/test_image.py`. A planted fault, a builder without a
compiler, must end the build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from tests.deploy.conftest import DEPLOY, ROOT, checker, ran

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

PIP = {"cert", "find-links", "index-url", "proxy", "trusted-host"}
PYTHON = "python3,python3-venv,ca-certificates"  # what the official image of Python has and Debian's smallest has not


def pip_as_here(folder: Path) -> list[str]:
    """Options with which pip in the build finds its packages as pip on this machine does: its settings, their files."""
    listed = ran(sys.executable, "-m", "pip", "config", "list").stdout.splitlines()
    settings = [line.partition("=") for line in listed]
    told = {name.split(".")[-1]: value.strip("'") for name, _, value in settings if name.split(".")[-1] in PIP}
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in told.items()))
    mounts = [f"{folder}/pip.conf:/etc/pip.conf"]
    for value in told.values():
        for word in value.split():
            path = Path(word.removeprefix("file://"))
            mounts += [f"{path}:{path}"] if path.is_absolute() and path.exists() else []
    return [option for mount in mounts for option in ("--volume", f"{mount}:ro")]


class Builder:
    """buildah with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ["--root", str(folder / "store"), "--runroot", str(folder / "runroot")]
        self.environment = os.environ | {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}

    def __call__(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return ran("buildah", *self.store, command, *arguments, env=self.environment)

    def bud(self, tag: str, dockerfile: Path, context: Path, *options: object) -> subprocess.CompletedProcess[str]:
        options = ("--network", "host", "--layers=false", "-t", tag, "-f", dockerfile, *options)
        return self("bud", *options, context)


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    for program in ("buildah", "mmdebstrap"):
        checker(program)
    if os.geteuid() != 0:
        pytest.skip("buildah's chroot and mmdebstrap need root here")
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    try:
        tar = folder / "base" / "base.tar"
        tar.parent.mkdir()
        made = ran("mmdebstrap", "--variant=minbase", f"--include={PYTHON}", "bookworm", tar)
        if made.returncode != 0:
            pytest.skip(f"no base from Debian's packages: {made.stderr.splitlines()[-1]}")
        (tar.parent / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        builder = Builder(folder)
        base = builder.bud("base", tar.parent / "Dockerfile", tar.parent)
        assert base.returncode == 0, base.stderr
        yield builder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def source(builder) -> Path:
    """A clean checkout: what is not committed is not in the image."""
    clone = builder.folder / "source"
    assert ran("git", "clone", "--quiet", ROOT, clone).returncode == 0
    shutil.copytree(DEPLOY, clone / "deploy", dirs_exist_ok=True)
    return clone


@pytest.fixture(scope="module")
def options(builder) -> list[object]:
    return ["--build-arg", "BASE=localhost/base", *pip_as_here(builder.folder)]


@pytest.fixture(scope="module")
def inside(builder, source, options) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a container of the image, as its user."""
    done = builder.bud("neckar", source / "deploy" / "Dockerfile", source, *options, "--build-arg", "REVISION=abc123")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    container = builder("from", "localhost/neckar").stdout.strip()
    shared = builder.folder / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)

    def run(*command: object) -> subprocess.CompletedProcess[str]:
        return builder("run", "--network", "host", "--volume", f"{shared}:/shared", container, "--", *command)

    return run


def test_labels_user_and_variables(builder, inside):
    told = json.loads(builder("inspect", "--type", "image", "localhost/neckar").stdout)["OCIv1"]["config"]
    assert told["User"] == "1000"
    assert told["Labels"]["org.opencontainers.image.title"] == "neckar"
    assert told["Labels"]["org.opencontainers.image.revision"] == "abc123"
    assert {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"} <= set(told["Env"])
    assert inside("id", "-u").stdout.strip() == "1000"


def test_what_kuberay_calls_is_there(inside):
    for program in ("bash", "wget", "ray", "neckar"):
        assert inside("bash", "-c", f"command -v {program}").returncode == 0, program
    assert inside("ray", "--version").stdout.startswith("ray, version")


def test_kernels_are_there(inside):
    asked = "from neckar.pipeline.synthesis.kernels import compiled; print(compiled.library() is not None)"
    assert inside("python3", "-c", asked).stdout.strip() == "True"


def test_one_pair_runs(builder, inside):
    shared = builder.folder / "shared"
    for name in ("coffee", "rocket"):
        Image.fromarray(getattr(data, name)()[:96, :96]).save(shared / f"{name}.png")
    pair = {"id": "one", "content": "/shared/coffee.png", "style": "/shared/rocket.png"}
    manifest = {"schema_version": 1, "name": "image", "settings": {"size": 48, "iterations": 3}, "pairs": [pair]}
    (shared / "jobs.json").write_text(json.dumps(manifest))
    done = inside("neckar", "run", "/shared/jobs.json", "--output", "/shared/run")
    assert done.returncode == 0, done.stderr
    assert json.loads((shared / "run" / "_SUCCESS.json").read_text())["ok"] == 1


def test_a_builder_without_a_compiler_ends_the_build(builder, source, options, inside):
    text = (source / "deploy" / "Dockerfile").read_text()
    worse = builder.folder / "Dockerfile"
    worse.write_text(text.replace("WORKDIR /src\n", "ENV CC=/bin/false\nWORKDIR /src\n", 1))
    done = builder.bud("worse", worse, source, *options, "--target", "build")
    assert done.returncode != 0
    assert "no kernels in C" in done.stdout + done.stderr
