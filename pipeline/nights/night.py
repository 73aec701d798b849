"""One night: planned and frozen, made by an ordinary run, judged, and published by one object.

Every phase can be taken up again after any interruption, and says so by what stands on the store: the plan is frozen
create-only, the run resumes, the version is create-only and names what it is made of. What a night did not publish
changes nothing for readers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np

from neckar.pipeline.manifests.source import LoadedManifest
from neckar.pipeline.nights import layout
from neckar.pipeline.nights.calendar import night_date
from neckar.pipeline.nights.config import LoadedConfig
from neckar.pipeline.nights.pictures import Found, PictureShelf
from neckar.pipeline.nights.rows import base_rows, later_rows, night_rows
from neckar.pipeline.nights.selection import FileRows, Selection, select, to_make
from neckar.pipeline.nights.wanted import Wanted, wanted_pairs
from neckar.pipeline.results.differences import differences, told
from neckar.pipeline.results.records import JSON_TYPE, read_record, to_json
from neckar.pipeline.results.versions import read_version, version_dates, version_key
from neckar.pipeline.storage.access import open_store, read_uri
from neckar.pipeline.storage.store import PreconditionFailed, StoreError
from neckar.schemas.errors import UserError
from neckar.schemas.night import NightSummary, Picture, PlanRecord, VersionRecord
from neckar.schemas.version import neckar_version

PAIRS_TYPE = "application/jsonl"


@dataclass(frozen=True)
class Plan:
    """What a night is to do.

    Attributes:
        record: as it stands on the store, or would.
        frozen: whether it stands there.
        wanted: its pairs.
        found: the sources as they were listed just now; None of a plan that was frozen before.
    """

    record: PlanRecord
    frozen: bool
    wanted: Wanted
    found: dict[str, Found] | None


class Night:
    """A night of a set.

    Args:
        loaded: the configuration.
        asked: the date, if the user gave one.
        full: make all pairs anew.
        now: the clock.

    Raises:
        UserError: the date cannot be.
        StoreError: as the store says.
    """

    def __init__(
        self,
        loaded: LoadedConfig,
        *,
        asked: date | None = None,
        full: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.loaded = loaded
        self.store = open_store(loaded.dataset)
        self.versions = version_dates(self.store)
        self.day = night_date(asked, now(), loaded.config.time_zone, self.versions)
        self._full = full
        self._now = now
        self._begun = now()
        self._base_rows: list[FileRows] | None = None
        self._starts: dict[str, str] = {}  # settings.init's pictures, URI to SHA-256, read once

    @property
    def published(self) -> bool:
        """Whether the night's version stands already."""
        return self.day in self.versions

    def summary_of_published(self) -> NightSummary:
        """The summary of a night whose version stands: the one on the store, or written now if it was cut off."""
        standing = read_record(self.store, layout.summary_key(self.day), NightSummary)
        if standing is not None and standing.outcome == "published":
            return standing
        version = read_version(self.store, self.day)
        assert version is not None, "nobody deletes a version"
        return self._save(self._of_version(version))

    # --- plan ---

    def plan(self, *, dry: bool = False) -> Plan:
        """The frozen plan of the night, or one made now.

        Args:
            dry: write nothing.

        Raises:
            UserError: a frozen plan is of another configuration; no picture is there; a part of the base is gone.
            StoreError: as the stores say.
        """
        standing = read_record(self.store, layout.plan_key(self.day), PlanRecord)
        if standing is not None:
            return self._frozen(standing)
        config = self.loaded.config
        shelf = PictureShelf(self.store)
        found = {side: shelf.find(side, folders) for side, folders in self.loaded.sources.items() if folders}
        if not dry:
            shelf.save()
        contents, styles = (found[side].pictures if side in found else [] for side in ("content", "style"))
        wanted = self._wanted(contents, styles)
        base = self.versions[-1] if self.versions else None
        numbers = (
            np.arange(len(wanted.keys)) if self._full else to_make(wanted.keys, self._held(base), neckar_version())
        )
        record = PlanRecord(
            name=config.name,
            date=self.day,
            base=base,
            config=self._config,
            contents=contents,
            styles=styles,
            starts=self._starts,
            wanted=len(wanted.keys),
            to_make=len(numbers),
            pairs_key=None,
            pairs_sha256=None,
            neckar_version=neckar_version(),
            created_at=self._now(),
        )
        return (
            Plan(record, frozen=False, wanted=wanted, found=found)
            if dry
            else self._freeze(record, wanted, numbers, found)
        )

    def _freeze(self, record: PlanRecord, wanted: Wanted, numbers: np.ndarray, found: dict[str, Found]) -> Plan:
        """The plan, written unless it changes nothing; the other starter's, where that one was faster."""
        plan = Plan(record, frozen=False, wanted=wanted, found=found)
        if not len(numbers) and not self.select(plan).changes:
            return plan
        if len(numbers):
            data = b"".join(wanted.lines(numbers))
            sha256 = hashlib.sha256(data).hexdigest()
            key = layout.pairs_key(self.day, sha256)
            self.store.put(key, data, content_type=PAIRS_TYPE)
            record = record.model_copy(update={"pairs_key": key, "pairs_sha256": sha256})
        try:
            self.store.put(layout.plan_key(self.day), to_json(record), content_type=JSON_TYPE, create_only=True)
        except PreconditionFailed:
            standing = read_record(self.store, layout.plan_key(self.day), PlanRecord)
            assert standing is not None, "nobody deletes a plan"
            return self._frozen(standing)
        return Plan(record, frozen=True, wanted=wanted, found=found)

    def _frozen(self, record: PlanRecord) -> Plan:
        place = f"{self.store.uri}/{layout.plan_key(self.day)}"
        if changed := list(differences(record.config, self._config)):
            mend = "undo the change, or let it begin with the next date"
            raise told(place, f"this night was planned with another configuration; {mend}", changed)
        wanted = self._wanted(record.contents, record.styles)
        for uri, sha256 in record.starts.items():
            if self._starts.get(uri) != sha256:
                mend = "put them back, or let the change begin with the next date"
                raise UserError.at(
                    place, f"since the plan the bytes of {uri}, which settings.init names, changed; {mend}"
                )
        if len(wanted.keys) != record.wanted:
            raise UserError.at(place, "the plan is damaged: its pictures make another number of pairs than it says")
        return Plan(record, frozen=True, wanted=wanted, found=None)

    def _wanted(self, contents: list[Picture], styles: list[Picture]) -> Wanted:
        return wanted_pairs(
            self.loaded.config, self._manifest("none.jsonl", ""), contents, styles, sha256_of=self._sha256_of
        )

    def _sha256_of(self, uri: str) -> str:
        if uri in self._starts:
            return self._starts[uri]
        try:
            return self._starts.setdefault(uri, hashlib.sha256(read_uri(uri)).hexdigest())
        except StoreError as error:
            if error.passing:
                raise
            raise UserError.at("settings.init", str(error)) from None

    @cached_property
    def _config(self) -> dict[str, Any]:
        return {**self.loaded.deciding(), "full": self._full}

    def _held(self, base: date | None) -> list[FileRows]:
        if self._base_rows is None:
            try:
                self._base_rows = list(base_rows(self.store, base))
            except UserError:
                if not self._full:  # then nothing of it is needed, and it is only counted
                    raise
                self._base_rows = []
        return [*self._base_rows, *later_rows(self.store, base, self.day)]

    # --- run ---

    @property
    def run_uri(self) -> str:
        """Of the night's run."""
        return f"{self.store.uri}/{layout.run_key(self.day)}"

    def manifest(self, plan: Plan) -> LoadedManifest:
        """The manifest of the night's run."""
        assert plan.record.pairs_key is not None, "there is something to make"
        return self._manifest(f"{self.store.uri}/{plan.record.pairs_key}", plan.record.pairs_sha256 or "")

    def _manifest(self, pairs_from: str, sha256: str) -> LoadedManifest:
        return LoadedManifest(
            uri=f"{self.store.uri}/{layout.plan_key(self.day)}",
            sha256=sha256,
            base=self.loaded.base,
            output=None,
            weights=self.loaded.weights,
            manifest=self.loaded.config.manifest(pairs_from=pairs_from),
            allow_local=True,  # the sources were resolved under the configuration's own rights
        )

    # --- gate and publish ---

    def select(self, plan: Plan) -> Selection:
        """The rows that would be published."""
        if self._full:
            self._held(plan.record.base)
            return select(plan.wanted.keys, [*(self._base_rows or []), *night_rows(self.store, self.day)], anew=True)
        return select(plan.wanted.keys, self._held(plan.record.base))

    def publish(self, plan: Plan, selection: Selection) -> VersionRecord:
        """Write the version; another starter's, where that one was faster."""
        statuses = selection.statuses
        version = VersionRecord(
            name=self.loaded.config.name,
            date=self.day,
            base=plan.record.base,
            wanted=plan.record.wanted,
            **statuses,
            added=selection.added,
            kept=selection.kept,
            remade=selection.remade,
            dropped=selection.dropped,
            parts=selection.parts,
            neckar_version=neckar_version(),
            published_at=self._now(),
        )
        try:
            self.store.put(version_key(self.day), to_json(version), content_type=JSON_TYPE, create_only=True)
        except PreconditionFailed:
            standing = read_version(self.store, self.day)
            assert standing is not None, "nobody deletes a version"
            return standing
        return version

    # --- summary ---

    def summary(self, plan: Plan, selection: Selection, **fields: object) -> NightSummary:
        """How the night ended, written down.

        Args:
            plan: of the night.
            selection: its rows.
            fields: of the summary: the outcome and what goes with it.
        """
        return self._save(self.told(plan, selection, **fields))

    def told(self, plan: Plan, selection: Selection, **fields: object) -> NightSummary:
        """How the night ended; nothing is written."""
        found = plan.found or {}
        known = {
            "version": self.versions[-1] if self.versions else None,
            "contents": len(plan.record.contents),
            "styles": len(plan.record.styles),
            "same_bytes": [pair for one in found.values() for pair in one.same_bytes],
            "passed_over": sum(one.passed_over for one in found.values()),
            "pairs": plan.record.wanted,
            "to_make": plan.record.to_make,
            "base": plan.record.base,
            "run": self.run_uri if plan.record.pairs_key else None,
            "added": selection.added,
            "kept": selection.kept,
            "remade": selection.remade,
            "dropped": selection.dropped,
            **selection.statuses,
            "missing": plan.record.wanted - selection.pairs,
            "by_release": selection.by_release,
        }
        return self._summary({**known, **fields})

    def _of_version(self, version: VersionRecord) -> NightSummary:
        by_release: dict[str, int] = {}
        for part in version.parts:
            by_release[part.neckar_version] = by_release.get(part.neckar_version, 0) + part.counting
        same = ("base", "added", "kept", "remade", "dropped", "ok", "failed", "quarantined")
        known = {name: getattr(version, name) for name in same}
        return self._summary(
            {
                **known,
                "outcome": "published",
                "version": version.date,
                "pairs": version.wanted,
                "missing": version.wanted - version.pairs,
                "by_release": by_release,
            }
        )

    def _summary(self, fields: dict[str, Any]) -> NightSummary:
        now = self._now()
        head = {"name": self.loaded.config.name, "date": self.day, "neckar_version": neckar_version()}
        seconds = round((now - self._begun).total_seconds(), 1)
        return NightSummary(**{**head, "finished_at": now, "seconds": seconds, **fields})

    def _save(self, summary: NightSummary) -> NightSummary:
        self.store.put(layout.summary_key(self.day), to_json(summary), content_type=JSON_TYPE)
        return summary
