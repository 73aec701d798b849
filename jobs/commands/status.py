"""`neckar status`: how far a run is, what went wrong, and who is at work on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.exits import Exit
from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.results.reading import RunReader
    from neckar.pipeline.results.versions import VersionReader
    from neckar.schemas.run import LeaseRecord


_RECENT = timedelta(minutes=10)  # parts are written every minute: ten of them make a steady rate
_CLOCKS_AGREE_S = 5.0  # of two machines, as a rule
_TALLY = """
    select status, error_code, count(*) as pairs,
           count(*) filter (finished_at > $since) as recent, min(started_at) as first, max(finished_at) as last
    from results group by all order by pairs desc
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """The rows of a run, counted.

    Attributes:
        statuses, errors: pairs by status and by error code, most frequent first.
        recent: pairs finished within the last ten minutes.
        first, last: start of the first picture and end of the last one.
    """

    statuses: Counter[str]
    errors: Counter[str]
    recent: int
    first: datetime | None
    last: datetime | None


def status(
    run: RunArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on telling, until it is complete or nobody is at work on it.")
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1, metavar="S")] = 5.0,
) -> int:
    """Tell how far a run is, live or finished."""
    from neckar.jobs.output.rounding import rounding_told
    from neckar.pipeline.results.versions import VersionReader, open_results

    reader = open_results(run)
    if isinstance(reader, VersionReader):
        if watch:
            raise UserError.at("--watch", "a published set changes no more; watch the run of its night, runs/DATE")
        for line in _version_lines(reader):
            print(line)
        return Exit.OK
    if watch:
        return _watched(reader, every)
    now = datetime.now(UTC)
    for line in _lines(reader, _tally(reader, now), now):
        print(line)
    told = rounding_told(reader)
    if told is not None:
        print(f"note    {told}")
    return Exit.OK


def _watched(reader: RunReader, every_s: float) -> int:
    from neckar.jobs.output.watching import watch
    from neckar.pipeline.results.live import Watch

    look = watch(reader.store.uri, Watch(reader.store), every_s=every_s)
    return Exit.OK if look.standing == "complete" else Exit.INCOMPLETE


def _version_lines(reader: VersionReader) -> Iterator[str]:
    """Of one version of a set, and how the last night ended."""
    from neckar.pipeline.nights.watch import last_night

    record = reader.record
    yield f"set     {record.name}, {reader.store.uri}"
    base = f", from {record.base}: " if record.base else ": "
    changes = " · ".join(f"{name} {getattr(record, name):,}" for name in ("added", "kept", "remade", "dropped"))
    yield f"version {record.date}{base}{changes}"
    counts = " · ".join(f"{name} {getattr(record, name):,}" for name in ("ok", "failed", "quarantined"))
    yield f"pairs   {record.pairs:,} of {record.wanted:,}: {counts}"
    releases: Counter[str] = Counter()
    for part in record.parts:
        releases[part.neckar_version] += part.counting
    yield f"made    by Neckar {' · '.join(f'{name}: {count:,}' for name, count in releases.items())}"
    night = last_night(reader.store)
    if night is not None:
        yield f"night   {night.date}: {night.outcome}{f', {night.reason}' if night.reason else ''}"


def _tally(reader: RunReader, now: datetime) -> Tally:
    from neckar.pipeline.queries.database import query

    rows = query(reader, _TALLY.replace("$since", f"timestamptz '{(now - _RECENT).isoformat()}'")).to_pylist()
    statuses: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for row in rows:
        statuses[row["status"]] += row["pairs"]
        if row["error_code"]:
            errors[row["error_code"]] += row["pairs"]
    return Tally(
        statuses,
        errors,
        sum(row["recent"] for row in rows),
        min((row["first"] for row in rows if row["first"]), default=None),
        max((row["last"] for row in rows if row["last"]), default=None),
    )


def _lines(reader: RunReader, tally: Tally, now: datetime) -> Iterator[str]:
    record, lease = reader.record, reader.lease()
    done = tally.statuses.total()
    yield f"run     {record.name}, {reader.store.uri}"
    if reader.success is not None:
        yield f"state   finished {_time(reader.success.finished_at)}"
    elif lease is not None and not lease.released and lease.expires_at > now:
        yield f"state   running: {lease.owner}, its lease renewed until {_time(lease.expires_at)}{_skew(lease, now)}"
    else:
        yield "state   stopped: nobody is at work on it; the same command goes on"
    counts = " · ".join(f"{name} {tally.statuses[name]:,}" for name in ("ok", "failed", "quarantined"))
    yield f"pairs   {done:,} of {record.pairs:,}: {counts}"
    if tally.errors:
        yield "errors  " + " · ".join(f"{code} {count:,}" for code, count in tally.errors.most_common())
    yield from _rate(tally, record.pairs - done, now if reader.success is None else None)


def _skew(lease: LeaseRecord, now: datetime) -> str:
    """A word where its owner's clock is ahead of ours: then it may be dead for as long."""
    ahead = (lease.expires_at - now).total_seconds() - lease.seconds
    if ahead < _CLOCKS_AGREE_S:
        return ""
    return f" by its clock, which is {ahead:.0f} s ahead of this one; if it is dead, the same command goes on"


def _rate(tally: Tally, left: int, now: datetime | None) -> Iterator[str]:
    """Of the last minutes while the run goes on (`now` given), of the whole run when it is finished."""
    if tally.first is None or tally.last is None:
        return
    if now is not None and tally.recent:
        minutes = min(_RECENT, now - tally.first) / timedelta(minutes=1)
        rate = tally.recent / minutes
        yield f"rate    {rate:,.1f} pairs/min lately; {timedelta(minutes=round(left / rate))} to go"
    elif tally.last > tally.first:
        minutes = (tally.last - tally.first) / timedelta(minutes=1)
        yield f"rate    {tally.statuses.total() / minutes:,.1f} pairs/min, {_time(tally.first)} to {_time(tally.last)}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
