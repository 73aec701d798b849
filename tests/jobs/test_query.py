"""`neckar query` as it is called: where its SQL comes from, where its rows go, what it says without any."""

import json

import pyarrow.parquet as pq
import pytest

from tests.queries.test_views import a_run


@pytest.fixture
def run(tmp_path):
    """A run of four pairs, three of them done, in `out`."""
    a_run(tmp_path / "out", done=3, seed=[1, 2])
    return "out"


def printed(process):
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_without_a_question_it_tells_what_there_is(neckar, run):
    text = printed(neckar("query", run))
    for line in (
        "design: one row a pair of the manifest, done or not; every factor is a column",
        "factors:",
        "examples:",
    ):
        assert line in text.splitlines()
    words = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith("  ")}
    assert words["height_px"][1:] == ["integer", "height", "of", "the", "image;", "px"]
    assert words["seed"][1:] == ["1,", "2"]
    examples = [line for line in text.splitlines() if line.startswith("  neckar query out ")]
    assert len(examples) == 6


def test_sql_from_a_file_and_from_standard_input(neckar, run, tmp_path):
    (tmp_path / "q.sql").write_text("select count(*)::int as n\nfrom design")
    assert json.loads(printed(neckar("query", run, "--file", "q.sql", "--format", "json"))) == [{"n": 4}]
    assert json.loads(printed(neckar("query", run, "-", "--format", "json", stdin="select 7 as n"))) == [{"n": 7}]


def test_questions_that_everybody_asks(neckar, run):
    assert "pair_index" in printed(neckar("query", run, "--failed", "--show-sql"))
    (failed,) = json.loads(printed(neckar("query", run, "--failed", "--format", "json")))
    assert failed["status"] == "failed"
    assert len(json.loads(printed(neckar("query", run, "--slowest", "1", "--format", "json")))) == 1
    worst = json.loads(printed(neckar("query", run, "--worst-loss", "5", "--format", "json")))
    assert [row["loss_total"] for row in worst] == sorted((row["loss_total"] for row in worst), reverse=True)
    counted = json.loads(printed(neckar("query", run, "--summary", "content,seed", "--format", "json")))
    assert [row["pending"] for row in counted] == [0, 0, 0, 1]


def test_several_runs(neckar, run, tmp_path):
    a_run(tmp_path / "other", done=1, alpha=[0.5, 1.5])
    rows = json.loads(printed(neckar("query", run, "--with", "other", "--failed", "--format", "json")))
    assert [row["run"] for row in rows] == ["out"]
    assert "run, pair_id" in printed(neckar("query", run, "--with", "other", "--failed", "--show-sql"))


def test_a_file_is_whole_or_absent(neckar, run, tmp_path):
    printed(neckar("query", run, "from results", "--output", "sub/rows.parquet"))
    assert pq.read_table(tmp_path / "sub/rows.parquet").num_rows == 3
    late = "select case when range < 40000 then 1 else error('late') end as n from range(50000)"
    assert neckar("query", run, late, "--output", "sub/rows.csv").returncode == 2
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["select 1", "--failed"], "one question at a time"),
        (["--show-sql"], "add --failed"),
        (["--file", "absent.sql"], "--file absent.sql: cannot be read"),
        (["--summary", ","], "--summary: names no factor"),
        (["--summary", "contnet"], 'design has no column "contnet"; there is content'),
        (["--with", "out", "select 1"], "--with out: is given twice"),
        (["select 1", "--output", "x.xlsx"], "--output x.xlsx: end it in .txt, .csv, .json, .parquet"),
        (["select 1", "--output", "x.csv", "--format", "json"], "its name says csv"),
        (["select 1", "--output", "out/run.json/x.csv"], "--output out/run.json/x.csv: cannot be written"),
        (["select sum(a.range) from range(10000000) a, range(10000000) b", "--timeout", "0.2"], "no answer in 0.2 s"),
    ],
)
def test_mistakes(neckar, run, arguments, told):
    process = neckar("query", run, *arguments)
    assert (process.returncode, process.stdout) == (2, ""), process.stderr
    (line,) = process.stderr.splitlines()
    assert told.lower() in line.lower()
