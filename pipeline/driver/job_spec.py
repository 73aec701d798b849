"""What is handed to a Ray cluster to run a manifest there: decisions alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from neckar.schemas import identifier

BEGAN = "neckar on the cluster:"  # the first line of every job, before its version

_MANIFEST, _OUTPUT, _VERSION = "neckar_manifest_sha256", "neckar_output", "neckar_version"
_FINAL = (0, 1)  # exit codes after which a run is complete: nothing to go on with


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A run as a job.

    Attributes:
        name: of the run.
        manifest: as the job reads it: a URI, or a file in its working folder.
        manifest_sha256: of its bytes, hex.
        base: absolute URI of what its relative URIs are relative to.
        output: absolute URI of the run.
        version: of Neckar that it must be run by.
        unpacked: whether that comes along in the working folder.
    """

    name: str
    manifest: str
    manifest_sha256: str
    base: str
    output: str
    version: str
    unpacked: bool = False

    def submission_id(self, attempt: int) -> str:
        """Of the manifest's bytes and the run's name: the same manifest finds its job again.

        Args:
            attempt: from 1; Ray keeps an id for ever, also of a job that ended before its run was complete.
        """
        stem = f"{identifier.slug(self.name)}-{self.manifest_sha256[:12]}"
        return stem if attempt == 1 else f"{stem}-{attempt}"

    @property
    def metadata(self) -> dict[str, str]:
        """What tells this job from another of the same id."""
        return {_MANIFEST: self.manifest_sha256, _OUTPUT: self.output, _VERSION: self.version}

    @property
    def entrypoint(self) -> str:
        """The job's shell command: another Neckar is told and refused before anything is done."""
        neckar = "python -m neckar" if self.unpacked else "neckar"
        run = shlex.join(["run", self.manifest, "--base", self.base, "--output", self.output])
        wanted = shlex.quote(f"neckar {self.version}")
        return (
            f'found="$({neckar} --version 2>&1)"; echo "{BEGAN} $found"; '
            f'if [ "$found" != {wanted} ]; then exit 2; fi; exec {neckar} {run}'
        )

    def is_same_manifest(self, metadata: Mapping[str, str]) -> bool:
        """Whether a job of this id is of this manifest: anybody may name a job."""
        return metadata.get(_MANIFEST) == self.manifest_sha256

    def is_same(self, metadata: Mapping[str, str]) -> bool:
        """Whether it is this very run: the same place, made by the same Neckar."""
        return all(metadata.get(key) == value for key, value in self.metadata.items())


def goes_on(status: str, exit_code: int | None) -> bool:
    """Whether a job is to be attached to; else it ended before its run was complete, and another attempt goes on.

    Args:
        status: Ray's.
        exit_code: of its command, once it has ended.
    """
    return status in ("PENDING", "RUNNING") or exit_code in _FINAL
