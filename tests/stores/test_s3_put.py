"""The one form of a PUT that S3, S3 with Object Lock and R2 all take, as it leaves the machine."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING

import botocore.loaders
import psutil
import pytest

from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings, S3Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scripted
    from servers import S3Server

BODY = b"some stored bytes" * 1000
SHA = hashlib.sha256(BODY).hexdigest()
CHECKSUM = base64.b64encode(bytes.fromhex(SHA)).decode()


def as_r2(settings: S3Settings) -> S3Settings:
    """Give R2's personality to settings of another server."""
    return replace(
        S3Settings.r2("bucket", account_id="0123", endpoint=settings.endpoint),
        credentials_file=settings.credentials_file,
    )


@pytest.mark.parametrize("kind", ["s3", "r2"])
async def test_the_put_is_plain_signed_checked_and_conditional(
    scripted: Scripted, tmp_path: Path, kind: str
) -> None:
    """No chunks, no trailer, no CRC32; sha256 in three places; only if nothing is there."""
    scripted.says("200 OK", ETag='"1"', x_amz_checksum_sha256=CHECKSUM)
    settings = scripted.as_server().settings("bucket", tmp_path)
    async with open_store(as_r2(settings) if kind == "r2" else settings) as store:
        stored = await store.put("k/1", BODY, sha256=SHA, metadata={"records": "7"})
    assert (stored.etag, stored.sha256) == ('"1"', SHA)

    (request,) = scripted.requests
    headers = request.headers
    assert (request.method, request.path, request.body) == ("PUT", "/bucket/k/1", BODY)
    assert headers["content-length"] == str(len(BODY))
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"] == CHECKSUM
    assert headers["x-amz-content-sha256"] == SHA
    assert headers["x-amz-meta-sha256"] == SHA
    assert headers["x-amz-meta-records"] == "7"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=SCRIPTEDKEY/")
    assert "if-none-match" in headers["authorization"]
    sent = json.dumps(headers).lower()
    for forbidden in ("aws-chunked", "trailer", "crc32", "transfer-encoding", "scripted-secret"):
        assert forbidden not in sent
    assert "expect" not in headers
    assert headers.get("x-amz-sdk-checksum-algorithm") == ("SHA256" if kind == "s3" else None)
    assert "/auto/s3/" in headers["authorization"] if kind == "r2" else True


@pytest.mark.parametrize(("kind", "mode"), [("s3", "ENABLED"), ("r2", None)])
async def test_a_head_asks_for_the_checksum_where_one_is_kept(
    scripted: Scripted, tmp_path: Path, kind: str, mode: str | None
) -> None:
    """S3 is asked for its own checksum, and believed before the metadata; R2 is not asked."""
    scripted.says("200 OK", ETag='"1"', x_amz_checksum_sha256=CHECKSUM, x_amz_meta_sha256="said")
    settings = scripted.as_server().settings("bucket", tmp_path)
    async with open_store(as_r2(settings) if kind == "r2" else settings) as store:
        assert (await store.head("k")).sha256 == SHA
    assert scripted.requests[0].headers.get("x-amz-checksum-mode") == mode


async def test_the_checksum_of_a_multipart_object_is_not_its_sha256(
    scripted: Scripted, tmp_path: Path
) -> None:
    """A composite checksum is a hash of hashes: the metadata is believed instead."""
    scripted.says("200 OK", x_amz_checksum_sha256=f"{CHECKSUM}-2", x_amz_meta_sha256="said")
    async with open_store(scripted.as_server().settings("bucket", tmp_path)) as store:
        assert (await store.head("k")).sha256 == "said"


async def test_no_endpoint_of_the_environment_is_used(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's test endpoint in the shell never receives conversations."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{scripted.port}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{scripted.port}")
    settings = replace(scripted.as_server().settings("bucket", tmp_path), endpoint=None)
    async with open_store(settings) as store:
        assert store._client.meta.endpoint_url == "https://s3.amazonaws.com"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("jurisdiction", "host"),
    [(None, "0123.r2"), ("eu", "0123.eu.r2"), ("fedramp", "0123.fedramp.r2"), ("us", "0123.us.r2")],
)
def test_a_jurisdiction_is_part_of_the_address(jurisdiction: None, host: str) -> None:
    """R2 buckets of a jurisdiction are reached at its own host name only."""
    settings = S3Settings.r2("b", account_id="0123", jurisdiction=jurisdiction)
    assert settings.endpoint == f"https://{host}.cloudflarestorage.com"
    assert (settings.region, settings.concurrency) == ("auto", 2)


def test_there_is_one_botocore_and_it_writes_conditionally() -> None:
    """A resolver may pair aioboto3 with a botocore of 2018, and say nothing."""
    found = [d for d in metadata.distributions() if d.metadata["Name"] == "botocore"]
    assert len({d.version for d in found}) == 1
    model = botocore.loaders.Loader().load_service_model("s3", "service-2")
    members = model["shapes"]["PutObjectRequest"]["members"]
    assert {"IfNoneMatch", "ChecksumSHA256"} <= members.keys()


def run_python(code: str) -> str:
    """Run code in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_boto_is_loaded_when_an_s3_store_is_entered_and_not_before(tmp_path: Path) -> None:
    """Importing every module of the package and making every store loads none of it."""
    code = f"""
import asyncio, sys
from pathlib import Path
from archiver.stores import faults, folder, memory, opening, s3, s3_answers, settings
def boto(): return any(m.split(".")[0] in ("boto3", "botocore", "aiobotocore", "aioboto3",
                                           "aiohttp") for m in sys.modules)
async def main():
    async with opening.open_store(settings.FolderSettings(Path({str(tmp_path / "f")!r}))): pass
    store = opening.open_store(settings.S3Settings("bucket"))
    print(boto())
    async with store: pass
    print(boto())
asyncio.run(main())
"""
    assert run_python(code).split() == ["False", "True"]


def test_a_folder_is_opened_without_the_module_of_s3(tmp_path: Path) -> None:
    """Stores load what they need."""
    code = (
        "import sys; from pathlib import Path; from archiver.stores.opening import open_store;"
        "from archiver.stores.settings import FolderSettings;"
        f"open_store(FolderSettings(Path({str(tmp_path)!r})));"
        "print('archiver.stores.s3' in sys.modules)"
    )
    assert run_python(code) == "False"
    assert open_store(FolderSettings(tmp_path)).name == f"folder {tmp_path}"


async def test_after_closing_nothing_is_connected(moto_server: S3Server, tmp_path: Path) -> None:
    """Connections live no longer than the block: those that sleep through the night hang."""
    server = moto_server
    port = int(server.endpoint.rpartition(":")[2])
    ours = psutil.Process().net_connections

    def connected() -> int:
        return sum(
            1 for c in ours() if c.raddr and c.raddr.port == port and c.status == "ESTABLISHED"
        )

    before = connected()
    async with open_store(server.settings(server.new_bucket(), tmp_path)) as store:
        await store.put("k", BODY, sha256=SHA, metadata={})
    assert connected() == before
