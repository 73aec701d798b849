"""`neckar submit`: a manifest's run as a job on a Ray cluster; the same command finds it again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.exits import Exit
from neckar.jobs.input.arguments import BaseOption, ManifestArgument

if TYPE_CHECKING:
    from neckar.pipeline.driver.job_spec import JobSpec
    from neckar.pipeline.driver.ray_jobs import Job, JobServer
    from neckar.pipeline.manifests.source import LoadedManifest

_BEGIN_S = 120.0  # for a job to begin: a cluster may have to unpack a wheel first
_LOOK_S = 0.5


def submit(
    manifest: ManifestArgument,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the cluster's job server, http://HOST:8265; else RAY_API_SERVER_ADDRESS.", metavar="ADDR"
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Folder or s3:// URI of the run; else the manifest's.", metavar="URI")
    ] = None,
    base: BaseOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print what the job prints, to its end.")] = False,
    wheel: Annotated[
        str | None,
        typer.Option(help="Neckar's wheel, for a cluster whose image has another or none.", metavar="FILE"),
    ] = None,
) -> int:
    """Run a manifest as a job of a Ray cluster; the same command attaches to it, or goes on where it ended."""
    from neckar.jobs.input.intake import output_of, take_in
    from neckar.pipeline.driver.job_spec import JobSpec
    from neckar.pipeline.driver.ray_jobs import JobServer
    from neckar.pipeline.storage.location import is_local
    from neckar.schemas.errors import UserError
    from neckar.schemas.version import neckar_version

    server_address = address or os.environ.get("RAY_API_SERVER_ADDRESS")
    if not server_address:
        raise UserError.at("neckar submit", "where to? Add --address http://HOST:8265, or set RAY_API_SERVER_ADDRESS")
    loaded, _ = take_in(manifest, base)
    travels = is_local(loaded.uri)
    spec = JobSpec(
        name=loaded.manifest.name,
        manifest=Path(loaded.uri).name if travels else loaded.uri,
        manifest_sha256=loaded.sha256,
        base=loaded.base,
        output=output_of(loaded, output),
        version=neckar_version(),
        unpacked=wheel is not None,
    )
    server = JobServer(server_address)
    job_id = _handed_over(server, spec, loaded if travels else None, wheel)
    return _followed(server, job_id) if follow else _begun(server, spec, job_id)


def _handed_over(server: JobServer, spec: JobSpec, loaded: LoadedManifest | None, wheel: str | None) -> str:
    """The id of the job that makes the run: one that is there, or a new one."""
    from neckar.pipeline.driver.job_spec import goes_on
    from neckar.schemas.errors import UserError

    attempt = 1
    while (job := server.find(spec.submission_id(attempt))) is not None:
        if not spec.is_same_manifest(job.metadata):
            told = "a job of this id is of another manifest"
            raise UserError.at(f"{server.address}: {job.id}", f"{told}; give the manifest another name")
        if spec.is_same(job.metadata) and goes_on(job.status, job.exit_code):
            print(f"{job.id}: attached to the job that is there, {job.status}", file=sys.stderr)
            return job.id
        attempt += 1
    job_id = spec.submission_id(attempt)
    with _folder(loaded, wheel) as folder:
        server.submit(job_id, spec.entrypoint, spec.metadata, folder)
    print(f"{job_id}: submitted to {server.address}", file=sys.stderr)
    return job_id


@contextmanager
def _folder(loaded: LoadedManifest | None, wheel: str | None) -> Iterator[Path | None]:
    """The job's working folder: a manifest of this machine, and the wheel, unpacked: Ray would install its torch."""
    from neckar.pipeline.storage.location import parse
    from neckar.schemas.errors import UserError

    if loaded is None and wheel is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="neckar-job-") as name:
        folder = Path(name)
        if wheel is not None:
            try:
                with zipfile.ZipFile(wheel) as packed:
                    packed.extractall(folder)
            except (OSError, zipfile.BadZipFile) as error:
                mend = "build one with `pip wheel --no-deps .` in a checkout of Neckar"
                raise UserError.at(f"--wheel {wheel}", f"is no wheel that can be read ({error}); {mend}") from None
            if not (folder / "neckar").is_dir():
                raise UserError.at(f"--wheel {wheel}", "holds no package neckar; give Neckar's own wheel")
        if loaded is not None:
            shutil.copy(parse(loaded.uri).path, folder / Path(loaded.uri).name)
        yield folder


def _begun(server: JobServer, spec: JobSpec, job_id: str) -> int:
    """Wait until the job has told which Neckar it is run by: another one must not be found out in the morning."""
    from neckar.pipeline.driver.job_spec import BEGAN

    until = time.monotonic() + _BEGIN_S
    while time.monotonic() < until:
        job = server.find(job_id)
        if job is not None and job.ended:
            return _ended(server, job)
        if job is not None and job.status == "RUNNING" and f"{BEGAN} neckar {spec.version}" in server.logs(job_id):
            break
        time.sleep(_LOOK_S)
    print(f"follow it with the same command and --follow, or: ray job logs --address {server.address} {job_id} -f")
    return Exit.OK


def _followed(server: JobServer, job_id: str) -> int:
    try:
        for text in server.follow(job_id):
            print(text, end="", flush=True)
    except KeyboardInterrupt:
        print(f"{job_id}: goes on without us; the same command attaches to it again", file=sys.stderr)
        return Exit.INTERRUPTED
    return _ended(server, server.wait(job_id))


def _ended(server: JobServer, job: Job) -> int:
    """The job's own exit code."""
    from neckar.pipeline.driver.job_spec import BEGAN
    from neckar.schemas.errors import UserError
    from neckar.schemas.version import neckar_version

    first = next((line for line in server.logs(job.id).splitlines() if line.startswith(BEGAN)), "")
    found = first.removeprefix(BEGAN).strip()
    if first and found != f"neckar {neckar_version()}":
        there = f"the cluster has {found[:80] or 'no neckar'}, and here is neckar {neckar_version()}"
        raise UserError.at(f"{server.address}: {job.id}", f"{there}; install the same on both, or add --wheel FILE")
    if job.exit_code is None:  # Ray never ran the command, or it was stopped
        print(f"{job.id}: {job.status}: {job.message}; the same command submits it again", file=sys.stderr)
        return Exit.INCOMPLETE
    print(f"{job.id}: {job.status}, exit code {job.exit_code}", file=sys.stderr)
    return job.exit_code if job.exit_code >= 0 else Exit.INCOMPLETE
