"""Records of a stimulus set: what a version is made of, and that it is complete."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class SetRecord(BaseModel):
    """set.json: what a version was made of. Written create-only, before anything else of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    identity: str = Field(description="sha256 of the pictures and of all that is done to them, hex.")
    match: dict[str, Any] | None = Field(description="As in the manifest.")
    match_within: list[str]
    qc: dict[str, Any] | None = Field(description="As in the manifest.")
    stimuli: int = Field(ge=0)
    neckar_version: str


class SetSuccess(BaseModel):
    """_SUCCESS.json of a version: its table, and how many stimuli passed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)
    identity: str
    sha256: str = Field(description="Of stimuli.parquet, hex.")
    stimuli: int
    passed: int = Field(description="Stimuli that hold the thresholds.")
    failed: int = Field(description="Stimuli that do not; on others no threshold applies.")
    unmatched: int = Field(description="Stimuli that could not be matched to within .005.")
    finished_at: AwareDatetime
