"""A store for a run: a folder, and in the slow tests a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        return open_store(request.getfixturevalue("s3_uri"))
    return open_store(f"{request.getfixturevalue('tmp_path')}/run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"
