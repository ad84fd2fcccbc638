"""Keys are kept in one place per tenant, closed to others, and replaced whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import keyring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backends import chainer, null

from archiver.credentials import keeping, keyrings, places
from archiver.credentials.files import read_private
from archiver.credentials.keyrings import system_keyring
from archiver.credentials.keys import Keys
from archiver.durable import files
from archiver.errors import StoreError
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import DesktopKeyring

SECRET = "canary-secret-of-the-store"
KEYS = Keys("AKIASYNTHETIC0001", SECRET)
LATER = Keys("AKIASYNTHETIC0002", f"{SECRET}-2", "canary-token")

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, not modes")


def everything_below(folder: Path) -> str:
    """Read every file."""
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@posix
def test_without_a_keyring_keys_lie_in_a_file_that_only_its_user_may_read() -> None:
    """0600 in a folder of 0700, and they come back."""
    place = keeping.keep("acme", KEYS)
    path = places.path_of("acme")
    assert str(path) in place
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert keeping.find("acme") == KEYS
    assert keeping.find("globex") is None


@posix
def test_a_folder_that_was_open_is_closed() -> None:
    """Somebody made it by hand."""
    folder = places.default_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    keeping.keep("acme", KEYS)
    assert folder.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(mode: int) -> None:
    """It is not used, and what is known of it says why."""
    keeping.keep("acme", KEYS)
    places.path_of("acme").chmod(mode)
    with pytest.raises(StoreError, match="others on this machine") as caught:
        keeping.find("acme")
    assert caught.value.refusal.answer is Answer.CREDENTIALS
    found = keeping.look("acme")
    assert found is not None
    assert "others on this machine" in found.problem


def test_a_keyring_has_the_secret_and_the_file_says_so(desktop: DesktopKeyring, home: Path) -> None:
    """No file holds any of the secret, and none of it is needed to tell when it ends."""
    ends = datetime.now(UTC) + timedelta(days=9)
    place = keeping.keep("acme", Keys("AKIASYNTHETIC0001", SECRET, "canary-token", ends))
    assert "keyring" in place
    assert "canary" not in everything_below(home)
    assert len(desktop.secrets) == 1
    found = keeping.find("acme")
    assert found is not None
    assert found.secret == SECRET
    desktop.locked = True
    known = keeping.look("acme")
    assert known is not None
    assert known.expiry is not None
    assert abs(known.expiry.at - ends) < timedelta(seconds=1)
    assert (known.where, known.key_id) == ("keyring", "…0001")


def test_other_keys_replace_the_earlier_ones_in_a_keyring(desktop: DesktopKeyring) -> None:
    """One entry per tenant, and none after it is forgotten."""
    keeping.keep("acme", KEYS)
    keeping.keep("acme", LATER)
    assert keeping.find("acme") == LATER
    assert len(desktop.secrets) == 1
    assert keeping.forget("acme")
    assert desktop.secrets == {}
    assert keeping.find("acme") is None
    assert not keeping.forget("acme")


def test_from_a_keyring_into_a_file_leaves_nothing_behind(desktop: DesktopKeyring) -> None:
    """And back."""
    keeping.keep("acme", KEYS)
    keeping.keep("acme", LATER, where="file")
    assert desktop.secrets == {}
    assert keeping.find("acme") == LATER
    keeping.keep("acme", KEYS)
    assert keeping.find("acme") == KEYS


def test_what_a_keyring_does_not_take_goes_into_the_file(desktop: DesktopKeyring) -> None:
    """Windows takes 2,560 bytes; who asked for the keyring by name hears that it refused."""
    desktop.most = 10
    assert "file" in keeping.keep("acme", KEYS)
    assert keeping.find("acme") == KEYS
    with pytest.raises(StoreError) as caught:
        keeping.keep("acme", LATER, where="keyring")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert keeping.find("acme") == KEYS


def test_a_locked_keyring_is_a_matter_of_credentials(desktop: DesktopKeyring) -> None:
    """It waits, and the advice says how to do without."""
    keeping.keep("acme", KEYS)
    desktop.locked = True
    with pytest.raises(StoreError) as caught:
        keeping.find("acme")
    assert caught.value.refusal.answer is Answer.CREDENTIALS
    assert "--in file" in caught.value.advice


def test_a_keyring_whose_user_is_away_is_given_a_while_and_asked_once(
    desktop: DesktopKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question on a locked screen stands for hours; other tenants are served meanwhile."""
    monkeypatch.setattr(keyrings, "_SECONDS", 0.2)
    keeping.keep("acme", KEYS)
    desktop.unlocked.clear()
    for why in ("not within", "still waits", "still waits"):
        with pytest.raises(StoreError, match=why) as refused:
            keeping.find("acme")
        assert refused.value.refusal.answer is Answer.CREDENTIALS
        assert "Unlock" in refused.value.advice
    assert desktop.asked == 1
    desktop.unlocked.set()
    deadline = time.monotonic() + 10
    while any(one.is_alive() for one in keyrings._WAITING) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert keeping.find("acme") == KEYS


def test_a_keyring_that_is_gone_is_a_matter_of_credentials(desktop: DesktopKeyring) -> None:
    """The keys are not found elsewhere by chance."""
    keeping.keep("acme", KEYS)
    desktop.secrets.clear()
    with pytest.raises(StoreError, match="keyring") as caught:
        keeping.find("acme")
    assert "credentials set acme" in caught.value.advice


@pytest.mark.usefixtures("home")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_no_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    """Whoever put it there would hold up every pass."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(StoreError, match="is no file"):
        read_private(tmp_path / "pipe")


@pytest.mark.parametrize("named", ["json.NoSuchThing", "keyring.backends.none.Keyring"])
def test_a_keyring_that_cannot_be_loaded_is_none(named: str) -> None:
    """A setting that was left over is no reason to keep no keys."""
    code = "from archiver.credentials.keyrings import system_keyring; print(system_keyring())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHON_KEYRING_BACKEND": named},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("None", "")


def test_what_only_calls_itself_a_keyring_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that keeps nothing, one that refuses everything, a chain of none."""
    assert system_keyring() is None
    keyring.set_keyring(null.Keyring())
    assert system_keyring() is None
    chain = chainer.ChainerBackend()
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [null.Keyring()])
    keyring.set_keyring(chain)
    assert system_keyring() is None
    keyring.set_keyring(type("Poor", (null.Keyring,), {"priority": 0.5, "__module__": "poor"})())
    assert system_keyring() is None
    plain = type("PlaintextKeyring", (null.Keyring,), {"priority": 9})
    plain.__module__ = "keyrings.alt.file"
    keyring.set_keyring(plain())
    assert system_keyring() is None
    with pytest.raises(StoreError):
        keeping.keep("acme", KEYS, where="keyring")


def test_a_crash_leaves_the_old_keys_or_the_new_ones(
    desktop: DesktopKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every durable step of a change."""

    class Crash(BaseException):
        pass

    for where in ("file", "keyring"):
        for point in ("file.written", "file.renamed"):
            monkeypatch.setattr(files, "observer", lambda _point: None)
            keeping.keep("acme", KEYS)

            def crash(reached: str, at: str = point) -> None:
                if reached == at:
                    raise Crash

            monkeypatch.setattr(files, "observer", crash)
            with pytest.raises(Crash):
                keeping.keep("acme", LATER, where=where)  # type: ignore[arg-type]
            assert keeping.find("acme") == (KEYS if point == "file.written" else LATER)
    assert desktop.secrets


def test_what_a_crash_left_half_written_goes_with_the_keys(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who removes keys means every copy of them."""

    class Crash(BaseException):
        pass

    def crash(_point: str) -> None:
        raise Crash

    keeping.keep("acme", KEYS)
    monkeypatch.setattr(files, "observer", crash)
    with pytest.raises(Crash):
        keeping.keep("acme", LATER)
    monkeypatch.setattr(files, "observer", lambda _point: None)
    assert keeping.forget("acme")
    assert "canary" not in everything_below(home)


def test_what_is_kept_is_listed_without_a_secret(desktop: DesktopKeyring) -> None:
    """By tenant, whatever the place."""
    keeping.keep("globex", KEYS)
    keeping.keep("acme", LATER, where="file")
    assert desktop.secrets
    assert [(one.tenant, one.key_id) for one in keeping.kept()] == [
        ("acme", "…0002"),
        ("globex", "…0001"),
    ]
    assert "canary" not in repr(list(keeping.kept()))


@pytest.mark.parametrize("name", ["../x", "A", "", "a/b", "a b", "x" * 65])
def test_a_name_that_is_no_tenant_never_becomes_a_path(name: str) -> None:
    """The caller has checked it; this is the last door."""
    with pytest.raises(ValueError, match="tenant"):
        places.path_of(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.builds(
        Keys,
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200),
        st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    )
)
def test_whatever_keys_consist_of_comes_back(keys: Keys) -> None:
    """INI has marks of its own: %, #, =, ;, [."""
    keeping.keep("acme", keys, where="file")
    assert keeping.find("acme") == keys


@pytest.mark.parametrize(
    "bad", [Keys("", "s"), Keys("id", "a b"), Keys("id", "é"), Keys("i", "\n")]
)
def test_what_can_be_no_keys_is_not_kept(bad: Keys) -> None:
    """And what was kept stays."""
    keeping.keep("acme", KEYS)
    with pytest.raises(StoreError):
        keeping.keep("acme", bad)
    assert keeping.find("acme") == KEYS
