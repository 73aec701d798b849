"""Machines that die, are taken away and come while a job goes on; and nights on the same cluster."""

import json
import re

import pytest

from neckar.pipeline.storage.access import open_store
from tests.cluster.hosts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(600)]

PAIRS = 16
MANIFEST = f"""
schema_version: 1
name: nodes
settings: {{size: 48, iterations: 140}}
design:
  content: [package:skimage/data/coffee.png]
  style: [package:skimage/data/rocket.jpg]
  factors: {{exemplar: {PAIRS}}}
"""


def last_state(cluster, job):
    logs = (cluster.ask(f"/api/jobs/{job}/logs") or {}).get("logs", "")
    states = [json.loads(line) for line in logs.splitlines() if line.startswith('{"state"')]
    return states[-1] if states else {}


def test_nothing_is_lost_when_one_machine_dies_one_is_drained_and_one_comes(cluster, s3):
    first, second = cluster.worker(), cluster.worker()
    open_store(s3).put("nodes.yaml", MANIFEST.encode())
    ended = cluster.neckar("submit", f"{s3}/nodes.yaml", "--address", cluster.address, "--output", f"{s3}/out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    job = re.search(r"(nodes-\w+): submitted", ended.stderr)[1]
    third = cluster.worker()  # joins while the others set up: later the pairs may be done before it is at work
    wait_until("all three at work", lambda: last_state(cluster, job).get("workers") == 3, 120)
    first.kill()
    wait_until("the loss to be noticed", lambda: last_state(cluster, job).get("workers", 3) < 3, 120)
    second.terminate()
    second.wait(120)
    followed = cluster.neckar(
        "submit", f"{s3}/nodes.yaml", "--address", cluster.address, "--output", f"{s3}/out", "--follow"
    )
    assert followed.returncode == 0, followed.stdout[-3000:] + followed.stderr
    assert third.running
    rows = cluster.rows(f"{s3}/out")
    assert [row["status"] for row in rows] == ["ok"] * PAIRS
    assert len({row["image_uri"] for row in rows}) == PAIRS
    assert not re.search(r'"quarantined": [1-9]', followed.stdout)
    verified = cluster.neckar("verify", f"{s3}/out", "--pixels")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    third.kill()


@pytest.mark.long
def test_a_machine_that_nobody_hears_of_costs_nothing_but_time(cluster, s3):
    lost = cluster.worker()
    text = MANIFEST.replace("nodes", "parted").replace(f"exemplar: {PAIRS}", "exemplar: 6")
    open_store(s3).put("parted.yaml", text.encode())
    ended = cluster.neckar("submit", f"{s3}/parted.yaml", "--address", cluster.address, "--output", f"{s3}/out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    job = re.search(r"(parted-\w+): submitted", ended.stderr)[1]
    wait_until("workers at work", lambda: last_state(cluster, job).get("in_flight", 0) > 0, 120)
    lost.disconnect()
    try:
        followed = cluster.neckar(
            "submit", f"{s3}/parted.yaml", "--address", cluster.address, "--output", f"{s3}/out", "--follow"
        )
    finally:
        lost.connect()
        lost.kill()
    assert followed.returncode == 0, followed.stdout[-3000:] + followed.stderr
    assert [row["status"] for row in cluster.rows(f"{s3}/out")] == ["ok"] * 6
