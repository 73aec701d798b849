"""Trials of an experiment with a stimulus set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neckar.schemas.wording import refusals

Task = Literal["oddity", "match_to_sample", "triads", "quads", "single"]
Count = Annotated[int, Field(strict=True, ge=1)]


class Trials(BaseModel):
    """One task, for so many subjects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task = Field(
        description="oddity: which of three is the odd one; match_to_sample: which of two shares content and style with"
        " the sample; triads, quads: which of two differences is larger (MLDS); single: one picture, a Latin square."
    )
    subjects: Count = Field(description="Number of subjects; each has an order of their own.")
    against: str = Field("original", description="Of oddity: the condition that stylised pictures are told from.")
    along: str | None = Field(None, description="Of triads, quads and single: the factor whose levels are compared.")
    crop: Annotated[int, Field(strict=True, ge=16)] | None = Field(
        None, description="Side of the crops that are shown, px; those of one trial do not overlap."
    )
    catch: Annotated[int, Field(strict=True, ge=0)] = Field(0, description="Trials with an answer nobody misses.")
    repeat: Count = Field(1, description="Times that each trial is shown, for a noise ceiling.")
    seed: Annotated[int, Field(strict=True, ge=0)] = Field(0, description="Another one gives another set of trials.")

    @model_validator(mode="after")
    def _along_what(self) -> Trials:
        needed = self.task in {"triads", "quads", "single"}
        if needed and self.along is None:
            raise refusals([(("along",), f"{self.task} compare levels of a factor; name it, e.g. along: alpha")])
        if not needed and self.along is not None:
            raise refusals([(("along",), f"{self.task} compares no levels; leave it out")])
        if self.crop is not None and self.task in {"triads", "quads", "single"}:
            raise refusals([(("crop",), f"{self.task} shows whole pictures; leave it out")])
        return self
