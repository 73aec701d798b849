"""The door to Ray."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from neckar.pipeline.driver import ray_start
from neckar.pipeline.driver.ray_cluster import MESSAGE_MAX, Cluster, _in_a_line, cluster_address
from neckar.schemas.errors import UserError

ROOT = Path(__file__).parents[2]

HOME = """
import os
from pathlib import Path
from neckar.pipeline.driver.ray_cluster import Cluster
for _ in range(2):
    with Cluster(None) as cluster:
        import ray
        assert ray.get(ray.remote(lambda: 7).remote()) == 7
        assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert "RAY_AUTH_TOKEN" not in os.environ and "RAY_AUTH_MODE" not in os.environ
print(sorted(path.name for path in Path.home().rglob("*")) if Path.home().exists() else "no home")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("home", "left"), [("{tmp_path}", "[]"), ("/proc/nobody", "no home")])
def test_a_local_ray_asks_for_a_token_of_its_own_and_leaves_the_home_alone(tmp_path, home, left):
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", HOME],
        cwd=ROOT,
        env=ours | {"HOME": home.format(tmp_path=tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == left, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["{tmp_path}/" + 60 * "long", "/proc/nobody"])
def test_a_local_ray_starts_where_its_usual_folder_cannot_hold_its_sockets(tmp_path, folder):
    place = Path(folder.format(tmp_path=tmp_path))
    if not str(place).startswith("/proc"):
        place.mkdir()
    code = "from neckar.pipeline.driver.ray_cluster import Cluster\nwith Cluster(None) as c:\n    print(c.alone)"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=ours | {"TMPDIR": str(place)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr


def test_where_no_folder_will_do_it_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(ray_start, "_holds_sockets", lambda folder: False)
    monkeypatch.setenv("RAY_TMPDIR", "/long")
    with pytest.raises(UserError, match=r"^/long: Ray cannot have its sockets there; set RAY_TMPDIR to a folder"):
        ray_start.session_folder()


LOCAL = """
from neckar.pipeline.driver.ray_cluster import Cluster
with Cluster(None) as cluster:
    import ray
    assert cluster.machines[0].cpus >= 1
    from ray._private.worker import _global_node
    print(*(node["NodeManagerAddress"] for node in ray.nodes()), *sorted(_global_node.all_processes))
"""


@pytest.mark.slow
def test_a_local_ray_stays_on_loopback_and_has_no_process_to_spare():
    """In a process of its own: Ray reads its environment once."""
    command = [sys.executable, "-c", LOCAL]
    ours = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"}
    done = subprocess.run(command, cwd=ROOT, env=ours, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "127.0.0.1 gcs_server raylet\n", done.stderr


def test_an_address_where_nobody_listens_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        pytest.raises(UserError, match=rf"--address 127\.0\.0\.1:{port}: nobody answers there"),
        Cluster(f"127.0.0.1:{port}"),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "named", "found"),
    [
        (None, None, None),
        (None, "127.0.0.1:6379", "127.0.0.1:6379"),
        ("host:1", "127.0.0.1:6379", "host:1"),
        (None, "http://127.0.0.1:8265", None),  # where jobs are submitted to
        (None, "", None),
    ],
)
def test_inside_a_ray_job_its_cluster_is_meant(monkeypatch, given, named, found):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if named is not None:
        monkeypatch.setenv("RAY_ADDRESS", named)
    assert cluster_address(given) == found


def test_rays_client_is_an_extra(monkeypatch):
    monkeypatch.setattr("neckar.pipeline.driver.ray_cluster.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"ray:// needs Ray's client, which is an extra; pip install 'ray\[client\]'"):
        Cluster("ray://127.0.0.1:10001").__enter__()


def test_an_address_that_is_none():
    with pytest.raises(UserError, match="--address nonsense: no Ray cluster answers there"), Cluster("nonsense"):
        pass


def test_rays_words_for_a_worker_that_cannot_be_made_become_the_error():
    """As on a node of a cluster where Neckar is not installed."""
    told = """The actor died because of an error raised in its creation task, \x1b[36mray::WorkerProcess.__init__()\
\x1b[39m (pid=15831, ip=127.0.0.1)
  At least one of the input arguments for this task could not be computed:
ray.exceptions.RaySystemError: System error: No module named 'pipeline'
traceback: Traceback (most recent call last):
ModuleNotFoundError: No module named 'pipeline'"""
    error = "ModuleNotFoundError: No module named 'pipeline'"
    assert _in_a_line(told) == f"The actor died because of an error raised in its creation task: {error}"


def test_rays_words_for_a_death_become_a_line():
    told = """The actor died unexpectedly before finishing this task.
\tclass_name: WorkerProcess
\tpid: 15126
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker \
unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process was \
killed by the OOM killer due to high memory usage, (2) ray stop --force was called."""
    assert _in_a_line(told) == (
        "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: "
        "Worker unexpectedly exits with a connection error code 2. End of file."
    )
    assert len(_in_a_line("long " * 1000)) == MESSAGE_MAX
