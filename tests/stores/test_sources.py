"""Where a store's keys come from: a command, a role of STS, what is kept; and when they end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archiver.credentials import keeping
from archiver.credentials.formats import as_ini, as_json
from archiver.credentials.keys import Keys
from archiver.credentials.sessions import HELD
from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.opening import open_store
from archiver.stores.s3_client import connect
from archiver.stores.settings import Role, S3Settings
from archiver.stores.sources import keys_of
from archiver.stores.sts import session_for

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scripted
    from servers import S3Server

SECRET = "canary-secret"
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
ROLE = "arn:aws:iam::123456789012:role/archiver"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home: no keys anywhere, no keyring."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_a_keyring_that_gives_no_answer_keeps_nobody_from_stopping(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A daemon is gone within five seconds, whatever waits on a locked screen."""
    del tmp_path
    monkeypatch.setattr("archiver.stores.sources.find", lambda _tenant: time.sleep(8))

    async def stopped() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keys_of(S3Settings("bucket", tenant="acme"), connect), 0.2)

    began = time.monotonic()
    asyncio.run(stopped())
    assert time.monotonic() - began < 4


async def put(settings: S3Settings, key: str = "k") -> None:
    """Open the store and put one object."""
    async with open_store(settings) as store:
        await store.put(key, b"x", sha256=hashlib.sha256(b"x").hexdigest(), metadata={})


async def refusal(settings: S3Settings) -> StoreError:
    """Open and put; give the error, in which no secret may stand."""
    with pytest.raises(StoreError) as caught:
        await put(settings)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def bare(settings: S3Settings, **changes: Any) -> S3Settings:
    """Give settings that name no source but ``changes``."""
    return replace(settings, credentials_file=None, **changes)


def used(scripted: Scripted) -> list[str]:
    """Give the key ids that requests were signed with."""
    return [
        one.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        for one in scripted.requests
    ]


async def test_kept_keys_are_used_where_the_policy_names_no_source(
    scripted: Scripted, home: Path
) -> None:
    """Each tenant's own, and others from the next opening on."""
    scripted.says("200 OK", ETag='"1"')
    settings = bare(scripted.as_server().settings("bucket", home), tenant="acme")
    keeping.keep("globex", Keys("OTHER", SECRET))
    for name in ("ID1", "ID2"):
        keeping.keep("acme", Keys(name, SECRET))
        await put(settings)
    assert used(scripted) == ["ID1", "ID2"]


async def test_a_named_source_goes_before_kept_keys(scripted: Scripted, home: Path) -> None:
    """A file, a command, a profile."""
    scripted.says("200 OK", ETag='"1"')
    keeping.keep("acme", Keys("KEPT", SECRET))
    named = replace(scripted.as_server().settings("bucket", home), tenant="acme")
    await put(named)
    code = f"print({as_json(Keys('RUN', SECRET))!r})"
    await put(bare(named, credential_process=(sys.executable, "-c", code)))
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(as_ini(Keys("PROF", SECRET)))
    await put(bare(named, profile="default"))
    assert used(scripted) == ["SCRIPTEDKEY", "RUN", "PROF"]


@pytest.mark.parametrize("source", ["kept", "file", "process"])
async def test_expired_keys_are_refused_without_a_request(
    scripted: Scripted, home: Path, source: str
) -> None:
    """It says since when, and what to do about this source."""
    ended = Keys("ID1", SECRET, "token", NOW - HOUR, NOW - 2 * HOUR)
    settings = bare(scripted.as_server().settings("bucket", home), tenant="acme")
    advice = "credentials set acme"
    if source == "kept":
        keeping.keep("acme", ended)
    elif source == "file":
        path = home / "keys.ini"
        path.touch(mode=0o600)
        path.write_text(as_ini(ended))
        settings, advice = replace(settings, credentials_file=path), str(path)
    else:
        command = (sys.executable, "-c", f"print({as_json(ended)!r})")
        settings, advice = replace(settings, credential_process=command), "credential_process"
    error = await refusal(settings)
    assert (error.refusal.answer, error.refusal.code) == (Answer.CREDENTIALS, "ExpiredCredentials")
    assert f"expired on {NOW - HOUR:%Y-%m-%d %H:%M} UTC" in error.refusal.detail
    assert advice in error.refusal.advice
    assert scripted.requests == []


async def test_a_command_that_tells_an_end_is_run_once_until_then(
    scripted: Scripted, home: Path
) -> None:
    """It may ask a person; and it is run again when the store refuses its keys."""
    ran = home / "ran"
    keys = as_json(Keys("ID1", SECRET, "t", NOW + HOUR))
    code = f"open({str(ran)!r}, 'a').write('.'); print({keys!r})"
    settings = bare(
        scripted.as_server().settings("bucket", home),
        credential_process=(sys.executable, "-c", code),
    )
    scripted.says("200 OK", ETag='"1"')
    for _ in range(3):
        await put(settings)
    assert ran.read_text() == "."
    scripted.refuses("403 Forbidden", "ExpiredToken")
    await refusal(settings)
    await refusal(settings)
    assert ran.read_text() == ".."


def role_of(server: S3Server, **changes: Any) -> Role:
    """Give a role whose sessions this server makes."""
    return replace(Role(ROLE, endpoint=server.endpoint), **changes)


async def test_a_role_is_taken_on_with_the_base_keys_and_held(
    moto_server: S3Server, home: Path
) -> None:
    """One session for many openings; another when the store refuses it."""
    bucket = moto_server.new_bucket()
    settings = replace(moto_server.settings(bucket, home), role=role_of(moto_server), tenant="acme")
    first = await keys_of(settings, connect)
    again = await keys_of(settings, connect)
    assert first is not None
    assert first.token
    assert first.key_id != moto_server.access_key
    assert first == again
    left = first.expires_at - datetime.now(UTC) if first.expires_at else timedelta()
    assert timedelta(minutes=55) < left <= HOUR
    await put(settings, "by-role")
    HELD.forget(settings)
    assert await keys_of(settings, connect) != first


async def test_what_sts_is_asked_is_what_the_policy_says(scripted: Scripted, home: Path) -> None:
    """Role, name, seconds and external id; signed with the base keys, at the named address."""
    scripted.refuses("403 Forbidden", "AccessDenied")
    server = scripted.as_server()
    role = role_of(server, external_id="agreed", seconds=900)
    error = await refusal(replace(server.settings("bucket", home), role=role, tenant="acme"))
    (request,) = scripted.requests
    body = request.body.decode()
    for part in ("AssumeRole", "ExternalId=agreed", "DurationSeconds=900", "archiver-acme"):
        assert part in body
    assert used(scripted) == ["SCRIPTEDKEY"]
    assert error.refusal.answer is Answer.CREDENTIALS
    assert ROLE in str(error)


async def test_a_web_identity_is_sent_unsigned_and_read_anew(
    moto_server: S3Server, scripted: Scripted, home: Path
) -> None:
    """Its provider writes the file again and again; no other key is looked for."""
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("rubbish")
    token = home / "token"
    token.write_text("synthetic.web.identity\n")
    bucket = moto_server.new_bucket()
    role = role_of(moto_server, token_file=token)
    settings = bare(moto_server.settings(bucket, home), role=role)
    keys = await keys_of(settings, connect)
    assert keys is not None
    assert keys.token
    await put(settings)
    refused = "<Error><Code>InvalidIdentityToken</Code><Message>told</Message></Error>"
    scripted.says("400 Bad Request", f"<ErrorResponse>{refused}</ErrorResponse>")
    other = bare(
        scripted.as_server().settings("bucket", home),
        role=role_of(scripted.as_server(), token_file=token),
    )
    token.write_text("second.web.identity")
    error = await refusal(other)
    assert error.refusal.answer is Answer.CREDENTIALS
    (request,) = scripted.requests
    assert "authorization" not in request.headers
    assert b"second.web.identity" in request.body
    token.unlink()
    gone = await refusal(other)
    assert "web_identity_token_file" in gone.advice


async def test_a_session_for_a_device_carries_the_narrowing_policy(
    scripted: Scripted, home: Path
) -> None:
    """STS can only take away with it."""
    scripted.refuses("403 Forbidden", "AccessDenied")
    server = scripted.as_server()
    settings = replace(server.settings("bucket", home), role=role_of(server))
    document = json.dumps({"Version": "2012-10-17"})
    with pytest.raises(StoreError):
        await session_for(settings, Keys("ID1", SECRET), "archiver-acme-all", document, connect)
    body = scripted.requests[0].body.decode()
    assert "Policy=" in body
    assert "2012-10-17" in body
    assert used(scripted) == ["ID1"]


async def test_endpoints_of_the_environment_are_no_place_to_ask_for_a_role(
    scripted: Scripted, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the policy says where credentials go; Amazon's own is behind a proxy that is gone."""
    for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{scripted.port}")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = scripted.as_server()
    error = await refusal(replace(server.settings("bucket", home), role=Role(ROLE)))
    assert error.refusal.answer is Answer.UNREACHABLE
    assert scripted.requests == []
