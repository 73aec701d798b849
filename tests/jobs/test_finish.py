"""The second pass of `neckar run`, as a user meets it: the set matched, judged, found again, changed."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.images.encode import pixel_sha256, read_levels
from neckar.pipeline.photometry.luminance import light_of, luminance

pytestmark = pytest.mark.slow

MANIFEST = """
schema_version: 1
name: set
settings: {size: [64, 64], iterations: 6, precision: float32}
design:
  content: ["package:skimage/data/coffee.png", "package:skimage/data/chelsea.png"]
  style: ["package:skimage/data/ihc.png", "package:skimage/data/rocket.jpg"]
  factors: {alpha: [1.0e-5, 1.0e-3]}
  seed_policy: {shared_across: [alpha]}
  conditions: [stylised, original, phase_scrambled]
"""
ASKED = "match: {method: lum, safe: true}\nqc: {gram_rel_err: 3.0, content_pearson_r: -0.9}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A complete run with its set; tests copy it."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def run(neckar, manifest, tmp_path, made):
    """The set's folder, made once."""
    manifest(MANIFEST + ASKED)
    if not (made / "out").exists():
        process = neckar("run", "jobs.yaml", "--output", "out", "--base", made, timeout=280)
        assert process.returncode == 0, process.stderr
        assert "out: 12 stimuli, version 1; " in process.stderr
        shutil.copytree(tmp_path / "out", made / "out")
    else:
        shutil.copytree(made / "out", tmp_path / "out")
    return tmp_path / "out"


def table(run, version=1):
    return pq.read_table(run / f"stimuli/{version:05d}/stimuli.parquet").to_pylist()


def test_every_stimulus_has_the_sets_luminance_on_its_file(run):
    rows = table(run)
    assert len(rows) == 12
    wanted = {(row["match_mean_requested"], row["match_deviation_requested"]) for row in rows}
    assert len(wanted) == 1
    ((mean, deviation),) = wanted
    for row in rows:
        data = (run / row["image_uri"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["image_sha256"]
        levels = read_levels(data)
        assert pixel_sha256(levels) == row["pixel_sha256"]
        y = luminance(light_of(levels))
        assert (y.mean(), y.std()) == pytest.approx((mean, deviation), abs=0.005)
        assert row["lum_mean"] == pytest.approx(y.mean())
        assert row["match_forbidden_by"] is None
        assert (run / row["unmatched_uri"]).exists()


def test_what_is_judged_and_what_is_not(run):
    for row in table(run):
        judged = row["condition"] == "stylised"
        assert (row["qc_pass"] is not None) == judged
        assert (row["gram_rel_err_conv4_1"] is not None) == judged
        assert row["phash"]
        assert not judged or (row["style_null_n"], row["content_null_n"]) == (1, 1)


def test_query_has_the_set_as_a_table(neckar, run):
    sql = "select s.condition, count(r.lum_mean) n from stimuli s join results r using (pair_id) group by 1"
    process = neckar("query", "out", sql, "--format", "json")
    assert process.returncode == 0, process.stderr
    found = {row["condition"]: row["n"] for row in json.loads(process.stdout)}
    assert found == {"original": 2, "phase_scrambled": 2, "stylised": 8}


def test_the_same_command_finds_the_set_and_goes_on_where_it_was_interrupted(neckar, run, made):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.png")}
    assert neckar("run", "jobs.yaml", "--output", "out", "--base", made).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.png")} == before
    (run / "stimuli/00001/_SUCCESS.json").unlink()
    (run / "stimuli/00001/stimuli.parquet").unlink()
    assert neckar("run", "jobs.yaml", "--output", "out", "--base", made).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.png")} == before
    assert len(table(run)) == 12


def test_another_matching_is_another_version_and_makes_no_picture_again(neckar, manifest, run, made):
    first = table(run)
    manifest(MANIFEST + "match: hist\nmatch_within: [condition]\nqc: {gram_rel_err: 0.001}\n")
    before = {path: path.stat().st_mtime_ns for path in (run / "images").rglob("*.png")}
    process = neckar("run", "jobs.yaml", "--output", "out", "--base", made, timeout=280)
    assert process.returncode == 0, process.stderr
    assert "out: 12 stimuli, version 2; 0 hold the thresholds, 8 do not" in process.stderr
    assert {path: path.stat().st_mtime_ns for path in (run / "images").rglob("*.png")} == before
    assert table(run) == first
    rows = table(run, 2)
    groups = {row["match_group"] for row in rows}
    assert groups == {"condition = original", "condition = phase_scrambled", "condition = stylised"}
    originals = [
        light_of(read_levels((run / r["image_uri"]).read_bytes())) for r in rows if r["condition"] == "original"
    ]
    a, b = (np.sort(luminance(light), axis=None) for light in originals)
    assert np.abs(a - b).max() < 0.02
    assert "gram_rel_err_conv1_1" in "".join(rows[0]["qc_failed"])


def test_an_unsafe_target_is_told_picture_by_picture(neckar, manifest, run, made):
    manifest(MANIFEST + "match: {method: lum, mean: 0.9, deviation: 0.4}\n")
    process = neckar("run", "jobs.yaml", "--output", "out", "--base", made, timeout=280)
    assert process.returncode == 0, process.stderr
    told = [line for line in process.stderr.splitlines() if "not matched to within .005: the gamut: " in line]
    assert len(told) == 5
    assert all("; write safe: true" in line for line in told)
    assert "and 7 more: neckar query" in process.stderr


def test_a_set_on_s3_is_matched_judged_and_handed_over(neckar, manifest, tmp_path, s3_uri):
    manifest(MANIFEST + ASKED)
    process = neckar("run", "jobs.yaml", "--output", s3_uri, timeout=280)
    assert process.returncode == 0, process.stderr
    assert "12 stimuli, version 1; 8 hold the thresholds, 0 do not" in process.stderr
    process = neckar("export", s3_uri, "release")
    assert process.returncode == 0, process.stderr
    assert len(list((tmp_path / "release/bids/stimuli").glob("*.png"))) == 12


def test_a_damaged_table_is_told(neckar, run):
    path = run / "stimuli/00001/stimuli.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    process = neckar("query", "out", "select * from stimuli")
    assert process.returncode == 2
    assert "stimuli.parquet: is damaged" in process.stderr


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("match_within: [alpha]\n", "jobs.yaml: match_within: groups of what? Add match, or leave this out"),
        ("match: sf\nmatch_within: [alhpa]\n", "match_within[0]: 'alhpa' is neither a factor nor a column"),
        ("match: luminance\n", "jobs.yaml: match: 'luminance' is not a way to match; valid are lum, hist, sf, spec"),
        ("qc: {gram_percentile: 5.0}\n", "jobs.yaml: qc.gram_percentile: 5 % is finer than 1 other styles can tell"),
        ("qc: {gram: 5.0}\n", "jobs.yaml: qc: unknown key 'gram'; did you mean"),
    ],
)
def test_what_cannot_be_asked_is_told_before_any_compute(neckar, manifest, asked, line):
    manifest(MANIFEST + asked)
    process = neckar("run", "jobs.yaml", "--output", "out")
    assert process.returncode == 2
    assert line in process.stderr, process.stderr
