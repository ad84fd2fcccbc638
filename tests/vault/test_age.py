"""The door to the age library: what goes through comes back, and what cannot is told apart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization as to
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, rsa
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import ArchiverError, Damaged, NotForUs, UnusableKey
from archiver.vault import age

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = age.generate(), age.generate()
LOW_ORDER = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"
"""32 zero bytes: well written, and a key that no secret can be agreed with."""
KELVIN = "AGE19LJHMG68E43YX9FGM2K9LWEFQUC0LA5Y4LZVLSHDJZV47KXT8D6QR9VF4P".replace("K", "\u212a")
"""Signs for kelvin, which become a k in lower case."""
HYBRID = "age1pq1" + "q" * 1952
PLUGIN = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(kind: str, data: bytes) -> str:
    """Write a recipient of a kind that the library cannot make (BIP 173)."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    words = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    head = [ord(one) >> 5 for one in kind] + [0] + [ord(one) & 31 for one in kind]
    check = 1
    for word in [*head, *words, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ word
        for bit, poly in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= poly if top >> bit & 1 else 0
    words += [(check ^ 1) >> 5 * (5 - at) & 31 for at in range(6)]
    return f"{kind}1" + "".join(ALPHABET[word] for word in words)


@pytest.fixture(name="hybrid", scope="module")
def _hybrid() -> str:
    """Make a hybrid recipient as a hardware key would: ML-KEM-768, then a point of P-256."""
    lattice = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    return bech32(
        "age1tagpq",
        lattice + point.public_bytes(to.Encoding.X962, to.PublicFormat.UncompressedPoint),
    )


@given(st.binary(max_size=200_000))
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    """For each of two recipients alone."""
    sealed = age.encrypt(data, [ONE[1], OTHER[1]])
    assert sealed.startswith(age.HEADER)
    assert age.decrypt(sealed, [ONE[0]]) == data
    assert age.decrypt(sealed, [OTHER[0]]) == data


@given(st.binary(max_size=1000).map(lambda data: b"synthetic " + data))
def test_the_same_bytes_are_sealed_differently_each_time(data: bytes) -> None:
    """So nobody learns that two chunks hold the same; and neither shows any of it."""
    one, two = age.encrypt(data, [ONE[1]]), age.encrypt(data, [ONE[1]])
    assert one != two
    assert data not in one


def test_who_is_not_a_recipient_is_told_so() -> None:
    """That is no damage."""
    sealed = age.encrypt(b"x", [ONE[1]])
    with pytest.raises(NotForUs):
        age.decrypt(sealed, [OTHER[0]])
    with pytest.raises(NotForUs):
        age.decrypt(sealed, [])


@given(st.integers(0, 2**32), st.integers(1, 255))
def test_a_changed_cut_or_prolonged_file_is_never_opened(where: int, flip: int) -> None:
    """Whatever is flipped; nothing else than the two errors comes out."""
    sealed = age.encrypt(b"content" * 30, [ONE[1]])
    at = where % len(sealed)
    flipped = sealed[:at] + bytes([sealed[at] ^ flip]) + sealed[at + 1 :]
    for spoiled in (flipped, sealed[:at], sealed + sealed[at:]):
        with pytest.raises((Damaged, NotForUs)):
            age.decrypt(spoiled, [ONE[0]])


def test_damage_behind_the_header_is_called_damage() -> None:
    """The header fits, so it is for us."""
    sealed = age.encrypt(b"content", [ONE[1]])
    with pytest.raises(Damaged):
        age.decrypt(sealed[:-1], [ONE[0]])
    with pytest.raises(Damaged):
        age.decrypt(sealed + b"x", [ONE[0]])


@given(st.one_of(st.binary(), st.binary().map(lambda tail: age.HEADER + b"-> " + tail)))
def test_what_is_no_age_file_is_damage(data: bytes) -> None:
    """Nothing else is raised, whatever it looks like."""
    with pytest.raises((Damaged, NotForUs)):
        age.decrypt(data, [ONE[0]])


def test_a_key_pair_belongs_together() -> None:
    """The recipient can be told from the identity."""
    assert age.recipient_of(ONE[0]) == ONE[1]
    assert ONE[0].startswith("AGE-SECRET-KEY-1")


@pytest.mark.parametrize(
    "text",
    ["", "x", ONE[1], ONE[0][:-1] + "1", "-----BEGIN", PLUGIN],
    ids=["empty", "noise", "recipient", "mistyped", "broken", "plugin"],
)
def test_what_is_no_identity_has_no_recipient(text: str) -> None:
    """And cannot decrypt."""
    with pytest.raises(UnusableKey):
        age.recipient_of(text)
    with pytest.raises(UnusableKey):
        age.check_identity(text)
    with pytest.raises(UnusableKey):
        age.decrypt(age.encrypt(b"x", [ONE[1]]), [text])


def test_recipients_are_always_written_the_same_way() -> None:
    """Capitals, spaces and the comment of an SSH key do not make other officers."""
    ssh = ssh_key("ed25519")[1]
    assert age.check_recipient(f"  {ONE[1].upper()}\n") == ONE[1]
    assert age.check_recipient(ssh) == " ".join(ssh.split()[:2])
    found = age.check_recipients([OTHER[1], ONE[1], ONE[1].upper()])
    assert found == tuple(sorted((ONE[1], OTHER[1])))


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_officer_may_use_an_ssh_key(kind: str) -> None:
    """Both kinds that age knows."""
    identity, recipient = ssh_key(kind)
    sealed = age.encrypt(b"x", [age.check_recipient(recipient)])
    assert age.decrypt(sealed, [identity]) == b"x"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_locked_ssh_key_is_refused(tmp_path: Path) -> None:
    """The library cannot unlock one."""
    file = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "locked", "-f", str(file)]
    subprocess.run(command, check=True)
    with pytest.raises(UnusableKey, match="cannot be used"):
        age.check_identity(file.read_text())


def test_other_kinds_of_ssh_keys_are_refused() -> None:
    """The age format knows two."""
    with pytest.raises(UnusableKey, match="not an age recipient"):
        age.check_recipient(ssh_key("ecdsa")[1])
    with pytest.raises(UnusableKey, match="too weak"):
        age.check_recipient(ssh_key("rsa", bits=1024)[1])


def test_post_quantum_recipients_are_taken(hybrid: str) -> None:
    """The library encrypts to them; the private half is in hardware."""
    assert age.check_recipient(hybrid) == hybrid
    sealed = age.encrypt(b"x", [hybrid])
    assert b"-> mlkem768p256tag " in sealed
    with pytest.raises(NotForUs):
        age.decrypt(sealed, [ONE[0]])


def test_post_quantum_recipients_do_not_stand_beside_others(hybrid: str) -> None:
    """The weakest one decides."""
    with pytest.raises(UnusableKey, match="beside others"):
        age.check_recipients([hybrid, ONE[1]])
    with pytest.raises(UnusableKey):
        age.encrypt(b"x", [hybrid, ONE[1]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an age recipient"),
        ("someone@example.com", "not an age recipient"),
        ("age1", "mistyped"),
        (ONE[1][:-1], "mistyped"),
        (ONE[1][:20] + ONE[1][20:].upper(), "not an age recipient"),
        (KELVIN, "not an age recipient"),
        (f"{ONE[1]} {OTHER[1]}", "not an age recipient"),
        (PLUGIN, "plugin"),
        (HYBRID, "age1pq1"),
        (ONE[0], "private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("ssh-ed25519 AAAA", "mistyped"),
        ("ssh-dss AAAA", "not an age recipient"),
        (LOW_ORDER, "cannot encrypt"),
    ],
    ids=[
        *("empty", "mail", "stub", "short", "half-upper", "kelvin", "two", "plugin", "hybrid"),
        *("private", "private-ssh", "short-ssh", "dsa", "low-order"),
    ],
)
def test_what_cannot_be_encrypted_to_is_refused_with_what_is_allowed(text: str, why: str) -> None:
    """Never with the text, which may be a secret in the wrong place."""
    with pytest.raises(UnusableKey, match=why) as caught:
        age.check_recipient(text)
    assert "age1" in caught.value.advice or "keys generate" in caught.value.advice
    said = f"{caught.value} {caught.value.advice} {caught.value.__cause__}"
    assert len(text) < 10 or text not in said


def test_nobody_is_no_recipient() -> None:
    """An empty list must not make a file that nobody opens."""
    with pytest.raises(UnusableKey):
        age.check_recipients([])
    with pytest.raises(UnusableKey):
        age.encrypt(b"x", [])


@given(st.text())
def test_any_text_is_a_recipient_or_refused(text: str) -> None:
    """Nothing else is raised."""
    try:
        assert age.check_recipient(text)
    except ArchiverError as error:
        assert isinstance(error, UnusableKey)  # noqa: PT017 - either way is right


def test_the_library_is_loaded_by_use_only() -> None:
    """An idle daemon imports the packages and seals nothing."""
    program = (
        "import sys, archiver.vault.age, archiver.vault.wrap, archiver.vault.open\n"
        "import archiver.vault.officers\n"
        "assert 'pyrage' not in sys.modules\n"
        "archiver.vault.age.generate()\n"
        "assert 'pyrage' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def ssh_key(kind: str, bits: int = 2048) -> tuple[str, str]:
    """Make an SSH key pair; give its private and its public file."""
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind == "rsa":
        key = rsa.generate_private_key(65537, bits)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(to.Encoding.PEM, to.PrivateFormat.OpenSSH, to.NoEncryption())
    public = key.public_key().public_bytes(to.Encoding.OpenSSH, to.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} somebody@example.com"
