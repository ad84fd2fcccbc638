"""Key files: private, never replaced, and refused with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.errors import UnusableKey
from archiver.evidence.keys import SigningKey, admin_key_name, device_key_name, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "admin/acme"

posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps the rights of the folder")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a key is kept."""
    return tmp_path / "key.pem"


def put(path: Path, body: bytes) -> None:
    """Write a file as private as a key must be."""
    path.write_bytes(body)
    path.chmod(0o600)


@pytest.mark.parametrize("passphrase", [None, "correct horse", "pässwörd 🔑"])
def test_a_key_comes_back_from_its_file(path: Path, passphrase: str | None) -> None:
    """With the same name it is the same key."""
    key = SigningKey.generate(NAME)
    key.save(path, passphrase)
    again = SigningKey.load(path, NAME, passphrase)
    assert again.public == key.public
    assert again.sign(b"x") == key.sign(b"x")


def test_a_signature_holds_for_its_message_and_key_only() -> None:
    """Ed25519, and no exception for nonsense."""
    key, other = SigningKey.generate(NAME), SigningKey.generate(NAME)
    signature = key.sign(b"message")
    assert verify(key.public.public, signature, b"message")
    assert not verify(key.public.public, signature, b"Message")
    assert not verify(other.public.public, signature, b"message")
    assert not verify(key.public.public, signature[:-1], b"message")
    assert not verify(b"short", signature, b"message")


@posix
def test_only_the_user_can_read_the_file(path: Path) -> None:
    """Also under a careless umask."""
    before = os.umask(0)
    try:
        SigningKey.generate(NAME).save(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_never_replaces_a_file(path: Path) -> None:
    """Not even another key: what it signed could never be signed again."""
    put(path, b"precious")
    with pytest.raises(UnusableKey, match="already"):
        SigningKey.generate(NAME).save(path)
    assert path.read_bytes() == b"precious"
    assert list(path.parent.iterdir()) == [path]


def test_a_key_needs_a_folder(tmp_path: Path) -> None:
    """An error of ours, not the system's."""
    with pytest.raises(UnusableKey, match="cannot be written"):
        SigningKey.generate(NAME).save(tmp_path / "none" / "key.pem")


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_file_that_is_open_to_others_is_refused(path: Path, mode: int) -> None:
    """Whoever read it could have signed."""
    SigningKey.generate(NAME).save(path)
    path.chmod(mode)
    with pytest.raises(UnusableKey, match="others may") as caught:
        SigningKey.load(path, NAME)
    assert "chmod 600" in caught.value.advice


def test_a_file_that_is_not_there_is_said_to_be_so(path: Path) -> None:
    """The first thing that goes wrong."""
    with pytest.raises(UnusableKey, match="there is no key file"):
        SigningKey.load(path, NAME)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    """Opened or not, depending on the system; never a key."""
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(UnusableKey):
        SigningKey.load(tmp_path / "folder", NAME)


@posix
def test_a_named_pipe_is_not_waited_for(path: Path) -> None:
    """A daemon must not hang at start."""
    os.mkfifo(path, 0o600)
    with pytest.raises(UnusableKey, match="no Ed25519"):
        SigningKey.load(path, NAME)


def test_a_locked_key_wants_its_passphrase(path: Path) -> None:
    """Missing, wrong and needless are three different things to say."""
    SigningKey.generate(NAME).save(path, "right")
    with pytest.raises(UnusableKey, match="is locked"):
        SigningKey.load(path, NAME)
    with pytest.raises(UnusableKey, match="does not open"):
        SigningKey.load(path, NAME, "wrong")
    with pytest.raises(UnusableKey, match="does not open"):
        SigningKey.load(path, NAME, "long" * 1000)


def test_a_passphrase_for_an_open_key_is_said_to_be_needless(path: Path) -> None:
    """Who gives one believes that the file is locked."""
    SigningKey.generate(NAME).save(path)
    with pytest.raises(UnusableKey, match="has none"):
        SigningKey.load(path, NAME, "any")


@pytest.mark.parametrize("passphrase", ["", "x" * 1024])
def test_a_passphrase_that_cannot_be_is_refused(path: Path, passphrase: str) -> None:
    """No unlocked file is left instead."""
    with pytest.raises(UnusableKey, match="passphrase"):
        SigningKey.generate(NAME).save(path, passphrase)
    assert not path.exists()


@pytest.mark.parametrize(
    "other",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        x25519.X25519PrivateKey.generate(),
    ],
    ids=["rsa", "p256", "x25519"],
)
def test_a_key_of_another_kind_is_refused(path: Path, other: rsa.RSAPrivateKey) -> None:
    """Also one that would be good for other things."""
    pem = form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    put(path, other.private_bytes(*pem))
    with pytest.raises(UnusableKey, match="no Ed25519 private key"):
        SigningKey.load(path, NAME)


def test_a_public_key_is_refused(path: Path) -> None:
    """A frequent mistake."""
    public = SigningKey.generate(NAME).private.public_key()
    put(path, public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnusableKey, match="no Ed25519 private key"):
        SigningKey.load(path, NAME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_file_is_a_key_or_an_error_of_ours(
    path: Path, spoilt: Callable[[st.DataObject, bytes], bytes], data: st.DataObject
) -> None:
    """Arbitrary bytes, and keys that were changed, locked or not."""
    key = SigningKey.generate(NAME)
    locked = data.draw(st.none() | st.just("lock"))
    path.unlink(missing_ok=True)
    key.save(path, locked)
    put(path, data.draw(st.binary() | st.just(spoilt(data, path.read_bytes()))))
    with suppress(UnusableKey):
        SigningKey.load(path, NAME, locked).sign(b"x")


def test_stock_openssl_reads_the_file_and_a_stronger_lock_is_read_back(path: Path) -> None:
    """As the advice and the documentation say."""
    key = SigningKey.generate(NAME)
    key.save(path)
    strong = path.with_name("strong.pem")
    command = ["openssl", "pkcs8", "-topk8", "-scrypt", "-passout", "pass:long"]
    subprocess.run([*command, "-in", path, "-out", strong], check=True, capture_output=True)
    strong.chmod(0o600)
    assert SigningKey.load(strong, NAME, "long").public == key.public


def test_the_private_half_is_never_shown() -> None:
    """Not in a log, not in a traceback."""
    key = SigningKey.generate(NAME)
    assert repr(key) == "SigningKey(name='admin/acme')"


def test_names_say_whose_key_it_is() -> None:
    """And nothing else can be one."""
    assert device_key_name("00c0ffee00c0ffee") == "device/00c0ffee00c0ffee"
    assert admin_key_name("acme.eu") == "admin/acme.eu"
    for bad in ("", "00C0FFEE00C0FFEE", "00c0ffee00c0ffe", "00c0ffee00c0ffee\n"):
        with pytest.raises(ValueError, match="device"):
            device_key_name(bad)
    for bad in ("", "Acme", "a/b", "a b", "acme\n"):
        with pytest.raises(ValueError, match="admin"):
            admin_key_name(bad)


def test_importing_the_package_loads_no_cryptography() -> None:
    """The idle daemon stays small."""
    code = (
        "import sys, archiver.evidence.statement, archiver.evidence.registry,"
        " archiver.evidence.enrolment, archiver.evidence.leaves;"
        " sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
