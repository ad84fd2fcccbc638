"""Read the admin's document from a disk, TOML or JSON.

The promise: `load` gives a `Policy` whose every promise holds, or raises `PolicyUnreadable`
(it cannot be opened, or is neither TOML nor JSON) or `PolicyInvalid` (with one line for each
problem). Both formats go through the same strict reader, so equal documents give equal
policies. No error repeats a line or a value of the document.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from archiver.errors import PolicyInvalid
from archiver.policy.document import FolderStore, Policy
from archiver.policy.fields import Section
from archiver.policy.problems import describe, nulls
from archiver.policy.reading import parsed, read

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LoadedPolicy", "find", "load", "understood", "validated"]

_SCHEMA: Final = "$schema"

T = TypeVar("T", bound=Section)


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A valid policy and where it came from.

    ``fingerprint`` is the sha256 of the document's bytes, in hex.
    """

    policy: Policy
    path: Path
    fingerprint: str

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
    return understood(path, read(path), known_assistants=known_assistants)


def understood(
    path: Path, body: bytes, kind: str | None = None, *, known_assistants: frozenset[str]
) -> LoadedPolicy:
    """Read a document that came from ``path``, where its format is ``kind`` (``.toml``)."""
    context = {"known_assistants": known_assistants}
    document = parsed(path, body, kind)
    if isinstance(document, dict) and isinstance(document.get(_SCHEMA), str):
        del document[_SCHEMA]  # by which an editor finds the schema
    policy = validated(path, document, Policy, "policy", context)
    return LoadedPolicy(policy, path, hashlib.sha256(body).hexdigest())


def validated(
    path: Path, document: Any, model: type[T], what: str, context: dict[str, Any] | None = None
) -> T:
    """Give the value of a parsed document; raise `PolicyInvalid` with all that is wrong."""
    problems = tuple(nulls(document))
    try:
        value = model.model_validate_json(
            json.dumps(document, default=str), by_alias=True, by_name=False, context=context
        )
    except ValidationError as error:
        told = {line.partition(": ")[0] for line in problems}
        lines = describe(error, model)
        problems += tuple(line for line in lines if line.partition(": ")[0] not in told)
        raise _invalid(path, what, problems) from None
    if problems:
        raise _invalid(path, what, problems)
    return value


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


def _invalid(path: Path, what: str, problems: tuple[str, ...]) -> PolicyInvalid:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return PolicyInvalid(
        f"{path} is not a valid {what}: {problems[0]}{more}",
        advice="Correct each key that is named, then run `archiver doctor`.",
        problems=problems,
    )
