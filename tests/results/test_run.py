"""Beginning and resuming: the same command goes on, a changed one is refused with every difference."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from neckar.pipeline.results.layout import LEASE_KEY, RUN_KEY
from neckar.pipeline.results.lease import LeaseHeld, acquire
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.records import to_json
from neckar.pipeline.results.run import Resumed, create_or_resume, finished
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.manifest import Manifest
from neckar.schemas.run import RunRecord
from neckar.schemas.wording import validated
from tests.results.samples import START, Clock, Stumbling, failed_row, ok_row, run_record, sha


def start(store: Store, record: RunRecord, owner: str = "first", clock: Clock | None = None) -> Resumed:
    return create_or_resume(store, record, owner=owner, now=(clock or Clock()).now)


def problems_of(store: Store, record: RunRecord) -> list[str]:
    with pytest.raises(UserError) as refused:
        start(store, record, "second")
    return [str(problem) for problem in refused.value.problems]


def test_a_first_start_writes_the_record_and_has_nothing_done(store: Store) -> None:
    begun = start(store, run_record(3))
    assert begun.created
    assert begun.record == run_record(3)
    assert begun.lease.epoch == 1
    assert begun.ledger.counts().settled == 0
    assert RunRecord.model_validate_json(store.get(RUN_KEY)) == run_record(3)
    assert finished(store) is None


def test_the_same_command_resumes_with_what_is_done(store: Store) -> None:
    begun = start(store, run_record(3))
    writer = PartWriter(store, begun.lease.epoch)
    writer.add(ok_row(0))
    writer.add(failed_row(1))
    writer.flush()
    begun.lease.release()
    resumed = start(store, run_record(3), "second")
    assert not resumed.created
    assert resumed.lease.epoch == 2
    assert [resumed.ledger.status(f"pair-{index:05d}") for index in range(3)] == ["ok", "failed", None]


def test_a_lease_in_hand_is_used(folder: Path) -> None:
    store = Stumbling(folder)
    lease = acquire(store, "first", now=Clock().now)
    begun = create_or_resume(store, run_record(1), owner="first", lease=lease, now=Clock().now)
    assert begun.lease is lease
    assert list(store.list("results/")) == []  # no epoch was spent


def test_a_second_driver_is_refused_while_the_first_is_at_work(store: Store) -> None:
    start(store, run_record(3))
    with pytest.raises(LeaseHeld, match="first is at work on this run"):
        start(store, run_record(3), "second")


@pytest.mark.parametrize(
    "change",
    [
        {"created_at": START + timedelta(days=1)},
        {"neckar_version": "0.2.0"},
        {"manifest_uri": "/elsewhere/jobs.yaml"},
        {"manifest_sha256": sha("the same with a comment")},
    ],
)
def test_what_changes_no_picture_may_change(folder: Path, change: dict[str, Any]) -> None:
    store = Stumbling(folder)
    start(store, run_record(3)).lease.release()
    resumed = start(store, run_record(3, **change), "second")
    assert resumed.record == run_record(3)  # the first start's stands


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"manifest": {"name": "neckarfront", "settings": {"alpha": 0.01, "size": 256}, "pairs": []}},
            "manifest.settings.alpha: was 0.001, is 0.01 now",
        ),
        (
            {"manifest": {"name": "neckarfront", "settings": {"size": 256}, "pairs": []}},
            "manifest.settings.alpha: was 0.001, is absent now",
        ),
        (
            {"manifest": run_record(3).manifest | {"pairs": [{"id": "turner"}]}},
            "manifest.pairs: was a list of 0, is a list of 1 now",
        ),
        (
            {"manifest": run_record(3).manifest | {"weights": "torchvision"}},
            "manifest.weights: was absent, is 'torchvision'",
        ),
        ({"pairs": 4}, "pairs: was 3, is 4 now"),
        ({"pairs_sha256": sha("other pairs")}, "pairs_sha256: was null, is '"),
        ({"precision": "bfloat16"}, "precision: was 'float32', is 'bfloat16' now"),
        ({"weights_sha256": sha("others")}, "weights_sha256: was '"),
        ({"algorithm_version": 2}, "algorithm_version: was 1, is 2 now"),
        ({"base": "/elsewhere"}, "base: was '/jobs', is '/elsewhere' now"),
        ({"name": "market"}, "name: was 'neckarfront', is 'market' now"),
    ],
)
def test_what_changes_pictures_is_refused(folder: Path, change: dict[str, Any], told: str) -> None:
    store = Stumbling(folder)
    start(store, run_record(3)).lease.release()
    lease = store.get(LEASE_KEY)
    first, second = problems_of(store, run_record(**({"pairs": 3} | change)))
    assert first == (
        f"{store.uri}/run.json: this run was begun with another configuration; undo the change, or give a new --output"
    )
    assert second.startswith(told)
    assert RunRecord.model_validate_json(store.get(RUN_KEY)) == run_record(3)
    assert store.get(LEASE_KEY) == lease  # the refused driver left no trace


def test_deleting_the_record_does_not_mix_two_configurations(folder: Path) -> None:
    store = Stumbling(folder)
    begun = start(store, run_record(3))
    writer = PartWriter(store, begun.lease.epoch)
    writer.add(ok_row(0))
    writer.flush()
    begun.lease.release()
    (folder / RUN_KEY).unlink()
    told = problems_of(store, run_record(3, precision="bfloat16"))
    mend = "put the run.json that made them back, or give a new --output"
    assert told == [f"{store.uri}: results stand here, but no run.json; {mend}"]
    assert store.head(RUN_KEY) is None


def test_of_two_that_begin_together_the_first_record_stands(folder: Path) -> None:
    class Overtaken(Stumbling):
        def put(self, key: str, data: bytes, **options: Any) -> str:
            if key == RUN_KEY:
                LocalStore(folder).put(key, to_json(run_record(3, neckar_version="0.2.0")))
            return super().put(key, data, **options)

    begun = start(Overtaken(folder), run_record(3))
    assert (begun.created, begun.record.neckar_version) == (False, "0.2.0")


def test_an_entry_of_a_list_is_named_by_its_place(folder: Path) -> None:
    store = Stumbling(folder)
    pairs = [{"id": "turner", "settings": {"alpha": 1.0}}, {"id": "kandinsky", "settings": {}}]
    changed = [pairs[0], {"id": "kandinsky", "settings": {"seed": 1}}]
    start(store, run_record(2, manifest={"pairs": pairs})).lease.release()
    told = problems_of(store, run_record(2, manifest={"pairs": changed}))
    assert told[1:] == ["manifest.pairs[1].settings.seed: was absent, is 1 now"]


def test_a_thousand_differences_are_told_in_twenty_lines(folder: Path) -> None:
    store = Stumbling(folder)
    start(store, run_record(2, manifest={"pairs": list(range(1000))})).lease.release()
    told = problems_of(store, run_record(2, manifest={"pairs": list(range(1, 1001))}))
    assert len(told) == 22
    assert told[-1].endswith("run.json: and 980 more differences")


def test_a_damaged_record_is_told_with_its_place(folder: Path) -> None:
    store = Stumbling(folder)
    store.put(RUN_KEY, b'{"name": "neckarfront"}')
    told = problems_of(store, run_record(1))
    assert all(line.startswith(f"{store.uri}/run.json: the key '") for line in told)


def test_a_run_of_an_earlier_release_goes_on_though_there_are_more_settings_now(store: Store) -> None:
    manifest = validated(
        Manifest, {"schema_version": 1, "name": "n", "pairs": [{"content": "a.png", "style": "b.png"}]}
    ).resolved()
    earlier = {**manifest, "settings": {k: v for k, v in manifest["settings"].items() if k != "snapshots"}}
    start(store, run_record(1, manifest=earlier)).lease.release()
    start(store, run_record(1, manifest=manifest)).lease.release()
    asks = {**manifest, "settings": {**manifest["settings"], "snapshots": [1, 10]}}
    assert "settings.snapshots" in problems_of(store, run_record(1, manifest=asks))[1]
