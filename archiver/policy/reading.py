"""Bytes from a disk, and what TOML or JSON makes of them.

Both formats are read strictly, and no error repeats a line of a document.
"""

from __future__ import annotations

import json
import stat
import tomllib
from typing import TYPE_CHECKING, Any, Final

from archiver.errors import PolicyUnreadable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parsed", "read"]

_LIMIT: Final = 1024 * 1024
"""Bytes. A larger document is a mistake, such as a log or a device."""


def read(path: Path, limit: int = _LIMIT) -> bytes:
    """Read a file of at most ``limit`` bytes whole; raise `PolicyUnreadable`."""
    try:
        # Asked before opening: a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(path, "is not a file", "Name a file that ends in .toml or .json.")
        with path.open("rb") as file:
            body = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        advice = "Create it, or name another with --config or ARCHIVER_CONFIG."
        raise _unreadable(path, "does not exist", advice) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        advice = "Let the user that runs archiver read the file and enter its folder."
        raise _unreadable(path, f"cannot be read: {reason}", advice) from None
    if len(body) > limit:
        raise _unreadable(path, f"is larger than {limit} bytes", "Name the policy itself.")
    return body


def parsed(path: Path, body: bytes, kind: str | None = None) -> Any:
    """Read a document of the format ``kind``, by default the one that ``path`` ends in.

    Raise `PolicyUnreadable`.
    """
    try:
        # Editors on Windows put a mark in front.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8 (line {line})", "Save it as UTF-8.") from None
    kind = path.suffix.lower() if kind is None else kind
    if kind == ".signed":
        advice = "Put a source.toml with `keys`, the admin's public keys, beside it."
        raise _unreadable(path, "is signed, and nothing here says by whom it must be", advice)
    if kind not in {".toml", ".json"}:
        raise _unreadable(path, "is neither .toml nor .json", "Name it by its format.")
    advice = f"Correct the syntax, or name the file by its real format ({kind} is read now)."
    try:
        document = _json(text) if kind == ".json" else tomllib.loads(text)
        json.dumps(document, default=str, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"(at line {error.lineno}, column {error.colno})"
        raise _unreadable(path, f"is not valid JSON: {error.msg} {place}", advice) from None
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, f"is not valid TOML: {error}", advice) from None
    except UnicodeEncodeError:
        raise _unreadable(path, "holds half a character (\\ud800 to \\udfff)", advice) from None
    except RecursionError:
        raise _unreadable(path, "is nested too deeply", advice) from None
    except ValueError as error:
        raise _unreadable(path, str(error), advice) from None
    return document


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"has the key {json.dumps(twice[:64])} twice in one table")
        return table

    return json.loads(text, object_pairs_hook=once)


def _unreadable(path: Path, what: str, advice: str) -> PolicyUnreadable:
    return PolicyUnreadable(f"policy {path}: {what}", advice=advice)
