"""`neckar nightly`: what is new made, judged and published as the set's next version; the same command goes on."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neckar.jobs.exits import Exit

if TYPE_CHECKING:
    from neckar.pipeline.nights.config import LoadedConfig
    from neckar.pipeline.nights.night import Night, Plan
    from neckar.schemas.night import NightSummary

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_EXITS = {"published": Exit.OK, "unchanged": Exit.OK, "planned": Exit.OK, "refused": Exit.SOME_FAILED}


def day(text: str) -> date:
    """A date, for typer's `parser`."""
    from neckar.schemas.nightly import parse_date

    found = parse_date(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no date; write YYYY-MM-DD, e.g. 2026-11-27")
    return found


def age(text: str) -> timedelta:
    """A time span, for typer's `parser`."""
    match = _AGE.fullmatch(text)
    if match is None or not int(match[1]):
        raise typer.BadParameter(f"{text!r} is no age; write e.g. 26h, 90m or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def nightly(  # the command's options
    config: Annotated[str, typer.Argument(help="YAML or JSON: a path or s3:// URI.", metavar="CONFIG")],
    date_: Annotated[
        date | None,
        typer.Option("--date", parser=day, help="Of the night; else today's in its time zone.", metavar="YYYY-MM-DD"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be made; write nothing.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Make every pair anew.")] = False,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; else RAY_ADDRESS; else Ray is started here.", metavar="ADDR")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The summary as JSON on a terminal too.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the last good night is recent: exit 0 or 1.")
    ] = False,
    max_age: Annotated[
        timedelta | None, typer.Option(parser=age, help="Of --check: how old it may be; else 26h.", metavar="AGE")
    ] = None,
) -> int:
    """Make what is new since the last version of a set, judge it, publish it; the same command goes on."""
    from neckar.pipeline.nights.config import load_config
    from neckar.schemas.errors import UserError

    loaded = load_config(config)
    if check:
        if date_ or dry_run or full:
            raise UserError.at("--check", "looks at nights that were; leave --date, --dry-run and --full out")
        return _check(loaded, max_age or timedelta(hours=26))
    if max_age is not None:
        raise UserError.at("--max-age", "is a part of --check; add that, or leave this out")
    summary = _night(loaded, date_, address, dry_run=dry_run, full=full)
    if summary is None:
        return Exit.INTERRUPTED
    if json or not sys.stdout.isatty():
        print(summary.model_dump_json(indent=2))
    else:
        for line in _lines(summary):
            print(line)
    return _EXITS.get(summary.outcome, Exit.INCOMPLETE)


def _night(
    loaded: LoadedConfig, asked: date | None, address: str | None, *, dry_run: bool, full: bool
) -> NightSummary | None:
    """All phases; None where somebody interrupted it."""
    from neckar.pipeline.nights.gates import refusal_of, verdicts
    from neckar.pipeline.nights.night import Night
    from neckar.pipeline.results.lease import LeaseHeld

    night = Night(loaded, asked=asked, full=full)
    if night.published and not dry_run:
        print(f"{night.store.uri}: the version of {night.day} is published already", file=sys.stderr)
        return night.summary_of_published()
    plan = night.plan(dry=dry_run)
    if dry_run:
        return night.told(plan, night.select(plan), outcome="planned")
    if not plan.frozen:
        return night.summary(plan, night.select(plan), outcome="unchanged")
    if plan.record.pairs_key is not None:
        try:
            ended = _make(night, plan, address)
        except LeaseHeld as held:  # its driver goes on with the same plan, and ends the night
            print(held, file=sys.stderr)
            return night.told(plan, night.select(plan), outcome="incomplete", reason=str(held))
        if ended == Exit.INTERRUPTED:
            return None
        if ended == Exit.INCOMPLETE:
            reason = "the night's run is not complete; the same command goes on"
            return night.summary(plan, night.select(plan), outcome="incomplete", reason=reason)
    selection = night.select(plan)
    gates = verdicts(loaded.config.gates, selection, plan.record.wanted, _judged(night, plan))
    refusal = refusal_of(gates)
    if refusal is not None:
        print(f"{night.store.uri}: {night.day} is not published: {refusal}", file=sys.stderr)
        return night.summary(plan, selection, outcome="refused", reason=refusal, gates=gates)
    version = night.publish(plan, selection)
    return night.summary(plan, selection, outcome="published", version=version.date, gates=gates)


def _make(night: Night, plan: Plan, address: str | None) -> int:
    """The night's run, its progress on standard error: standard output is the summary's."""
    from neckar.jobs.commands.run import make
    from neckar.jobs.input.intake import find_weights
    from neckar.jobs.measure.feasible import refuse_impossible
    from neckar.pipeline.driver.ray_cluster import cluster_address
    from neckar.pipeline.manifests.pairs import survey
    from neckar.pipeline.stimuli.demands import check

    loaded = night.manifest(plan)
    find_weights(loaded)
    address = cluster_address(address)
    if address is None or loaded.manifest.finishes:
        found = survey(loaded)
        if loaded.manifest.finishes:
            check(loaded.manifest, found)
        if address is None:
            refuse_impossible(loaded, found)
    return make(loaded, night.run_uri, out=sys.stderr, address=address)


def _judged(night: Night, plan: Plan) -> Any:
    """The night's stimuli as quality control found them; None where there are none."""
    from neckar.pipeline.stimuli.reading import newest
    from neckar.pipeline.storage.access import open_store

    if plan.record.pairs_key is None or night.loaded.config.gates.qc is None:
        return None
    return newest(open_store(night.run_uri))


def _check(loaded: LoadedConfig, most: timedelta) -> int:
    from neckar.pipeline.nights.watch import last_good_night
    from neckar.pipeline.storage.access import open_store

    night = last_good_night(open_store(loaded.dataset))
    if night is None:
        print(f"{loaded.dataset}: no night has been good yet")
        return Exit.SOME_FAILED
    old = datetime.now(UTC) - night.finished_at
    hours = old / timedelta(hours=1)
    recent = old <= most
    limit = "" if recent else f", more than {most / timedelta(hours=1):g} h"
    print(f"{loaded.dataset}: {night.date} was the last good night ({night.outcome}), {hours:.1f} h ago{limit}")
    return Exit.OK if recent else Exit.SOME_FAILED


def _lines(summary: NightSummary) -> list[str]:
    """For people."""
    lines = [f"night     {summary.name} {summary.date}: {summary.outcome}"]
    if summary.reason:
        lines.append(f"because   {summary.reason}")
    lines.append(f"version   {summary.version or 'none yet'}" + (f", from {summary.base}" if summary.base else ""))
    if summary.contents or summary.styles:
        told = f"sources   {summary.contents:,} of content, {summary.styles:,} of style"
        told += f"; {len(summary.same_bytes):,} of the same bytes as another" if summary.same_bytes else ""
        told += f"; {summary.passed_over:,} files passed over" if summary.passed_over else ""
        lines.append(told)
    changes = ("added", "kept", "remade", "dropped", "to_make")
    lines.append(
        f"pairs     {summary.pairs:,}: " + " · ".join(f"{name} {getattr(summary, name):,}" for name in changes)
    )
    counts = ("ok", "failed", "quarantined", "missing")
    lines.append("rows      " + " · ".join(f"{name} {getattr(summary, name):,}" for name in counts))
    if len(summary.by_release) > 1:
        lines.append("releases  " + " · ".join(f"{name} {count:,}" for name, count in summary.by_release.items()))
    return lines
