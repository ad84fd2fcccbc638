"""Keys are read in the forms in which tools print them; an error never repeats one."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime

import pytest

from archiver.credentials.formats import as_ini, as_json, read_text
from archiver.credentials.keys import Keys
from archiver.errors import StoreError

ENDS = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "canary/secret+%="
FULL = Keys("AKIASYNTHETIC0001", SECRET, "canary-token==", ENDS, ENDS.replace(hour=1))
LONG_LIVED = Keys("AKIASYNTHETIC0001", SECRET)

PROCESS = {
    "Version": 1,
    "AccessKeyId": "AKIASYNTHETIC0001",
    "SecretAccessKey": SECRET,
    "SessionToken": "canary-token==",
    "Expiration": "2026-11-21T12:00:00Z",
}
R2 = {
    "result": {
        "accessKeyId": "AKIASYNTHETIC0001",
        "secretAccessKey": SECRET,
        "sessionToken": "canary-token==",
    },
    "success": True,
}


SAML = f"""[saml]
aws_access_key_id=AKIASYNTHETIC0001
aws_secret_access_key={SECRET}
aws_session_token=canary-token==
x_security_token_expires = 2026-11-21T13:00:00+01:00
"""


@pytest.mark.parametrize("keys", [FULL, LONG_LIVED])
def test_what_is_written_is_read_back(keys: Keys) -> None:
    """In both forms."""
    assert read_text(as_ini(keys)) == keys
    assert read_text(as_json(keys)) == keys


@pytest.mark.parametrize(
    ("text", "token", "ends"),
    [
        (json.dumps(PROCESS), True, True),
        (json.dumps({"Credentials": PROCESS, "AssumedRoleUser": {}}), True, True),
        (json.dumps(R2), True, False),
        (
            f"\ufeff[work]\naws_access_key_id=AKIASYNTHETIC0001\naws_secret_access_key={SECRET}",
            0,
            0,
        ),
        (
            SAML,
            True,
            True,
        ),
        (f"AKIASYNTHETIC0001\n{SECRET}\n", False, False),
        (f"AKIASYNTHETIC0001\r\n{SECRET}\r\ncanary-token==\r\n", True, False),
    ],
)
def test_the_forms_of_other_tools_are_read(text: str, token: bool, ends: bool) -> None:  # noqa: FBT001
    """Of aws, of saml2aws, of Cloudflare, and typed lines."""
    keys = read_text(text)
    assert (keys.key_id, keys.secret) == ("AKIASYNTHETIC0001", SECRET)
    assert keys.token == ("canary-token==" if token else None)
    assert keys.expires_at == (ENDS if ends else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        "{",
        "[]",
        "{}",
        '{"AccessKeyId": 1, "SecretAccessKey": 2}',
        f'{{"AccessKeyId": "x", "SecretAccessKey": ["{SECRET}"]}}',
        f"[default]\n{SECRET}",
        f"[default]\naws_secret_access_key={SECRET}",
        f"a\n{SECRET}\nc\nd",
        f"a b\n{SECRET}",
        f"[default]\naws_access_key_id=a\naws_secret_access_key={SECRET}\nexpires_at = {SECRET}\n",
        json.dumps({**PROCESS, "Expiration": SECRET}),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_keys_is_refused_and_never_repeated(text: str) -> None:
    """Neither in the error nor in what it drags along."""
    with pytest.raises(StoreError) as caught:
        read_text(text)
    told = "".join(traceback.format_exception(caught.value)) + caught.value.advice
    assert SECRET not in told
    assert caught.value.advice
