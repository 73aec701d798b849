"""One run on machines that are not alike, taken over from a driver whose clock was wrong, and its files damaged after.

One machine is as it should be; one does not see the inputs, one does not see the output, one has another release.
"""

from __future__ import annotations

import importlib.metadata
import random
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neckar.pipeline.results.checks.repair import reopen
from neckar.pipeline.results.checks.verification import verify
from neckar.pipeline.results.layout import LEASE_KEY
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.storage.local import LocalStore
from neckar.schemas.errors import UserError
from neckar.schemas.run import LeaseRecord
from tests.chaos.engine import FOLDER
from tests.chaos.stage import audit, start_driver, write_manifest
from tests.driver.machines import hide, machine, namespaces, wait_for_machines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not namespaces(), reason="no mount namespace can be made here"),
]

PAIRS = 300
LEASE_S = 4.0
FLIPS = 60


def other_release(folder: Path) -> str:
    """For `machine`: there Neckar's distribution says that it is another release."""
    (metadata,) = [
        Path(str(file.locate())).resolve()
        for file in importlib.metadata.files("neckar") or []
        if file.name in {"METADATA", "PKG-INFO"} and "neckar" in str(file)
    ][:1]
    version = importlib.metadata.version("neckar")
    altered = folder / "METADATA"
    altered.write_text(metadata.read_text().replace(f"Version: {version}", "Version: 0.0.9"))
    return f"mount --bind {altered} {metadata}"


def leave_lease(run: Path, ahead_s: float) -> None:
    """As a driver leaves it that was killed, and whose clock was ahead."""
    expires_at = datetime.now(UTC) + timedelta(seconds=ahead_s + LEASE_S)
    record = LeaseRecord(owner="elsewhere:1:dead", epoch=3, expires_at=expires_at, seconds=LEASE_S)
    (run / LEASE_KEY).write_text(record.model_dump_json())


def test_unequal_machines_a_wrong_clock_and_falling_bits(tmp_path, monkeypatch):
    import ray
    from ray.cluster_utils import Cluster

    (tmp_path / "diaries").mkdir()
    monkeypatch.setenv(FOLDER, str(tmp_path / "diaries"))
    inputs, run = tmp_path / "inputs", tmp_path / "run"
    inputs.mkdir()
    run.mkdir()
    manifest = write_manifest(inputs, range(1000, 1000 + PAIRS), iterations=5)
    leave_lease(run, ahead_s=7200)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=2)
        with ExitStack() as machines:
            ray.init(address=cluster.address, log_to_driver=False)
            for count, difference in enumerate((hide(inputs), hide(run), other_release(tmp_path)), start=2):
                machines.enter_context(machine(cluster.address, difference))
                wait_for_machines(count)  # two that start at once may take the same ports
            ray.shutdown()
            begin = time.monotonic()
            driver = start_driver(manifest, str(run), address=cluster.address, workers=8, slots=2, lease_s=LEASE_S)
            _, told = driver.communicate(timeout=200)
            print(f"\n{PAIRS} pairs in {time.monotonic() - begin:.0f} s")
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert driver.returncode == 0, told
    found = audit(str(run), PAIRS)
    assert (found.lost, found.duplicated, found.broken) == (0, 0, 0)
    assert found.statuses == {"ok": PAIRS}
    assert "does not see the run there" in told
    assert "has Neckar 0.0.9" in told
    every_flip_is_found(run)
    damaged(run)
    _, told = start_driver(manifest, str(run), workers=2, slots=2, lease_s=LEASE_S).communicate(timeout=200)
    mended = audit(str(run), PAIRS)
    assert (mended.lost, mended.duplicated, mended.broken, mended.statuses) == (0, 0, 0, {"ok": PAIRS}), told
    assert verify(open_run(str(run)), pixels=True).whole


def every_flip_is_found(run: Path) -> None:
    chance = random.Random(0)
    files = [path for path in sorted(run.rglob("*")) if path.suffix in {".png", ".parquet"}]
    wrong = 0
    for _ in range(FLIPS):
        path = chance.choice(files)
        whole = path.read_bytes()
        at = chance.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        wrong += whole_by_its_own_word(run)
        path.write_bytes(whole)
    print(f"{FLIPS} bits flipped in {len(files)} files: {FLIPS - wrong} found")
    assert wrong == 0


def whole_by_its_own_word(run: Path) -> bool:
    try:
        return verify(open_run(str(run)), pixels=True).whole
    except UserError:
        return False


def damaged(run: Path) -> None:
    """Twenty pictures cut off, told, and to be made again."""
    for path in sorted(run.rglob("*.png"))[:20]:
        path.write_bytes(path.read_bytes()[:-40])
    report = verify(open_run(str(run)), pixels=True)
    assert len(report.wrong) == 20
    reopen(LocalStore(run), report, owner="a test")
