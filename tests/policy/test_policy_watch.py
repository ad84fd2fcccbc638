"""A change of policy is seen at the next check, and only a valid one takes effect."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from archiver.policy import watch as module
from archiver.policy.watch import Changed, Gone, Refused, Same, Watch


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Say where the document stands."""
    return tmp_path / "policy.json"


@pytest.fixture
def watch(place: Path, known: frozenset[str]) -> Watch:
    """Watch that place, and one behind it."""
    return Watch((place, place.with_name("second.json")), known_assistants=known)


def write(path: Path, value: Any) -> None:
    """Put a document, or any text, in place of the old one, with a new time."""
    old = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    later = max(path.stat().st_mtime_ns, old + 1_000_000_000)
    os.utime(path, ns=(later, later))


def test_a_document_is_new_once_and_then_the_same(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """The caller acts on the first answer only."""
    write(place, document)
    first = watch.check()
    assert isinstance(first, Changed)
    assert first.loaded.policy.tenants[0].id == "acme"
    assert watch.check() == Same(first.loaded)
    assert watch.check() == Same(first.loaded)


def test_a_check_without_a_change_reads_nothing(
    watch: Watch, place: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick costs a ``stat``, no more."""
    write(place, document)
    watch.check()

    def read(*_: object, **__: object) -> None:
        pytest.fail("the document was read again")

    monkeypatch.setattr(module, "load", read)
    assert isinstance(watch.check(), Same)


def test_a_valid_change_takes_effect_at_the_next_check(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """Disabling a tenant is such a change."""
    write(place, document)
    watch.check()
    document["tenants"][0]["enabled"] = False
    write(place, document)
    after = watch.check()
    assert isinstance(after, Changed)
    assert not after.loaded.policy.tenants[0].enabled


@pytest.mark.parametrize("broken", ['{"version": 2}', '{"version":', ""])
def test_a_broken_change_is_refused_and_the_last_good_stays(
    watch: Watch, place: Path, document: dict[str, Any], broken: str
) -> None:
    """For as long as it is broken; mending it is a change again if it says something new."""
    write(place, document)
    good = watch.check()
    assert isinstance(good, Changed)
    write(place, broken)
    for _ in range(3):
        refused = watch.check()
        assert isinstance(refused, Refused)
        assert refused.loaded == good.loaded
        assert refused.problems
        assert refused.advice
    document["tenants"][0]["enabled"] = False
    write(place, document)
    assert isinstance(watch.check(), Changed)


def test_going_back_to_what_is_in_force_is_no_change(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """Neither a touch nor a mended document that says the same."""
    write(place, document)
    watch.check()
    write(place, document)
    assert isinstance(watch.check(), Same)
    write(place, "{")
    assert isinstance(watch.check(), Refused)
    write(place, document)
    assert isinstance(watch.check(), Same)


def test_a_document_that_was_never_valid_leaves_nothing_in_force(watch: Watch, place: Path) -> None:
    """The daemon runs, says so, and captures nothing."""
    write(place, "{}")
    refused = watch.check()
    assert isinstance(refused, Refused)
    assert refused.loaded is None


def test_a_document_that_is_gone_leaves_nothing_in_force(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """And what was in force before is forgotten, even by a refusal."""
    assert watch.check() == Gone()
    write(place, document)
    watch.check()
    place.unlink()
    assert watch.check() == Gone()
    assert watch.check() == Gone()
    write(place, "{}")
    refused = watch.check()
    assert isinstance(refused, Refused)
    assert refused.loaded is None
    write(place, document)
    assert isinstance(watch.check(), Changed)


def test_another_place_is_a_change_even_with_the_same_words(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """The first place wins as soon as something stands there."""
    second = place.with_name("second.json")
    write(second, document)
    before = watch.check()
    assert isinstance(before, Changed)
    assert before.loaded.path == second
    write(place, document)
    after = watch.check()
    assert isinstance(after, Changed)
    assert after.loaded.path == place


@pytest.mark.parametrize("name", ["subject.key", "keys.ini"])
@pytest.mark.parametrize("how", ["written", "removed", "created"])
def test_a_change_of_a_file_that_the_policy_names_counts(
    watch: Watch, place: Path, document: dict[str, Any], name: str, how: str
) -> None:
    """New credentials take effect without a restart."""
    for file in ("subject.key", "keys.ini"):
        place.with_name(file).write_text("synthetic", encoding="utf-8")
    named = place.with_name(name)
    if how == "created":
        named.unlink()
    tenant = document["tenants"][0]
    tenant["identity"] = {"subject_key_file": str(place.with_name("subject.key"))}
    tenant["store"]["credentials_file"] = str(place.with_name("keys.ini"))
    write(place, document)
    watch.check()
    assert isinstance(watch.check(), Same)
    named.unlink() if how == "removed" else write(named, "synthetic and new")
    assert isinstance(watch.check(), Changed)
    assert isinstance(watch.check(), Same)


def test_new_credentials_count_even_while_the_document_is_refused(
    watch: Watch, place: Path, document: dict[str, Any]
) -> None:
    """The last good policy is in force, and so are the files that it names."""
    keys = place.with_name("keys.ini")
    document["tenants"][0]["store"]["credentials_file"] = str(keys)
    write(place, document)
    watch.check()
    write(place, "{")
    assert isinstance(watch.check(), Refused)
    write(keys, "synthetic")
    assert isinstance(watch.check(), Changed)
    assert isinstance(watch.check(), Refused)


def test_a_disk_that_failed_once_is_asked_again(
    watch: Watch, place: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read error is not the document's fault: no edit is needed to get over it."""
    write(place, document)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", fail)
        refused = watch.check()
    assert isinstance(refused, Refused)
    assert "Input/output error" in refused.problems[0]
    assert isinstance(watch.check(), Changed)
