"""The records of a run: they survive JSON, and refuse what they do not know."""

from datetime import UTC, datetime

import pytest

from neckar.schemas.errors import UserError
from neckar.schemas.run import LeaseRecord, PartRecord, RunRecord, SuccessRecord
from neckar.schemas.wording import validated

SHA = "0" * 64
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

RUN = RunRecord(
    name="t",
    manifest={"schema_version": 1},
    manifest_sha256=SHA,
    manifest_uri="jobs.yaml",
    base="/images",
    pairs=3,
    pairs_sha256=None,
    precision="float32",
    weights="oxford",
    weights_sha256=SHA,
    algorithm_version=1,
    neckar_version="0.1.0",
    created_at=NOW,
)
PART = PartRecord(key="compact/part-00000.parquet", sha256=SHA, rows=3, bytes=100)
SUCCESS = SuccessRecord(
    run="t", manifest_sha256=SHA, pairs=3, ok=2, failed=1, quarantined=0, parts=[PART], finished_at=NOW
)
LEASE = LeaseRecord(owner="host:1", epoch=1, expires_at=NOW)


@pytest.mark.parametrize("record", [RUN, PART, SUCCESS, LEASE], ids=lambda record: type(record).__name__)
def test_a_record_survives_json(record):
    assert type(record).model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("record", "change", "line"),
    [
        (RUN, {"pears": 3}, ": unknown key 'pears'; did you mean 'pairs'?"),
        (RUN, {"schema_version": 2}, "schema_version: 2 is not valid here; write 1"),
        (SUCCESS, {"ok": -1}, "ok: -1 is out of range; write at least 0"),
        (LEASE, {"epoch": 0}, "epoch: 0 is out of range; write at least 1"),
        (LEASE, {"expires_at": datetime(2026, 1, 1)}, "expires_at: 2026-01-01 00:00:00 is not a time with its zone"),  # noqa: DTZ001  # the mistake
    ],
    ids=str,
)
def test_a_strange_record_is_refused(record, change, line):
    with pytest.raises(UserError) as caught:
        validated(type(record), {**record.model_dump(), **change})
    assert str(caught.value) == line


def test_a_sha256_is_one():
    with pytest.raises(UserError, match="manifest_sha256: 'abc' is not of the form"):
        validated(RunRecord, {**RUN.model_dump(), "manifest_sha256": "abc"})
