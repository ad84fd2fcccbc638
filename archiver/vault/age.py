"""The one door to pyrage, the age library: texts and bytes go in and come out.

pyrage is loaded by the first call and not by importing this module. What it lacks as of 1.4
(age 0.12 in Rust): it makes X25519 identities only, it does not know the hybrid ``age1pq1…``
recipients of age 1.3, and it encrypts to ``age1tag1…`` and ``age1tagpq1…`` but decrypts for
them only through a plugin program, which this module does not start.

Private keys are Python strings here and leave memory when Python lets go of them; they cannot
be wiped.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archiver.errors import ArchiverError, Damaged, NotForUs, UnusableKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "HEADER",
    "check_identity",
    "check_recipient",
    "check_recipients",
    "decrypt",
    "encrypt",
    "generate",
    "is_native",
    "lock",
    "recipient_of",
    "unlock",
]

HEADER: Final = b"age-encryption.org/v1\n"
"""How every binary age file begins."""

_IDENTITY: Final = "AGE-SECRET-KEY-"
_SSH: Final = re.compile(r"(ssh-ed25519|ssh-rsa)[ \t]+([A-Za-z0-9+/=]+)(?:[ \t].*)?")
_KINDS: Final = {"age": "x25519", "age1tag": "tag", "age1tagpq": "tagpq"}
"""The part of a recipient before its last ``1``, and pyrage's module for it."""

_ALLOWED: Final = (
    "Allowed are age1… (X25519), age1tag1… and age1tagpq1… (hardware keys, the latter hybrid"
    " post-quantum), ssh-ed25519 and ssh-rsa of 2048 bits or more."
)


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    """Give an age file that each of ``recipients`` can open alone, anew with every call.

    Raise `UnusableKey` where there is none, where one is not a recipient, and where hybrid
    ones stand beside others.
    """
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    unusable = UnusableKey("age cannot encrypt to these recipients", advice=_ALLOWED)
    with _instead_of(pyrage.EncryptError, unusable):
        sealed: bytes = pyrage.encrypt(data, [_recipient(text) for text in recipients])
        return sealed


def decrypt(data: bytes, identities: Sequence[str]) -> bytes:
    """Give what an age file holds, whole; each identity is a text of `read_identities`.

    Raise `NotForUs` where no identity fits. Where a damage lies exactly in the lines that an
    identity would fit, that is the answer too: only the sha256 of the file tells the two
    apart. Raise `Damaged` for every other file that is cut, changed, prolonged or not age.
    """
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    keys = [_identity(text) for text in identities]
    with _instead_of((), _damaged("it broke the age library")):
        try:
            opened: bytes = pyrage.decrypt(data, keys)
        except pyrage.DecryptError as error:
            if str(error) == "No matching keys found":
                raise NotForUs(
                    "an age file is sealed to other keys than these",
                    advice="Use the identity of an officer for whom it was wrapped.",
                ) from None
            # The library's words may hold marks that isolate text directions.
            why = str(error).splitlines()[0].strip("\u2068\u2069")
            raise _damaged(why) from None
        return opened


def generate() -> tuple[str, str]:
    """Make an X25519 key pair; give its identity (private) and its recipient (public)."""
    from pyrage import x25519  # noqa: PLC0415 - an idle daemon never needs it

    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def is_native(identity: str) -> bool:
    """Tell whether an identity is one of age's own, and not an SSH key."""
    return identity.startswith(_IDENTITY)


def recipient_of(identity: str) -> str:
    """Give the recipient of an X25519 identity; raise `UnusableKey` for anything else."""
    if not is_native(identity):
        raise _no_identity("only age's own identities tell their recipient")
    return str(_identity(identity).to_public())


def check_recipient(text: str) -> str:
    """Give a recipient as it is always written: lower case, without a comment or spaces.

    Raise `UnusableKey` where nothing could be encrypted to it; never with the text itself,
    which may be a private key in the wrong place.
    """
    (checked,) = check_recipients((text,))
    return checked


def check_recipients(texts: Iterable[str]) -> tuple[str, ...]:
    """Give recipients as they are always written, sorted, none twice; try to encrypt to them.

    Raise `UnusableKey` where there is none, and where `encrypt` would.
    """
    checked = tuple(sorted({_canonical(text.strip()) for text in texts}))
    if not checked:
        raise UnusableKey("there is no recipient", advice=_ALLOWED)
    hybrid = [text for text in checked if text.startswith("age1tagpq1")]
    if hybrid and len(hybrid) < len(checked):
        raise UnusableKey(
            "post-quantum recipients (age1tagpq1…) stand beside others, which would undo them",
            advice="Use age1tagpq1… for all officers, or for none.",
        )
    for text in checked:  # one by one: a point that is no key shows only when it is used
        encrypt(b"", (text,))
    return checked


def check_identity(text: str) -> None:
    """Raise `UnusableKey` where `decrypt` could not use this private key."""
    _identity(text)


def lock(data: bytes, passphrase: str) -> bytes:
    """Give an age file that a passphrase opens. Takes seconds: that is its strength."""
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    if not passphrase:
        raise UnusableKey("the passphrase is empty", advice="Give one, or none at all.")
    locked: bytes = pyrage.passphrase.encrypt(data, passphrase)
    return locked


def unlock(data: bytes, passphrase: str) -> bytes:
    """Open what `lock` or ``age -p`` gave; raise `UnusableKey` where it does not."""
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    unusable = UnusableKey(
        "a passphrase does not open the file",
        advice="Try again; a damaged file and a wrong passphrase look the same.",
    )
    with _instead_of(pyrage.DecryptError, unusable):
        opened: bytes = pyrage.passphrase.decrypt(data, passphrase)
        return opened


def _canonical(text: str) -> str:
    if match := _SSH.fullmatch(text):
        return f"{match[1]} {match[2]}"
    lowered = text.lower()
    kind = lowered.rpartition("1")[0]
    if lowered.startswith(_IDENTITY.lower()) or "PRIVATE KEY" in text:
        raise UnusableKey(
            "a private key stands where a recipient should; whoever saw it can open everything",
            advice="Make a new one with `archiver keys generate`, and list its recipient.",
        )
    if kind == "age1pq":
        raise UnusableKey(
            "hybrid recipients of age 1.3 (age1pq1…) are not known to the age library yet",
            advice=_ALLOWED,
        )
    if kind not in _KINDS and lowered.startswith("age1") and kind.isascii() and kind.isalnum():
        raise UnusableKey(
            "a recipient needs a plugin, which would have to be on every machine", advice=_ALLOWED
        )
    if kind not in _KINDS or not text.isascii() or text not in (lowered, text.upper()):
        raise UnusableKey("a text is not an age recipient", advice=_ALLOWED)
    return lowered


def _recipient(text: str) -> Any:
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    canonical = _canonical(text)
    module = "ssh" if canonical.startswith("ssh-") else _KINDS[canonical.rpartition("1")[0]]
    unusable = UnusableKey("a recipient is mistyped, or too weak", advice=_ALLOWED)
    with _instead_of(pyrage.RecipientError, unusable):
        return getattr(pyrage, module).Recipient.from_str(canonical)


def _identity(text: str) -> Any:
    import pyrage  # noqa: PLC0415 - an idle daemon never needs it

    with _instead_of(pyrage.IdentityError, _no_identity("it is mistyped, or of another kind")):
        if is_native(text):
            return pyrage.x25519.Identity.from_str(text)
        return pyrage.ssh.Identity.from_buffer(text.encode())


def _no_identity(why: str) -> UnusableKey:
    return UnusableKey(
        f"a private key cannot be used: {why}",
        advice="Allowed are AGE-SECRET-KEY-1… and SSH keys (ed25519, rsa) without a passphrase."
        " With a plugin or a hybrid key, unwrap with the age program (VAULT.md).",
    )


def _damaged(why: str) -> Damaged:
    return Damaged(
        f"an age file cannot be opened: {why}",
        advice="The stored object was altered or cut; restore it from a replica.",
    )


@contextmanager
def _instead_of(
    kinds: type[Exception] | tuple[type[Exception], ...], error: ArchiverError
) -> Iterator[None]:
    """Raise ``error`` instead of these, and instead of a panic of the library.

    A panic is no `Exception`: a recipient that is a point of low order makes one (age 0.12.1
    takes it for a broken random generator). Neither is shown as cause: it may quote a key.
    """
    try:
        yield
    except kinds:
        raise error from None
    except BaseException as caught:
        if type(caught).__module__ != "pyo3_runtime":
            raise
        raise error from None
