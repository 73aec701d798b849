"""Whole runs on a real Ray with a stand-in engine: accidents, resumption, signals."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neckar.pipeline.driver import run_setup
from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.driver.session import run
from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.lease import LeaseHeld
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.scheduling.limits import Limits
from neckar.schemas.errors import UserError
from tests.worker import standin

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

ROOT = Path(__file__).parents[2]
HERE = "tests.worker.standin"


def manifest(folder, pairs, name="jobs.json", **settings):
    """A manifest of pairs, each given by its own settings."""
    rng = np.random.default_rng(0)
    (folder / "picture.png").write_bytes(encode_png(rng.integers(0, 255, (20, 24, 3), np.uint8), {}))
    entries = [
        {"id": f"p{index}", "content": "picture.png", "style": "picture.png", "settings": {"seed": index} | own}
        for index, own in enumerate(pairs)
    ]
    value = {
        "schema_version": 1,
        "name": "test",
        "settings": {"size": 24, "iterations": 5} | settings,
        "pairs": entries,
    }
    path = folder / name
    path.write_text(json.dumps(value))
    return load_manifest(str(path))


@pytest.fixture
def go(cluster, tmp_path):
    def go(loaded, **options):
        usual = {"engine": f"{HERE}:set_up", "workers": 2, "slots": 3, "address": cluster.address}
        return run(loaded, **{"output": str(tmp_path / "run")} | usual | options)

    return go


def statuses(folder):
    reader = open_run(str(folder / "run"))
    table = reader.dataset().to_table(columns=["pair_id", "status", "error_code", "attempts"]).to_pylist()
    return {row["pair_id"]: row for row in table}


def test_a_run_through_every_accident(tmp_path, go):
    """Two that kill their process, one that hangs, one that raises, and the errors that are a pair's own."""
    fates = {
        3: standin.SIGKILL,
        9: standin.SEGFAULT,
        14: standin.HANG,
        20: standin.RAISE,
        25: standin.CROWDED,
        26: standin.HUGE,
        27: standin.NON_FINITE,
    }
    pairs = [{"seed": fates.get(index, index)} for index in range(30)]
    pairs[28] = {"iterations": 100_000}
    loaded = manifest(tmp_path, pairs)
    seen = []
    summary = go(loaded, limits=Limits(silence_s=4, pair_s=10), progress=seen.append)

    found = statuses(tmp_path)
    assert (summary.ok, summary.failed, summary.quarantined) == (23, 3, 4)
    assert len(found) == 30
    codes = {name: row["error_code"] for name, row in found.items() if row["status"] != "ok"}
    assert codes == {
        "p3": "worker_died",
        "p9": "worker_died",
        "p14": "worker_silent",
        "p20": "worker_died",
        "p26": "out_of_memory",
        "p27": "non_finite_loss",
        "p28": "deadline_exceeded",
    }
    assert {name for name, row in found.items() if row["status"] == "quarantined"} == {"p3", "p9", "p14", "p20"}
    assert found["p3"]["attempts"] == 4
    assert "an illegal memory access" in open_run(str(tmp_path / "run")).row("p20").error_message
    assert seen[-1].total == 30
    assert any(record.waiting_for == "Ray to start" for record in seen)
    assert max(record.settled for record in seen) == 30


def test_a_finished_run_is_left_alone_and_a_changed_manifest_refused(tmp_path, go):
    loaded = manifest(tmp_path, [{}, {}])
    assert go(loaded, workers=1).ok == 2
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*"))
    assert go(loaded).ok == 2
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*")) == before
    with pytest.raises(UserError, match=r"settings\.iterations: was 5, is 6 now"):
        go(manifest(tmp_path, [{}, {}], iterations=6))


def test_workers_that_cannot_record_come_back_without_graphs_and_no_pair_is_charged(tmp_path, go, caplog):
    summary = go(manifest(tmp_path, [{} for _ in range(9)]), engine=f"{HERE}:set_up_recorder")
    assert (summary.ok, summary.quarantined) == (9, 0)
    assert "24 x 24 px cannot be recorded" in caplog.text
    assert "workers that start from now on record nothing" in caplog.text


def test_a_setup_that_never_succeeds_ends_the_run_with_the_reason(tmp_path, go):
    with pytest.raises(Stopped, match="3 failed in a row: RuntimeError: the driver of the device is too old"):
        go(manifest(tmp_path, [{}]), workers=1, engine=f"{HERE}:set_up_badly")


def test_what_the_user_can_mend_in_the_setup_is_told_as_such(tmp_path, go):
    with pytest.raises(UserError, match="weights: nowhere: no such file"):
        go(manifest(tmp_path, [{}]), workers=1, engine=f"{HERE}:set_up_by_mistake")


DRIVE = """
import sys
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.driver.endings import Interrupted
from neckar.pipeline.driver.session import run
def note(progress):
    with open(sys.argv[3], "a") as file:
        file.write(progress.waiting_for + "\\n")
try:
    engine = "tests.worker.standin:set_up"
    print(run(load_manifest(sys.argv[1]), output=sys.argv[2], slots=2, engine=engine, progress=note))
except Interrupted:
    sys.exit(130)
"""


def start_driver(folder):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVE, str(folder / "jobs.json"), str(folder / "run"), str(folder / "words")],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )


def go_on(folder):
    """The same command again, to its end; what it waited for on the way."""
    (folder / "words").unlink()
    driver = start_driver(folder)
    driver.communicate(timeout=120)
    assert driver.returncode == 0
    assert open_run(str(folder / "run")).counts().ok == 40
    return (folder / "words").read_text().splitlines()


def wait_for_pictures(folder, count):
    until = time.monotonic() + 60
    while len(list((folder / "run" / "images").rglob("*.png"))) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("noticed", [False, True])
def test_a_lost_node_charges_nobody(tmp_path, go, cluster, noticed):
    loaded = manifest(tmp_path, [{}] * 12, iterations=200)
    node = cluster.add_node(num_cpus=2)
    killed = []

    def kill_the_node(progress):
        if progress.workers == 4 and progress.settled and not killed:
            killed.append(True)
            cluster.remove_node(node, allow_graceful=noticed)

    assert go(loaded, workers=4, slots=1, progress=kill_the_node).ok == 12
    assert killed
    assert all(row["attempts"] <= 2 for row in statuses(tmp_path).values())


def test_a_machine_that_joins_gets_a_worker(tmp_path, go, cluster):
    """The number of workers is not given: one for the one machine, two when another one comes."""
    loaded = manifest(tmp_path, [{}] * 60, iterations=200)
    nodes = []
    seen = []

    def grow(progress):
        seen.append(progress.workers)
        if progress.settled and not nodes:
            nodes.append(cluster.add_node(num_cpus=2))

    try:
        assert go(loaded, workers=None, slots=1, progress=grow).ok == 60
    finally:
        for node in nodes:
            cluster.remove_node(node)
    assert seen[0] <= 1
    assert max(seen) == 2


def test_on_a_cluster_a_worker_without_the_precision_does_not_join(tmp_path, cluster):
    """Its set-up fails, and no pair is charged; here there is no other node, so that the run ends incomplete."""
    asked = manifest(tmp_path, [{}], precision="bfloat16")
    with pytest.raises(Stopped, match="cannot compute bfloat16"):
        run(
            asked,
            output=str(tmp_path / "out"),
            address=cluster.address,
            engine=f"{HERE}:set_up_without_bfloat16",
            limits=Limits(setup_failures=2),
        )
    assert open_run(str(tmp_path / "out")).counts().settled == 0


def test_a_worker_of_another_release_does_not_join(tmp_path, cluster):
    with pytest.raises(Stopped, match=r"has Neckar 0\.0\.9 \(algorithm version \d+\), and this is .* the same release"):
        run(
            manifest(tmp_path, [{}]),
            output=str(tmp_path / "out"),
            address=cluster.address,
            engine=f"{HERE}:set_up_other_release",
            limits=Limits(setup_failures=2),
        )


def slow_survey(monkeypatch, output, pictures=3):
    """Counting the pairs takes until so many pictures are made: what takes a million of them half a minute."""

    def survey(loaded):
        until = time.monotonic() + 60
        while len(list(output.rglob("*.png"))) < pictures:
            assert time.monotonic() < until, "nobody begins before the pairs are counted"
            time.sleep(0.05)
        return run_setup.survey_itself(loaded)

    monkeypatch.setattr(run_setup, "survey_itself", run_setup.survey, raising=False)
    monkeypatch.setattr(run_setup, "survey", survey)


def test_workers_begin_before_the_pairs_are_counted(tmp_path, go, monkeypatch):
    slow_survey(monkeypatch, tmp_path / "run")
    summary = go(manifest(tmp_path, [{} for _ in range(20)]), limits=Limits(look_ahead=4))
    assert (summary.ok, summary.failed) == (20, 0)
    assert len(statuses(tmp_path)) == 20
    assert open_run(str(tmp_path / "run")).success is not None


def test_a_mistake_that_shows_late_refuses_the_run_and_its_pictures_are_found_again(tmp_path, go, monkeypatch, caplog):
    """All mistakes are told, nothing of the run is written, and the mended manifest makes no picture twice."""
    pairs = "".join(
        json.dumps({"id": f"p{index}", "content": "picture.png", "style": "picture.png", "settings": {"seed": index}})
        + "\n"
        for index in range(20)
    )
    manifest(tmp_path, [{}])
    value = {"schema_version": 1, "name": "late", "settings": {"size": 24, "iterations": 5}, "pairs_from": "p.jsonl"}
    (tmp_path / "late.json").write_text(json.dumps(value))
    (tmp_path / "p.jsonl").write_text(pairs + '{"content": "a", "stlye": 1}\n{"settings": {"alpha": "x"}}\n')
    with monkeypatch.context() as patched:
        slow_survey(patched, tmp_path / "run", pictures=10)
        with pytest.raises(UserError) as caught:
            go(load_manifest(str(tmp_path / "late.json")), workers=1, limits=Limits(look_ahead=4))
    assert {problem.place.split(": ")[1] for problem in caught.value.problems} == {"row 21", "row 22"}
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.png")}
    assert len(made) >= 10
    assert not (tmp_path / "run" / "run.json").exists()
    (tmp_path / "p.jsonl").write_text(pairs)
    assert go(load_manifest(str(tmp_path / "late.json")), workers=1).ok == 20
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_a_pair_of_another_precision_waits_for_the_count(tmp_path, go, monkeypatch):
    """Whether all workers can compute it is known only then."""
    slow_survey(monkeypatch, tmp_path / "run", pictures=1)
    loaded = manifest(tmp_path, [{}] * 8 + [{"precision": "bfloat16"}] + [{}] * 4, precision="float32")
    with pytest.raises(Stopped, match="cannot compute bfloat16"):
        go(loaded, engine=f"{HERE}:set_up_without_bfloat16", limits=Limits(setup_failures=2, look_ahead=4))
    assert {name for name, row in statuses(tmp_path).items() if row["status"] != "ok"} == set()


def test_a_run_on_s3(tmp_path, go, s3_uri):
    """On a Ray of its own, whose workers inherit this process's AWS environment."""
    loaded = manifest(tmp_path, [{}] * 5 + [{"seed": standin.NON_FINITE}])
    summary = go(loaded, output=s3_uri, address=None)
    assert (summary.run, summary.ok, summary.failed) == (s3_uri, 5, 1)
    reader = open_run(s3_uri)
    row = reader.row("p4")
    assert hashlib.sha256(reader.image(row)).hexdigest() == row.image_sha256
    assert reader.success.pairs == 6


def test_a_cluster_is_joined_after_a_ray_of_our_own(tmp_path, go):
    """Which has asked for a token, as the cluster does not."""
    loaded = manifest(tmp_path, [{}] * 3)
    assert go(loaded, output=str(tmp_path / "own"), address=None).ok == 3
    assert go(loaded).ok == 3


def test_ctrl_c_writes_what_is_done_and_the_same_command_goes_on(tmp_path):
    manifest(tmp_path, [{}] * 40, iterations=100)
    driver = start_driver(tmp_path)
    wait_for_pictures(tmp_path, 5)
    os.killpg(driver.pid, signal.SIGINT)  # a terminal sends it to all processes of the command, Ray's too
    output, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert output == ""  # Ray's own messages stay off the standard output
    done = open_run(str(tmp_path / "run")).counts().settled
    assert 5 <= done < 40
    assert not any(text.startswith("the lease of") for text in go_on(tmp_path))  # it was given back


def test_a_killed_driver_loses_nothing(tmp_path):
    manifest(tmp_path, [{}] * 40, iterations=100)
    driver = start_driver(tmp_path)
    wait_for_pictures(tmp_path, 5)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate(timeout=60)
    made = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "images").rglob("*.png")}
    assert any(text.startswith("the lease of") for text in go_on(tmp_path))
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "images").rglob("*.png")}
    assert made.items() <= after.items()  # pictures without a row were found, not made again


def test_a_second_driver_is_refused(tmp_path, go):
    loaded = manifest(tmp_path, [{}] * 400, iterations=2000)
    driver = start_driver(tmp_path)
    try:
        wait_for_pictures(tmp_path, 1)
        with pytest.raises(LeaseHeld, match="is at work on this run"):
            go(loaded)
    finally:
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=60)
    assert driver.returncode == 130


def test_a_precision_that_no_worker_has_is_refused_and_nothing_is_begun(tmp_path):
    """On this machine alone: the mend is told, no pair is charged and no run stands there."""
    asked = manifest(tmp_path, [{}, {"precision": "bfloat16"}])
    with pytest.raises(UserError, match=r"precision: bfloat16, float32: .* cannot compute bfloat16; run it where"):
        run(asked, output=str(tmp_path / "out"), engine=f"{HERE}:set_up_without_bfloat16")
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_run_in_bfloat16_is_not_resumed_without_it(tmp_path):
    asked = manifest(tmp_path, [{"seed": standin.NON_FINITE}, *[{}] * 60], precision="bfloat16", iterations=50)
    output, early = str(tmp_path / "out"), Limits(error_rate=0.0, error_rate_after=1)
    with pytest.raises(Stopped):
        run(asked, output=output, engine=f"{HERE}:set_up", limits=early)
    with pytest.raises(UserError, match="cannot compute bfloat16"):
        run(asked, output=output, engine=f"{HERE}:set_up_without_bfloat16")


def test_auto_is_decided_from_all_workers_of_the_start(tmp_path, caplog):
    """One of two has bfloat16: whoever comes first, the run is in what both have, and that is told."""
    asked = manifest(tmp_path, [{}, {}, {}, {}])
    summary = run(asked, output=str(tmp_path / "out"), workers=2, engine=f"{HERE}:set_up_one_of_two")
    assert summary.ok == 4
    assert open_run(str(tmp_path / "out")).record.precision == "float32"
    assert "auto is float32, for 1 of 2 workers have no fast bfloat16" in caplog.text
