"""The records of nights and their versions that stand on the store as JSON."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812  # a field is called date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from neckar.schemas.run import Count, Record, Sha256

Rows = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]]
Outcome = Literal["published", "unchanged", "refused", "incomplete", "planned"]


class Picture(Record):
    """A source as a night found it. Its identity is what is in it, not where it lies."""

    uri: str = Field(description="Absolute.")
    tag: str = Field(description="The store's ETag; of a local file the time of its last change.")
    size: Count = Field(description="Bytes.")
    sha256: Sha256


class PictureList(Record):
    """pictures.json: what is known of sources, so that unchanged bytes are read once. It may be lost without harm."""

    pictures: list[Picture]


class PlanRecord(Record):
    """nights/<date>/plan.json: what a night makes. Written create-only: a restart goes by it whatever has changed."""

    schema_version: Literal[1] = 1
    name: str
    date: Date
    base: Date | None = Field(description="The version that this night goes on from.")
    config: dict[str, Any] = Field(description="What decides the pairs, with its defaults.")
    contents: list[Picture]
    styles: list[Picture]
    starts: dict[str, Sha256] = Field(
        default_factory=dict, description="URI to SHA-256 of the pictures that settings.init names."
    )
    wanted: Count = Field(description="Pairs of the sources and factors.")
    to_make: Count = Field(description="Of them, those that no earlier night holds.")
    pairs_key: str | None = Field(description="The file of the pairs to make, relative to the set; none where none is.")
    pairs_sha256: Sha256 | None
    neckar_version: str
    created_at: AwareDatetime


class VersionPart(Record):
    """A file of results that a version reads, and the rows of it that are not the version's."""

    uri: str = Field(description="Relative to the set, like the pictures its rows name.")
    sha256: Sha256
    rows: Count = Field(description="In the file.")
    bytes: Count
    without: list[Rows] = Field(description="[first, behind the last] of rows that do not count, from 0.")
    neckar_version: str
    algorithm_version: int
    weights_sha256: Sha256
    precision: str

    @property
    def counting(self) -> int:
        """Rows that count."""
        return self.rows - sum(stop - start for start, stop in self.without)


class VersionRecord(Record):
    """versions/<date>.json: one version of a set. Written create-only: this object is its publication."""

    schema_version: Literal[1] = 1
    name: str
    date: Date
    base: Date | None = Field(description="The version before it.")
    wanted: Count = Field(description="Pairs of the sources and factors; those without a row are not here.")
    ok: Count
    failed: Count
    quarantined: Count
    added: Count = Field(description="Pairs that the base does not have.")
    kept: Count = Field(description="Pairs of the base, with the rows they had.")
    remade: Count = Field(description="Pairs of the base, with a new row.")
    dropped: Count = Field(description="Pairs of the base that are no longer wanted.")
    parts: list[VersionPart]
    neckar_version: str
    published_at: AwareDatetime

    @property
    def pairs(self) -> int:
        """Rows of the version."""
        return self.ok + self.failed + self.quarantined


class Verdict(Record):
    """What a gate found."""

    gate: str
    limit: float
    found: float
    holds: bool


class NightSummary(Record):
    """nights/<date>/summary.json: how a night ended."""

    schema_version: Literal[1] = 1
    name: str
    date: Date
    outcome: Outcome
    reason: str | None = None
    version: Date | None = Field(description="That readers see now; none before the first.")
    base: Date | None = None
    contents: Count = 0
    styles: Count = 0
    same_bytes: list[tuple[str, str]] = Field([], description="Pictures left out, with the one of the same bytes.")
    passed_over: Count = Field(0, description="Files that are no pictures by their names.")
    pairs: Count = Field(0, description="Wanted.")
    added: Count = 0
    kept: Count = 0
    remade: Count = 0
    dropped: Count = 0
    to_make: Count = Field(0, description="Pairs that the night's run is for.")
    run: str | None = Field(None, description="URI of the night's run; none where there was nothing to make.")
    ok: Count = 0
    failed: Count = 0
    quarantined: Count = 0
    missing: Count = Field(0, description="Wanted pairs without a row that counts: the next night tries them again.")
    by_release: dict[str, int] = Field({}, description="Rows by the release of Neckar that made them.")
    gates: list[Verdict] = Field([])
    seconds: float = 0.0
    neckar_version: str
    finished_at: AwareDatetime
