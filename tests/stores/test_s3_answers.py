"""Every row of the outcome table, by a server that gives it."""

from __future__ import annotations

import builtins
import hashlib
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore import exceptions, parsers

from archiver.errors import StoreError
from archiver.model.answers import Answer, Refusal
from archiver.stores import s3_answers
from archiver.stores.opening import open_store
from archiver.stores.refusals import ADVICE
from archiver.stores.s3_answers import ADVICE_BY_CODE, judge_error, judge_reply
from archiver.stores.settings import S3Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scripted

BODY = b"canary: never in an error"
SHA = hashlib.sha256(BODY).hexdigest()


async def refusal_of_put(settings: S3Settings) -> StoreError:
    """Put once and give the error."""
    async with open_store(settings) as store:
        with pytest.raises(StoreError) as caught:
            await store.put("a/b", BODY, sha256=SHA, metadata={})
    error = caught.value
    assert error.advice
    assert "canary" not in f"{error} {error.advice} {error.refusal}"
    return error


ROWS = [
    ("412 Precondition Failed", "PreconditionFailed", Answer.EXISTS),
    ("409 Conflict", "ConditionalRequestConflict", Answer.CONCURRENT),
    ("409 Conflict", "OperationAborted", Answer.CONCURRENT),
    ("429 Too Many Requests", "TooManyRequests", Answer.BUSY),
    ("429 Too Many Requests", "10058", Answer.BUSY),
    ("500 Internal Server Error", "InternalError", Answer.BUSY),
    ("503 Service Unavailable", "SlowDown", Answer.BUSY),
    ("503 Service Unavailable", "NobodyListedThis", Answer.BUSY),
    ("400 Bad Request", "RequestTimeout", Answer.UNREACHABLE),
    ("400 Bad Request", "BadDigest", Answer.CORRUPT),
    ("400 Bad Request", "XAmzContentSHA256Mismatch", Answer.CORRUPT),
    ("403 Forbidden", "ExpiredToken", Answer.CREDENTIALS),
    ("400 Bad Request", "ExpiredToken", Answer.CREDENTIALS),
    ("403 Forbidden", "InvalidAccessKeyId", Answer.CREDENTIALS),
    ("403 Forbidden", "SignatureDoesNotMatch", Answer.CREDENTIALS),
    ("403 Forbidden", "AccessDenied", Answer.CREDENTIALS),
    ("401 Unauthorized", "Unauthorized", Answer.CREDENTIALS),
    ("403 Forbidden", "NobodyListedThis", Answer.CREDENTIALS),
    ("403 Forbidden", "RequestTimeTooSkewed", Answer.CLOCK),
    ("403 Forbidden", "ObjectLockedByBucketPolicy", Answer.LOCKED),
    ("403 Forbidden", "QuotaExceeded", Answer.FULL),
    ("507 Insufficient Storage", "XMinioStorageFull", Answer.FULL),
    ("301 Moved Permanently", "PermanentRedirect", Answer.CONFIGURATION),
    ("307 Temporary Redirect", "TemporaryRedirect", Answer.CONFIGURATION),
    ("400 Bad Request", "AuthorizationHeaderMalformed", Answer.CONFIGURATION),
    ("404 Not Found", "NoSuchBucket", Answer.CONFIGURATION),
    ("404 Not Found", "NoSuchKey", Answer.CONFIGURATION),
    ("400 Bad Request", "InvalidRequest", Answer.CONFIGURATION),
    ("405 Method Not Allowed", "MethodNotAllowed", Answer.CONFIGURATION),
    ("501 Not Implemented", "NotImplemented", Answer.CONFIGURATION),
    ("400 Bad Request", "NobodyListedThis", Answer.CONFIGURATION),
]


@pytest.mark.parametrize(
    ("status", "code", "answer"), ROWS, ids=[f"{r[0][:3]}-{r[1]}" for r in ROWS]
)
async def test_a_refused_put_has_the_answer_of_the_table(
    scripted: Scripted, tmp_path: Path, status: str, code: str, answer: Answer
) -> None:
    """Each status and code becomes its answer, after one single request."""
    scripted.refuses(status, code)
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal == Refusal(answer, code, int(status[:3]))
    assert [(r.method, r.path) for r in scripted.requests] == [("PUT", "/bucket/a/b")]
    assert code in str(error)


async def test_a_skewed_clock_brings_the_time_of_the_server(
    scripted: Scripted, tmp_path: Path
) -> None:
    """The ``Date`` header of the refusal is passed on, so that one can say how far off it is."""
    scripted.refuses("403 Forbidden", "RequestTimeTooSkewed", Date="Sat, 21 Nov 2026 10:20:30 GMT")
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal.server_time == datetime(2026, 11, 21, 10, 20, 30, tzinfo=UTC)


async def test_a_date_that_is_none_is_no_second_error(scripted: Scripted, tmp_path: Path) -> None:
    """A server that cannot write a date is judged by its code all the same."""
    scripted.refuses("403 Forbidden", "RequestTimeTooSkewed", Date="yesterday")
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal == Refusal(Answer.CLOCK, "RequestTimeTooSkewed", 403)


async def test_the_region_that_a_server_names_is_told(scripted: Scripted, tmp_path: Path) -> None:
    """A wrong region names the right one where the server did."""
    scripted.says(
        "400 Bad Request",
        "<Error><Code>IllegalLocationConstraintException</Code><Region>eu-west-1</Region></Error>",
    )
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal.answer is Answer.CONFIGURATION
    assert "eu-west-1" in str(error)
    assert "region" in error.advice


@pytest.mark.parametrize("reply", [b"", b"CUT", b"HTTP/1.1 200 OK\r\nContent-Le", b"SSH-2.0-x\r\n"])
async def test_no_answer_is_unreachable(scripted: Scripted, tmp_path: Path, reply: bytes) -> None:
    """Silence, a cut connection, half a reply and another protocol: the bytes may be stored."""
    scripted.reply = reply
    settings = scripted.as_server().settings("bucket", tmp_path, read_seconds=0.5)
    error = await refusal_of_put(settings)
    assert error.refusal.answer is Answer.UNREACHABLE
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(scripted: Scripted, tmp_path: Path, status: str) -> None:
    """Conversations go where the policy says, not where somebody on the way points."""
    scripted.says(status, Location=f"http://127.0.0.1:{scripted.port}/elsewhere")
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal.answer is Answer.CONFIGURATION
    assert [(r.method, r.path) for r in scripted.requests] == [("PUT", "/bucket/a/b")]


async def test_a_success_without_an_etag_is_no_success(scripted: Scripted, tmp_path: Path) -> None:
    """The log-in page of a hotel says 200 to everything; nothing was stored."""
    scripted.says("200 OK", "<html>Welcome! Please accept our terms.</html>")
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal == Refusal(Answer.UNREACHABLE, "MissingETag", 200)


async def test_a_proxy_page_with_a_status_is_judged_by_the_status(
    scripted: Scripted, tmp_path: Path
) -> None:
    """A body that is no S3 error leaves the status to go by."""
    scripted.says("503 Service Unavailable", "<html><p>try later")
    error = await refusal_of_put(scripted.as_server().settings("bucket", tmp_path))
    assert error.refusal.answer is Answer.BUSY


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
async def test_nobody_at_the_address_is_unreachable(tmp_path: Path, endpoint: str) -> None:
    """A refused connection and a name that does not resolve."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    settings = settings_at(endpoint.format(port=port), tmp_path)
    assert (await refusal_of_put(settings)).refusal.answer is Answer.UNREACHABLE


def settings_at(endpoint: str, folder: Path, **changes: Any) -> S3Settings:
    """Give settings with synthetic keys."""
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text("[default]\naws_access_key_id=A\naws_secret_access_key=B\n")
    return S3Settings(bucket="bucket", endpoint=endpoint, credentials_file=keys, **changes)


async def test_an_endpoint_that_is_no_address_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """An endpoint without a scheme is refused at opening."""
    with pytest.raises(StoreError) as caught:
        async with open_store(settings_at("store.example", tmp_path)):
            pass
    assert caught.value.refusal.answer is Answer.CONFIGURATION


async def test_a_bucket_name_that_cannot_be_is_a_matter_of_configuration(
    scripted: Scripted, tmp_path: Path
) -> None:
    """No request leaves for a bucket whose name no server takes."""
    error = await refusal_of_put(scripted.as_server().settings("no bucket/at all", tmp_path))
    assert error.refusal.answer is Answer.CONFIGURATION
    assert scripted.requests == []


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        (S3Settings("b", endpoint="https://0123.r2.cloudflarestorage.com"), "`r2`"),
        (S3Settings("b", endpoint="https://0123.eu.r2.cloudflarestorage.com/"), "`r2`"),
        (S3Settings.r2("b", account_id="0", endpoint="https://s3.eu-west-1.amazonaws.com"), "`s3`"),
    ],
)
async def test_the_endpoint_of_the_other_kind_names_the_remedy(
    settings: S3Settings, remedy: str
) -> None:
    """An R2 endpoint with S3 settings, and the reverse, are refused before any request."""
    with pytest.raises(StoreError) as caught:
        async with open_store(settings):
            pass
    assert caught.value.refusal.answer is Answer.CONFIGURATION
    assert remedy in caught.value.advice


async def test_a_404_on_an_object_is_the_object(scripted: Scripted, tmp_path: Path) -> None:
    """HEAD has no body to name a code in: its bare 404 is NOT_FOUND."""
    scripted.says("404 Not Found")
    async with open_store(scripted.as_server().settings("bucket", tmp_path)) as store:
        with pytest.raises(StoreError) as caught:
            await store.head("a")
    assert caught.value.refusal == Refusal(Answer.NOT_FOUND, "404", 404)


async def test_a_body_cut_short_is_unreachable(scripted: Scripted, tmp_path: Path) -> None:
    """Half an object is never given as an object."""
    scripted.reply = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: "x"\r\n\r\nhalf'
    async with open_store(scripted.as_server().settings("bucket", tmp_path)) as store:
        with pytest.raises(StoreError) as caught:
            await store.get("a")
    assert caught.value.refusal.answer is Answer.UNREACHABLE


def test_a_404_is_the_bucket_where_no_object_is_asked_for() -> None:
    """NOT_FOUND is never the answer to a put or a listing."""
    assert judge_reply("NoSuchKey", 404, on_object=False) is Answer.CONFIGURATION
    assert judge_reply("NoSuchKey", 404, on_object=True) is Answer.NOT_FOUND
    assert judge_reply("NoSuchBucket", 404, on_object=True) is Answer.CONFIGURATION


def test_an_exception_nobody_foresaw_is_busy() -> None:
    """Asking again loses nothing; giving up might."""
    assert judge_error(ZeroDivisionError()) == (Answer.BUSY, "ZeroDivisionError")


def test_an_untrusted_certificate_is_a_matter_of_configuration() -> None:
    """Waiting for the network would not cure it."""
    error = ConnectionError("SSL validation failed: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    assert judge_error(error) == (Answer.CONFIGURATION, "CertificateVerifyFailed")


def test_every_class_in_the_table_exists() -> None:
    """A class that botocore renamed would fall out of the table unseen."""
    homes = (builtins, aiohttp, exceptions, parsers)
    for name in s3_answers._ANSWER_OF_CLASS:
        assert any(hasattr(home, name) for home in homes), name


def test_every_answer_has_an_advice() -> None:
    """Nobody is told what happened without what to do."""
    assert set(ADVICE) == set(Answer)
    assert all(ADVICE_BY_CODE.values())
