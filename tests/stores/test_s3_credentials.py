"""Where keys come from, what is wrong with them, and that nobody ever sees them."""

from __future__ import annotations

import hashlib
import os
import sys
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archiver.credentials.files import read_keys
from archiver.credentials.keys import Keys
from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.opening import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scripted

    from archiver.stores.settings import S3Settings

SECRET = "canary-secret"
GOOD = f"[default]\naws_access_key_id = ID1\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home: no keys in the environment, no ~/.aws, no instance metadata."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


def write_keys(folder: Path, text: str) -> Path:
    """Write a credentials file that only its user can read."""
    path = folder / "keys"
    path.touch(mode=0o600)
    path.write_text(text)
    return path


async def refusal(settings: S3Settings) -> StoreError:
    """Open and put; give the error, in which no secret may stand."""
    with pytest.raises(StoreError) as caught:
        async with open_store(settings) as store:
            await store.put("k", b"x", sha256=hashlib.sha256(b"x").hexdigest(), metadata={})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_keys_are_read_from_the_file() -> None:
    """A value never shows what it holds."""
    assert repr(Keys("id", SECRET, SECRET)) == "Keys()"


def test_a_session_token_is_optional(home: Path) -> None:
    """Long-lived keys have none; temporary ones do. A percent sign is only a percent sign."""
    assert read_keys(write_keys(home, GOOD)) == Keys("ID1", SECRET)
    with_token = f"{GOOD}aws_session_token = a%b\n"
    assert read_keys(write_keys(home, with_token)) == Keys("ID1", SECRET, "a%b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        f"[default]\n{SECRET}\n",
        f"[other]\naws_access_key_id=ID1\naws_secret_access_key={SECRET}\n",
        f"[default]\naws_secret_access_key={SECRET}\n",
        "[default]\naws_access_key_id=ID1\naws_secret_access_key=\n",
        f"{GOOD}{GOOD}",
    ],
)
def test_a_file_without_keys_says_what_to_write(home: Path, text: str) -> None:
    """Neither the error nor its traceback quotes the file."""
    with pytest.raises(StoreError) as caught:
        read_keys(write_keys(home, text))
    assert caught.value.refusal.answer is Answer.CREDENTIALS
    assert "aws_secret_access_key" in caught.value.advice
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_missing_file_is_a_matter_of_credentials(home: Path) -> None:
    """The error names the path."""
    with pytest.raises(StoreError, match="nowhere") as caught:
        read_keys(home / "nowhere")
    assert caught.value.refusal.answer is Answer.CREDENTIALS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, not modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(home: Path, mode: int) -> None:
    """Keys for a bucket of conversations are nobody else's."""
    path = write_keys(home, GOOD)
    path.chmod(mode)
    with pytest.raises(StoreError) as caught:
        read_keys(path)
    assert caught.value.refusal.answer is Answer.CREDENTIALS
    assert f"chmod 600 {path}" in caught.value.advice


async def test_the_file_is_read_anew_at_every_opening(scripted: Scripted, home: Path) -> None:
    """Renewed keys are used without a restart."""
    scripted.says("200 OK", ETag='"1"')
    settings = replace(
        scripted.as_server().settings("bucket", home), credentials_file=write_keys(home, GOOD)
    )
    for name in ("ID1", "ID2"):
        write_keys(home, GOOD.replace("ID1", name))
        async with open_store(settings) as store:
            await store.get("k")
    used = [r.headers["authorization"].partition("Credential=")[2][:3] for r in scripted.requests]
    assert used == ["ID1", "ID2"]


async def test_a_shell_that_is_set_up_otherwise_does_not_disturb(
    scripted: Scripted, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a credentials file, neither AWS_PROFILE nor a broken ~/.aws/config matters."""
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another account")
    (home / ".aws" / "config").write_text("rubbish")
    scripted.says("200 OK", ETag='"1"')
    settings = replace(
        scripted.as_server().settings("bucket", home), credentials_file=write_keys(home, GOOD)
    )
    async with open_store(settings) as store:
        await store.get("k")
    assert "x-amz-security-token" not in scripted.requests[0].headers


async def test_a_profile_is_looked_up_in_the_users_files(scripted: Scripted, home: Path) -> None:
    """A profile's keys are used, and those of the default profile are not."""
    (home / ".aws" / "credentials").write_text(
        GOOD + GOOD.replace("default", "work").replace("ID1", "ID9")
    )
    scripted.says("200 OK", ETag='"1"')
    settings = scripted.as_server().settings("bucket", home)
    settings = replace(settings, credentials_file=None, profile="work")
    async with open_store(settings) as store:
        await store.get("k")
    assert "Credential=ID9/" in scripted.requests[0].headers["authorization"]


SSO = """[profile sso]
sso_start_url = https://sso.invalid
sso_region = us-east-1
sso_account_id = 1
sso_role_name = r
"""


@pytest.mark.parametrize(
    ("profile", "config", "code", "word"),
    [
        (None, "", "NoCredentialsError", "credentials_file"),
        ("nobody", "", "ProfileNotFound", "profile"),
        (
            "sso",
            SSO,
            "SSOTokenLoadError",
            "aws sso login",
        ),
        ("half", "[profile half]\naws_access_key_id=ID1\n", "PartialCredentialsError", "pol"),
    ],
)
async def test_no_usable_keys_is_a_matter_of_credentials(
    scripted: Scripted, home: Path, profile: str | None, config: str, code: str, word: str
) -> None:
    """Nothing found, no such profile, an expired log-in, half a pair: each says what to do."""
    (home / ".aws" / "config").write_text(config)
    settings = scripted.as_server().settings("bucket", home)
    error = await refusal(replace(settings, credentials_file=None, profile=profile))
    assert error.refusal.answer is Answer.CREDENTIALS
    assert code in error.refusal.code
    assert word in error.advice
    assert scripted.requests == []


async def test_a_config_file_that_is_rubbish_is_a_matter_of_configuration(
    scripted: Scripted, home: Path
) -> None:
    """The user's own ~/.aws/config cannot be read: that is named, not hidden."""
    (home / ".aws" / "config").write_text("rubbish")
    settings = scripted.as_server().settings("bucket", home)
    error = await refusal(replace(settings, credentials_file=None))
    assert error.refusal.code == "ConfigParseError"
    assert error.refusal.answer is Answer.CONFIGURATION
