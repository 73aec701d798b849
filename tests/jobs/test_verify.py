"""`neckar verify` on a run of the real network: what was deleted, cut or flipped is told, and made again."""

import hashlib

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MANIFEST = """
schema_version: 1
name: small
settings: {size: 32, iterations: 4}
design:
  content: [package:skimage/data/coffee.png, package:skimage/data/astronaut.png]
  style: {rocket: package:skimage/data/rocket.jpg, hubble: package:skimage/data/hubble_deep_field.jpg}
"""


def pixels(neckar):
    sql = "select pair_id, status, pixel_sha256 from results order by 1"
    answer = neckar("query", "out", sql, "--format", "csv")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def flip(path):
    data = bytearray(path.read_bytes())
    data[3 * len(data) // 5] ^= 4
    path.write_bytes(data)


@pytest.fixture
def made(neckar, manifest):
    manifest(MANIFEST, "small.yaml")
    answer = neckar("run", "small.yaml", "--output", "out", timeout=300)
    assert answer.returncode == 0, answer.stderr
    return pixels(neckar)


def test_pictures_gone_and_changed_and_rows_damaged(neckar, tmp_path, made):
    whole = neckar("verify", "out", "--pixels")
    assert whole.returncode == 0, whole.stderr
    assert "4 pictures and 1 files of rows: all as the rows say" in whole.stdout

    gone, changed, *_ = sorted((tmp_path / "out" / "images").rglob("*.png"))
    gone.unlink()
    flip(changed)
    told = neckar("verify", "out")
    assert told.returncode == 3
    lines = told.stderr.splitlines()
    assert len(lines) == 3
    assert sum("not there" in line for line in lines) == 1
    assert sum("not the file that was written" in line for line in lines) == 1
    assert "mend it by `neckar verify out --repair`" in lines[-1]

    for folder in ("compact", "results"):
        flip(min((tmp_path / "out" / folder).glob("*.parquet")))
    damaged = neckar("query", "out", "select * from results")
    assert damaged.returncode == 2
    assert "is no readable part" in damaged.stderr
    assert "--repair" in damaged.stderr

    (tmp_path / "small.yaml").unlink()  # the run knows what it is
    repaired = neckar("verify", "out", "--repair", timeout=300)
    assert repaired.returncode == 0, repaired.stderr
    assert "4 pictures and 1 files of rows: all as the rows say" in repaired.stdout
    assert pixels(neckar) == made


def test_the_same_command_makes_again_what_was_deleted_from_a_complete_run(neckar, tmp_path, made):
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "out").rglob("*.png")}
    deleted = min(before)
    deleted.unlink()
    again = neckar("run", "small.yaml", "--output", "out", timeout=300)
    assert again.returncode == 0, again.stderr
    assert "1 pictures of this complete run are gone and are made again" in again.stderr
    assert {path for path in before if hashlib.sha256(path.read_bytes()).digest() != before[path]} <= {deleted}
    assert pixels(neckar) == made
    assert neckar("verify", "out", "--pixels").returncode == 0
