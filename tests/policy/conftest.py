"""A valid synthetic document, and ways to write and read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.errors import PolicyInvalid
from archiver.policy.load import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KNOWN = frozenset({"claude-code", "cline", "continue"})


@pytest.fixture
def known() -> frozenset[str]:
    """Names of assistants for these tests."""
    return KNOWN


@pytest.fixture
def document() -> dict[str, Any]:
    """Give a document that says no more than it must."""
    return {
        "version": 1,
        "tenants": [
            {
                "id": "acme",
                "conversations": {"working_directories": ["~/work/acme"]},
                "store": {"kind": "s3", "bucket": "acme-archive"},
                "identity": {"subject_key": "synthetic-subject-key"},
            }
        ],
    }


def as_toml(value: Any) -> str:
    """Write a value as TOML, tables inline."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {as_toml(below)}" for key, below in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(below) for below in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.fixture
def toml() -> Callable[[dict[str, Any]], str]:
    """Write a whole document as TOML."""
    return lambda document: "".join(
        f"{json.dumps(key)} = {as_toml(value)}\n" for key, value in document.items()
    )


@pytest.fixture
def problems(tmp_path: Path) -> Callable[[Any], tuple[str, ...]]:
    """Load a document that must be refused, and give its problems."""

    def refused(document: Any) -> tuple[str, ...]:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(PolicyInvalid) as caught:
            load(path, known_assistants=KNOWN)
        assert caught.value.problems[0] in str(caught.value)
        assert caught.value.advice
        return caught.value.problems

    return refused
