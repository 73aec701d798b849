"""`neckar verify`: every file of a run compared with what its rows say, and made again where it is not so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.exits import Exit
from neckar.jobs.input.arguments import RunArgument

if TYPE_CHECKING:
    from neckar.pipeline.results.checks.verification import Report
    from neckar.pipeline.results.reading import RunReader

TOLD = 20  # of what is wrong, line by line; the rest is counted
EVERY = 500  # pictures between two words on a terminal


def verify(
    run: RunArgument,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Decode every picture too; else the files' hashes are compared.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again what is damaged or gone, from parts, pictures, or anew.")
    ] = False,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster for the repair; else RAY_ADDRESS.", metavar="ADDR")
    ] = None,
) -> int:
    """Compare every picture and every file of rows with what is on record of it."""
    from neckar.pipeline.results.checks.verification import verify as look
    from neckar.pipeline.results.reading import open_run

    reader = open_run(run)
    report = look(reader, pixels=pixels, looked=_say)
    if report.whole:
        print(_summary(reader, report))
        return Exit.OK
    for line in _lines(report):
        print(line, file=sys.stderr)
    if not repair:
        print(f"{_summary(reader, report)}; mend it by `neckar verify {run} --repair`", file=sys.stderr)
        return Exit.INCOMPLETE
    code = _repair(reader, report, address)
    if code in {Exit.OK, Exit.SOME_FAILED}:
        reader = open_run(run)
        report = look(reader, pixels=pixels, looked=_say)
        print(_summary(reader, report))
    return code if report.whole else Exit.INCOMPLETE


def _repair(reader: RunReader, report: Report, address: str | None) -> int:
    """Open the run again, and run it as its record says."""
    import os
    import socket

    from neckar.jobs.commands.run import make
    from neckar.pipeline.driver.ray_cluster import cluster_address
    from neckar.pipeline.manifests.source import loaded_again
    from neckar.pipeline.results.checks.repair import reopen

    reopen(reader.store, report, owner=f"{socket.gethostname()}:{os.getpid()}:verify")
    return make(loaded_again(reader.record), reader.store.uri, address=cluster_address(address))


def _lines(report: Report) -> list[str]:
    found = [*report.damaged.values(), *(f"{pair}: {told}" for pair, told in report.wrong.items())]
    return [*found[:TOLD], *([f"and {len(found) - TOLD:,} more"] if len(found) > TOLD else [])]


def _summary(reader: RunReader, report: Report) -> str:
    wrong = len(report.damaged) + len(report.wrong)
    state = "all as the rows say" if report.whole else f"{wrong:,} of them damaged or gone"
    return f"{reader.store.uri}: {report.pictures:,} pictures and {report.parts:,} files of rows: {state}"


def _say(report: Report) -> None:
    """A word now and then, where somebody is looking on."""
    if report.pictures % EVERY == 0 and sys.stderr.isatty():
        print(f"{report.pictures:,} pictures looked at, {len(report.wrong):,} wrong", file=sys.stderr, flush=True)
