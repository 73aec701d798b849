"""The whole program: real processes, real Ray, the real network, on a folder and on a real S3 server."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.jobs.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SMALL = """
schema_version: 1
name: small
settings: {size: 48, iterations: 5}
design:
  content: [package:skimage/data/coffee.png, package:skimage/data/astronaut.png]
  style: {rocket: package:skimage/data/rocket.jpg, hubble: package:skimage/data/hubble_deep_field.jpg}
"""

ONE_MISSING = """
schema_version: 1
name: holes
settings: {size: 48, iterations: 5}
pairs:
  - {id: good, content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}
  - {id: bad, content: package:skimage/data/coffee.png, style: nothing_here.png}
"""

LONG = """
schema_version: 1
name: long
settings: {size: 48, iterations: 40}
pairs_from: pairs.csv
"""
LONG_PAIRS = 10  # two at a time: a second or so between the first picture and the next two
LONG_COMMAND = ("run", "long.yaml", "--output", "out", "--slots", "2")


def rows_of(process):
    assert process.returncode == 0, process.stderr
    return list(csv.DictReader(io.StringIO(process.stdout)))


def summary_of(process):
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    assert lines, process.stderr
    return lines[-1]


def test_workers_take_no_folder_of_the_caller_for_a_package_of_ours(tmp_path, manifest):
    """Neither from the working directory, where Ray looks first, nor from PYTHONPATH."""
    for package in ("jobs", "pipeline", "schemas"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ImportError('somebody else is at home here')")
    manifest(SMALL, "small.yaml")
    installed = Path(sys.executable).with_name("neckar")
    process = subprocess.run(
        [installed, "run", "small.yaml", "--output", "out"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert summary_of(process)["ok"] == 4


NOTEBOOK = """
import neckar
print(neckar.validate("small.yaml").pairs)
summary = neckar.run("small.yaml", output="out", workers=1)
run = neckar.open_run(summary.run)
row = run.row("coffee__rocket")
print(summary.ok, row.loss_total > 0, run.image(row)[:4] == bytes([137]) + b"PNG")
"""


def test_a_notebook_runs_a_manifest_and_reads_it(tmp_path, manifest):
    manifest(SMALL, "small.yaml")
    process = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.stdout.splitlines() == ["4", "4 True True"], process.stderr


NOISY = """
schema_version: 1
name: noisy
settings: {size: 48, iterations: 40, init_sigma: 100}
design:
  content: [package:skimage/data/coffee.png, package:skimage/data/astronaut.png]
  style: {rocket: package:skimage/data/rocket.jpg}
"""


def test_a_run_whose_files_lost_much_to_the_noise_of_the_start_tells_so_at_its_end(neckar, manifest):
    manifest(NOISY, "noisy.yaml")
    ended = neckar("run", "noisy.yaml", "--output", "out", timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "the loss of the PNG is more than" in ended.stderr
    assert "init_sigma: 1" in ended.stderr


def assert_small_is_complete(neckar, output):
    first = neckar("run", "small.yaml", "--output", output, timeout=300)
    assert first.returncode == 0, first.stderr
    assert "the loss of the PNG" not in first.stderr
    assert summary_of(first)["ok"] == 4
    rows = rows_of(neckar("query", output, "select pair_id, loss_total from results order by 1", "--format", "csv"))
    assert [row["pair_id"] for row in rows] == sorted(
        f"{content}__{style}" for content in ("coffee", "astronaut") for style in ("rocket", "hubble")
    )
    assert all(float(row["loss_total"]) > 0 for row in rows)
    return rows


def test_a_run_in_a_folder(neckar, manifest, tmp_path):
    manifest(SMALL, "small.yaml")
    rows = assert_small_is_complete(neckar, "out")

    trace = rows_of(
        neckar("query", "out", "select pair_id, count(*) n from loss_trace group by 1 order by 1", "--format", "csv")
    )
    assert [(row["pair_id"], row["n"]) for row in trace] == [(row["pair_id"], "5") for row in rows]

    status = neckar("status", "out")
    assert status.returncode == 0, status.stderr
    assert "small" in status.stdout
    assert "4 of 4" in status.stdout

    show = neckar("show", "out", "coffee__rocket", "--save", "picture.png")
    assert show.returncode == 0, show.stderr
    assert "loss_total" in show.stdout
    with Image.open(tmp_path / "picture.png") as picture:
        assert max(picture.size) == 48

    parquet = neckar("query", "out", "select * from results", "--format", "parquet", "--output", "rows.parquet")
    assert parquet.returncode == 0, parquet.stderr
    assert (tmp_path / "rows.parquet").stat().st_size > 0

    again = neckar("run", "small.yaml", "--output", "out")
    assert again.returncode == 0, again.stderr
    assert summary_of(again)["ok"] == 4

    manifest(SMALL.replace("size: 48", "size: 64"), "small.yaml")
    changed = neckar("run", "small.yaml", "--output", "out")
    assert changed.returncode == 2
    assert "size" in changed.stderr
    assert "Traceback" not in changed.stderr


def test_a_run_on_s3(neckar, manifest, s3_uri):
    manifest(SMALL, "small.yaml")
    assert_small_is_complete(neckar, s3_uri)


def test_wrong_credentials_are_told(neckar, manifest, tmp_path, s3_uri):
    manifest(SMALL, "small.yaml")
    process = neckar("run", "small.yaml", "--output", s3_uri, env={"AWS_SECRET_ACCESS_KEY": "not-the-secret"})
    assert process.returncode == 2
    assert process.stdout == ""
    assert len(process.stderr.splitlines()) == 1, process.stderr
    assert "s3://" in process.stderr
    assert "not-the-secret" not in process.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


def test_a_pair_that_cannot_be_made_does_not_stop_the_others(neckar, manifest, tmp_path):
    manifest(ONE_MISSING, "holes.yaml")
    process = neckar("run", "holes.yaml", "--output", "out", timeout=300)
    assert process.returncode == 1, process.stderr
    assert summary_of(process)["failed"] == 1
    rows = rows_of(
        neckar("query", "out", "select pair_id, status, error_code from results order by 1", "--format", "csv")
    )
    assert [tuple(row.values()) for row in rows] == [("bad", "failed", "image_missing"), ("good", "ok", "")]
    status = neckar("status", "out")
    assert "image_missing 1" in status.stdout
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "nothing_here.png")
    assert neckar("run", "holes.yaml", "--output", "out").returncode == 1  # complete as it is
    retried = neckar("run", "holes.yaml", "--output", "out", "--retry-failed", timeout=300)
    assert retried.returncode == 0, retried.stderr
    assert summary_of(retried)["ok"] == 2
    assert rows_of(neckar("query", "out", "select attempts from results where status = 'ok'", "--format", "csv"))
    assert (tmp_path / "out" / "_SUCCESS-00002.json").exists()


def test_ctrl_c_keeps_what_is_done_and_the_same_command_resumes(neckar, manifest, tmp_path):
    manifest(LONG, "long.yaml")
    with (tmp_path / "pairs.csv").open("w") as file:
        file.write("id,content,style,seed\n")
        for i in range(LONG_PAIRS):
            file.write(f"p{i:02},package:skimage/data/coffee.png,package:skimage/data/rocket.jpg,{i}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "neckar", *LONG_COMMAND],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while not pictures(tmp_path / "out"):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no picture within 240 s"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does: every process of the group
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    done = pictures(tmp_path / "out")
    assert 0 < len(done) < LONG_PAIRS
    assert not (tmp_path / "out" / "_SUCCESS.json").exists()
    before = {path: path.stat().st_mtime_ns for path in done}

    resumed = neckar(*LONG_COMMAND, timeout=400)
    assert resumed.returncode == 0, resumed.stderr
    assert summary_of(resumed)["ok"] == LONG_PAIRS
    assert len(pictures(tmp_path / "out")) == LONG_PAIRS
    assert {path: path.stat().st_mtime_ns for path in done} == before  # none made twice


def pictures(run):
    return sorted(run.glob("images/*/*.png"))
