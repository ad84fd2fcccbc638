"""Making month keys, and wraps: the private half of one, sealed to officers.

Promise of `make_month`: after it returned, this process holds no reference to the private
half; it is in the wrap and nowhere else. Whoever calls it sees to it that the wrap is kept,
and shipped before any chunk that is sealed to the key: without its wrap such a chunk is noise.

Promise of `open_wrap`: the private half belongs to the key, person, month and device in the
name of the object, or it raises. age files carry no signature: anybody can make a wrap, and
which ones count is the matter of the signed manifests.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.errors import Damaged, NotForUs, UnusableKey
from archiver.vault import age
from archiver.vault.layout import VaultKey
from archiver.vault.months import ID_DIGITS, MonthKey, key_id, officers_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from archiver.vault.months import KeyName

__all__ = ["MAX_WRAP_BYTES", "WRAP_VERSION", "Opened", "make_month", "open_wrap", "rewrap"]

WRAP_VERSION: Final = 1

MAX_WRAP_BYTES: Final = 1024 * 1024
"""Largest wrap that is opened, in bytes: five hundred officers with hybrid keys."""


class _Content(msgspec.Struct, frozen=True):
    v: int
    tenant: str
    subject: str
    month: str
    device: str
    recipient: str
    identity: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A month key with both halves, on the side of an officer. ``identity`` is never shown."""

    name: KeyName
    recipient: str
    identity: str = field(repr=False)


def make_month(
    tenant: str, subject: str, month: str, device: str, officers: Iterable[str]
) -> tuple[MonthKey, bytes]:
    """Make a month key, wrap its private half to all ``officers``, and forget it.

    ``officers`` are recipients. Give the public half and the wrap, which `VaultKey.of` names.
    Needs no network and knows the person by nothing but ``subject``. Raise `UnusableKey`
    where one of ``officers`` cannot be encrypted to: better no key than one that an officer
    cannot open.
    """
    recipients = age.check_recipients(officers)
    identity, recipient = age.generate()
    content = _Content(WRAP_VERSION, tenant, subject, month, device, recipient, identity)
    wrap = age.encrypt(msgspec.json.encode(content) + b"\n", recipients)
    return MonthKey(tenant, subject, month, device, recipient, officers_id(recipients)), wrap


def open_wrap(body: bytes, identities: Sequence[str], expected: VaultKey) -> Opened:
    """Give the month key that ``body`` holds, which must be the one that ``expected`` names.

    Raise `NotForUs` where it was wrapped to others than ``identities``, `Damaged` where the
    object is not what its name says, outside or inside.
    """
    content = _content(_plain(body, identities, expected), expected)
    try:
        recipient = age.recipient_of(content.identity)
    except UnusableKey:
        raise _damaged(expected, "holds no private key") from None
    if recipient != content.recipient or key_id(recipient) != expected.key_id:
        raise _damaged(expected, "holds another key than its name says")
    inside = (content.tenant, content.subject, content.month, content.device)
    if inside != (expected.tenant, expected.subject, expected.month, expected.device):
        raise _damaged(expected, "was made for another place")
    return Opened(expected.name, recipient, content.identity)


def rewrap(
    body: bytes, identities: Sequence[str], key: VaultKey, officers: Iterable[str]
) -> tuple[VaultKey, bytes]:
    """Wrap the same month key to other ``officers``, by one who can open ``body``.

    Give the new object and its name, which differs in officers and hash only. Who leaves
    keeps access until the old object is destroyed, and to what he opened before.
    """
    open_wrap(body, identities, key)
    recipients = age.check_recipients(officers)
    wrap = age.encrypt(age.decrypt(body, identities), recipients)
    return VaultKey.named(key.name, officers_id(recipients), wrap, prefix=key.prefix), wrap


def _plain(body: bytes, identities: Sequence[str], expected: VaultKey) -> bytes:
    if len(body) > MAX_WRAP_BYTES:
        raise _damaged(expected, f"has {len(body)} bytes; at most {MAX_WRAP_BYTES} are read")
    if hashlib.sha256(body).hexdigest()[:ID_DIGITS] != expected.sha:
        raise _damaged(expected, "has not the hash that its name says")
    try:
        return age.decrypt(body, identities)
    except NotForUs as error:
        raise NotForUs(f"the wrap {expected} is for other officers", advice=error.advice) from None
    except Damaged:
        raise _damaged(expected, "is not an age file") from None


def _content(plain: bytes, expected: VaultKey) -> _Content:
    try:
        content = msgspec.json.decode(plain, type=_Content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Without its cause: that may quote what stands inside.
        raise _damaged(expected, "does not hold the JSON object that it should") from None
    if not 1 <= content.v <= WRAP_VERSION:
        raise Damaged(
            f"the wrap {expected} has version {content.v}; this program reads up to {WRAP_VERSION}",
            advice="Install a newer archiver and try again.",
        )
    return content


def _damaged(key: VaultKey, what: str) -> Damaged:
    return Damaged(
        f"the wrap {key} {what}",
        advice="Somebody altered or copied it; use another wrap of this key, or a replica.",
    )
