"""`neckar submit` to a cluster with a token."""

import hashlib
import json
import re
import time
import urllib.request
import zipfile

import pytest

from neckar.pipeline.driver.ray_metrics import exported
from neckar.pipeline.storage.access import open_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MANIFEST = """
schema_version: 1
name: small
settings: {size: 48, iterations: 5}
pairs:
  - {id: one, content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}
"""


@pytest.fixture(scope="module", autouse=True)
def worker(cluster):
    with cluster.staffed() as host:
        yield host


@pytest.fixture
def manifest(s3):
    open_store(s3).put("small.yaml", MANIFEST.encode())
    return f"{s3}/small.yaml"


def submit(cluster, manifest, *options, **environment):
    return cluster.neckar("submit", manifest, "--address", cluster.address, *options, **environment)


def test_a_manifest_is_run_and_found_again(cluster, manifest, s3):
    ended = submit(cluster, manifest, "--output", f"{s3}/out", "--follow")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert [row["status"] for row in cluster.rows(f"{s3}/out")] == ["ok"]
    assert json.loads(ended.stdout.splitlines()[-1])["state"] == "complete"
    again = submit(cluster, manifest, "--output", f"{s3}/out", "--follow")
    assert (again.returncode, "attached to the job that is there, SUCCEEDED" in again.stderr) == (0, True)
    other = submit(cluster, manifest, "--output", f"{s3}/other", "--follow")
    assert (other.returncode, "-2: submitted to" in other.stderr) == (0, True)
    assert [row["status"] for row in cluster.rows(f"{s3}/other")] == ["ok"]


def test_a_job_of_the_same_id_and_another_manifest_is_left_alone(cluster, s3):
    text = MANIFEST.replace("small", "taken-id")
    open_store(s3).put("m.yaml", text.encode())
    taken = f"taken-id-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    body = {"submission_id": taken, "entrypoint": "true", "metadata": {"neckar_manifest_sha256": "0" * 64}}
    assert cluster.ask("/api/jobs/", body) is not None
    ended = submit(cluster, f"{s3}/m.yaml", "--output", f"{s3}/out")
    assert (ended.returncode, "a job of this id is of another manifest" in ended.stderr) == (2, True)


def test_the_job_s_exit_code_is_the_command_s_and_a_job_that_is_not_complete_gets_another(cluster, manifest, s3):
    store = open_store(s3)
    store.put(
        "holes.yaml", MANIFEST.replace("small", "holes").replace("package:skimage/data/rocket.jpg", "no.png").encode()
    )
    failed = submit(cluster, f"{s3}/holes.yaml", "--output", f"{s3}/holes", "--follow")
    assert (failed.returncode, "exit code 1" in failed.stderr) == (1, True)
    # Refused there: its run's place holds another manifest's run. Mended, the same command goes on.
    store.put("run.yaml", MANIFEST.replace("small", "taken").encode())
    refused = submit(cluster, f"{s3}/run.yaml", "--output", f"{s3}/holes", "--follow")
    assert (refused.returncode, "this run was begun with another configuration" in refused.stdout) == (2, True)
    again = submit(cluster, f"{s3}/run.yaml", "--output", f"{s3}/holes", "--follow")
    assert (again.returncode, "-2: submitted to" in again.stderr) == (2, True)


def test_a_manifest_of_this_machine_travels_and_a_wheel_brings_its_own_code(cluster, s3, wheel):
    (cluster.folder / "local.yaml").write_text(MANIFEST.replace("small", "local"))
    ended = submit(cluster, "local.yaml", "--output", f"{s3}/out", "--wheel", str(wheel), "--follow")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (row,) = cluster.rows(f"{s3}/out")
    assert row["kernels"] == "torch"  # this wheel was built without a compiler; what is installed here may have kernels


def test_another_neckar_there_is_refused_and_both_are_named(cluster, manifest, s3, wheel, tmp_path):
    other = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.endswith("/METADATA"):
                data = data.replace(b"\nVersion: 0.1.0", b"\nVersion: 0.0.9")
            new.writestr(item, data)
    for options in ([], ["--follow"]):
        ended = submit(cluster, manifest, "--output", f"{s3}/out", "--wheel", str(other), *options)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert "the cluster has neckar 0.0.9, and here is neckar 0.1.0" in ended.stderr
    assert list(open_store(f"{s3}/out").list()) == []


@pytest.mark.parametrize("token", [None, "0123456789abcdef0123456789abcdef"])
def test_no_token_and_a_wrong_one_are_told_in_one_line(cluster, manifest, s3, tmp_path, token):
    environment = {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": ""}
    if token is not None:
        (tmp_path / "token").write_text(token)
        environment = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    ended = submit(cluster, manifest, "--output", f"{s3}/out", **environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a file" in line


def test_a_token_whose_file_is_not_there(cluster, manifest, s3, tmp_path):
    ended = submit(cluster, manifest, "--output", f"{s3}/out", RAY_AUTH_TOKEN_PATH=str(tmp_path / "absent"))
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "RAY_AUTH_TOKEN_PATH" in line


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("http://127.0.0.1:9", 75, "no job server answers"),
        ("10.77.0.11:6379", 2, "is no job server; write http://HOST:8265"),
        ("", 2, "add --address http://HOST:8265"),
    ],
)
def test_addresses_where_no_job_server_is(cluster, manifest, s3, address, code, told):
    ended = cluster.neckar("submit", manifest, "--output", f"{s3}/out", "--address", address)
    assert ended.returncode == code, ended.stderr
    assert told.lower() in ended.stderr.lower()
    assert ended.stderr.count("\n") == 1


def test_without_following_it_waits_until_the_job_has_begun(cluster, manifest, s3):
    open_store(s3).put("quick.yaml", MANIFEST.replace("small", "quick").encode())
    ended = submit(cluster, f"{s3}/quick.yaml", "--output", f"{s3}/out")
    assert (ended.returncode, "--follow, or: ray job logs --address" in ended.stdout) == (0, True)
    submit(cluster, f"{s3}/quick.yaml", "--output", f"{s3}/out", "--follow")
    assert open_store(f"{s3}/out").head("_SUCCESS.json") is not None


def test_metrics_of_a_run_are_exported_under_their_names(cluster, s3):
    """Scraped from the head, where the driver runs."""
    text = (
        MANIFEST.replace("small", "measured")
        + "  - {id: two, content: package:skimage/data/coffee.png, style: no.png}\n"
    )
    open_store(s3).put("m.yaml", text.encode())
    ended = submit(cluster, f"{s3}/m.yaml", "--output", f"{s3}/out")
    assert ended.returncode in (0, 1), ended.stderr
    nodes = cluster.ask("/nodes?view=summary")["data"]["summary"]
    (head,) = [n for n in nodes if n.get("ip") == cluster.head.address]
    port = head["raylet"]["metricsExportPort"]
    until = time.monotonic() + 60
    found = set()
    while time.monotonic() < until and not exported() <= found:
        text = urllib.request.urlopen(f"http://{cluster.head.address}:{port}/metrics", timeout=10).read().decode()
        found |= {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line.startswith("ray_neckar")}
        time.sleep(1)
    assert {name for name in found if not name.endswith("_created")} == exported()
