"""Whose a conversation is: two clients and a private project on one laptop."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from laptop import WORKED_IN, line, read_archive, tenant_rules

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop


def said(folder: Path | str, number: int) -> bytes:
    """Write a line that was said in a folder."""
    return line(number, cwd=str(folder))


@pytest.fixture
def contractor(laptop: Laptop) -> Laptop:
    """Give a laptop with a client by folder, a client by git remote, and no default."""
    work = laptop.home / "work"
    for folder in ("acme/api", "tools/billing", "private/diary"):
        (work / folder).mkdir(parents=True)
    git = ["git", "-C", str(work / "tools" / "billing")]
    subprocess.run([*git, "init", "-q"], check=True)
    remote = "git@example.com:globex/billing.git"
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    laptop.tenants = [
        tenant_rules(
            "acme",
            laptop.root / "acme",
            conversations={"working_directories": [f"{work}/acme/**"]},
        ),
        tenant_rules(
            "globex",
            laptop.root / "globex",
            conversations={"git_remotes": ["example.com/globex/*"]},
            assistants=["claude-code"],
            retention={"days": 30, "class": "short"},
        ),
    ]
    laptop.apply()
    for number, folder in enumerate(("acme/api", "tools/billing", "private/diary")):
        laptop.write(laptop.claude(f"c{number}"), said(work / folder, number))
    session = laptop.home / ".cline" / "data" / "sessions" / "s1"
    session.mkdir(parents=True)
    laptop.write(session / "s1.json", b'{"cwd":"%s"}' % str(work / "tools" / "billing").encode())
    laptop.write(session / "s1.messages.json", b'{"messages":[1]}')
    return laptop


def conversations(bucket: Path) -> set[str]:
    """Name the conversations in a bucket."""
    return {one.conversation for one in read_archive(bucket).records()}


def test_two_clients_and_a_private_project_get_three_treatments(contractor: Laptop) -> None:
    """Each client's store gets its own; what is private is in no store and not in the spool."""
    done = contractor.look()
    assert (done.conversations, done.unclaimed) == (4, 2)
    contractor.ship()
    assert conversations(contractor.root / "acme") == {"c0"}
    assert conversations(contractor.root / "globex") == {"c1"}
    with contractor.engine.spool.transaction() as db:
        known = {conversation for (conversation,) in db.execute("SELECT conversation FROM streams")}
    assert known == {"c0", "c1"}
    spooled = b"".join(path.read_bytes() for path in contractor.state.rglob("spool*"))
    assert b"acme/api" in spooled
    assert b"private/diary" not in spooled


def test_each_client_knows_the_developer_by_another_name(contractor: Laptop) -> None:
    """The same user has another subject with each tenant, and the class of that tenant."""
    contractor.look()
    contractor.ship()
    (acme,) = read_archive(contractor.root / "acme").records()
    (globex,) = read_archive(contractor.root / "globex").records()
    assert acme.user == globex.user
    assert acme.subject != globex.subject
    assert (acme.klass, globex.klass) == ("standard", "short")
    assert globex.git_remote == "example.com/globex/billing"


def test_a_disabled_client_is_left_alone_and_nobody_takes_its_place(contractor: Laptop) -> None:
    """A conversation that a disabled tenant claims goes to no other, not to the default either."""
    contractor.tenants[0]["enabled"] = False
    contractor.tenants.append(tenant_rules("rest", contractor.root / "rest"))
    contractor.apply()
    contractor.look()
    contractor.ship()
    assert not (contractor.root / "acme").exists()
    assert "c0" not in conversations(contractor.root / "rest")


def test_a_change_of_claims_moves_what_comes_and_not_what_was(contractor: Laptop) -> None:
    """A folder that goes to another client: the first keeps its states, the second begins anew."""
    contractor.look()
    contractor.ship()
    claims = contractor.tenants[0]["conversations"]
    contractor.tenants[0]["conversations"] = {"working_directories": ["/nowhere/**"]}
    contractor.tenants[1]["conversations"] = claims
    contractor.apply()
    chat = contractor.claude("c0")
    before = chat.read_bytes()
    contractor.append(chat, line(7))
    contractor.look()
    contractor.ship()
    acme, globex = (read_archive(contractor.root / name) for name in ("acme", "globex"))
    assert acme.states("c0.jsonl") == [before]
    assert globex.states("c0.jsonl") == [before + line(7)]


def test_what_comes_back_to_a_client_goes_on_where_it_was(contractor: Laptop) -> None:
    """Disabled and enabled again: what was said meanwhile is captured, nothing twice."""
    contractor.look()
    chat = contractor.claude("c0")
    before = chat.read_bytes()
    contractor.tenants[0]["enabled"] = False
    contractor.apply()
    contractor.append(chat, line(7))
    assert contractor.look().records == 0
    contractor.tenants[0]["enabled"] = True
    contractor.apply()
    assert contractor.look().records == 1
    contractor.ship()
    assert read_archive(contractor.root / "acme").states("c0.jsonl") == [before, before + line(7)]


@pytest.mark.parametrize(
    "change",
    [
        {"retention": {"days": 5, "class": "other"}},
        {"identity": {"source": "fixed", "value": "other", "subject_key": "another-key-01234567"}},
    ],
    ids=["class", "identity"],
)
def test_another_class_or_identity_counts_for_what_comes(
    contractor: Laptop, change: dict[str, Any]
) -> None:
    """Records keep the class and subject that they were captured with, and the log goes on."""
    contractor.look()
    contractor.tenants[0].update(change)
    contractor.apply()
    contractor.append(contractor.claude("c0"), line(7))
    contractor.look()
    contractor.ship()
    one, two = read_archive(contractor.root / "acme").log("c0.jsonl")
    assert (one.klass, one.subject) != (two.klass, two.subject)
    assert one.device == two.device


@pytest.mark.parametrize(
    "asks",
    [
        {"conversations": {"default": True, "exclude": ["/elsewhere/**"]}},
        {"conversations": {"default": True, "git_remotes": ["example.org/*"]}},
        {"conversations": {"default": True, "working_directories": ["/elsewhere/**"]}},
        {"identity": {"source": "git-email", "subject_key": "a key for tests only"}},
    ],
    ids=["exclude", "remote", "folder", "git-email"],
)
def test_a_conversation_waits_until_its_folder_is_known(
    patient: Laptop, asks: dict[str, object]
) -> None:
    """While the first line is being written nobody can own it; then it is captured whole."""
    patient.tenants[0].update(asks)
    patient.apply()
    chat = patient.claude("c1")
    patient.write(chat, b'{"type":"summary","summary":"x"}\n')
    done = patient.look()
    assert (done.unclaimed, done.undecided) == (1, 1)
    patient.append(chat, line(1))
    assert patient.look().records == 2


def test_nobody_waits_for_a_folder_that_decides_nothing(patient: Laptop) -> None:
    """Where everything is one tenant's, it is taken at once; the folder comes with a later look."""
    chat = patient.claude("c1")
    patient.write(chat, b'{"type":"summary","summary":"x"}\n')
    done = patient.look()
    assert (done.unclaimed, done.undecided, done.records) == (0, 0, 1)
    patient.append(chat, line(1, cwd=None) + line(2))
    patient.look()
    patient.ship()
    log = read_archive(patient.bucket).log("c1.jsonl")
    assert [one.cwd for one in log] == [None, WORKED_IN, WORKED_IN]
