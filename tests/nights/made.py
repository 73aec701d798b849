"""Nights without compute: real plans, runs, parts and versions, their rows written at once instead of by workers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.nights.config import load_config
from neckar.pipeline.nights.gates import refusal_of, verdicts
from neckar.pipeline.nights.night import Night, Plan
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import create_or_resume, finished
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.access import open_store
from neckar.schemas.night import NightSummary
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow
from tests.results.samples import ok_row, run_record, sha

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
Row = Callable[[Pair, ResultRow], ResultRow]


class Lab:
    """A folder with pictures and a configuration."""

    def __init__(self, folder: Path, store: str, **config: Any) -> None:
        self.folder = folder
        self.config = {"name": "demo", "store": store, "sources": {"content": "c", "style": "s"}} | config
        for side in ("c", "s"):
            (folder / side).mkdir()

    def add(self, *names: str, text: str | None = None) -> None:
        """Pictures by their paths; nothing opens them here."""
        for name in names:
            (self.folder / name).write_text(text or name)

    def night(self, day: str | None = "2026-11-20", *, now: datetime = NOON, full: bool = False) -> Night:
        (self.folder / "night.json").write_text(json.dumps(self.config))
        asked = date.fromisoformat(day) if day else None
        return Night(load_config(str(self.folder / "night.json")), asked=asked, full=full, now=lambda: now)

    def make(self, day: str = "2026-11-20", *, full: bool = False, **made: Any) -> NightSummary:
        """A whole night."""
        night = self.night(day, full=full)
        if night.published:
            return night.summary_of_published()
        plan = night.plan()
        if not plan.frozen:
            return night.summary(plan, night.select(plan), outcome="unchanged")
        if plan.record.pairs_key is not None:
            write_run(night, plan, **made)
        selection = night.select(plan)
        gates = verdicts(night.loaded.config.gates, selection, plan.record.wanted, None)
        refusal = refusal_of(gates)
        if refusal is not None:
            return night.summary(plan, selection, outcome="refused", reason=refusal, gates=gates)
        version = night.publish(plan, selection)
        return night.summary(plan, selection, outcome="published", version=version.date, gates=gates)

    @property
    def dataset(self) -> str:
        return self.night(None).store.uri


def write_run(
    night: Night,
    plan: Plan,
    *,
    row: Row = lambda _, row: row,
    release: str = "0.1.0",
    only: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """The night's run: a row for every pair, sealed; with `only`, so many rows and no end."""
    loaded = night.manifest(plan)
    pairs = list(iter_pairs(loaded))
    shas = {picture.uri: picture.sha256 for picture in (*plan.record.contents, *plan.record.styles)}
    store = open_store(night.run_uri)
    if finished(store):
        return
    record = run_record(len(pairs), neckar_version=release, manifest=loaded.manifest.resolved(), **(changes or {}))
    run = create_or_resume(store, record, owner="test")
    writer = PartWriter(store, run.lease.epoch)
    for pair in pairs[:only]:
        spec_hash = sha(pair.pair_id)
        made = dataclasses.replace(
            ok_row(pair.index, evaluations=1),
            pair_id=pair.pair_id,
            levels=pair.levels,
            content_uri=pair.content,
            style_uri=pair.style,
            content_sha256=shas.get(pair.content or ""),
            style_sha256=shas.get(pair.style or ""),
            spec_hash=spec_hash,
            image_uri=f"images/{spec_hash[:2]}/{spec_hash}.png",
        )
        writer.add(row(pair, made))
    writer.flush()
    if only is None:
        seal(store, run.record, run.lease)
    run.lease.release()
