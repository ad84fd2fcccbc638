"""Reading the document: both formats, every way in which a file can be wrong."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.errors import PolicyInvalid, PolicyUnreadable
from archiver.policy.load import find, load
from archiver.policy.problems import nulls

if TYPE_CHECKING:
    from collections.abc import Callable

NONE: frozenset[str] = frozenset()


def unreadable(path: Path) -> str:
    """Load what cannot be read, and give the message."""
    with pytest.raises(PolicyUnreadable) as caught:
        load(path, known_assistants=NONE)
    assert str(path) in str(caught.value)
    assert caught.value.advice.endswith(".")
    return str(caught.value)


def written(tmp_path: Path, body: str | bytes, name: str = "policy.toml") -> Path:
    """Write a document."""
    path = tmp_path / name
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return path


def test_toml_and_json_give_equal_policies(
    tmp_path: Path, document: dict[str, Any], toml: Callable[[dict[str, Any]], str]
) -> None:
    """The same document in both formats is the same policy."""
    document["tenants"][0] |= {"since": "2026-01-31", "retention": {"class": "short", "days": 30}}
    as_json = load(written(tmp_path, json.dumps(document), "p.json"), known_assistants=NONE)
    as_toml = load(written(tmp_path, toml(document)), known_assistants=NONE)
    assert as_json.policy == as_toml.policy
    assert as_json.fingerprint != as_toml.fingerprint


def test_a_day_of_toml_and_a_day_in_text_are_equal(
    tmp_path: Path, document: dict[str, Any], toml: Callable[[dict[str, Any]], str]
) -> None:
    """TOML has days of its own; they need no quotes."""
    document["tenants"][0]["since"] = "2026-01-31"
    text = toml(document)
    for since in ('"2026-01-31"', "2026-01-31"):
        path = written(tmp_path, text.replace('"2026-01-31"', since))
        policy = load(path, known_assistants=NONE).policy
        assert policy.tenants[0].since == date(2026, 1, 31)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    junk=st.recursive(
        st.booleans() | st.integers(-9, 99) | st.text(st.characters(exclude_categories=["C"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=6,
    ),
    key=st.sampled_from(["version", "tenants", "schedule", "spool", "projects", "other"]),
)
def test_both_formats_agree_on_any_document(
    tmp_path: Path,
    document: dict[str, Any],
    toml: Callable[[dict[str, Any]], str],
    junk: Any,
    key: str,
) -> None:
    """Equal policies or equal problems, whatever stands in the document."""

    def outcome(path: Path) -> Any:
        try:
            return load(path, known_assistants=NONE).policy
        except PolicyInvalid as error:
            return error.problems

    wrong = document | {key: junk}
    as_json = outcome(written(tmp_path, json.dumps(wrong), "p.json"))
    assert as_json == outcome(written(tmp_path, toml(wrong)))


def test_what_was_read_is_named_exactly(tmp_path: Path, document: dict[str, Any]) -> None:
    """The fingerprint is of the bytes, the references are named once."""
    key = tmp_path / "subject.key"
    tenant = document["tenants"][0]
    tenant["identity"] = {"subject_key_file": str(key)}
    tenant["store"]["credentials_file"] = str(tmp_path / "keys.ini")
    folder = {"kind": "folder", "path": str(tmp_path / "archive")}
    document["tenants"].append(tenant | {"id": "beta", "store": folder})
    body = json.dumps(document)
    path = written(tmp_path, body, "policy.json")
    loaded = load(path, known_assistants=NONE)
    assert loaded.fingerprint == hashlib.sha256(body.encode()).hexdigest()
    assert loaded.path == path
    assert loaded.references == (key, tmp_path / "keys.ini")


def test_where_an_editor_finds_the_schema_is_said_in_json_and_not_looked_at(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """As text, at the top; elsewhere it is a key like any other that nobody knows."""
    marked = {"$schema": "./policy.schema.json", **document}
    path = written(tmp_path, json.dumps(marked), "policy.json")
    plain = written(tmp_path, json.dumps(document), "plain.json")
    known = {"known_assistants": frozenset({"cline", "claude-code"})}
    assert load(path, **known).policy == load(plain, **known).policy
    for wrong in ({**document, "$schema": 1}, {**document, "schedule": {"$schema": "x"}}):
        with pytest.raises(PolicyInvalid, match=r"\$schema.*unknown key"):
            load(written(tmp_path, json.dumps(wrong), "policy.json"), **known)


def test_a_mark_of_windows_editors_in_front_is_accepted(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """UTF-8 with a byte order mark is UTF-8."""
    path = written(tmp_path, b"\xef\xbb\xbf" + json.dumps(document).encode(), "policy.json")
    assert load(path, known_assistants=NONE).policy.version == 1


def test_a_missing_document_is_unreadable(tmp_path: Path) -> None:
    """So is one below a file."""
    assert "does not exist" in unreadable(tmp_path / "none.toml")
    assert "does not exist" in unreadable(written(tmp_path, "") / "policy.toml")


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    """A folder is named as what it is not."""
    (tmp_path / "policy.toml").mkdir()
    assert "is not a file" in unreadable(tmp_path / "policy.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes as files")
def test_a_pipe_is_unreadable_and_nobody_waits_for_its_writer(tmp_path: Path) -> None:
    """The answer comes at once."""
    os.mkfifo(tmp_path / "policy.toml")
    assert "is not a file" in unreadable(tmp_path / "policy.toml")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_document_without_permission_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own words are repeated."""
    path = written(tmp_path, "version = 1")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    assert "Permission denied" in unreadable(path)


def test_a_path_that_cannot_be_is_unreadable() -> None:
    """A zero byte is in no path."""
    assert "not a path" in unreadable(Path("/etc/\0.toml"))


def test_a_huge_document_is_unreadable(tmp_path: Path) -> None:
    """Somebody named a log."""
    assert "larger than 1048576 bytes" in unreadable(written(tmp_path, b"#" * (1024 * 1024 + 1)))


def test_bytes_that_are_not_utf8_are_named_by_their_line(tmp_path: Path) -> None:
    """UTF-16 and Latin-1 are the usual reasons."""
    assert "is not UTF-8 (line 2)" in unreadable(written(tmp_path, b"version = 1\n# caf\xe9\n"))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    """The ending says the format; nothing is guessed."""
    assert "neither .toml nor .json" in unreadable(written(tmp_path, "{}", "policy.yaml"))


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [
        ("policy.toml", 'a = 1\nsubject_key = "CANARY\n', "(at line 2, column 22)"),
        ("policy.toml", "subject_key = CANARY", "(at line 1, column 15)"),
        ("policy.toml", 'a = 1\na = "CANARY"', "(at line 2, column 13)"),
        ("policy.json", '{\n  "subject_key": "CANARY" 1}', "(at line 2, column 27)"),
        ("policy.json", '{"a": CANARY}', "(at line 1, column 7)"),
        ("policy.json", "", "(at line 1, column 1)"),
        ("policy.json", '{"a": "CANARY", "a": "CANARY"}', 'the key "a" twice'),
        ("policy.json", '{"a": "CANARY\\ud800"}', "half a character"),
        ("policy.json", "[" * 100_000, "nested too deeply"),
        ("policy.toml", "a = " + "[" * 100_000, "nested too deeply"),
        ("policy.json", "9" * 5000, "4300 digits"),
    ],
)
def test_wrong_syntax_is_named_by_its_place_and_never_quoted(
    tmp_path: Path, name: str, body: str, place: str
) -> None:
    """Line and column lead there; the line itself may hold a key."""
    told = unreadable(written(tmp_path, body, name))
    assert place in told or (place.startswith("(") and "end of document" in told)
    assert "CANARY" not in told


@pytest.mark.parametrize("depth", [30, 400, 900, 940, 960, 980, 5000])
def test_a_deep_document_is_refused_in_one_way_or_the_other(tmp_path: Path, depth: int) -> None:
    """No depth gives anything but an error of ours."""
    body = '{"version": 1, "tenants": ' + "[" * depth + "null" + "]" * depth + "}"
    with pytest.raises((PolicyInvalid, PolicyUnreadable)):
        load(written(tmp_path, body, "policy.json"), known_assistants=NONE)


def test_a_tower_of_tables_is_only_looked_into_so_far() -> None:
    """From Python 3.12 on, JSON may be nested deeper than functions may call each other."""
    tower: Any = None
    for _ in range(5000):
        tower = [tower]
    assert tuple(nulls([None, tower])) == (
        "[0]: null is not allowed; leave the key out to get its default",
    )


def test_an_invalid_document_says_how_many_problems_there_are(tmp_path: Path) -> None:
    """The message names the first, the problems hold all."""
    path = written(tmp_path, "a = 1")
    with pytest.raises(PolicyInvalid) as caught:
        load(path, known_assistants=NONE)
    assert str(caught.value).startswith(f"{path} is not a valid policy: version: is missing")
    assert str(caught.value).endswith("(and 2 more)")
    assert len(caught.value.problems) == 3


def test_the_first_place_where_something_stands_is_taken(tmp_path: Path) -> None:
    """None where nothing stands anywhere; a dangling link is something."""
    places = (tmp_path / "a.toml", tmp_path / "b.toml")
    assert find(places) is None
    places[1].touch()
    assert find(places) == places[1]
    places[0].mkdir()
    assert find(places) == places[0]


def test_a_place_that_may_not_be_seen_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine's policy that this user may not read must not give way to the user's own."""

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "lstat", refuse)
    assert find((tmp_path / "machine.toml",)) == tmp_path / "machine.toml"


def test_reading_a_policy_loads_no_more_than_it_needs() -> None:
    """Start-up time and memory: none of the heavy neighbours comes along."""
    heavy = "{'asyncio', 'botocore', 'apscheduler', 'rich', 'email_validator', 'pydantic.networks'}"
    script = f"import sys, archiver.policy.load; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
