"""boto3's S3 client from the standard AWS environment: one for all threads of a process, quick to notice silence."""

from __future__ import annotations

import os
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from neckar.pipeline.storage.fault import store_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Silence at first contact is told within 30 s: 2 x (5 s to connect to each of two addresses, or 8 s to answer).
_FIRST_CONTACT = Config(connect_timeout=5, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2})
# Later a store may be away for a while: 8 attempts pause 35 s on average, 71 s at most. AWS_MAX_ATTEMPTS overrides.
_ATTEMPTS = 8
_READ_TIMEOUT_S = 60  # a conditional write that loses a race may be kept waiting for many seconds
_CONNECTIONS = 32  # more than the threads of one process, so that none waits for a socket

_Environment = tuple[int, tuple[tuple[str, str], ...]]

_clients: dict[_Environment, S3Client] = {}
_guard = threading.Lock()


def s3_client(bucket: str) -> S3Client:
    """The process's client for the present AWS environment; the first call makes sure that the endpoint answers.

    Raises:
        StoreError: `Unavailable` where nothing answers, `Denied` where there are no usable credentials or settings.
    """
    environment = _environment()
    with _guard:
        client = _clients.get(environment)
    if client is not None:
        return client
    try:
        _meet(bucket)
        client = _new_client(_working_configuration())
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise store_error(f"s3://{bucket}", error) from error
    with _guard:
        return _clients.setdefault(environment, client)


def forget_client(client: S3Client) -> None:
    """Let the next call read the credentials anew."""
    with _guard:
        for environment in [e for e, known in _clients.items() if known is client]:
            del _clients[environment]


def _environment() -> _Environment:
    # The process id too: after a fork the child must not share the parent's sockets.
    return os.getpid(), tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))


def _meet(bucket: str) -> None:
    """One small request with little patience: any HTTP answer will do."""
    with closing(_new_client(_FIRST_CONTACT)) as client, suppress(ClientError):
        client.head_bucket(Bucket=bucket)  # an error is an answer; what is wrong the real request will say better


def _working_configuration() -> Config:
    retries: dict[str, Any] = {"mode": "adaptive"}
    if "AWS_MAX_ATTEMPTS" not in os.environ:
        retries["total_max_attempts"] = _ATTEMPTS
    return Config(
        connect_timeout=5,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
        retries=retries,  # type: ignore[arg-type]  # the stub's TypedDict
    )


def _new_client(configuration: Config) -> S3Client:
    # A session of its own: boto3's default session is not made for several threads.
    return boto3.session.Session().client("s3", config=configuration)
