"""A cluster whose machines do not see the same files: one of them has a mount namespace of its own."""

from __future__ import annotations

import pytest

from neckar.pipeline.driver.session import run
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.checks.verification import verify
from neckar.pipeline.results.reading import open_run
from tests.driver.machines import hide, machine, namespaces, wait_for_machines
from tests.driver.test_session import HERE, manifest

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

PAIRS = 40


if not namespaces():
    pytest.skip("no mount namespace can be made here", allow_module_level=True)


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    manifest(folder, [{}] * PAIRS)
    return folder


@pytest.mark.parametrize("hidden", ["inputs", "run"])
def test_a_machine_that_does_not_see_the_files_costs_no_pair(tmp_path, inputs, cluster, hidden, caplog):
    """Without the inputs it would answer fastest and fail nearly all; without the output its pictures were lost."""
    import ray

    (tmp_path / "run").mkdir()
    loaded = load_manifest(str(inputs / "jobs.json"))
    with machine(cluster.address, hide(tmp_path / hidden)):
        ray.init(address=cluster.address, log_to_driver=False)
        wait_for_machines(2)
        ray.shutdown()
        summary = run(
            loaded,
            output=str(tmp_path / "run"),
            address=cluster.address,
            workers=4,
            slots=2,
            engine=f"{HERE}:set_up",
        )
    assert (summary.ok, summary.failed, summary.quarantined) == (PAIRS, 0, 0)
    reader = open_run(str(tmp_path / "run"))
    report = verify(reader, pixels=True)
    assert report.whole, report.wrong
    assert report.pictures == PAIRS
    assert ("does not see the run there" in caplog.text) == (hidden == "run")
