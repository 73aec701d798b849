"""A run in a notebook: `neckar.open_run`, its tables, its pairs; and the notebook of the documentation."""

import ast
import json
import subprocess
import sys

import pytest
from PIL import Image
from skimage import data

import neckar
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError
from tests.jobs.conftest import ROOT
from tests.queries.test_views import a_run
from tests.results.samples import ok_row, run_record


@pytest.fixture
def run(tmp_path):
    a_run(tmp_path / "out", done=3, seed=[1, 2], alpha=[0.5, 1.5])
    return neckar.open_run(tmp_path / "out")


def test_its_tables(run):
    assert run.design.arrow().num_rows == 8
    assert run.results.arrow().num_rows == 3
    assert run.loss_trace.sql("select count(*)::int as n from loss_trace").arrow().to_pylist() == [{"n": 6}]
    assert "ok 2, failed 1, quarantined 0" in repr(run)


def test_tables_of_pandas_and_polars(run):
    pytest.importorskip("pandas")
    frame = run.design.pandas()
    assert frame.groupby("alpha").size().to_dict() == {0.5: 4, 1.5: 4}
    pytest.importorskip("polars")
    assert run.sql("select sum(seed)::int as n from design").polars()["n"].to_list() == [12]


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_library_that_is_not_there_is_named(run, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"pip install {name}, or use .arrow"):
        getattr(run.results, name)()


def test_a_pair(run):
    pair = run.pair("a__x__seed-1__alpha-0.5")
    layers = [f"conv{number}_1" for number in range(1, 6)]
    assert pair.trace().column_names == ["iteration", "total", "content", "style", *layers]
    assert pair.trace()["iteration"].to_pylist() == [1, 2, 3]
    failed = run.pair("a__x__seed-1__alpha-1.5")
    assert failed.trace().num_rows == 0
    with pytest.raises(UserError, match="is failed and has no picture"):
        failed.image()
    with pytest.raises(UserError, match="no pair of this name"):
        run.pair("nobody")


def test_a_pair_as_a_notebook_shows_it(tmp_path):
    """Names from outside are text, and what is gone is told."""
    store = open_store(str(tmp_path / "out"))
    begun = create_or_resume(store, run_record(1), owner="me")
    row = ok_row(
        0,
        pair_id="a<script>b",
        levels={"<b>": "'\"&"},
        content_uri=str(tmp_path / "gone<i>.png"),
        style_uri="package:skimage/data/rocket.jpg",
    )
    Image.fromarray(data.coffee()[:300, :400]).save(tmp_path / "x.png")
    store.put(row.image_uri, (tmp_path / "x.png").read_bytes())
    parts = PartWriter(store, begun.lease.epoch)
    parts.add(row)
    parts.flush()
    pair = neckar.open_run(tmp_path / "out").pair("a<script>b")
    assert pair.image().size == (400, 300)
    shown = pair._repr_html_()
    assert shown.count("<img alt=") == 2
    assert "<script>" not in shown
    assert "cannot be shown" in shown
    assert "gone&lt;i&gt;.png" in shown


MANIFEST = """
schema_version: 1
name: demo
settings: {size: 48, iterations: 6}
design:
  content: {cat: package:skimage/data/chelsea.png, coffee: package:skimage/data/coffee.png}
  style: {tissue: package:skimage/data/ihc.png}
"""


@pytest.mark.slow
def test_the_notebook_of_the_documentation(tmp_path):
    """Every cell runs, in a process of its own, and shows something."""
    pytest.importorskip("pandas")
    (tmp_path / "demo.yaml").write_text(MANIFEST)
    cells = json.loads((ROOT / "docs/reading.ipynb").read_text())["cells"]
    program = ["import neckar", "neckar.run('demo.yaml', output='demo')"]
    for cell in cells:
        if cell["cell_type"] == "code":
            *first, last = ast.parse("".join(cell["source"])).body
            program += [ast.unparse(line) for line in first]
            program.append(f"shown = {ast.unparse(last)}\nassert shown is not None\nprint(type(shown).__name__)")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["OpenRun", "DataFrame", "DataFrame", "OpenPair", "list", "tuple"]
