"""From what an S3 server or botocore said to one of archiver's answers: one table, no boto.

Pure: `judge_reply` looks at a code and a status, `judge_error` at the names of an
exception's classes, `refusal_of` makes the error of either; so the table can be read and
tested without loading botocore. A server's own message is never passed on: it may quote
the request.

The codes are those of the S3 API reference, of Cloudflare's R2 list and of Ceph and MinIO.
Rules, most specific first: the code; then, for a code nobody has listed, the status;
then 4xx is CONFIGURATION (asking again will not help) and everything else is BUSY (it may).
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from archiver.model.answers import Answer
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.errors import StoreError

__all__ = ["ADVICE_BY_CODE", "ADVICE_BY_LOCK", "judge_error", "judge_reply", "refusal_of"]

_CODES: Final[Mapping[Answer, str]] = {
    Answer.EXISTS: "PreconditionFailed",
    Answer.CONCURRENT: "ConditionalRequestConflict OperationAborted",
    Answer.LOCKED: "ObjectLockedByBucketPolicy 10069",
    Answer.CORRUPT: "BadDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch",
    Answer.CLOCK: "RequestTimeTooSkewed RequestExpired RequestInTheFuture",
    Answer.FULL: "QuotaExceeded QuotaExceededException StorageFull XMinioStorageFull "
    "InsufficientStorage InsufficientCapacity",
    Answer.BUSY: "SlowDown Busy InternalError ServiceUnavailable Throttling "
    "ThrottlingException RequestLimitExceeded RequestThrottled TooManyRequests 10058",
    Answer.UNREACHABLE: "RequestTimeout IncompleteBody",
    Answer.NOT_FOUND: "NoSuchKey",
    Answer.CREDENTIALS: "AccessDenied AllAccessDisabled AccountProblem ExpiredToken "
    "ExpiredTokenException TokenRefreshRequired InvalidToken InvalidAccessKeyId "
    "InvalidClientTokenId UnrecognizedClientException InvalidIdentityToken InvalidSecurity "
    "InvalidGrantException SignatureDoesNotMatch NotSignedUp Unauthorized UnauthorizedAccess "
    "MissingSecurityHeader UserSuspended KMS.AccessDeniedException",
    Answer.CONFIGURATION: "NoSuchBucket PermanentRedirect TemporaryRedirect Redirect "
    "AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidBucketName "
    "InvalidRequest InvalidArgument InvalidDigest InvalidObjectState InvalidBucketState "
    "KeyTooLongError EntityTooLarge MetadataTooLarge MethodNotAllowed NotImplemented "
    "MalformedXML ObjectLockConfigurationNotFoundError KMS.DisabledException "
    "KMS.NotFoundException KMS.KMSInvalidStateException",
}

_ANSWER_OF_CODE: Final[Mapping[str, Answer]] = {
    code: answer for answer, codes in _CODES.items() for code in codes.split()
}

_ANSWER_OF_STATUS: Final[Mapping[int, Answer]] = {
    301: Answer.CONFIGURATION,
    307: Answer.CONFIGURATION,
    401: Answer.CREDENTIALS,
    403: Answer.CREDENTIALS,
    404: Answer.NOT_FOUND,
    408: Answer.UNREACHABLE,
    409: Answer.CONCURRENT,
    412: Answer.EXISTS,
    425: Answer.BUSY,
    429: Answer.BUSY,
    501: Answer.CONFIGURATION,
    507: Answer.FULL,
}

_ANSWER_OF_CLASS: Final[Mapping[str, Answer]] = {
    # botocore, before any request
    "NoCredentialsError": Answer.CREDENTIALS,
    "PartialCredentialsError": Answer.CREDENTIALS,
    "CredentialRetrievalError": Answer.CREDENTIALS,
    "MetadataRetrievalError": Answer.CREDENTIALS,
    "NoAuthTokenError": Answer.CREDENTIALS,
    "ProfileNotFound": Answer.CREDENTIALS,
    "RefreshWithMFAUnsupportedError": Answer.CREDENTIALS,
    "SSOError": Answer.CREDENTIALS,
    "TokenRetrievalError": Answer.CREDENTIALS,
    "UnknownCredentialError": Answer.CREDENTIALS,
    "ConfigNotFound": Answer.CONFIGURATION,
    "ConfigParseError": Answer.CONFIGURATION,
    "EndpointProviderError": Answer.CONFIGURATION,
    "InvalidConfigError": Answer.CONFIGURATION,
    "InvalidDNSNameError": Answer.CONFIGURATION,
    "InvalidProxiesConfigError": Answer.CONFIGURATION,
    "InvalidRegionError": Answer.CONFIGURATION,
    "MissingDependencyException": Answer.CONFIGURATION,
    "NoRegionError": Answer.CONFIGURATION,
    "ParamValidationError": Answer.CONFIGURATION,
    "UnknownEndpointError": Answer.CONFIGURATION,
    # on the way
    "ConnectionError": Answer.UNREACHABLE,
    "HTTPClientError": Answer.UNREACHABLE,
    "IncompleteReadError": Answer.UNREACHABLE,
    "ResponseParserError": Answer.UNREACHABLE,
    "FlexibleChecksumError": Answer.CORRUPT,
    "ClientError": Answer.UNREACHABLE,  # aiohttp's; botocore's has a reply and is judged by it
    "TimeoutError": Answer.UNREACHABLE,
    "OSError": Answer.UNREACHABLE,
    "ImportError": Answer.CONFIGURATION,
    "ValueError": Answer.CONFIGURATION,  # botocore: "Invalid endpoint: …"
}

_KEYS_ADVICE: Final = (
    "Renew or replace the credentials that the policy names for this store; archiver takes up "
    "new ones by itself."
)
_REGION_ADVICE: Final = "Set `region` in the policy to the region of the bucket itself."

ADVICE_BY_CODE: Final[Mapping[str, str]] = {
    "NoSuchBucket": "Create the bucket, or correct `bucket` in the policy.",
    "InvalidBucketName": "Correct `bucket` in the policy: 3 to 63 of a-z, 0-9, `-` and `.`.",
    "PermanentRedirect": _REGION_ADVICE,
    "TemporaryRedirect": _REGION_ADVICE,
    "AuthorizationHeaderMalformed": _REGION_ADVICE,
    "IllegalLocationConstraintException": _REGION_ADVICE,
    "ExpiredToken": _KEYS_ADVICE,
    "InvalidToken": _KEYS_ADVICE,
    "InvalidAccessKeyId": "The store does not know this key id: it was revoked, or belongs to "
    f"another service. {_KEYS_ADVICE}",
    "SignatureDoesNotMatch": f"The secret does not belong to the key id. {_KEYS_ADVICE}",
    "AccessDenied": "Let these credentials do s3:PutObject below the prefix in the policy; to "
    "read the archive, also s3:GetObject and s3:ListBucket.",
    "NoCredentialsError": "Keep keys with `archiver credentials set`, or name a `profile` or a "
    "`credentials_file` in the policy.",
    "ProfileNotFound": "Correct `profile` in the policy, or add it to ~/.aws/config.",
    "SSOTokenLoadError": "Run `aws sso login` for the profile in the policy.",
    "UnauthorizedSSOTokenError": "Run `aws sso login` for the profile in the policy.",
    "TokenRetrievalError": "Run `aws sso login` for the profile in the policy.",
    "InvalidRequest": "The bucket asks for something that this store kind does not send; an "
    "Object Lock bucket wants kind `s3`.",
    "NotImplemented": "The server does not know a part of the request; use kind `r2` for "
    "Cloudflare R2 and `s3` for everything else.",
    "CertificateVerifyFailed": "The server's certificate is not trusted here: correct "
    "`endpoint`, or set AWS_CA_BUNDLE to the certificate of your proxy.",
    "MissingETag": "Something that is no S3 server answered: a hotel's log-in page, a proxy, "
    "or a wrong `endpoint`. Nothing counts as stored.",
}
"""What to do about codes whose cure is known better than that of their answer."""

_NO_LOCK: Final = (
    "The bucket may have no Object Lock: turn it on with `archiver bucket apply`, or set "
    '`lock = "none"` for this retention class. Nothing was stored without its lock.'
)

ADVICE_BY_LOCK: Final[Mapping[str, str]] = {
    "InvalidRequest": _NO_LOCK,
    "InvalidBucketState": _NO_LOCK,
    "ObjectLockConfigurationNotFoundError": _NO_LOCK,
    "NotImplemented": _NO_LOCK,
    "MethodNotAllowed": _NO_LOCK,
    "InvalidArgument": "The store takes no such lock: its end must lie in the store's future, and "
    "not beyond the days that a bucket policy allows. Compare the clocks and `days` in the policy.",
    "AccessDenied": "Let these credentials do s3:PutObjectRetention besides s3:PutObject below "
    "the prefix in the policy, and s3:PutObjectLegalHold to set holds.",
}
"""The same where the request asked for a lock or a legal hold."""


def judge_reply(code: str, status: int, *, on_object: bool) -> Answer:
    """Judge a server's refusal.

    ``on_object`` says that the verb reads or deletes one object; for a put or a listing a
    404 cannot mean the object, so it means the bucket or the address.
    """
    answer = _ANSWER_OF_CODE.get(code) or _ANSWER_OF_STATUS.get(status)
    if answer is None:
        answer = Answer.CONFIGURATION if 300 <= status < 500 else Answer.BUSY  # noqa: PLR2004
    if answer is Answer.NOT_FOUND and not on_object:
        return Answer.CONFIGURATION
    return answer


def judge_error(error: Exception) -> tuple[Answer, str]:
    """Judge an exception that carries no reply; give the answer and a code.

    The first class name of its ancestry that the table knows decides. An exception that
    nobody foresaw is BUSY: asking again is the choice that loses nothing.
    """
    ancestry = [kind.__name__ for kind in type(error).__mro__]
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Answer.CONFIGURATION, "CertificateVerifyFailed"
    known = (name for name in ancestry if name in _ANSWER_OF_CLASS)
    return _ANSWER_OF_CLASS.get(next(known, ""), Answer.BUSY), ancestry[0]


def refusal_of(
    error: Exception, what: str, *, on_object: bool, advice: Mapping[str, str] | None = None
) -> StoreError:
    """Build the one error that leaves a store from whatever was raised inside.

    ``what`` names store, verb and key. A reply is a ``response`` as botocore's
    ``ClientError`` carries it. ``advice`` by code goes before that of `ADVICE_BY_CODE`.
    """
    cures = {**ADVICE_BY_CODE, **(advice or {})}
    reply = getattr(error, "response", None)
    if not isinstance(reply, dict):
        answer, code = judge_error(error)
        return refuse(answer, f"{what}: {code}", code=code, advice=cures.get(code, ""))
    told: Mapping[str, Any] = reply.get("ResponseMetadata", {})
    problem: Mapping[str, str] = reply.get("Error", {})
    status = told.get("HTTPStatusCode", 0)
    code = problem.get("Code", "") or str(status)
    headers = told.get("HTTPHeaders", {})
    named = problem.get("Region") or headers.get("x-amz-bucket-region")
    region = f", the bucket is in {named!r}" if named else ""
    refused = refuse(
        judge_reply(code, status, on_object=on_object),
        f"{what}: {code}{region}",
        code=code,
        advice=cures.get(code, ""),
        status=status,
        server_time=_server_time(headers.get("date", "")),
    )
    if advice and code in advice:
        # What a refusal means for a tenant that waits is said from the refusal alone.
        refused.refusal = replace(refused.refusal, advice=advice[code])
    return refused


def _server_time(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return None
