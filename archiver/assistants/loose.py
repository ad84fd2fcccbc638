"""Reading JSON whose fields may have any type: formats drift almost every week.

Adapters decode the shape that they know with a typed decoder, which is fast; where that
fails they come here, so that one field of a new type does not cost all the others.
"""

from __future__ import annotations

import msgspec

__all__ = ["decode", "dig", "is_utf8", "items", "string", "text"]


def decode(entry: bytes) -> object:
    """Read any JSON value, every byte of it checked. Raise ``ValueError`` if it is none."""
    try:
        return msgspec.json.decode(entry)
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error


def is_utf8(entry: bytes) -> bool:
    """Tell whether every byte is UTF-8: typed decoders do not look into what they skip."""
    try:
        entry.decode()
    except UnicodeDecodeError:
        return False
    return True


def string(written: bytes) -> str | None:
    """Read a JSON string with its quotes; ``None`` if it is none."""
    try:
        return text(decode(written))
    except ValueError:
        return None


def dig(value: object, *keys: str) -> object:
    """Follow ``keys`` into nested objects; ``None`` where one is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object) -> str | None:
    """Give ``value`` if it is text that says something."""
    return value if isinstance(value, str) and value else None


def items(value: object) -> list[object]:
    """Give ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
