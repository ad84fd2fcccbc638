"""Signed notes: text and, below it, who signed it (https://c2sp.org/signed-note, Ed25519).

    text, any number of lines, UTF-8
                                                     <- the last empty line
    — device/00c0ffee00c0ffee base64(key id, signature)

* The signature is over the text with its last newline, without the empty line.
* No control characters but the newline, at most 16 signatures and 64 MiB.
* A text means nothing until a key that one trusts has signed it: `opened` insists, `signed_by`
  tells three outcomes apart.
* Signatures of keys that one does not know are ignored. If one line of a known key does not
  verify, the note does not, whatever the other lines say.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from archiver.errors import Damaged, NotSigned
from archiver.evidence.keys import verify
from archiver.evidence.verifier import VerifierKey, is_key_name

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "Note",
    "Outcome",
    "Signature",
    "Signer",
    "VerifierKey",
    "opened",
    "read",
    "signed_by",
    "write",
]

MAX_NOTE_BYTES: Final = 64 * 1024 * 1024
"""Largest note that is read, in bytes: nothing larger is ours, and it must not fill the memory."""

MAX_SIGNATURES: Final = 16
"""Most signatures that are read; the specification wants at least so many."""

_CONTROLS: Final = bytes(sorted(set(range(0x20)) - {0x0A}))
_DASH: Final = "— ".encode()
_ID_BYTES: Final = 4


class Outcome(Enum):
    """What a note says about one key."""

    VALID = "valid"
    """This key signed exactly this text."""

    WRONG = "wrong"
    """It claims this key's signature, and the signature is not."""

    ABSENT = "absent"
    """It claims no signature of this key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below the text, as it stands there: claimed, not verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart. ``text`` ends with a newline."""

    text: bytes
    signatures: tuple[Signature, ...]


class Signer(Protocol):
    """What can sign: `archiver.evidence.keys.SigningKey`."""

    @property
    def public(self) -> VerifierKey:
        """The key that verifies."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        ...


def write(text: bytes, *signers: Signer) -> bytes:
    """Sign a text; raise `ValueError` where it cannot be the text of a note."""
    if not text.endswith(b"\n") or not _is_clean(text):
        raise ValueError("a note's text is UTF-8, has no control characters and ends in a newline")
    if not 1 <= len(signers) <= MAX_SIGNATURES:
        raise ValueError(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(signers)}")
    body = text + b"\n" + b"".join(_line(signer, text) for signer in signers)
    if len(body) > MAX_NOTE_BYTES:
        raise ValueError(f"a note has at most {MAX_NOTE_BYTES} bytes, not {len(body)}")
    return body


def _line(signer: Signer, text: bytes) -> bytes:
    key = signer.public
    encoded = base64.b64encode(key.key_id + signer.sign(text))
    return b"%b%b %b\n" % (_DASH, key.name.encode(), encoded)


def read(body: bytes) -> Note:
    """Take a note apart without believing it; raise `Damaged` where it is none."""
    if len(body) > MAX_NOTE_BYTES:
        raise _damaged(f"a note has {len(body)} bytes; at most {MAX_NOTE_BYTES} are read")
    end = body.rfind(b"\n\n") + 1
    if not end or not body.endswith(b"\n") or not _is_clean(body):
        raise _damaged("a signed note is not text, an empty line and signatures")
    if not 1 <= body.count(b"\n", end + 1) <= MAX_SIGNATURES:
        raise _damaged(f"a signed note has no signature, or more than {MAX_SIGNATURES}")
    lines = body[end + 1 : -1].split(b"\n")
    return Note(body[:end], tuple(_signature(line) for line in lines))


def signed_by(note: Note, key: VerifierKey) -> Outcome:
    """Tell whether ``key`` signed this text."""
    key_id = key.key_id
    claimed = [one for one in note.signatures if one.key_id == key_id and one.name == key.name]
    if not claimed:
        return Outcome.ABSENT
    valid = all(verify(key.public, one.signature, note.text) for one in claimed)
    return Outcome.VALID if valid else Outcome.WRONG


def opened(body: bytes, key: VerifierKey) -> bytes:
    """Give the text of a note that ``key`` signed.

    Raise `Damaged` where it is no note, `NotSigned` where that key did not sign it.
    """
    note = read(body)
    outcome = signed_by(note, key)
    if outcome is Outcome.WRONG:
        raise NotSigned(
            f"a note's signature by {key.name} is not valid for its text",
            advice="The stored object was altered; restore it from a replica.",
        )
    if outcome is Outcome.ABSENT:
        raise NotSigned(
            f"a note is not signed by the key {key.name} that should have signed it",
            advice="Compare the public key that you use with the one that was published.",
        )
    return note.text


def _is_clean(text: bytes) -> bool:
    """Tell whether this is UTF-8 without control characters but the newline."""
    if len(text.translate(None, _CONTROLS)) != len(text):
        return False
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _signature(line: bytes) -> Signature:
    """Read one line. Base64 has one form only, so that one note has one form only."""
    name, space, encoded = line.removeprefix(_DASH).partition(b" ")
    try:
        value = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        value = b""
    if not (line.startswith(_DASH) and space and is_key_name(name.decode())):
        raise _damaged("a signature line of a note has no key name")
    if len(value) <= _ID_BYTES or base64.b64encode(value) != encoded:
        raise _damaged("a signature line of a note holds no signature")
    return Signature(name.decode(), value[:_ID_BYTES], value[_ID_BYTES:])


def _damaged(message: str) -> Damaged:
    return Damaged(
        message, advice="The stored object was altered or cut; restore it from a replica."
    )
