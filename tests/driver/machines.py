"""Machines of a cluster on this one, each with a mount namespace of its own: they do not see the same files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path


def namespaces() -> bool:
    """Whether this process may make one and mount in it: root may, as a rule."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return unshare is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


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


def hide(folder: Path) -> str:
    """For `machine`: there this folder is empty."""
    return f"mount -t tmpfs none {folder}"


@contextmanager
def machine(address: str, difference: str):
    """Another machine of the cluster, with mounts of its own; `difference` is a command that makes them."""
    join = f'{difference} && exec {sys.executable} -c "$0" {address}'
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", join, MACHINE])
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for_machines(count: int) -> None:
    """Until so many are there with cores."""
    import ray

    until = time.monotonic() + 60
    while sum(node["Alive"] and "CPU" in node["Resources"] for node in ray.nodes()) < count:
        assert time.monotonic() < until
        time.sleep(0.2)
