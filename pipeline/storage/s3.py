"""S3 and whatever speaks its protocol, through boto3 and the standard AWS environment."""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError, ResponseStreamingError

from neckar.pipeline.storage.client import forget_client, s3_client
from neckar.pipeline.storage.fault import error_code, is_expired, is_passing, retries_made, store_error
from neckar.pipeline.storage.key import RESERVED_PREFIX, checked_key, checked_prefix, is_reserved
from neckar.pipeline.storage.store import BINARY, NotFound, ObjectInfo, PreconditionFailed, StoreError, TooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 4  # of what boto3 does not repeat itself, see `fault.is_passing`
_PAUSE_S = 0.2  # before the second attempt, on average; doubled for each further one
_PIECE_BYTES = 1 << 20
_PROBE_NAME = f"{RESERVED_PREFIX}probe"
_UNCONDITIONAL = {"NotImplemented", "InvalidArgument", "InvalidRequest", "UnsupportedOperation", "501"}


class S3Store:
    """Objects of one bucket below a prefix.

    boto3 retries what may pass (500, 503, SlowDown, timeouts, resets), slows down when told to, and sends a CRC32
    with every object, so that a broken upload is refused rather than stored.

    Args:
        bucket: its name.
        prefix: without slashes at its ends; "" for the whole bucket.
        conditional: whether the server minds conditional writes, where that is known.
    """

    def __init__(self, bucket: str, prefix: str = "", *, conditional: bool | None = None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._conditional = conditional
        self._probing = threading.Lock()

    def __reduce__(self) -> tuple[type[S3Store], tuple[str, str]]:
        return S3Store, (self._bucket, self._prefix.rstrip("/"))  # locks do not travel between processes

    @property
    def uri(self) -> str:
        """`s3://bucket` or `s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """See `Store.get`."""
        return self._read(checked_key(self.uri, key), limit_bytes)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """See `Store.get_with_etag`."""
        return self._read(checked_key(self.uri, key), None)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `Store.get_range`."""
        path = self._prefix + checked_key(self.uri, key)
        if not length:
            return b""  # HTTP has no empty range

        def read(s3: S3Client) -> bytes:
            answer = s3.get_object(Bucket=self._bucket, Key=path, Range=f"bytes={start}-{start + length - 1}")
            with _unbroken():
                return answer["Body"].read()

        try:
            return self._call(key, read)
        except StoreError as error:
            if error_code(error.__cause__) == "InvalidRange":  # begins at the object's end or beyond
                return b""
            raise

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = BINARY,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> str:
        """See `Store.put`."""
        checked_key(self.uri, key)
        condition: dict[str, Any] = {}
        if (create_only or if_match is not None) and self.conditional_writes():
            condition = {"IfNoneMatch": "*"} if create_only else {"IfMatch": if_match}
        elif create_only or if_match is not None:
            self._check_first(key, if_match)
        return self._write(key, data, content_type, condition)

    def head(self, key: str) -> ObjectInfo | None:
        """See `Store.head`."""
        path = self._prefix + checked_key(self.uri, key)
        try:
            found = self._call(key, lambda s3: s3.head_object(Bucket=self._bucket, Key=path))
        except NotFound:
            return None
        return ObjectInfo(key, found["ContentLength"], found["ETag"], found["LastModified"])

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Store.list`; holds one page of a thousand keys."""
        return self._pages(checked_prefix(self.uri, prefix))

    def download(self, key: str, file: BinaryIO) -> None:
        """Copy an object to an open file, piece by piece. Raises as `get` does, and what the file raises."""
        path = self._prefix + checked_key(self.uri, key)

        def copy(s3: S3Client) -> None:
            file.seek(0)
            file.truncate()
            body = s3.get_object(Bucket=self._bucket, Key=path)["Body"]
            with _unbroken():
                file.writelines(body.iter_chunks(_PIECE_BYTES))

        self._call(key, copy)

    def conditional_writes(self) -> bool:
        """See `Store.conditional_writes`; leaves one small hidden object under the root."""
        with self._probing:
            if self._conditional is None:
                self._conditional = self._probe()
                if not self._conditional:
                    log.warning(
                        "%s: this store ignores conditional writes; let only one neckar run write there at a time",
                        self.uri,
                    )
            return self._conditional

    def _call(self, key: str, operation: Callable[[S3Client], T]) -> T:
        """Send a request, and again where that may help; every error in the store's words."""
        for attempt in range(1, _ATTEMPTS + 1):
            client = s3_client(self._bucket)
            try:
                return operation(client)
            except (BotoCoreError, ClientError) as error:
                if attempt == _ATTEMPTS or not is_passing(error):
                    raise store_error(f"{self.uri}/{key}".rstrip("/"), error) from error
                if is_expired(error):
                    forget_client(client)
            time.sleep(_PAUSE_S * 2**attempt * random.random())  # noqa: S311  # so that racing writers part
        raise AssertionError(_ATTEMPTS)

    def _read(self, key: str, limit_bytes: int | None) -> tuple[bytes, str]:
        path = self._prefix + key

        def read(s3: S3Client) -> tuple[bytes, str]:
            answer = s3.get_object(Bucket=self._bucket, Key=path)
            body, size = answer["Body"], answer["ContentLength"]
            if limit_bytes is not None and size > limit_bytes:
                body.close()
                raise TooLarge(f"{self.uri}/{key}", f"{size:,} bytes are more than the limit of {limit_bytes:,}")
            with _unbroken():
                return body.read(), answer["ETag"]

        return self._call(key, read)

    def _write(self, key: str, data: bytes, content_type: str, condition: dict[str, Any]) -> str:
        path = self._prefix + key
        try:
            answer = self._call(
                key,
                lambda s3: s3.put_object(
                    Bucket=self._bucket, Key=path, Body=data, ContentType=content_type, **condition
                ),
            )
        except PreconditionFailed as lost:
            if retries_made(lost.__cause__):  # the answer to our own first attempt may have been what got lost
                found, etag = self._read(key, None)
                if found == data:
                    return etag
            raise
        except NotFound as absent:
            if "IfMatch" in condition and error_code(absent.__cause__) != "NoSuchBucket":
                raise PreconditionFailed(absent.uri, "is gone, though it was expected") from absent
            raise
        return answer["ETag"]

    def _check_first(self, key: str, if_match: str | None) -> None:
        """The best a store without conditional writes allows: look, then write."""
        found = self.head(key)
        if if_match is None and found is not None:
            raise PreconditionFailed(f"{self.uri}/{key}", "exists already")
        if if_match is not None and (found is None or found.etag != if_match):
            raise PreconditionFailed(f"{self.uri}/{key}", "was changed by another writer")

    def _pages(self, prefix: str) -> Iterator[ObjectInfo]:
        token: dict[str, Any] = {}
        while True:
            page = self._page(prefix, token)
            for entry in page.get("Contents", []):
                key = entry["Key"].removeprefix(self._prefix)
                if key and not key.endswith("/") and not is_reserved(key):  # a slash: some tools' mark of a folder
                    yield ObjectInfo(key, entry["Size"], entry["ETag"], entry["LastModified"])
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, prefix: str, token: dict[str, Any]) -> ListObjectsV2OutputTypeDef:
        path = self._prefix + prefix
        return self._call(prefix, lambda s3: s3.list_objects_v2(Bucket=self._bucket, Prefix=path, **token))

    def _probe(self) -> bool:
        self._refuses({"IfNoneMatch": "*"})  # makes the object, unless an earlier run has
        return self._refuses({"IfNoneMatch": "*"}) and self._refuses({"IfMatch": '"no-such-etag"'})

    def _refuses(self, condition: dict[str, Any]) -> bool:
        """Whether the store turns down a write whose condition does not hold; a store that does not look accepts it."""
        try:
            self._write(_PROBE_NAME, secrets.token_bytes(8), BINARY, condition)
        except PreconditionFailed:
            return True
        except StoreError as error:
            if error_code(error.__cause__) not in _UNCONDITIONAL:
                raise
        return False


@contextlib.contextmanager
def _unbroken() -> Iterator[None]:
    """Reading a body: a silence within it is a body that broke off. boto3 repeats only what has not begun to answer."""
    try:
        yield
    except ReadTimeoutError as error:
        raise ResponseStreamingError(error=error) from error
