"""Officers' key files are those of age's own programs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archiver.errors import UnusableKey
from archiver.vault import age
from archiver.vault.officers import generate, parse_recipients, read_identities

if TYPE_CHECKING:
    from vaults import Officer

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture(name="locked", scope="module")
def _locked() -> bytes:
    """Lock a key file once: that takes seconds on purpose."""
    return generate(NOW, passphrase="synthetic").file


def test_a_new_key_is_written_as_age_keygen_writes_it() -> None:
    """Two comments and the identity."""
    key = generate(NOW)
    assert re.fullmatch(
        r"# created: 2026-01-31T09:30:00\+00:00\n"
        r"# public key: age1\w{58}\nAGE-SECRET-KEY-1\w{58}\n",
        key.file.decode(),
    )
    assert f"# public key: {key.recipient}\n" in key.file.decode()


def test_a_new_key_opens_what_is_sealed_to_it_and_is_not_shown() -> None:
    """The policy gets the one half, the officer keeps the other."""
    key = generate(NOW)
    identities = read_identities(key.file)
    assert age.decrypt(age.encrypt(b"x", [key.recipient]), identities) == b"x"
    assert "SECRET" not in repr(key)


def test_a_locked_key_opens_with_its_passphrase_only(locked: bytes) -> None:
    """And says nothing without it."""
    assert locked.startswith(b"age-encryption.org/v1\n-> scrypt ")
    (identity,) = read_identities(locked, passphrase=lambda: "synthetic")
    assert identity.startswith("AGE-SECRET-KEY-1")
    with pytest.raises(UnusableKey, match="does not open"):
        read_identities(locked, passphrase=lambda: "wrong")
    with pytest.raises(UnusableKey, match="locked"):
        read_identities(locked)


def test_an_empty_passphrase_locks_nothing() -> None:
    """It would look safe."""
    with pytest.raises(UnusableKey, match="empty"):
        generate(NOW, passphrase="")


def test_nobody_is_asked_for_a_passphrase_that_is_not_needed() -> None:
    """A script runs without a terminal."""
    read_identities(generate(NOW).file, passphrase=pytest.fail)


def test_a_file_may_hold_several_keys_comments_and_other_line_ends(
    officer: Officer, other: Officer
) -> None:
    """As age reads it."""
    file = f"# mine\r\n{officer.identity}\r\n\r\n  # old\n{other.identity}"
    assert read_identities(file.encode()) == (officer.identity, other.identity)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"# nothing\n",
        b"\xff\xfe",
        b"age1notprivate\n",
        b"AGE-SECRET-KEY-1BROKEN\n",
        b"AGE-PLUGIN-YUBIKEY-1XXXX\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nsynthetic\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_file_without_a_key_is_refused(file: bytes) -> None:
    """And not shown."""
    with pytest.raises(UnusableKey) as caught:
        read_identities(file)
    assert "BROKEN" not in f"{caught.value} {caught.value.advice}"


def test_a_recipients_file_is_read_as_age_reads_it(officer: Officer, other: Officer) -> None:
    """Comments and empty lines do not count; sorted, none twice."""
    text = f"# officers\n{other.recipient}\n\n {officer.recipient.upper()} \r\n{other.recipient}\n"
    assert parse_recipients(text) == tuple(sorted((officer.recipient, other.recipient)))


def test_a_wrong_line_is_named_by_its_number_and_not_shown(officer: Officer) -> None:
    """It may be a private key."""
    with pytest.raises(UnusableKey, match="line 2: a private key") as caught:
        parse_recipients(f"# officers\n{officer.identity}\n")
    assert officer.identity not in str(caught.value)
    with pytest.raises(UnusableKey, match="no recipient"):
        parse_recipients("# nobody yet\n")
