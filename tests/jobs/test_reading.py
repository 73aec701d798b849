"""`status`, `query` and `show` on a run as the results package writes it, live and finished."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import ErrorCode
from neckar.schemas.results import ResultRow, Trace
from neckar.schemas.run import RunRecord

PNG = b"\x89PNG not looked at"
SPEC = "ab" + "0" * 62


def rows(start):
    """Two pictures, of two and three minutes, and a failure."""
    yield ResultRow(
        pair_index=0,
        pair_id="p0",
        status="ok",
        image_uri=image_key(SPEC),
        spec_hash=SPEC,
        height_px=48,
        loss_total=123456.75,
        style_layers=("conv1_1", "conv2_1"),
        levels={"alpha": "0.001"},
        iterations=3,
        loss_trace=Trace(("total", "content", "style"), np.array([[9, 1, 8], [4, 1, 3], [2, 1, 1]], np.float32)),
        started_at=start,
        finished_at=start + timedelta(minutes=2),
    )
    yield ResultRow(
        pair_index=1,
        pair_id="p1",
        status="ok",
        loss_total=2.5,
        started_at=start,
        finished_at=start + timedelta(minutes=3),
    )
    yield ResultRow(
        pair_index=2,
        pair_id="p2",
        status="failed",
        error_code=ErrorCode.IMAGE_MISSING,
        error_message="x.png: no such file",
    )


@pytest.fixture
def run(tmp_path, request):
    """A run in `out`: live, or in the state that the test asks for."""
    state = getattr(request, "param", "live")
    start = datetime.now(UTC) - timedelta(minutes=4)
    store = open_store(str(tmp_path / "out"))
    pairs = 3 if state == "finished" else 8
    record = RunRecord(
        name="night",
        manifest={},
        manifest_sha256="0" * 64,
        manifest_uri="jobs.yaml",
        base=str(tmp_path),
        pairs=pairs,
        pairs_sha256="0" * 64,
        precision="float32",
        weights="oxford",
        weights_sha256="0" * 64,
        algorithm_version=1,
        neckar_version="0.1.0",
        created_at=start,
    )
    resumed = create_or_resume(store, record, owner="host-1234", lease_seconds=600)
    parts = PartWriter(store, resumed.lease.epoch)
    store.put(image_key(SPEC), PNG)
    for row in rows(start):
        parts.add(row)
    parts.flush()
    if state == "finished":
        seal(store, record, resumed.lease)
    if state != "live":
        resumed.lease.release()
    return state


def printed(process):
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return process.stdout


@pytest.mark.parametrize("run", ["live", "stopped", "finished"], indirect=True)
def test_status(neckar, run):
    text = printed(neckar("status", "out"))
    pairs = "3 of 3" if run == "finished" else "3 of 8"
    assert f"{pairs}: ok 2 · failed 1 · quarantined 0" in text
    assert "image_missing 1" in text
    assert "night" in text
    assert {"live": "running: host-1234", "stopped": "stopped", "finished": "finished 20"}[run] in text
    # p0 and p1 ended within 4 minutes of the first start, or within the 3 minutes that the whole run took
    assert {"live": "0.5 pairs/min lately", "stopped": "pairs/min", "finished": "1.0 pairs/min"}[run] in text


def test_the_lease_of_a_clock_that_is_ahead(neckar, tmp_path, run):
    """Its driver may be dead for as long."""
    store = open_store(str(tmp_path / "out"))
    lease = json.loads(store.get("lease.json"))
    ahead = datetime.fromisoformat(lease["expires_at"]) + timedelta(hours=2)
    store.put("lease.json", json.dumps(lease | {"released": False, "expires_at": ahead.isoformat()}).encode())
    (state,) = [line for line in printed(neckar("status", "out")).splitlines() if line.startswith("state")]
    assert re.search(r"by its clock, which is [67]\d{3} s ahead of this one", state)


@pytest.mark.parametrize(("ratios", "told"), [((1.0, 1.1, 9.0), None), ((1.1, 1.3, 1.4), "1.30 times")])
def test_files_that_lost_much_by_rounding_are_told(neckar, tmp_path, run, ratios, told):
    """By the median: a single picture is no reason for alarm."""
    parts = PartWriter(open_store(str(tmp_path / "out")), 2)
    for index, ratio in enumerate(ratios, start=3):
        name = f"p{index}"
        parts.add(ResultRow(pair_index=index, pair_id=name, status="ok", loss_total=2e6, loss_total_png=ratio * 2e6))
    parts.flush()
    text = printed(neckar("status", "out"))
    assert ("init_sigma" in text) == (told is not None)
    assert told is None or told in text


def test_query_in_every_format(neckar, run, tmp_path):
    sql = "select pair_id, loss_total from results order by pair_id"
    table = printed(neckar("query", "out", sql)).splitlines()
    assert table[0].split() == ["pair_id", "loss_total"]
    assert table[2].split() == ["p0", "123457"]
    assert table[-1] == "3 rows"
    rows = list(csv.DictReader(io.StringIO(printed(neckar("query", "out", sql, "--format", "csv")))))
    assert rows[0] == {"pair_id": "p0", "loss_total": "123456.75"}
    values = json.loads(printed(neckar("query", "out", sql, "--format", "json")))
    assert values[2] == {"pair_id": "p2", "loss_total": None}
    assert printed(neckar("query", "out", sql, "--format", "parquet", "--output", "sub/rows.parquet")) == ""
    assert pq.read_table(tmp_path / "sub" / "rows.parquet").num_rows == 3
    raw = neckar("query", "out", sql, "--format", "parquet", text=False)
    assert pq.read_table(io.BytesIO(raw.stdout)).num_rows == 3


@pytest.mark.parametrize("run", ["live", "finished"], indirect=True)
def test_query_of_the_trace(neckar, run):
    sql = "select iteration, total from loss_trace where pair_id = 'p0' order by iteration"
    values = json.loads(printed(neckar("query", "out", sql, "--format", "json")))
    assert [value["total"] for value in values] == [9.0, 4.0, 2.0]


def test_show(neckar, run, tmp_path):
    lines = dict(line.split(None, 1) for line in printed(neckar("show", "out", "p0")).splitlines())
    assert lines["loss_total"] == "123457"
    assert lines["height_px"] == "48 px"
    assert lines["style_layers"] == "conv1_1, conv2_1"
    assert lines["image_uri"] == str(tmp_path / "out" / image_key(SPEC))
    assert lines["loss_trace"] == "3 evaluations: total 9 to 2, content 1 to 1, style 8 to 1"
    assert "error_code" not in lines
    printed(neckar("show", "out", "p0", "--save", "p0.png"))
    assert (tmp_path / "p0.png").read_bytes() == PNG
    assert "x.png: no such file" in printed(neckar("show", "out", "p2"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "out", "p9"], ["p9"]),
        (["show", "out", "p2", "--save", "x.png"], ["--save", "'p2'", "failed"]),
        (["show", "out", "p0", "--save", "out/run.json/x.png"], ["run.json"]),
        (["query", "out", "select los_total from results"], ["los_total", "loss_total"]),
        (["query", "out", "drop table results"], ["SELECT"]),
        (["query", "out", "select * from 'run.json'"], ["run.json"]),
    ],
    ids=" ".join,
)
def test_mistakes(neckar, run, arguments, words):
    process = neckar(*arguments)
    assert process.returncode == 2, process.stdout
    assert len(process.stderr.splitlines()) == 1
    for word in words:
        assert word in process.stderr
