"""`neckar status --watch` beside a run that is at work."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.jobs.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MANIFEST = """
schema_version: 1
name: watched
settings: {size: 48, iterations: 4000}
design:
  content: [package:skimage/data/coffee.png]
  style: [package:skimage/data/rocket.jpg, gone.jpg]
"""


def test_a_run_is_watched_until_nobody_is_at_work_on_it(neckar, manifest, tmp_path):
    manifest(MANIFEST, "watched.yaml")
    run = subprocess.Popen(
        [sys.executable, "-m", "neckar", "run", "watched.yaml", "--output", "out"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 120
        while not (tmp_path / "out/live.json").exists() or not _said(tmp_path)["pairs"]:
            assert run.poll() is None
            assert time.monotonic() < until
            time.sleep(0.5)
        said = _said(tmp_path)
        assert said["pairs"][0]["pair_id"] == "coffee__rocket"
        assert said["pairs"][0]["loss_total"] > 0
        assert [(error["pair_id"], error["code"]) for error in said["errors"]] == [("coffee__gone", "image_missing")]
    finally:
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130
    done = neckar("status", "out", "--watch", "--every", "0.5")
    assert done.returncode == 3, done.stderr
    (look,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (look["standing"], look["live"]["state"]) == ("stopped", "interrupted")


def _said(folder):
    return json.loads((folder / "out/live.json").read_text())
