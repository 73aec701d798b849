"""From `neckar submit` to the first evaluation, on a cluster that has run a job before.

Run: pytest -m bench -s tests/bench/test_warm.py
"""

import time
from datetime import datetime

import pytest

from neckar.pipeline.storage.access import open_store
from tests.cluster.conftest import cluster, s3  # noqa: F401  # fixtures

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

MANIFEST = """
schema_version: 1
name: warm-{number}
settings: {{size: 256, iterations: {evaluations}, init: content}}
pairs:
  - {{id: one, content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}}
"""
EVALUATIONS = 5
TIMES = 4  # the first of which warms up


def test_submit_to_first_evaluation(cluster, s3):  # noqa: F811
    with cluster.staffed(2):
        found = [_seconds(cluster, s3, number) for number in range(TIMES)]
    print(f"submit to first evaluation: {found[0]:.1f} s at first, then {', '.join(f'{s:.1f}' for s in found[1:])} s")


def _seconds(cluster, s3, number):  # noqa: F811
    open_store(s3).put("m.yaml", MANIFEST.format(number=number, evaluations=EVALUATIONS).encode())
    begun = time.time()
    ended = cluster.neckar(
        "submit", f"{s3}/m.yaml", "--output", f"{s3}/out-{number}", "--address", cluster.address, "--follow"
    )
    assert ended.returncode == 0, ended.stderr
    (row,) = cluster.rows(f"{s3}/out-{number}")
    started = datetime.fromisoformat(row["started_at"]).timestamp()
    return started + row["seconds"] / EVALUATIONS - begun
