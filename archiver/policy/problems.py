"""What is wrong with a document, in the words of the person who wrote it.

Each problem is one line: where (as one would write it: ``tenants[0].store.bucket``), then what
is allowed. No line repeats a value of the document: any of them may be a secret.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from archiver.policy.document import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError

__all__ = ["describe", "nulls"]

_SECRETS: Final = frozenset({
    "access_key_id",
    "api_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "password",
    "secret_access_key",
    "session_token",
    "token",
})  # fmt: skip

_DEPTH: Final = 32
"""More tables within tables than any policy has."""

_WORDS: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table of keys",
    "json_invalid": "is nested too deeply",
    "int_type": "must be a whole number",
    "missing": "is missing, and has no default",
    "model_type": "must be a table of keys",
    "path_type": "must be a path",
    "string_type": "must be text",
    "too_short": "must not be empty; left out, it allows all",
    "tuple_type": "must be a list",
}
"""Where pydantic speaks of Python, or says too much."""

Location = tuple[int | str, ...]


def describe(error: ValidationError, root: type[BaseModel] = Policy) -> tuple[str, ...]:
    """Give the problems, in the order of the document's sections; ``root`` is the whole of it."""
    found = error.errors(include_url=False, include_input=False)
    return tuple(dict.fromkeys(_line(item["type"], item["loc"], item, root) for item in found))


def nulls(value: Any, location: Location = ()) -> Iterator[str]:
    """Find each JSON ``null``: TOML has none, and a default must not be lost to one."""
    if value is None:
        yield f"{_written(location)}: null is not allowed; leave the key out to get its default"
    elif len(location) > _DEPTH:
        return  # never valid, and refused as such
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from nulls(below, (*location, key))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from nulls(below, (*location, number))


def _line(kind: str, location: Location, item: Any, root: type[BaseModel]) -> str:
    context = item.get("ctx", {})
    path, section = _resolved(location, root)
    where = _written(path) + context.get("at", "")
    if kind == "extra_forbidden":
        return f"{where}: {_unknown(str(path[-1]), section)}"
    if kind.startswith("union_tag"):
        return f"{where}.kind: allowed: folder, s3, r2"
    if kind.startswith(("datetime", "timezone")):
        return f"{where}: must be a time with its offset, as in 2026-01-31T12:00:00Z"
    if kind.startswith("date"):
        return f"{where}: must be a day, as in 2026-01-31"
    if kind == "literal_error":
        return f"{where}: allowed: {context['expected']}"
    words = _WORDS.get(kind) or item["msg"].replace("Input should be", "must be")
    return f"{where}: {words}"


def _unknown(key: str, section: type[BaseModel] | None) -> str:
    if key.casefold() in _SECRETS:
        return "secrets never stand in a policy; keep them with `archiver credentials set`"
    import difflib  # noqa: PLC0415 - only a wrong document pays for it

    allowed = sorted(_keys(section)) if section else []
    near = difflib.get_close_matches(key, allowed, n=1)
    guess = f"; did you mean `{near[0]}`?" if near else ";"
    return f"unknown key{guess} allowed: {', '.join(allowed)}"


def _keys(section: type[BaseModel]) -> dict[str, Any]:
    fields = section.model_fields.items()
    return {str(field.validation_alias or name): field.annotation for name, field in fields}


def _resolved(location: Location, root: type[BaseModel]) -> tuple[Location, type[BaseModel] | None]:
    """Give the place without the tags that pydantic puts into it, and the section it lies in."""
    path: list[int | str] = []
    choices: tuple[type[BaseModel], ...] = (root,)
    for part in location[:-1]:
        if len(choices) > 1:
            choices = tuple(one for one in choices if part in get_args(_keys(one).get("kind")))
            continue
        path.append(part)
        if isinstance(part, str) and choices:
            choices = tuple(_sections(_keys(choices[0]).get(part)))
    # What is wrong with a store as a whole ends in the tag of its kind.
    tags = {tag for one in choices for tag in get_args(_keys(one).get("kind"))}
    last = () if len(choices) > 1 and location[-1] in tags else location[-1:]
    return (*path, *last), choices[0] if len(choices) == 1 else None


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _written(location: Location) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part)
            text += f".{part if plain else json.dumps(part[:64])}"
    return text.removeprefix(".") or "the document"
