"""Read the admin's document from a disk, TOML or JSON.

The promise: `load` gives a `Policy` whose every promise holds, or raises `PolicyUnreadable`
(it cannot be opened, or is neither TOML nor JSON) or `PolicyInvalid` (with one line for each
problem). Both formats go through the same strict reader, so equal documents give equal
policies. No error repeats a line or a value of the document.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from archiver.errors import PolicyInvalid, PolicyUnreadable
from archiver.policy.document import FolderStore, Policy
from archiver.policy.problems import describe, nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LoadedPolicy", "default_places", "find", "load"]

_LIMIT: Final = 1024 * 1024
"""Bytes. A larger document is a mistake, such as a log or a device."""

_NAMES: Final = ("policy.toml", "policy.json")


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A valid policy and where it came from.

    ``fingerprint`` is the sha256 of the document's bytes, in hex; ``modified_ns`` the time of
    its last change, in nanoseconds since 1970.
    """

    policy: Policy
    path: Path
    fingerprint: str
    modified_ns: int

    @property
    def references(self) -> tuple[Path, ...]:
        """The files that the policy names and that are read later: keys and credentials."""
        named: dict[Path, None] = {}
        for tenant in self.policy.tenants:
            if tenant.identity.subject_key_file:
                named[tenant.identity.subject_key_file] = None
            if not isinstance(tenant.store, FolderStore) and tenant.store.credentials_file:
                named[tenant.store.credentials_file] = None
        return tuple(named)


def load(path: Path, *, known_assistants: frozenset[str]) -> LoadedPolicy:
    """Read the document at ``path``, ``.toml`` or ``.json``.

    ``known_assistants`` are the names that a tenant may list. Raises `PolicyUnreadable` and
    `PolicyInvalid`.
    """
    body, modified_ns = _read(path)
    document = _parsed(path, body)
    context = {"known_assistants": known_assistants}
    problems = tuple(nulls(document))
    try:
        policy = Policy.model_validate_json(
            json.dumps(document, default=str), by_alias=True, by_name=False, context=context
        )
    except ValidationError as error:
        told = {line.partition(": ")[0] for line in problems}
        problems += tuple(line for line in describe(error) if line.partition(": ")[0] not in told)
        raise _invalid(path, problems) from None
    if problems:
        raise _invalid(path, problems)
    return LoadedPolicy(policy, path, hashlib.sha256(body).hexdigest(), modified_ns)


def find(places: tuple[Path, ...]) -> Path | None:
    """Give the first of ``places`` where something is."""
    return next((place for place in places if _stands(place)), None)


def _stands(place: Path) -> bool:
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # A machine's policy that this user may not see must not be passed over for their own.
        return True
    return True


def default_places(platform: str, environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Say where a policy is looked for, the first that exists wins.

    ``platform`` is ``sys.platform``. ``ARCHIVER_CONFIG`` names the only place; without it the
    machine's folder comes before the user's, so that an admin has the last word.
    """
    if named := environ.get("ARCHIVER_CONFIG"):
        return (Path(named),)
    if platform == "win32":
        machine = Path(environ.get("PROGRAMDATA") or environ.get("ProgramData") or "C:/ProgramData")
        user = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        machine = Path("/Library/Application Support")
        user = home / "Library" / "Application Support"
    else:
        machine = Path("/etc")
        user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return tuple(folder / "archiver" / name for folder in (machine, user) for name in _NAMES)


def _invalid(path: Path, problems: tuple[str, ...]) -> PolicyInvalid:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return PolicyInvalid(
        f"{path} is not a valid policy: {problems[0]}{more}",
        advice="Correct each key that is named, then run `archiver doctor`.",
        problems=problems,
    )


def _unreadable(path: Path, what: str, advice: str) -> PolicyUnreadable:
    return PolicyUnreadable(f"policy {path}: {what}", advice=advice)


def _read(path: Path) -> tuple[bytes, int]:
    try:
        # Asked before opening: a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(path, "is not a file", "Name a file that ends in .toml or .json.")
        with path.open("rb") as file:
            modified_ns = os.fstat(file.fileno()).st_mtime_ns
            body = file.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        advice = "Create it, or name another with --config or ARCHIVER_CONFIG."
        raise _unreadable(path, "does not exist", advice) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        advice = "Let the user that runs archiver read the file and enter its folder."
        raise _unreadable(path, f"cannot be read: {reason}", advice) from None
    if len(body) > _LIMIT:
        raise _unreadable(path, f"is larger than {_LIMIT} bytes", "Name the policy itself.")
    return body, modified_ns


def _parsed(path: Path, body: bytes) -> Any:
    try:
        # Editors on Windows put a mark in front.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8 (line {line})", "Save it as UTF-8.") from None
    kind = path.suffix.lower()
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
