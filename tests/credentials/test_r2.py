"""R2's temporary keys, judged by a stand-in for R2 that is built from Cloudflare's documentation.

The stand-in reads a session token as the documentation says R2 does: base64, ``jwt/``, a JWT whose
HS256 mark is checked with the parent's secret by a library of its own, claims compared with the
request. It is no proof that Cloudflare does the same.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from archiver.credentials import r2
from archiver.credentials.documents import writer_prefixes
from archiver.credentials.keys import Keys, expiry_of
from archiver.errors import StoreError

NOW = datetime(2026, 11, 21, 12, 30, 15, 500_000, tzinfo=UTC)
ACCOUNT = "0123456789abcdef0123456789abcdef"
HOST = f"https://{ACCOUNT}.eu.r2.cloudflarestorage.com"
PARENT = Keys("f00d" * 8, hashlib.sha256(b"synthetic token value").hexdigest())


@dataclass
class StandIn:
    """What R2 does with temporary keys, as far as it is documented."""

    parents: dict[str, str] = field(default_factory=lambda: {PARENT.key_id: PARENT.secret})

    def claims(self, keys: Keys) -> dict[str, Any]:
        """Read the token; raise where it is not the parent's, or the secret not the token's."""
        kind, _, signed = base64.b64decode(keys.token or "").decode().partition("/")
        assert kind == "jwt"
        assert keys.secret == hashlib.sha256(signed.encode()).hexdigest()
        secret = self.parents[keys.key_id]
        token = jwt.decode(signed, OctKey.import_key(secret), algorithms=["HS256"])
        assert token.header == {"alg": "HS256", "typ": "JWT"}
        return dict(token.claims)

    def allows(self, keys: Keys, action: str, bucket: str, key: str, at: datetime) -> bool:
        """Judge one request at ``HOST``."""
        claims = self.claims(keys)
        assert claims["sub"] == ACCOUNT
        assert claims["iss"] == keys.key_id
        assert claims["aud"] == HOST.removeprefix("https://")
        paths = claims["paths"]
        below = any(key.startswith(one) for one in paths["prefixPaths"])
        return (
            claims["iat"] <= at.timestamp() < claims["exp"]
            and claims["bucket"] == bucket
            and action in claims["actions"]
            and (below or key in paths["objectPaths"])
        )


def issued(hours: int = 24, **changes: Any) -> Keys:
    """Sign keys for the writer of a tenant."""
    asked: dict[str, Any] = {
        "account_id": ACCOUNT,
        "endpoint": HOST,
        "bucket": "archive",
        "prefixes": writer_prefixes("ai", "acme", classes=("standard",)),
        "now": NOW,
        "lifetime": timedelta(hours=hours),
    }
    return r2.temporary_keys(PARENT, **{**asked, **changes})


CHUNK = "ai/tenant=acme/class=standard/subject=s/dt=2026-11-21/x.jsonl.zst"


def test_they_put_chunks_manifests_keys_and_enrolments_of_the_tenant() -> None:
    """All that a device writes."""
    keys, server = issued(), StandIn()
    for name in ("_manifests/d/1.note", "_devices/d-1.note", "_keys/subject=s/x.age", "_probe/1"):
        key = f"ai/tenant=acme/{name}"
        assert server.allows(keys, "PutObject", "archive", key, NOW)
    assert server.allows(keys, "PutObject", "archive", CHUNK, NOW)


@pytest.mark.parametrize(
    "action", ["GetObject", "HeadObject", "ListObjectsV2", "DeleteObject", "CopyObject"]
)
def test_they_do_nothing_else(action: str) -> None:
    """No reading, listing or deleting."""
    assert not StandIn().allows(issued(), action, "archive", CHUNK, NOW)


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("other", CHUNK),
        ("archive", CHUNK.replace("acme", "acme2")),
        ("archive", CHUNK.removeprefix("ai/")),
        ("archive", CHUNK.replace("standard", "legal")),
        ("archive", "ai/tenant=acme/_checkpoints/000000000001-0.note"),
        ("archive", "ai/tenant=acme/_orders/000000000001-0.note"),
        ("archive", "ai/tenant=acme/_registry/000000000001-0.note"),
    ],
)
def test_they_reach_no_other_place(bucket: str, key: str) -> None:
    """Neither another tenant nor what an admin signs."""
    assert not StandIn().allows(issued(), "PutObject", bucket, key, NOW)


def test_they_end_when_they_say() -> None:
    """And who holds them can read when."""
    keys = issued(hours=2)
    expiry = expiry_of(keys)
    assert expiry is not None
    assert expiry.at == NOW.replace(microsecond=0) + timedelta(hours=2)
    assert expiry_of(Keys(keys.key_id, keys.secret, keys.token)) == expiry
    server = StandIn()
    before, after = expiry.at - timedelta(seconds=1), expiry.at
    assert server.allows(keys, "PutObject", "archive", CHUNK, before)
    assert not server.allows(keys, "PutObject", "archive", CHUNK, after)


def test_another_parent_s_secret_does_not_open_them() -> None:
    """They are bound to the one that signed."""
    with pytest.raises(JoseError):
        StandIn({PARENT.key_id: "0" * 64}).claims(issued())


def test_nothing_of_the_parent_s_secret_is_in_them() -> None:
    """What a device gets does not open the parent."""
    keys = issued()
    text = base64.b64decode(keys.token or "").decode()
    assert PARENT.secret not in keys.secret + text


def test_temporary_keys_cannot_sign_others() -> None:
    """R2 knows no such chain."""
    with pytest.raises(StoreError, match="temporary"):
        r2.temporary_keys(
            issued(),
            account_id=ACCOUNT,
            endpoint=HOST,
            bucket="archive",
            prefixes=(),
            now=NOW,
            lifetime=timedelta(hours=1),
        )
