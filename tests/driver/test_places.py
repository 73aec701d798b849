"""A cluster whose machines do not see the same files: one of them has a mount namespace of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from neckar.pipeline.driver.session import run
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.checks.verification import verify
from neckar.pipeline.results.reading import open_run
from tests.driver.test_session import HERE, manifest

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

PAIRS = 40


def _namespaces() -> bool:
    """Whether this process may make one and mount in it: root may, as a rule."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return unshare is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


if not _namespaces():
    pytest.skip("no mount namespace can be made here", allow_module_level=True)


MACHINE = """
import os, signal, sys
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on the loopback interface, which `ray start` would leave
from ray._private.node import Node
from ray._private.parameter import RayParams
parameters = RayParams(
    gcs_address=sys.argv[1],
    num_cpus=2,
    node_ip_address="127.0.0.1",
    node_manager_port=0,
    min_worker_port=0,
    max_worker_port=0,
    object_store_memory=100 << 20,
    include_log_monitor=False,
)
Node(parameters, head=False, shutdown_at_exit=True, spawn_reaper=True)
signal.sigwait([signal.SIGTERM])
"""


@contextmanager
def blind_machine(address: str, hidden: Path):
    """Another machine of the cluster, where this folder is empty."""
    join = f'mount -t tmpfs none {hidden} && exec {sys.executable} -c "$0" {address}'
    machine = subprocess.Popen(["unshare", "-m", "sh", "-c", join, MACHINE])
    try:
        yield
    finally:
        machine.send_signal(signal.SIGTERM)
        machine.wait(timeout=60)


def wait_for_machines(count: int) -> None:
    """Until so many are there with cores."""
    import ray

    until = time.monotonic() + 60
    while sum(node["Alive"] and "CPU" in node["Resources"] for node in ray.nodes()) < count:
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    manifest(folder, [{}] * PAIRS)
    return folder


@pytest.mark.parametrize("hidden", ["inputs", "run"])
def test_a_machine_that_does_not_see_the_files_costs_no_pair(tmp_path, inputs, cluster, hidden, caplog):
    """Without the inputs it would answer fastest and fail nearly all; without the output its pictures were lost."""
    import ray

    (tmp_path / "run").mkdir()
    loaded = load_manifest(str(inputs / "jobs.json"))
    with blind_machine(cluster.address, tmp_path / hidden):
        ray.init(address=cluster.address, log_to_driver=False)
        wait_for_machines(2)
        ray.shutdown()
        summary = run(
            loaded,
            output=str(tmp_path / "run"),
            address=cluster.address,
            workers=4,
            slots=2,
            engine=f"{HERE}:set_up",
        )
    assert (summary.ok, summary.failed, summary.quarantined) == (PAIRS, 0, 0)
    reader = open_run(str(tmp_path / "run"))
    report = verify(reader, pixels=True)
    assert report.whole, report.wrong
    assert report.pictures == PAIRS
    assert ("does not see the run there" in caplog.text) == (hidden == "run")
