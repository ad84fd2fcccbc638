"""What a tenant's file says where a keyring has the secret: which entry, and what is none."""

from __future__ import annotations

import configparser
import io
from dataclasses import dataclass
from typing import Final

from archiver.credentials.keys import Expiry
from archiver.format.times import parse_rfc3339, rfc3339

__all__ = ["Pointer", "pointer_in", "written"]

_SECTION: Final = "keyring"


@dataclass(frozen=True, slots=True)
class Pointer:
    """An entry of the keyring; ``key_id`` is masked."""

    entry: str
    key_id: str
    expiry: Expiry | None


def written(pointer: Pointer) -> str:
    """Write it as `pointer_in` reads it."""
    parser = configparser.ConfigParser(interpolation=None)
    parser[_SECTION] = {"entry": pointer.entry, "key_id": pointer.key_id}
    if pointer.expiry:
        parser[_SECTION]["expires_at"] = rfc3339(pointer.expiry.at)
        parser[_SECTION]["warn_at"] = rfc3339(pointer.expiry.warn_at)
    with io.StringIO() as text:
        parser.write(text)
        return text.getvalue()


def pointer_in(text: str) -> Pointer | None:
    """Read it; ``None`` where a text is none, such as one that holds the keys themselves."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        table = parser[_SECTION] if parser.has_section(_SECTION) else {}
        ends, warns = table.get("expires_at"), table.get("warn_at")
        expiry = Expiry(parse_rfc3339(ends), parse_rfc3339(warns)) if ends and warns else None
    except (configparser.Error, ValueError):
        return None
    entry = table.get("entry")
    return Pointer(entry, table.get("key_id", ""), expiry) if entry else None
