"""What is taken for granted of Ray: private names that a release may change, and a real `ray start`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")

MANIFEST = """
schema_version: 1
name: small
settings: {size: 32, iterations: 2}
pairs: [{content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}]
"""


def test_the_private_names_that_are_used_are_still_there():
    """Without them Neckar works, but slower, louder, or with a token for ever: see `driver/ray_start.py`."""
    from ray import _raylet
    from ray._private import worker
    from ray._private.node import Node

    from neckar.pipeline.driver.ray_start import _SPARED, _STARTED

    assert [name for name in (*_SPARED, _STARTED) if not callable(getattr(Node, name, None))] == []
    assert hasattr(worker, "_global_node")
    assert callable(getattr(Node, "dead_processes", None))
    assert callable(worker.print_to_stdstream)
    assert callable(_raylet.Config.initialize)
    assert callable(_raylet.AuthenticationTokenLoader.instance().reset_cache)


def _namespaces() -> bool:
    """Whether a network namespace can be made: `ray start` listens on every address of its machine."""
    needed = [shutil.which(name) for name in ("unshare", "ip")]
    command = ["unshare", "-n", "ip", "link", "set", "lo", "up"]
    return all(needed) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.skipif(not _namespaces(), reason="no network namespace can be made here")
@pytest.mark.parametrize(
    ("mode", "client", "ends"),
    [
        ("disabled", {}, 0),
        ("token", {}, 2),
        ("token", {"RAY_AUTH_MODE": "token"}, 0),
    ],
)
def test_a_cluster_of_ray_start_is_joined_with_its_token_and_without_it_is_told_of_it(tmp_path, mode, client, ends):
    (tmp_path / "small.yaml").write_text(MANIFEST)
    script = f"""
        ip link set lo up
        {RAY} get-auth-token --generate >/dev/null
        RAY_AUTH_MODE={mode} {RAY} start --head --node-ip-address 127.0.0.1 --port 6399 --num-cpus 1 \\
            --include-dashboard false --disable-usage-stats >start.log 2>&1 || exit 99
        {sys.executable} -m neckar run small.yaml --output out --address 127.0.0.1:6399
        code=$?
        {RAY} stop --force >/dev/null 2>&1
        exit $code
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # Processes of its own too, so that `ray stop` finds no other Ray's.
    done = subprocess.run(
        ["unshare", "-n", "-p", "-f", "--mount-proc", "sh", "-c", script],
        cwd=tmp_path,
        env=ours | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **client},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == ends, done.stderr
    if ends:
        assert "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a file with its head's token" in done.stderr
        assert "Traceback" not in done.stderr


SCALING = """
cluster_name: small
max_workers: 2
provider:
  type: external
  module: ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider
  head_node_id: "{head}"
  launch_multiple: true
  disable_launch_config_check: true
available_node_types:
  ray.head.default: {{resources: {{CPU: 0}}, node_config: {{}}, max_workers: 0}}
  small: {{resources: {{CPU: 2, object_store_memory: 100000000}}, node_config: {{}}, min_workers: 0, max_workers: 1}}
head_node_type: ray.head.default
upscaling_speed: 1.0
idle_timeout_minutes: 5
auth: {{}}
file_mounts: {{}}
cluster_synced_files: []
file_mounts_sync_continuously: false
rsync_exclude: []
rsync_filter: []
initialization_commands: []
setup_commands: []
head_setup_commands: []
worker_setup_commands: []
head_start_ray_commands: []
worker_start_ray_commands: []
"""
DRIVE = """
import logging
from neckar.pipeline.driver import demand
from neckar.pipeline.driver.session import run
from neckar.pipeline.manifests.source import load_manifest

logging.basicConfig(level=logging.INFO)
demand.UNHEEDED_S = 4.0
run(load_manifest("small.yaml"), output="out", address="127.0.0.1:6379", workers=1)
"""
HEAD = "f" * 51 + "00000"  # the stand-in for a cloud starts real nodes of this machine under such ids


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.skipif(not _namespaces(), reason="no network namespace can be made here")
def test_a_cluster_scaled_to_zero_grows_by_what_its_node_types_offer(tmp_path):
    """Nodes of two cores are to be had and no GPU: a GPU is asked for, then four cores, then two."""
    (tmp_path / "small.yaml").write_text(MANIFEST)
    (tmp_path / "scaling.yaml").write_text(SCALING.format(head=HEAD))
    (tmp_path / "drive.py").write_text(DRIVE)
    script = f"""
        ip link set lo up
        {RAY} start --head --node-ip-address 127.0.0.1 --port 6379 --num-cpus 0 --autoscaling-config scaling.yaml \\
            --include-dashboard false --disable-usage-stats >start.log 2>&1 || exit 99
        {sys.executable} drive.py
        code=$?
        {RAY} stop --force >/dev/null 2>&1
        exit $code
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    scaling = {
        "RAY_AUTH_MODE": "disabled",
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
    }
    done = subprocess.run(
        ["unshare", "-n", "-p", "-f", "--mount-proc", "sh", "-c", script],
        cwd=tmp_path,
        env=ours | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **scaling},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "each worker asks for 4 cores now" in done.stderr
    assert "each worker asks for 2 cores now" in done.stderr
