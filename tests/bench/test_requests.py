"""Requests that a pair costs: those of a run of 60 pairs less those of a run of 20, counted as boto3 sends them.

Run: pytest -m bench -s tests/bench/test_requests.py
"""

import subprocess
import sys
from collections import Counter

import pytest

from tests.jobs.conftest import ROOT
from tests.storage import recorder

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

MANIFEST = """
schema_version: 1
name: requests-{pairs}
settings: {{size: 32, iterations: 2}}
design:
  content: [package:skimage/data/coffee.png]
  style: [package:skimage/data/rocket.jpg]
  factors: {{seed: {seeds}}}
"""


def _requests(folder, uri, pairs):
    (folder / "jobs.yaml").write_text(MANIFEST.format(pairs=pairs, seeds=list(range(pairs))))
    (folder / "calls").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "neckar", "run", "jobs.yaml", "--output", f"{uri}/{pairs}"],
        env=recorder.recorded(folder, str(ROOT)),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter((operation, _kind(url.partition(f"/{pairs}/")[2])) for operation, url in recorder.calls(folder))


def _kind(key):
    return "images/" if key.startswith("images/") else "others"


def test_requests_a_pair(tmp_path, s3_uri):
    few, many = _requests(tmp_path, s3_uri, 20), _requests(tmp_path, s3_uri, 60)
    for name in sorted(few | many):
        print(f"{name[0]:15} {name[1]:8} {(many[name] - few[name]) / 40:.2f} a pair")
    assert many["PutObject", "images/"] == 60
