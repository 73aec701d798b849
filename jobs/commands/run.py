"""`neckar run`: make every picture of a manifest; the same command again resumes."""

from __future__ import annotations

import logging
import os
import sys
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from neckar.jobs.exits import Exit
from neckar.jobs.input.arguments import (
    AllowLocalOption,
    BaseOption,
    DeadlineOption,
    ErrorRateOption,
    ManifestArgument,
    SilenceOption,
    StallOption,
    count,
)

if TYPE_CHECKING:
    from neckar.pipeline.manifests.source import LoadedManifest


def run(  # noqa: PLR0913, PLR0917  # the command's options
    manifest: ManifestArgument,
    output: Annotated[
        str | None, typer.Option(help="Folder or s3:// URI of the run; else the manifest's.", metavar="URI")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(parser=count, help="Worker processes; else one a GPU, or one on CPUs.", metavar="N")
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(parser=count, help="Pictures optimised at a time in a worker; else chosen.", metavar="S"),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; else RAY_ADDRESS; else Ray is started here.", metavar="ADDR")
    ] = None,
    base: BaseOption = None,
    allow_local: AllowLocalOption = False,
    deadline: DeadlineOption = None,
    error_rate: ErrorRateOption = None,
    stall: StallOption = None,
    silence: SilenceOption = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed and quarantined pairs again.")
    ] = False,
) -> int:
    """Make every picture of a manifest; the same command again resumes."""
    from neckar.jobs.input.intake import output_of, take_in
    from neckar.jobs.measure.feasible import refuse_impossible
    from neckar.pipeline.driver.ray_cluster import cluster_address
    from neckar.pipeline.scheduling.limits import Limits

    loaded, found = take_in(manifest, base, allow_local=allow_local)
    target = output_of(loaded, output)
    address = cluster_address(address)
    if address is None:
        refuse_impossible(loaded, found)
    return make(
        loaded,
        target,
        workers=workers,
        slots=slots,
        address=address,
        retry_failed=retry_failed,
        limits=Limits.asked(pair_s=deadline, error_rate=error_rate, stall_s=stall, silence_s=silence),
    )


def make(loaded: LoadedManifest, target: str, *, out: IO[str] | None = None, **options: Any) -> int:
    """A run with its progress and its last word on the terminal.

    Args:
        loaded: the manifest.
        target: URI of the run.
        out: where the progress goes; standard output by default.
        options: of `session.run`.

    Returns:
        The exit code.
    """
    from neckar.jobs.output.progress import Ending, reporting
    from neckar.jobs.output.rounding import rounding_told
    from neckar.pipeline.driver import session
    from neckar.pipeline.driver.endings import Interrupted, Stopped
    from neckar.pipeline.results.reading import open_run
    from neckar.pipeline.results.success import Incomplete

    level = os.environ.get("NECKAR_LOG", "WARNING").upper()  # INFO: a line for every pair that is settled
    logging.basicConfig(format="%(levelname)s: %(message)s")  # warnings are no mistakes: tell them apart
    logging.getLogger("neckar").setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
    with reporting(loaded.manifest.name, out or sys.stdout) as report:
        try:
            summary = session.run(loaded, output=target, progress=report, **options)
        except (Stopped, Incomplete) as error:
            report.conclude(Ending(state="incomplete", run=target, reason=str(error)))
            print(f"{target}: incomplete: {error}; the same command goes on", file=sys.stderr)
            return Exit.INCOMPLETE
        except Interrupted:
            reason = "what is done stays, the same command goes on"
            report.conclude(Ending(state="interrupted", run=target, reason=reason))
            print(f"{target}: interrupted; {reason}", file=sys.stderr)
            return Exit.INTERRUPTED
        report.conclude(
            Ending(
                state="complete",
                run=summary.run,
                ok=summary.ok,
                failed=summary.failed,
                quarantined=summary.quarantined,
                elapsed_s=round(summary.seconds, 1),
            )
        )
    if summary.ok:
        told = rounding_told(open_run(summary.run))
        if told is not None:
            print(f"{summary.run}: {told}", file=sys.stderr)
    if loaded.manifest.finishes and summary.ok:
        from neckar.jobs.commands.finish import finish_run

        finish_run(summary.run, loaded.manifest, out or sys.stdout)
    return Exit.SOME_FAILED if summary.failed or summary.quarantined else Exit.OK
