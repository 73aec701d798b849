"""The configuration of `neckar nightly`: from which pictures a set is made every night, how, and when it is good."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from neckar.schemas.design import Design
from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Quality, Share
from neckar.schemas.levels import Factors
from neckar.schemas.manifest import Manifest, Name, Uri, Weights
from neckar.schemas.settings import Settings
from neckar.schemas.wording import refusal, refusals, shown, validated

_PREFIX_JSON = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refusal(f"{shown(name)} is no time zone; write e.g. Europe/Berlin, or UTC") from None
    return name


Prefixes = Annotated[list[Uri], BeforeValidator(_listed), WithJsonSchema(_PREFIX_JSON)]
TimeZone = Annotated[str, AfterValidator(_zone)]


class NightSources(BaseModel):
    """Where pictures lie: folders, with everything below them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: Prefixes = Field([], description="Folders or s3:// prefixes of photographs: one, or a list.")
    style: Prefixes = Field([], description="Folders or s3:// prefixes of artworks: one, or a list.")

    @model_validator(mode="after")
    def _some(self) -> NightSources:
        if not self.content and not self.style:
            raise refusal("no folder is named; add content, style or both")
        return self


class Gates(BaseModel):
    """What a set must hold to be published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok: Share = Field(0.99, description="Least share of the set's wanted pairs that have a picture.")
    quarantined: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        None, description="Most pairs of the set that may be quarantined; without it they only count as not ok."
    )
    qc: Quality | None = Field(None, description="Limits that the night's stimuli are measured by; see the manifest's.")
    qc_pass: Share | None = Field(
        None,
        description="Least share of the night's stimuli within the limits of qc; all of them where it is not said.",
    )

    @model_validator(mode="after")
    def _limits_first(self) -> Gates:
        if self.qc is None and self.qc_pass is not None:
            raise refusals([(("qc_pass",), "a share within which limits? Add qc, or leave this out")])
        return self


class NightlyConfig(BaseModel):
    """A set that grows night by night. Relative URIs are relative to the configuration's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Neckar nightly configuration")

    schema_version: Literal[1] = Field(1, description="Version of this schema: 1.")
    name: Name = Field(description="Name of the set: it stands in datasets/NAME.")
    store: Uri = Field(description="Folder or s3:// prefix in which datasets/ stands.")
    time_zone: TimeZone = Field("UTC", description="Whose date a night has, e.g. Europe/Berlin.")
    sources: NightSources = Field(description="Where pictures are looked for.")
    weights: Weights = Field("oxford", description="The network, as in a manifest.")
    settings: Settings = Field(Settings(), description="Settings of every pair.")
    factors: Factors = Field({}, description="Settings to vary, as in a manifest's design.")
    gates: Gates = Field(Gates(), description="What the set must hold to be published.")

    @model_validator(mode="after")
    def _a_manifest_could_say_it(self) -> NightlyConfig:
        try:
            self.manifest(design=self.design())
        except UserError as error:
            problems = [(problem.place.removeprefix("design."), problem.message) for problem in error.problems]
            raise refusals([((place,) if place else (), message) for place, message in problems]) from None
        return self

    def design(self) -> Design:
        """The factors over one picture a side: its cells are those of every couple of pictures.

        Raises:
            UserError: the factors contradict each other.
        """
        sides = {side: {side: side} for side in ("content", "style") if getattr(self.sources, side)}
        return validated(Design, {**sides, "factors": self.factors})

    def manifest(self, **pairs: Any) -> Manifest:
        """The manifest of a night's run.

        Args:
            pairs: the key that names them, `pairs_from` or `design`.

        Raises:
            UserError: the settings cannot be those of such pairs.
        """
        head = {"schema_version": 1, "name": self.name, "weights": self.weights, "settings": self.settings}
        return validated(Manifest, {**head, "qc": self.gates.qc, **pairs})

    def deciding(self) -> dict[str, Any]:
        """What decides which pairs a night makes, as JSON: a frozen plan is only gone on with under the same."""
        return self.model_dump(mode="json", exclude={"schema_version", "store", "time_zone", "gates"})


def parse_date(text: str) -> date | None:
    """The date written YYYY-MM-DD; None where it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None
