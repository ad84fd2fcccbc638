"""Ed25519 keys: made, kept in a file, used. The only module that imports ``cryptography``.

* A key file is PEM (PKCS #8), so that ``openssl pkey -in FILE`` reads it.
* It is written once, whole, readable by its user only, and never over another file.
* A file that others may read is refused on POSIX: its signatures prove nothing. Windows keeps
  the rights of the folder, which is inside the user's profile.
* A passphrase is stretched as the library does it (PBKDF2, 2,048 rounds), so a short one is
  soon guessed by who has the file. ``openssl pkcs8 -topk8 -scrypt`` makes a file that resists
  longer, and `SigningKey.load` reads it.
* The name of a key is not in its file: who loads it says whose key it is.

The library is imported when a key is made, loaded or used, not before.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archiver.durable import files
from archiver.errors import UnusableKey
from archiver.evidence.verifier import VerifierKey
from archiver.format.keys import NAME_PATTERN

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SigningKey", "admin_key_name", "device_key_name", "verify"]

_MAX_FILE_BYTES: Final = 16 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LOCKED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def device_key_name(device: str) -> str:
    """Name a device's key; raise `ValueError` where that is not 16 hex digits.

    >>> device_key_name("00c0ffee00c0ffee")
    'device/00c0ffee00c0ffee'
    """
    if not re.fullmatch(r"[0-9a-f]{16}", device):
        raise ValueError("a device has 16 hex digits")
    return f"device/{device}"


def admin_key_name(of: str) -> str:
    """Name the key of a tenant's or an organisation's admin; `ValueError` for a bad name.

    >>> admin_key_name("acme")
    'admin/acme'
    """
    if not re.fullmatch(NAME_PATTERN, of):
        raise ValueError("an admin's key is named after a tenant or an organisation")
    return f"admin/{of}"


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether the key with these 32 public bytes signed ``message``. About 0.1 ms."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A private key and its name. It never shows its private half, not even in ``repr``."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @staticmethod
    def generate(name: str) -> SigningKey:
        """Make a new key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
            Ed25519PrivateKey,
        )

        return SigningKey(name, Ed25519PrivateKey.generate())

    @property
    def public(self) -> VerifierKey:
        """The half that may be published."""
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Sign; the same message always gets the same 64 bytes."""
        return self.private.sign(message)

    def checked(self) -> SigningKey:
        """Give the key once it has signed something that its public half verifies."""
        message = b"archiver\n"
        if not verify(self.public.public, self.sign(message), message):
            raise UnusableKey(
                f"the key {self.name} does not verify what it signs",
                advice="Move it away; a new one is made, which an admin must approve.",
            )
        return self

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the key to a new file that only its user can read.

        Raise `UnusableKey` where a file of that name exists, or none can be made.
        """
        body = _pem(self.private, passphrase)
        try:
            files.write_new(path, body)
        except FileExistsError as error:
            raise UnusableKey(
                f"there is a file {path} already, and a key never replaces one",
                advice="Use the key that is there, or choose another name.",
            ) from error
        except OSError as error:
            raise UnusableKey(
                f"the key cannot be written to {path}: {error.strerror}",
                advice="Make the folder, or choose one that you may write to.",
            ) from error

    @staticmethod
    def load(path: Path, name: str, passphrase: str | None = None) -> SigningKey:
        """Read a key file.

        Raise `UnusableKey` where it is not there, open to others, no key of this kind, or
        locked and the passphrase is missing or another one.
        """
        body = _private_bytes(path)
        locked = _LOCKED in body
        if locked and not passphrase:
            raise UnusableKey(f"the key in {path} is locked", advice="Give its passphrase.")
        if passphrase and not locked:
            raise UnusableKey(
                f"a passphrase was given, but the key in {path} has none",
                advice="Leave the passphrase out, or lock the key: openssl pkcs8 -topk8 -scrypt.",
            )
        return SigningKey(name, _unlocked(path, body, passphrase))


def _pem(key: Ed25519PrivateKey, passphrase: str | None) -> bytes:
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - heavy

    try:
        lock = (
            form.NoEncryption()
            if passphrase is None
            else form.BestAvailableEncryption(_secret(passphrase))
        )
        return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
    except ValueError as error:
        raise UnusableKey(
            "a key cannot be locked by this passphrase",
            advice="Give one of 1 to 1,023 bytes; four or more random words are good.",
        ) from error


def _secret(passphrase: str) -> bytes:
    return passphrase.encode("utf-8", "surrogatepass")


def _private_bytes(path: Path) -> bytes:
    """Read a file that nobody else may read."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            body = file.read(_MAX_FILE_BYTES + 1) if stat.S_ISREG(about.st_mode) else b""
    except FileNotFoundError as error:
        raise UnusableKey(
            f"there is no key file {path}", advice="Name the file, or make a key first."
        ) from error
    except OSError as error:
        raise UnusableKey(
            f"the key file {path} cannot be read: {error.strerror}",
            advice="Run this as the user whose key it is.",
        ) from error
    if os.name == "posix" and about.st_mode & _OTHERS:
        raise UnusableKey(
            f"others may read or change the key file {path}",
            advice=f"If nobody did: chmod 600 {path}. Else make a new key and revoke this one.",
        )
    return body


def _unlocked(path: Path, body: bytes, passphrase: str | None) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - heavy
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(body, _secret(passphrase) if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if passphrase:
            raise UnusableKey(
                f"the passphrase does not open the key in {path}",
                advice="Try it again; if it is right, restore the file from a copy.",
            ) from error
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def _no_key(path: Path) -> UnusableKey:
    return UnusableKey(
        f"the file {path} holds no Ed25519 private key in PEM (PKCS #8)",
        advice="Name the private key file; restore it from a copy if it was changed.",
    )
