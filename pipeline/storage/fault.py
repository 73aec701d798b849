"""S3's and boto3's errors in the store's words: what happened, and the mend. Never a key, a secret or a signature."""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    ConnectionError,  # noqa: A004  # botocore's own, not the built-in
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
    SSOError,
    TokenRetrievalError,
)

from neckar.pipeline.storage.location import shown
from neckar.pipeline.storage.store import (
    Denied,
    ForbiddenUri,
    Full,
    NotFound,
    PreconditionFailed,
    StoreError,
    Unavailable,
)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_LOST = {"412", "PreconditionFailed"}
_RACED = {"409", "ConditionalRequestConflict", "OperationAborted"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
_THROTTLED = {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded", "429"}
_MISNAMED = {"InvalidBucketName", "KeyTooLongError", "InvalidURI", "InvalidObjectName"}

_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role"
_MENDS = {
    "InvalidAccessKeyId": "the access key is unknown to the store; check AWS_ACCESS_KEY_ID or AWS_PROFILE",
    "SignatureDoesNotMatch": "the secret key is wrong; check AWS_SECRET_ACCESS_KEY or AWS_PROFILE",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "AuthorizationHeaderMalformed": "the region is wrong; set AWS_REGION to the bucket's",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION to it",
    "InvalidToken": "the session token is not valid; renew the credentials",
}

_READS = ("GetObject", "HeadObject")
_BROKEN = (ResponseStreamingError, IncompleteReadError, FlexibleChecksumError)
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_BAD_SETTINGS = (ProfileNotFound, ConfigParseError, NoRegionError, InvalidRegionError, ValueError)


def error_code(error: BaseException | None) -> str:
    """S3's own code, e.g. "NoSuchBucket"; "" for an error that is no answer of the store."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def retries_made(error: BaseException | None) -> int:
    """How many times boto3 had sent the request again before this answer."""
    return error.response["ResponseMetadata"].get("RetryAttempts", 0) if isinstance(error, ClientError) else 0


def is_expired(error: Exception) -> bool:
    """Whether fresh credentials may mend it."""
    return error_code(error) in _EXPIRED


def is_passing(error: Exception) -> bool:
    """Whether trying again may help though boto3 does not: a body that broke off, a racing write, old credentials."""
    return isinstance(error, _BROKEN) or is_expired(error) or error_code(error) in _RACED


def store_error(uri: str, error: Exception) -> StoreError:
    """The store's word for an error of boto3."""
    return _answered(uri, error) if isinstance(error, ClientError) else _unanswered(uri, error)


def _answered(uri: str, error: ClientError) -> StoreError:
    code = error_code(error)
    status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return NotFound(uri, "no such bucket; create it or correct its name")
    if code in _ABSENT:
        return NotFound(uri, "no such object")
    if code in _LOST:
        return PreconditionFailed(uri, "exists already or was changed by another writer")
    if code in _FULL or status == 507:
        return Full(uri, f"the store has no room left ({code}); free space or raise its quota")
    if code in _MISNAMED:
        return ForbiddenUri(uri, f"not a name this store takes ({code})")
    if code in _EXPIRED:
        return Denied(uri, "the credentials have expired; renew them and start again")
    if code in _MENDS:
        return Denied(uri, _MENDS[code])
    if (status >= 500 and status != 501) or status == 429 or code in _THROTTLED | _RACED:
        return Unavailable(uri, f"the store answers only with errors ({code}, HTTP {status}); try again later")
    unseen = "; without s3:ListBucket a missing key is told so too" if error.operation_name in _READS else ""
    return Denied(uri, f"the store refuses it ({code}, HTTP {status}); check the credentials' permissions{unseen}")


def _unanswered(uri: str, error: Exception) -> StoreError:
    if isinstance(error, _NO_CREDENTIALS):
        return Denied(uri, f"no usable AWS credentials; {_CREDENTIALS}")
    if isinstance(error, _BAD_SETTINGS):
        return Denied(uri, f"the AWS settings cannot be used: {shown(str(error))}")
    if isinstance(error, ParamValidationError):
        return ForbiddenUri(uri, "not a bucket and key that S3 takes")
    if isinstance(error, _BROKEN):
        return Unavailable(uri, f"the answer broke off ({type(error).__name__}) at every attempt; try again later")
    if isinstance(error, (HTTPClientError, ConnectionError)):
        endpoint = shown(str(error.kwargs.get("endpoint_url") or "the endpoint"))
        reason = type(error).__name__.removesuffix("Error")
        return Unavailable(uri, f"no answer from {endpoint} ({reason}); check AWS_ENDPOINT_URL and the network")
    return Unavailable(uri, f"boto3 gave up ({type(error).__name__}); try again later")
