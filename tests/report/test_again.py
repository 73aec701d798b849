"""The command that a report tells makes the same picture, to the last pixel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neckar.pipeline.queries.database import query
from neckar.pipeline.results.versions import open_results
from tests.jobs.conftest import manifest, neckar  # noqa: F401  # fixtures
from tests.report.conftest import report_of

MANIFEST = """
schema_version: 1
name: made
settings: {size: 32, iterations: 4, pooling: max}
design:
  content: {cat: "package:skimage/data/chelsea.png"}
  style: {tissue: "package:skimage/data/ihc.png"}
  factors: {alpha: [1.0e-3, 5.0e-2], exemplar: 2}
"""


@pytest.mark.slow
def test_a_pair_made_again(tmp_path, neckar, manifest, look):  # noqa: F811
    made = neckar("run", manifest(MANIFEST), "--output", "run")
    assert made.returncode == 0, made.stderr
    wanted = query(
        open_results(str(tmp_path / "run")), "select pair_id, spec_hash, pixel_sha256 from results"
    ).to_pylist()
    with report_of(str(tmp_path / "run")) as index:
        page = look(index, f"pair={wanted[-1]['pair_id']}").page
        command = page.locator("#viewer .again code").inner_text()
    assert command.endswith("> again.json && neckar run again.json --output again")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "neckar"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m neckar "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    found = query(
        open_results(str(tmp_path / "again")), "select pair_id, spec_hash, pixel_sha256 from results"
    ).to_pylist()
    assert found == [wanted[-1]]
