"""A command of the policy gives keys, and nothing of what it prints goes anywhere else."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from typing import TYPE_CHECKING

import pytest

from archiver.credentials.process import keys_from
from archiver.errors import StoreError
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "canary-secret"
GOOD = json.dumps({"Version": 1, "AccessKeyId": "ID1", "SecretAccessKey": SECRET})


def python(code: str, *words: str) -> tuple[str, ...]:
    """Give a command that runs ``code``."""
    return (sys.executable, "-c", code, *words)


async def test_its_output_is_read_as_awss_json() -> None:
    """And its words reach it as they are: no shell looks at them."""
    code = "import sys; assert sys.argv[1] == '$(id); *'; print(sys.argv[2])"
    keys = await keys_from(python(code, "$(id); *", GOOD))
    assert (keys.key_id, keys.secret) == ("ID1", SECRET)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (f"print('{SECRET}'); raise SystemExit(3)", "exit code 3"),
        (f"import sys; sys.stderr.write('{SECRET}'); raise SystemExit('{SECRET}')", "exit code 1"),
        (f"print('{SECRET}')", "did not print"),
        ("print('x' * 300_000)", "did not print"),
        (r"import sys; sys.stdout.buffer.write(b'\xff\xfe')", "did not print"),
        ("import time; time.sleep(60)", "did not end"),
    ],
)
async def test_a_command_that_gives_no_keys_is_a_matter_of_credentials(
    capfd: pytest.CaptureFixture[str], code: str, word: str
) -> None:
    """The error says what happened, and quotes nothing."""
    with pytest.raises(StoreError, match=word) as caught:
        await keys_from(python(code), seconds=3)
    assert caught.value.refusal.answer is Answer.CREDENTIALS
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "credential_process" in caught.value.advice
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
async def test_what_a_command_left_running_holds_nobody_up() -> None:
    """A child of its own keeps its output open: it ends with the command."""
    began = time.monotonic()
    with pytest.raises(StoreError, match="did not end"):
        await keys_from(("sh", "-c", "sleep 12 & sleep 12"), seconds=1)
    assert time.monotonic() - began < 5


async def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By its first word alone: arguments may be anything."""
    with pytest.raises(StoreError, match="cannot be started") as caught:
        await keys_from((str(tmp_path / "none"), SECRET))
    assert SECRET not in str(caught.value)


async def test_a_command_that_is_given_up_does_not_live_on(tmp_path: Path) -> None:
    """It is killed, and waited for."""
    mark = tmp_path / "mark"
    code = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
    with pytest.raises(StoreError):
        await keys_from(python(code), seconds=0.5)
    await asyncio.sleep(2.5)
    assert not mark.exists()
