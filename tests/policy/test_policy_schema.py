"""The JSON Schema of the policy: up to date, complete, and never stricter than the reader."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from policies import as_policy, documents

from archiver.errors import PolicyInvalid
from archiver.policy.document import Policy
from archiver.policy.load import validated
from archiver.policy.schema import SHIPPED, schema, written

if TYPE_CHECKING:
    from collections.abc import Iterator

VALIDATOR = Draft202012Validator(schema(), format_checker=FormatChecker())
calmly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=80)


def read(document: Any) -> bool:
    """Tell whether the reader takes a document."""
    try:
        validated(Path("policy.json"), document, Policy, "policy")
    except PolicyInvalid:
        return False
    return True


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every table and list of a document with each of its keys."""
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from places(below)


def tables() -> list[tuple[str, dict[str, Any]]]:
    """Give the tables of the schema by name."""
    whole = schema()
    return [("Policy", whole), *whole["$defs"].items()]


def test_the_shipped_schema_is_up_to_date() -> None:
    """If not: ``archiver policy schema --to archiver/policy/policy.schema.json``."""
    assert SHIPPED.read_text("utf-8") == written()


def test_a_policy_may_say_where_the_schema_is() -> None:
    """An editor of JSON looks for it there."""
    assert VALIDATOR.is_valid({"$schema": "./policy.schema.json", "version": 1, "tenants": []})
    assert not VALIDATOR.is_valid({"$schema": 1, "version": 1, "tenants": []})


def test_the_schema_is_one() -> None:
    """Of the draft that it names."""
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize(("name", "table"), tables())
def test_every_table_and_key_says_what_it_means(name: str, table: dict[str, Any]) -> None:
    """In a sentence, without the marks of Python's documentation."""
    texts = {name: table["description"]} | {
        key: described.get("description") for key, described in table["properties"].items()
    }
    for key, text in texts.items():
        assert text, key
        assert text.endswith((".", "]")), key
        assert "``" not in text, key
        assert "\n" not in text, key


def test_nothing_may_be_null() -> None:
    """The reader refuses it."""
    assert '"null"' not in written()
    assert "null" not in written().replace('"null', "")


@given(document=documents())
@calmly
def test_whatever_the_reader_takes_the_schema_takes(document: dict[str, Any]) -> None:
    """An editor never marks what is right."""
    as_policy(document)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


ODD = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        30,
        10**9,
        1.5,
        "",
        " ",
        "x",
        "~/x",
        "/",
        "a.b/c",
        "cline",
        [],
        {},
    ]
)


@given(document=documents(), odd=ODD, data=st.data())
@calmly
def test_whatever_the_schema_refuses_the_reader_refuses(
    document: dict[str, Any], odd: Any, data: st.DataObject
) -> None:
    """One value of a policy is replaced by another, or taken away."""
    assume(document["tenants"])
    broken = copy.deepcopy(document)
    table, key = data.draw(st.sampled_from(list(places(broken))))
    if data.draw(st.booleans()) and isinstance(table, dict):
        del table[key]
    else:
        table[key] = odd
    if not VALIDATOR.is_valid(broken):
        assert not read(broken)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/version", 2),
        ("/version", None),
        ("/tenants", {}),
        ("/tennants", []),
        ("/schedule", {"collect_seconds": 9}),
        ("/schedule", {"collect_second": 30}),
        ("/spool", {"max_bytes": 10}),
        ("/projects", ["work/x"]),
        ("id", "Acme"),
        ("id", "a" * 65),
        ("enabled", "yes"),
        ("since", "yesterday"),
        ("assistants", []),
        ("assistants", "cline"),
        ("conversations", {}),
        ("conversations", {"exclude": ["~/x"]}),
        ("conversations", {"working_directories": []}),
        ("conversations", {"working_directories": ["work"]}),
        ("chunk", {"level": 20}),
        ("retention", {"days": 0}),
        ("retention", {"days": "8y"}),
        ("retention", {"days": 36_501}),
        ("retention", {"lock": "worm", "days": 30}),
        ("retention", {"lock": "governance"}),
        ("retention", {"lock": "governance", "days": "indefinite"}),
        ("retention", {"class": "Gold!"}),
        ("retention", {"klass": "gold"}),
        ("retention", {"classes": [{"class": "a", "conversations": {}}]}),
        ("retention", {"classes": [{"class": "a"}]}),
        ("identity", {}),
        ("identity", {"subject_key": "short"}),
        ("identity", {"subject_key": "k" * 16, "subject_key_file": "/etc/key"}),
        ("identity", {"subject_key": "k" * 16, "source": "fixed"}),
        ("identity", {"subject_key": "k" * 16, "value": "someone"}),
        ("identity", {"subject_key": "k" * 16, "source": "dns"}),
        ("identity", {"subject_key_file": "relative/key"}),
        ("evidence", {"admin_keys": ["acme"]}),
        ("sealing", {"officers": ["age2qqq"]}),
        ("sealing", {"officers": [f"age1{'q' * 58}"] * 2}),
        ("store", {"bucket": "acme"}),
        ("store", {"kind": "s4", "bucket": "acme"}),
        ("store", {"kind": "s3"}),
        ("store", {"kind": "s3", "bucket": "Acme"}),
        ("store", {"kind": "s3", "bucket": "acme", "endpoint": "s3.example.com"}),
        ("store", {"kind": "s3", "bucket": "acme", "secret_access_key": "x"}),
        ("store", {"kind": "r2", "bucket": "acme"}),
        ("store", {"kind": "r2", "bucket": "acme", "account_id": "me"}),
        ("store", {"kind": "folder"}),
        ("store", {"kind": "folder", "path": "relative"}),
        ("store", {"kind": "folder", "path": "/srv", "region": "eu-central-1"}),
    ],
)
def test_what_is_commonly_wrong_is_refused_by_both(
    document: dict[str, Any], path: str, value: Any
) -> None:
    """So an admin sees it while typing."""
    table = document if path.startswith("/") else document["tenants"][0]
    key = path.removeprefix("/")
    if value is None:
        del table[key]
    else:
        table[key] = value
    assert not VALIDATOR.is_valid(document)
    assert not read(document)


def test_a_schema_is_json_that_any_editor_reads() -> None:
    """ASCII or not, it is one document."""
    assert json.loads(written()) == schema()
