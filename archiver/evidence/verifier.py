"""Public keys as people hand them to each other.

    <name>+<key id, 8 hex digits>+<base64 of 0x01 and 32 bytes of Ed25519 public key>

The text form and the key id are those of C2SP signed-note (https://c2sp.org/signed-note).
The id only says which key is meant: it is short, and anybody can find a key with the same
one. What counts is the key, so compare keys, never ids.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from archiver.errors import Damaged

__all__ = ["VerifierKey", "is_key_name"]

_ED25519: Final = b"\x01"
_PUBLIC_BYTES: Final = 32


def is_key_name(name: str) -> bool:
    """Tell whether the specification lets a key have this name: no spaces, no plus, not empty."""
    return name.split() == [name] and "+" not in name


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key, and the name that it signs with.

    ``public`` has the 32 bytes of RFC 8032. ``str()`` gives the text form. Raise `ValueError`
    for a name or a length that cannot be.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what could not be written down."""
        if not (is_key_name(self.name) and self.name.isprintable()):
            raise ValueError("a key's name is empty, or has a space, a plus or a control character")
        if len(self.public) != _PUBLIC_BYTES:
            raise ValueError(f"an Ed25519 public key has 32 bytes, not {len(self.public)}")

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """Give the text form."""
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @staticmethod
    def parse(text: str) -> VerifierKey:
        """Read the text form; raise `Damaged` for anything that `str` would not write."""
        try:
            name, _, encoded = text.split("+", 2)
            key = VerifierKey(name, base64.b64decode(encoded, validate=True)[1:])
        except (ValueError, binascii.Error) as error:
            raise _not_a_key() from error
        if str(key) != text:
            raise _not_a_key()
        return key


def _not_a_key() -> Damaged:
    return Damaged(
        "a public key is not of the form name+id+key, or its id is of another key",
        advice="Copy the whole line again from where it was published.",
    )
