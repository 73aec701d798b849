"""Whether the last good night is recent: what an alarm asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from neckar.pipeline.nights.layout import NIGHTS_PREFIX, night_of, summary_key
from neckar.pipeline.results.records import read_record
from neckar.pipeline.results.versions import read_version, version_dates
from neckar.pipeline.storage.store import Store
from neckar.schemas.night import NightSummary


@dataclass(frozen=True, slots=True)
class GoodNight:
    """A night that published, or found nothing new.

    Attributes:
        date: of the night.
        outcome: in a word.
        finished_at: when.
    """

    date: date
    outcome: str
    finished_at: datetime


def last_night(store: Store) -> NightSummary | None:
    """The summary of the newest night that has one. Raises as `last_good_night`."""
    return next(_summaries(store), None)


def last_good_night(store: Store) -> GoodNight | None:
    """The newest one; None where there was none yet.

    Raises:
        UserError: a record is damaged.
        StoreError: as the store says.
    """
    found: GoodNight | None = None
    for summary in _summaries(store):
        if summary.outcome in {"published", "unchanged"}:
            found = GoodNight(summary.date, summary.outcome, summary.finished_at)
            break
    versions = version_dates(store)
    version = read_version(store, versions[-1]) if versions else None
    if version is not None and (found is None or version.date > found.date):  # cut off before its summary
        return GoodNight(version.date, "published", version.published_at)
    return found


def _summaries(store: Store) -> Iterator[NightSummary]:
    """Newest first."""
    nights = (night_of(info.key) for info in store.list(NIGHTS_PREFIX))
    for day in sorted((night[0] for night in nights if night is not None and night[1] == "summary"), reverse=True):
        summary = read_record(store, summary_key(day), NightSummary)
        if summary is not None:
            yield summary
