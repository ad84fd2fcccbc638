"""Conversations of one tenant in several retention classes, from the policy to the key."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from laptop import assert_verified, line, patched, read_archive, tenant_rules

from archiver.daemon.sources import look_around
from archiver.policy.whereabouts import Git

if TYPE_CHECKING:
    from laptop import Laptop

LONG = {"class": "long", "days": 3650}
REMOTE = {"conversations": {"git_remotes": ["example.com/acme/*"]}}


@pytest.fixture
def classed(laptop: Laptop) -> Laptop:
    """Give a laptop whose tenant keeps what is said in ``legal`` longer."""
    for folder in ("legal", "shop"):
        (laptop.home / folder).mkdir()
    rule = {**LONG, "conversations": {"working_directories": [f"{laptop.home}/legal/**"]}}
    put_in_force(laptop, rule)
    return laptop


def put_in_force(laptop: Laptop, *classes: dict[str, Any]) -> None:
    """Give the tenant these further classes."""
    retention = {"days": 30, "class": "short", "classes": list(classes)}
    laptop.tenants = [tenant_rules("acme", laptop.bucket, retention=retention)]
    laptop.apply()


def say(laptop: Laptop, folder: str, number: int) -> None:
    """Say something in a folder, in a conversation that is called like it."""
    said = line(number, cwd=str(laptop.home / folder))
    laptop.append(laptop.claude(folder), said)
    laptop.look()


def classes(laptop: Laptop) -> dict[str, list[str]]:
    """Ship; give the classes of each conversation's records, in their order."""
    laptop.ship()
    found: dict[str, list[str]] = {}
    for record in read_archive(laptop.bucket).records():
        found.setdefault(record.conversation, []).append(record.klass)
    return found


def test_each_conversation_lies_under_its_class(classed: Laptop) -> None:
    """In its records and in the key of its chunk."""
    say(classed, "legal", 1)
    say(classed, "shop", 2)
    assert classes(classed) == {"legal": ["long"], "shop": ["short"]}
    keys = {path.parts[-4] for path in classed.bucket.rglob("*.zst")}
    assert keys == {"class=long", "class=short"}
    assert_verified(classed.bucket)


def test_after_a_change_of_the_policy_what_comes_next_gets_the_new_class(classed: Laptop) -> None:
    """What was captured keeps the class that stands in its key; the log has no gap."""
    say(classed, "legal", 1)
    put_in_force(classed)
    say(classed, "legal", 2)
    assert classes(classed) == {"legal": ["long", "short"]}
    states = read_archive(classed.bucket).states("legal.jsonl")
    assert states[-1] == classed.claude("legal").read_bytes()
    assert_verified(classed.bucket)


def test_a_conversation_waits_where_its_class_is_not_decided(laptop: Laptop) -> None:
    """Git cannot say: nothing is captured under the wrong class; once it can, all of it is."""
    shop = laptop.home / "shop"
    shop.mkdir()
    put_in_force(laptop, {**LONG, **REMOTE})
    with patched(Git, "remotes", lambda *_: None):
        laptop.apply()
        say(laptop, "shop", 1)
        assert laptop.engine.last_pass.undecided == 1
        assert laptop.engine.spool.backlog("acme").spooled_records == 0
    subprocess.run(["git", "-C", str(shop), "init", "-q"], check=True)
    remote = "https://example.com/acme/shop"
    subprocess.run(["git", "-C", str(shop), "remote", "add", "origin", remote], check=True)
    laptop.apply()
    laptop.look()
    assert classes(laptop) == {"shop": ["long"]}


def test_where_a_class_asks_for_a_place_a_conversation_waits_for_its_folder(
    laptop: Laptop,
) -> None:
    """Though its tenant takes everything: the folder may come with the next line."""
    (laptop.home / "legal").mkdir()
    laptop.quiet_seconds = 10
    rule = {**LONG, "conversations": {"working_directories": [f"{laptop.home}/legal/**"]}}
    put_in_force(laptop, rule)
    chat = laptop.claude("legal")
    laptop.write(chat, b'{"type":"summary"}\n')
    laptop.look()
    assert laptop.engine.last_pass.undecided == 1
    laptop.append(chat, line(1, cwd=str(laptop.home / "legal")))
    laptop.look()
    assert classes(laptop) == {"legal": ["long", "long"]}


def test_sources_name_the_class_where_a_tenant_has_several(classed: Laptop) -> None:
    """And not where it has one."""

    def tenants() -> set[str]:
        found = look_around(classed.rules(), classed.engine.machine)
        return {row[1] for row in found.sums()}

    say(classed, "legal", 1)
    say(classed, "shop", 2)
    assert tenants() == {"acme (long)", "acme (short)"}
    put_in_force(classed)
    assert tenants() == {"acme"}
