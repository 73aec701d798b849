"""live.json: what a driver says of its run while it works. Advisory: nothing is decided by it."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from neckar.schemas.run import Count, Record

LiveState = Literal["running", "complete", "interrupted", "stopped"]


class LivePair(Record):
    """A pair in a slot."""

    pair_id: str
    worker: str
    done: float = Field(description="Share of its evaluations.", ge=0)
    loss_total: float | None = Field(description="At its last evaluation; null before the first.")


class LiveError(Record):
    """A pair that ended without a picture."""

    pair_id: str
    status: str
    code: str | None
    message: str | None
    at: AwareDatetime


class LiveRecord(Record):
    """live.json: written every ten seconds and at the end, over what stood there."""

    schema_version: Literal[1] = 1
    run: str
    owner: str = Field(description="Of the lease, that tells whether whoever wrote it is still the one.")
    epoch: Count
    written_at: AwareDatetime
    state: LiveState
    total: Count | None
    ok: Count
    failed: Count
    quarantined: Count
    in_flight: Count
    workers: Count
    pairs_per_min: float | None
    eta_s: float | None
    elapsed_s: float
    waiting_for: str
    pairs: list[LivePair] = Field(description="In slots, the first fifty.")
    errors: list[LiveError] = Field(description="The last twenty, newest first.")
