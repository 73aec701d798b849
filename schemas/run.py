"""The records of a run that stand on the store as JSON: run.json, lease.json and _SUCCESS.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """What stands on the store: immutable, and nothing in it unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunRecord(Record):
    """run.json: what this run is. Written create-only; the same command resumes it, a changed one is refused.

    `created_at` and `neckar_version` tell the first start; everything else must be equal to resume.
    """

    schema_version: Literal[1] = 1
    name: str
    manifest: dict[str, Any] = Field(description="The manifest with its defaults, as JSON.")
    manifest_sha256: Sha256 = Field(description="Of the manifest file's bytes.")
    manifest_uri: str
    base: str = Field(description="What the manifest's relative URIs were resolved against.")
    pairs: Count = Field(description="Pairs in the manifest, its pairs file and its design together.")
    pairs_sha256: Sha256 | None = Field(
        description="Of the bytes of the pairs_from file and of the design's tables; null without them."
    )
    precision: str = Field(description="As resolved for this run: float32, tf32 or bfloat16.")
    weights: str = Field(description="Name or URI of the network's weights.")
    weights_sha256: Sha256
    algorithm_version: int
    neckar_version: str
    created_at: AwareDatetime


class PartRecord(Record):
    """One immutable Parquet part of the results."""

    key: str = Field(description="Relative to the run.")
    sha256: Sha256
    rows: Count
    bytes: Count


class SuccessRecord(Record):
    """_SUCCESS.json: the run is complete and these parts are its results. Written create-only."""

    run: str
    manifest_sha256: Sha256
    pairs: Count
    ok: Count
    failed: Count
    quarantined: Count
    parts: list[PartRecord]
    finished_at: AwareDatetime


class VoidRecord(Record):
    """results/void-*.json: rows of these pairs, up to an epoch, count no more. Written create-only."""

    pairs: list[str] = Field(description="Their ids.")
    through_epoch: Count = Field(description="The newest epoch whose rows are meant.")
    end: Count = Field(description="How often the run had come to its end; it is open again until the next one.")


class LeaseRecord(Record):
    """lease.json: the one driver that may write to this run; a takeover raises the epoch.

    It has run out when it has stood unchanged for `seconds`, by the clock of whoever looks.
    """

    owner: str
    epoch: Annotated[int, Field(ge=1)]
    expires_at: AwareDatetime = Field(description="By its owner's clock, for readers; nothing is decided by it.")
    seconds: Annotated[float, Field(ge=0, le=3600)] = Field(30.0, description="How long it holds without a renewal.")
    renewals: Annotated[int, Field(ge=0)] = Field(0, description="Of this turn: each makes it another record.")
    released: bool = Field(False, description="Its owner has let it go.")
