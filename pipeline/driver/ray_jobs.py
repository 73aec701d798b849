"""A cluster's job server: jobs found, handed over, followed to their exit code. Ray's own client does the talking."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from neckar.pipeline.storage.store import Unavailable
from neckar.schemas.errors import UserError

T = TypeVar("T")

_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
_LOOK_S = 0.5
_LOCKED_OUT = (
    "its token is missing, wrong or expired: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a file with the"
    " cluster's token"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the server tells of it.

    Attributes:
        id: its submission id.
        status: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.
        message: Ray's, in a line.
        exit_code: of its command, once it has ended.
        metadata: as it was handed over.
    """

    id: str
    status: str
    message: str
    exit_code: int | None
    metadata: Mapping[str, str]

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.status in _ENDED


class JobServer:
    """The server at a cluster's dashboard.

    Args:
        address: `http://HOST:8265`.

    Raises:
        UserError: it is none, the token is refused, or Ray's job client is not installed here.
        Unavailable: nobody answers.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        if not self.address.startswith(("http://", "https://")):
            raise UserError.at(f"--address {address}", "is no job server; write http://HOST:8265")
        try:
            import aiohttp  # noqa: PLC0415  # of ray[default]
            from ray.exceptions import AuthenticationError  # noqa: PLC0415  # as the next
            from ray.job_submission import JobSubmissionClient  # noqa: PLC0415  # a second
        except ImportError:
            mend = "install neckar[cluster], which is ray[default]"
            raise UserError.at("neckar submit", f"plain Ray has no client of jobs; {mend}") from None
        self._locked_out = AuthenticationError
        self._broken_off = aiohttp.ClientError  # while a job's lines are followed
        with self._told(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._client: Any = JobSubmissionClient(self.address)

    def find(self, job_id: str) -> Job | None:
        """The job, None where the server knows none. Raises as the class does."""
        with self._told():
            try:
                found = self._client.get_job_info(job_id)
            except RuntimeError as error:
                if "status code 404" in str(error):
                    return None
                raise
        status = str(getattr(found.status, "value", found.status))
        message = " ".join((found.message or "").split())
        return Job(job_id, status, message, found.driver_exit_code, found.metadata or {})

    def submit(self, job_id: str, entrypoint: str, metadata: Mapping[str, str], folder: Path | None) -> None:
        """Hand a job over.

        Args:
            job_id: one that the server does not know: Ray answers a known one with an error of its own.
            entrypoint: a shell command.
            metadata: travels with it.
            folder: is unpacked as its working folder; None for none.

        Raises:
            UserError, Unavailable: as the class does.
        """
        runtime_env = {"working_dir": str(folder)} if folder is not None else {}
        with self._told():
            self._client.submit_job(
                submission_id=job_id, entrypoint=entrypoint, metadata=dict(metadata), runtime_env=runtime_env
            )

    def logs(self, job_id: str) -> str:
        """All that a job has printed."""
        with self._told():
            return str(self._client.get_job_logs(job_id))

    def follow(self, job_id: str) -> Iterator[str]:
        """What a job prints, from its beginning, as it prints it, until it ends."""
        with self._told():
            while (job := self.find(job_id)) is not None and job.status == "PENDING":
                time.sleep(_LOOK_S)
            yield from _stepped(lambda: self._client.tail_job_logs(job_id))

    def wait(self, job_id: str) -> Job:
        """The job, when it has ended: its last line comes before its exit code."""
        while True:
            job = self.find(job_id)
            if job is None:
                raise UserError.at(f"{self.address}: {job_id}", "the job is gone: its cluster was started anew")
            if job.ended:
                return job
            time.sleep(_LOOK_S)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The client's errors in one line."""
        try:
            yield
        except (OSError, self._broken_off) as error:
            if getattr(error, "status", None) in {401, 403}:  # a token that ran out meanwhile
                raise UserError.at(self.address, _LOCKED_OUT) from None
            raise Unavailable(self.address, f"no job server answers ({_line(error)}); is the cluster up?") from None
        except self._locked_out:
            raise UserError.at(self.address, _LOCKED_OUT) from None
        except RuntimeError as error:
            raise UserError.at(self.address, f"the job server refuses: {_line(error)}") from None


def _stepped(chunks: Callable[[], AsyncIterator[str]]) -> Iterator[str]:
    """An asynchronous stream, waited for chunk by chunk."""
    loop = asyncio.new_event_loop()
    try:
        stream = chunks().__aiter__()
        while True:
            try:
                yield loop.run_until_complete(stream.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.close()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
