"""The night shift as its users start it: real processes, real Ray, the real network, a real S3 server."""

import json
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from neckar.pipeline.queries.database import query
from neckar.pipeline.results.versions import open_results
from neckar.pipeline.storage.access import open_store
from tests.jobs.conftest import ROOT
from tests.storage import recorder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def config(tmp_path: Path, s3_uri: str) -> Path:
    sources = open_store(f"{s3_uri}/sources")
    for side, name in (("c", "coffee"), ("c", "astronaut"), ("s", "rocket")):
        picture = tmp_path / "picture.png"
        Image.fromarray(getattr(data, name)()[:128, :128]).save(picture)
        sources.put(f"{side}/{name}.png", picture.read_bytes())
    path = tmp_path / "night.yaml"
    path.write_text(
        f"name: demo\nstore: {s3_uri}\nsources: {{content: {s3_uri}/sources/c, style: {s3_uri}/sources/s}}\n"
        "settings: {size: 48, iterations: 5}\n"
    )
    return path


def nightly(config: Path, *options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neckar", "nightly", str(config), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=config.parent, env=env, timeout=300)


def summary(ended: subprocess.CompletedProcess[str]) -> dict:
    assert ended.stdout, ended.stderr
    return json.loads(ended.stdout)


def add_style(uri: str) -> None:
    sources = open_store(f"{uri}/sources")
    sources.put("s/copy.png", sources.get("c/coffee.png"))


def test_nights_on_s3(config, s3_uri):
    first = nightly(config, "--date", "2026-11-01")
    assert first.returncode == 0, first.stderr
    assert {name: summary(first)[name] for name in ("outcome", "added", "ok")} == {
        "outcome": "published",
        "added": 2,
        "ok": 2,
    }
    again = nightly(config, "--date", "2026-11-01")
    assert (again.returncode, summary(again)) == (0, summary(first))

    began = time.monotonic()
    same = nightly(config, "--date", "2026-11-02")
    assert (same.returncode, summary(same)["outcome"]) == (0, "unchanged")
    assert "Ray" not in same.stderr
    assert time.monotonic() - began < 60  # no Ray, no torch; the figure itself is in docs/benchmarks.md

    add_style(s3_uri)
    third = summary(nightly(config, "--date", "2026-11-03"))
    assert (third["outcome"], third["to_make"], third["kept"]) == ("published", 2, 2)
    rows = query(open_results(f"{s3_uri}/datasets/demo"), "select image_uri, pair_id from results").to_pylist()
    assert len(rows) == 4
    for row in rows:
        assert open_store(f"{s3_uri}/datasets/demo").head(row["image_uri"]) is not None

    check = nightly(config, "--check", "--max-age", "26h")
    assert (check.returncode, "2026-11-03 was the last good night (published)" in check.stdout) == (0, True)
    time.sleep(1.1)
    assert nightly(config, "--check", "--max-age", "1s").returncode == 1


def test_a_night_is_killed_and_goes_on_and_is_refused(config, s3_uri):
    config.write_text(config.read_text().replace("iterations: 5", "iterations: 400") + "gates: {ok: 1.0}\n")
    open_store(f"{s3_uri}/sources").put("c/broken.png", b"no picture")
    command = [sys.executable, "-m", "neckar", "nightly", str(config), "--date", "2026-11-01"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if '"in_flight": ' in line and json.loads(line)["in_flight"]:
            break
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    ended = nightly(config, "--date", "2026-11-01")
    assert ended.returncode == 1, ended.stderr
    told = summary(ended)
    assert (told["outcome"], told["ok"], told["failed"], told["version"]) == ("refused", 2, 1, None)
    assert "only 66.67% of the wanted pairs have a picture, and gates.ok asks for 100.00%" in ended.stderr
    again = nightly(config, "--date", "2026-11-01")
    assert (again.returncode, "Ray" in again.stderr) == (1, False)
    assert nightly(config, "--check").returncode == 1


def test_a_style_that_vanishes_and_bytes_that_change_between_plan_and_run(config, s3_uri, s3_server, tmp_path):
    """The night goes by its plan: what cannot be made as planned is left out, and the next night asks anew."""
    add_style(s3_uri)
    killed = nightly(config, "--date", "2026-11-01", env=recorder.recorded(tmp_path, str(ROOT), KILL_AFTER="plan.json"))
    assert killed.returncode == recorder.KILLED
    sources = open_store(f"{s3_uri}/sources")
    bucket, _, prefix = s3_uri.removeprefix("s3://").partition("/")
    s3_server.client().delete_object(Bucket=bucket, Key=f"{prefix}/sources/s/copy.png")
    sources.put("c/coffee.png", sources.get("c/astronaut.png"))
    ended = nightly(config, "--date", "2026-11-01")
    told = summary(ended)
    assert (ended.returncode, told["outcome"], told["pairs"], told["ok"], told["missing"]) == (1, "refused", 4, 1, 3)
    mended = nightly(config, "--date", "2026-11-02")
    told = summary(mended)
    assert (mended.returncode, told["outcome"], told["pairs"], told["to_make"], told["ok"]) == (0, "published", 1, 0, 1)
    assert len(told["same_bytes"]) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--date", "2999-01-01"], "--date 2999-01-01: has not come yet"),
        (["--date", "yesterday"], "'yesterday' is no date; write YYYY-MM-DD"),
        (["--max-age", "26h"], "--max-age: is a part of --check"),
        (["--check", "--max-age", "soon"], "'soon' is no age; write e.g. 26h"),
        (["--check", "--full"], "--check: looks at nights that were"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, told):
    (tmp_path / "night.yaml").write_text("name: demo\nstore: out\nsources: {content: c}\n")
    ended = nightly(tmp_path / "night.yaml", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_night_without_a_date_has_today_s(tmp_path):
    (tmp_path / "c").mkdir()
    shutil.copy(Path(data.__file__).parent / "coffee.png", tmp_path / "c")
    (tmp_path / "night.yaml").write_text(
        "name: demo\nstore: out\nsources: {content: c}\nsettings: {content_layers: [conv1_1], size: 64}\n"
    )
    told = summary(nightly(tmp_path / "night.yaml", "--dry-run"))
    assert (told["outcome"], told["to_make"], told["missing"]) == ("planned", 1, 1)
    assert told["date"] in {str(datetime.now(UTC).date()), told["finished_at"][:10]}
    assert not (tmp_path / "out").exists()
