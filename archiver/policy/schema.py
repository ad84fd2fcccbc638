"""The JSON Schema (draft 2020-12) of the policy, for editors: made from the values themselves.

The promise: what the schema refuses, `archiver.policy.load` refuses as well, so an editor never
marks what is right. The reader has the last word: a schema cannot say that ids are unique, that
one enabled tenant is the default, that bounds of retention agree, or what a pattern of folders
may hold; nor does it know which assistants there are.

Descriptions are the docstrings of the values. The schema that is shipped is
``policy.schema.json`` beside this module; `archiver policy schema --to` makes it anew.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archiver.policy.document import Policy
from archiver.policy.fields import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHIPPED", "schema", "written"]

SHIPPED: Final = Path(__file__).with_name("policy.schema.json")
"""The schema that is part of the package."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_FOR_EDITORS: Final = "Where an editor of JSON finds this schema. archiver does not look at it."
_SOME: Final = {"minItems": 1}

_LOCK_HAS_AN_END: Final[dict[str, Any]] = {
    "if": {"properties": {"lock": {"not": {"const": "none"}}}, "required": ["lock"]},
    "then": {"properties": {"days": {"not": {"const": "indefinite"}}}, "required": ["days"]},
}

_TOGETHER: Final[dict[str, dict[str, Any]]] = {
    "Claims": {
        "anyOf": [
            {"required": ["working_directories"], "properties": {"working_directories": _SOME}},
            {"required": ["git_remotes"], "properties": {"git_remotes": _SOME}},
            {"required": ["default"], "properties": {"default": {"const": True}}},
        ]
    },
    "ClassRule": _LOCK_HAS_AN_END,
    "Covers": {
        "anyOf": [
            {"required": [key], "properties": {key: _SOME}}
            for key in ("working_directories", "git_remotes", "assistants")
        ]
    },
    "FolderStore": {"required": ["kind", "path"]},
    "Identity": {
        "oneOf": [{"required": ["subject_key"]}, {"required": ["subject_key_file"]}],
        "if": {"properties": {"source": {"const": "fixed"}}, "required": ["source"]},
        "then": {"required": ["value"]},
        "else": {"properties": {"value": False}},
    },
    "R2Store": {"required": ["kind", "bucket", "account_id"]},
    "Retention": _LOCK_HAS_AN_END,
    "S3Store": {"required": ["kind", "bucket"]},
    "Sealing": {"properties": {"officers": {"uniqueItems": True}}},
}
"""What several keys must say together: the model validators, in the words of a schema."""


def written() -> str:
    """Give the schema as the text of a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Make the schema of a policy, TOML or JSON."""
    whole = Policy.model_json_schema(by_alias=True, mode="validation")
    tables: dict[str, Any] = whole.pop("$defs")
    root = {"$schema": _DIALECT, "title": "The policy of archiver"}
    whole = root | {key: value for key, value in whole.items() if key != "title"}
    for section in _sections():
        table = whole if section is Policy else tables.get(section.__name__)
        if table is not None:
            _complete(table, section)
    # The reader takes this key out before it reads the others.
    whole["properties"] |= {"$schema": {"type": "string", "description": _FOR_EDITORS}}
    whole["$defs"] = dict(sorted(tables.items()))
    _without_nulls(whole)
    return whole


def _sections() -> Iterator[type[Section]]:
    waiting = [Section]
    while waiting:
        section = waiting.pop()
        waiting += section.__subclasses__()
        yield section


def _complete(table: dict[str, Any], section: type[Section]) -> None:
    """Add what pydantic does not put in: descriptions, and what keys must say together."""
    table["description"] = _plain(inspect.getdoc(section) or "")
    fields = section.model_fields.items()
    names = {name: str(field.validation_alias or name) for name, field in fields}
    for name, text in _docstrings(section):
        table["properties"][names[name]]["description"] = _plain(text)
    for key, value in _TOGETHER.get(section.__name__, {}).items():
        if key == "properties":
            for name, more in value.items():
                table["properties"][name] |= more
        else:
            table[key] = value


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a section that have a docstring, with it."""
    for kind in reversed(section.__mro__):
        if not issubclass(kind, Section) or kind is Section:
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        lines = body.body if isinstance(body, ast.ClassDef) else []
        for line, below in pairwise(lines):
            match line, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    yield name, inspect.cleandoc(text)


def _plain(text: str) -> str:
    """Take the marks of code out, and the ends of lines within a sentence."""
    return " ".join(text.replace("``", "`").split())


def _without_nulls(value: Any) -> None:
    """Take out null, in place: TOML has none, and the reader refuses it in JSON."""
    if isinstance(value, list):
        for one in value:
            _without_nulls(one)
    if not isinstance(value, dict):
        return
    value.pop("discriminator", None)  # of OpenAPI, not of JSON Schema
    if value.get("default") is None or isinstance(value["default"], dict):
        value.pop("default", None)
    choices = value.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        choices.remove({"type": "null"})
        if len(choices) == 1:
            value |= value.pop("anyOf")[0]
    for below in value.values():
        _without_nulls(below)
