"""The checkers that deploy/ is tried with; `.ci/deploy` fetches them. What is not here skips with its reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.kuberay import FOLDER

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = ("base", "eks", "fixed", "raycronjob")


def checker(name: str) -> str:
    """A program of `.ci/deploy`'s environment, or of this machine."""
    folder = os.environ.get("DEPLOY_CHECKERS")
    found = shutil.which(name, path=folder) if folder else None
    found = found or shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: .ci/deploy fetches it, and prints DEPLOY_CHECKERS")
    return found


def ran(*command: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def rendered() -> dict[str, list[dict]]:
    """Every overlay's documents."""
    kubectl = checker("kubectl")
    found = {}
    for overlay in OVERLAYS:
        done = ran(kubectl, "kustomize", DEPLOY / "kubernetes" / overlay)
        assert done.returncode == 0, done.stderr
        found[overlay] = list(yaml.safe_load_all(done.stdout))
    return found


@pytest.fixture(scope="session")
def definitions() -> Path:
    if not (FOLDER / "crds").is_dir():
        pytest.skip("no definitions of KubeRay: set KUBERAY_DEFINITIONS to a folder with its crds and samples")
    return FOLDER
