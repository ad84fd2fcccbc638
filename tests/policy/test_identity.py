"""Who the user is, and a pseudonym that tells nobody."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from archiver.errors import PolicyError, PolicyInvalid, PolicyUnreadable
from archiver.policy.document import Claims, Identity, S3Store, Tenant
from archiver.policy.identity import identify, subject, subject_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = "synthetic-subject-key-of-a-test"


def tenant(name: str = "acme", **identity: Any) -> Tenant:
    """Make a tenant with this identity."""
    if "subject_key_file" not in identity:
        identity.setdefault("subject_key", KEY)
    store = S3Store(bucket="bucket")
    claims = Claims(default=True)
    return Tenant(id=name, conversations=claims, store=store, identity=Identity(**identity))


def keyed(tmp_path: Path, body: bytes, mode: int = 0o600) -> Tenant:
    """Make a tenant whose key stands in a file."""
    path = tmp_path / "subject.key"
    path.write_bytes(body)
    path.chmod(mode)
    return tenant(subject_key_file=path)


def refused(one: Tenant) -> PolicyError:
    """Identify somebody who cannot be identified; give the error."""
    with pytest.raises(PolicyError) as caught:
        identify(one, git_email=None, os_user="me")
    assert "tenant acme, identity.subject_key_file" in str(caught.value)
    assert "openssl rand -hex 32" in caught.value.advice
    return caught.value


def test_the_subject_is_the_specified_hash() -> None:
    """The first 32 hex digits of HMAC-SHA256 over tenant, zero byte, folded user."""
    expected = hmac.new(KEY.encode(), b"acme\0me@acme.example", hashlib.sha256).hexdigest()[:32]
    person = identify(tenant(), git_email="Me@Acme.Example", os_user="me")
    assert person.subject == expected
    assert person.user == "Me@Acme.Example"
    assert person.source == "git-email"
    assert re.fullmatch("[0-9a-f]{32}", person.subject)


def test_without_a_git_email_the_os_user_stands_and_it_is_said() -> None:
    """A name is needed, and an admin wants to know where it is from."""
    for none in (None, ""):
        person = identify(tenant(), git_email=none, os_user="me")
        assert (person.user, person.source) == ("me", "os-user, because git has no user.email")


def test_the_os_user_and_a_fixed_name_ignore_git() -> None:
    """Each source gives its own name."""
    person = identify(tenant(source="os-user"), git_email="me@x.example", os_user="me")
    assert (person.user, person.source) == ("me", "os-user")
    person = identify(tenant(source="fixed", value="desk 7"), git_email="a@b.example", os_user="me")
    assert (person.user, person.source) == ("desk 7", "fixed")


def test_one_person_has_another_subject_with_each_tenant_and_key() -> None:
    """Two tenants cannot find out that they share a contractor."""
    same = {subject(KEY.encode(), "acme", "me"), subject(KEY.encode(), "acme", "ME")}
    others = {subject(KEY.encode(), "beta", "me"), subject(b"another key", "acme", "me")}
    assert len(same) == 1
    assert len(same | others) == 3


def test_tenant_and_user_cannot_run_into_each_other() -> None:
    """The zero byte keeps them apart."""
    assert subject(KEY.encode(), "ab", "c") != subject(KEY.encode(), "a", "bc")


def test_a_key_in_a_file_is_the_same_as_in_the_policy(tmp_path: Path) -> None:
    """Blank space around it is the editor's."""
    from_file = keyed(tmp_path, b"  " + KEY.encode() + b"\r\n")
    assert subject_key(from_file) == subject_key(tenant()) == KEY.encode()


@pytest.mark.parametrize("body", [b"", b"\n", b"x" * 15, b"x" * 1025, b"x" * 5000])
def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path, body: bytes) -> None:
    """The error says what is allowed, and not what was found."""
    error = refused(keyed(tmp_path, body))
    assert isinstance(error, PolicyInvalid)
    assert "16 to 1024" in str(error)
    assert "xxx" not in str(error)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever has it can tell who a subject is."""
    error = refused(keyed(tmp_path, KEY.encode(), mode))
    assert "every user" in str(error)
    assert KEY not in str(error)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_key_may_be_shared_with_a_group(tmp_path: Path, mode: int) -> None:
    """An admin gives a fleet one file that root owns."""
    assert subject_key(keyed(tmp_path, KEY.encode(), mode)) == KEY.encode()


def test_a_missing_key_is_unreadable(tmp_path: Path) -> None:
    """And the advice says how to make one."""
    error = refused(tenant(subject_key_file=tmp_path / "none"))
    assert isinstance(error, PolicyUnreadable)
    assert "No such file" in str(error)


def test_a_key_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A folder has no content, and a pipe would wait for ever."""
    assert "is not a file" in str(refused(tenant(subject_key_file=tmp_path)))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "is not a file" in str(refused(tenant(subject_key_file=tmp_path / "pipe")))
