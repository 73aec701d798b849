"""SIGTERM at any time: 130, a last JSON line, the lease given back, within seconds. What only passes: 75."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from neckar.pipeline.driver.lease_keeper import LeaseKeeper
from neckar.pipeline.results.layout import LEASE_KEY
from neckar.pipeline.results.lease import acquire
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.local import LocalStore
from neckar.schemas.run import LeaseRecord
from tests.jobs.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MANIFEST = """
schema_version: 1
name: small
settings: {size: 32, iterations: 4}
pairs: [{content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}]
"""

# A compaction that takes long, as that of a million rows does, in a process that is otherwise the command.
SLOW = """
import sys, time
from neckar.pipeline.driver import session
from neckar.jobs.command_line import main
sealing = session.seal
def seal(*given, **named):
    print("sealing", file=sys.stderr, flush=True)
    for _ in range(600):
        time.sleep(0.1)
    return sealing(*given, **named)
session.seal = seal
main()
"""


@pytest.fixture
def start(tmp_path, manifest):
    """Starts `neckar run` and waits until it says what it waits for."""
    manifest(MANIFEST, "small.yaml")
    started = []

    def start(*, code="from neckar.jobs.command_line import main; main()", until):
        process = subprocess.Popen(
            [sys.executable, "-c", code, "run", "small.yaml", "--output", "out"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        stream = process.stderr if until == "sealing" else process.stdout
        for line in stream:
            if until in line:
                return process
        raise AssertionError(process.stderr.read())

    yield start
    for process in started:
        process.kill()
        process.wait()


def assert_ends_at_once(process):
    process.send_signal(signal.SIGTERM)
    out, words = process.communicate(timeout=60)  # it takes a second or two
    assert process.returncode == 130, words
    assert json.loads(out.splitlines()[-1])["state"] == "interrupted"


def test_while_it_waits_for_a_lease(start, tmp_path):
    acquire(LocalStore(tmp_path / "out"), "the dead", seconds=600)
    assert_ends_at_once(start(until="the lease of the dead"))
    assert read_record(LocalStore(tmp_path / "out"), LEASE_KEY, LeaseRecord).owner == "the dead"


def test_while_ray_and_its_workers_start(start, tmp_path):
    assert_ends_at_once(start(until="Ray to start"))
    assert read_record(LocalStore(tmp_path / "out"), LEASE_KEY, LeaseRecord).released


def test_while_the_results_are_compacted(start, tmp_path):
    assert_ends_at_once(start(code=SLOW, until="sealing"))
    assert read_record(LocalStore(tmp_path / "out"), LEASE_KEY, LeaseRecord).released
    assert not (tmp_path / "out" / "_SUCCESS.json").exists()


def test_another_driver_at_work_is_no_mistake_of_the_user_s(neckar, manifest, tmp_path):
    manifest(MANIFEST, "small.yaml")
    keeper = LeaseKeeper(acquire(LocalStore(tmp_path / "out"), "somebody", seconds=30), every_s=0.2)
    try:
        answer = neckar("run", "small.yaml", "--output", "out")
    finally:
        keeper.end()
    assert answer.returncode == 75
    assert "somebody is at work on this run; wait for it or stop it" in answer.stderr


def test_the_cluster_of_ray_address_is_joined_and_no_ray_started_here(neckar, manifest, tmp_path):
    manifest(MANIFEST, "small.yaml")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    answer = neckar("run", "small.yaml", "--output", "out", env={"RAY_ADDRESS": nobody})
    assert answer.returncode == 2
    assert f"--address {nobody}: nobody answers there" in answer.stderr
