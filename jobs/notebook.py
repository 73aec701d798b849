"""The commands `run` and `validate` as functions, for a notebook: `neckar.run(...)`, `neckar.validate(...)`."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike, fspath
from typing import TYPE_CHECKING

from neckar.jobs.input.intake import output_of, take_in
from neckar.jobs.measure.feasible import refuse_impossible

if TYPE_CHECKING:
    from neckar.pipeline.driver.progress import Progress
    from neckar.pipeline.driver.session import Summary
    from neckar.pipeline.manifests.pairs import Survey


def run(  # noqa: PLR0913  # the command's options, by keyword
    manifest: str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    workers: int | None = None,
    slots: int | None = None,
    address: str | None = None,
    base: str | None = None,
    allow_local: bool = False,
    deadline: float | None = None,
    error_rate: float | None = None,
    stall: float | None = None,
    silence: float | None = None,
    retry_failed: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Make every picture of a manifest; the same call again resumes.

    Args:
        manifest: YAML or JSON, a path or s3:// URI.
        output: folder or s3:// URI of the run; else the manifest's.
        workers: processes; else one a GPU, or one for every four cores.
        slots: pictures optimised at a time in a worker; else chosen.
        address: of a Ray cluster; else RAY_ADDRESS's; else Ray is started here.
        base: what relative URIs are relative to; else the manifest's folder.
        allow_local: let a manifest from an object store name files of this machine.
        deadline: seconds after which a picture is given up.
        error_rate: share of failed pairs beyond which the run stops, 0 to 1; else a half.
        stall: seconds without any progress after which the run stops; else 1800.
        silence: seconds without an answer after which a worker is killed; else 600.
        retry_failed: try failed and quarantined pairs again.
        progress: told about twice a second how far the run is.

    Returns:
        The counts of ok, failed and quarantined pairs, and where the run is.

    Raises:
        UserError: what the user can mend, all of it at once.
        StoreError: the output cannot be read or written.
        Stopped, Interrupted, Incomplete: not all pairs are accounted for; the same call goes on.
    """
    from neckar.pipeline.driver import session
    from neckar.pipeline.driver.ray_cluster import cluster_address
    from neckar.pipeline.scheduling.limits import Limits

    loaded, found = take_in(fspath(manifest), base, allow_local=allow_local)
    address = cluster_address(address)
    if address is None:
        refuse_impossible(loaded, found)
    return session.run(
        loaded,
        output=output_of(loaded, None if output is None else fspath(output)),
        workers=workers,
        slots=slots,
        address=address,
        retry_failed=retry_failed,
        limits=Limits.asked(pair_s=deadline, error_rate=error_rate, stall_s=stall, silence_s=silence),
        progress=progress,
    )


def validate(
    manifest: str | PathLike[str], *, base: str | None = None, allow_local: bool = False, elsewhere: bool = False
) -> Survey:
    """Find every mistake of a manifest, before any compute; its pictures are not opened.

    Args:
        manifest: YAML or JSON, a path or s3:// URI.
        base: what relative URIs are relative to; else the manifest's folder.
        allow_local: let a manifest from an object store name files of this machine.
        elsewhere: it will run on other machines; what this one cannot compute is no problem.

    Returns:
        How many pairs of what it asks for.

    Raises:
        UserError: every mistake in it, one line each.
    """
    loaded, found = take_in(fspath(manifest), base, allow_local=allow_local)
    if not elsewhere:
        refuse_impossible(loaded, found, sizes=False)
    return found
