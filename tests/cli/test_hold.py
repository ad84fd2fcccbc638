"""``archiver hold``: what it says before it signs, what it does, and when it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from company import Company
from sealedworld import CHAT

if TYPE_CHECKING:
    from pathlib import Path

    from sealedworld import Said

WHAT = ("--matter", "4711", "--reason", "claim of a client", "--by", "Legal")
END = ("--tenant", "acme", "--reason", "settled", "--by", "Legal", "--yes")


@pytest.fixture(params=[True, False], ids=["sealed", "clear"])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Company:
    """Give a company in which one person said two things on two days, all covered."""
    company = Company(tmp_path, seals=request.param)
    company.say("one", "2026-01-31T09:00:00.000Z")
    company.say("two", "2026-02-10T09:00:00.000Z")
    company.sync()
    company.vouch()
    return company


def add(company: Company, *words: object, name: str = "case-1") -> Said:
    """Order a hold."""
    return company.sign("hold", "add", "--tenant", "acme", "--id", name, *WHAT, *words, "--yes")


def listed(company: Company, *words: str) -> Any:
    """List the holds."""
    return company.archiver("hold", "list", "--json", *words).json


def test_a_hold_says_what_it_covers_and_stands_in_the_list(company: Company) -> None:
    """Counts, people, devices and days; a store without locks has the record alone."""
    said = add(company)
    assert said.code == 0, said.err
    assert "case-1 (everything) covers 2 chunks" in said.err
    assert "of 1 people on 1 devices, from 2026-01-31 to 2026-02-10" in said.err
    assert "This store keeps no holds itself" in said.err
    assert "archiver checkpoint" in said.err
    assert "archiver bucket apply" not in said.err
    (row,) = listed(company)
    assert (row["id"], row["matter"], row["chunks"], row["released_at"]) == (
        "case-1",
        "4711",
        2,
        None,
    )
    assert (row["first_day"], row["last_day"]) == ("2026-01-31", "2026-02-10")
    assert company.archiver("hold", "list").out.splitlines()[1].split()[:3] == [
        "acme",
        "case-1",
        "4711",
    ]


def test_a_person_is_held_by_name_or_pseudonym(company: Company) -> None:
    """And nobody else is."""
    eve = company.colleague("eve")
    eve.say("mine")
    eve.sync()
    company.vouch()
    assert add(company, "--user", "Dev").code == 0
    assert add(company, "--subject", eve.subject, name="case-2").code == 0
    assert {row["id"]: row["chunks"] for row in listed(company)} == {"case-1": 2, "case-2": 1}


def test_days_narrow_it(company: Company) -> None:
    """Both included."""
    said = add(company, "--since", "2026-02-10", "--until", "2026-02-10")
    assert (said.code, "covers 1 chunks" in said.err) == (0, True)


def test_a_conversation_is_found_in_what_can_be_read(company: Company) -> None:
    """Sealed, it takes an officer's key; without one that is said."""
    if company.seals:
        said = add(company, "--conversation", CHAT[:9])
        assert (said.code, "--identity FILE" in said.err) == (3, True)
    mine = ("--identity", company.key("ada")) if company.seals else ()
    said = add(company, "--conversation", CHAT[:9], *mine)
    assert (said.code, f"conversation {CHAT}" in said.err) == (0, True), said.err
    (row,) = listed(company)
    assert row["chunks"] == 2
    assert ("from 2026-01-31" in row["of"]) is company.seals
    assert f"subject {company.subject}" in row["of"]


def test_a_hold_on_nothing_is_an_error_with_the_next_step(company: Company) -> None:
    """Unless it is meant for what arrives."""
    before = company.objects()
    said = add(company, "--user", "nobody")
    assert (said.code, "--also-empty" in said.err) == (3, True)
    assert company.objects() == before
    said = add(company, "--user", "nobody", "--also-empty")
    assert (said.code, "covers nothing now" in said.err) == (0, True)


def test_an_id_is_given_once(company: Company) -> None:
    """Nothing is signed for the second."""
    assert add(company).code == 0
    before = company.objects()
    said = add(company)
    assert (said.code, "Give another --id" in said.err) == (3, True)
    assert company.objects() == before


def test_nothing_is_ordered_without_a_yes(company: Company) -> None:
    """What it would hold is said all the same."""
    before = company.objects()
    said = company.sign("hold", "add", "--tenant", "acme", "--id", "x", *WHAT)
    assert (said.code, "covers 2 chunks" in said.err) == (64, True)
    assert company.objects() == before


def test_a_release_ends_it_and_the_list_remembers(company: Company) -> None:
    """With --all."""
    assert add(company).code == 0
    words = ("hold", "release", "case-1", *END)
    assert company.sign(*words[:-1]).code == 64
    said = company.sign(*words)
    assert (said.code, "order 2 releases it" in said.err) == (0, True)
    assert "no hold is in force." in said.err
    assert listed(company) == []
    (row,) = listed(company, "--all")
    assert row["released_at"] is not None
    assert company.sign(*words).code == 3


def test_all_of_a_matter_is_listed_and_released_together(company: Company) -> None:
    """And nothing of another one."""
    for name, matter in (("one", "1"), ("two", "1"), ("other", "2")):
        words = ("--matter", matter, "--reason", "x", "--by", "Legal", "--yes")
        assert company.sign("hold", "add", "--tenant", "acme", "--id", name, *words).code == 0
    assert [row["id"] for row in listed(company, "--matter", "1")] == ["one", "two"]
    ending = ("hold", "release", *END)
    assert company.sign(*ending).code == 64
    assert company.sign(*ending, "one", "--matter", "1").code == 64
    assert company.sign(*ending, "--matter", "3").code == 3
    assert company.sign(*ending, "--matter", "1").code == 0
    assert [row["id"] for row in listed(company)] == ["other"]


def test_apply_may_be_repeated_and_signs_nothing(company: Company) -> None:
    """What arrived since is counted."""
    assert add(company).code == 0
    company.say("three", "2026-02-11T09:00:00.000Z")
    company.sync()
    before = company.objects()
    said = company.sign("hold", "apply", "--json")
    assert (said.code, said.json[0]["matching"], said.json[0]["by_record"]) == (0, 3, True)
    assert company.objects() == before


def test_a_program_reads_the_order(company: Company) -> None:
    """With what was done."""
    (done,) = add(company, "--json").json
    assert done["order"]["deed"]["do"] == "hold"
    assert (done["order"]["by"], done["applied"]["matching"]) == ("Legal", 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "2026-02-30"),
        ("--since", "2026-2-3"),
        ("--since", "2026-02-03", "--until", "2026-02-02"),
        ("--subject", "ada"),
        ("--subject", "f" * 32, "--user", "dev"),
        ("--id", "Not A Name"),
        ("--reason", ""),
        ("--by", "x" * 1001),
        ("--by", "not UTF-8: \udcff"),
        ("--user", "not UTF-8: \udcff"),
        ("--matter", "4711\nacme: checkpoint 9"),
        ("--matter", "\x1b]0;owned\x07"),
        ("--conversation", ""),
    ],
)
def test_a_wrong_command_line_is_refused(company: Company, words: tuple[str, ...]) -> None:
    """Before anything is read."""
    before = company.objects()
    assert add(company, *words).code == 64
    assert company.objects() == before


def test_the_tenant_must_be_named(company: Company) -> None:
    """An order is for one."""
    for words in (("add", "--id", "x", *WHAT), ("release", "x", "--reason", "x", "--by", "x")):
        said = company.sign("hold", *words, "--yes")
        assert (said.code, "--tenant" in said.err) == (64, True)


def test_a_list_that_nobody_vouches_for_is_not_shown(company: Company) -> None:
    """Without an admin's public key no order is believed."""
    said = company.archiver("hold", "list", "--archive", company.bucket)
    assert (said.code, "no order can be believed" in said.err) == (3, True)
    key = company.first / "acme.key.pub"
    assert add(company).code == 0
    said = company.archiver(
        "hold", "list", "--json", "--archive", company.bucket, "--admin-key", key
    )
    assert [row["id"] for row in said.json] == ["case-1"]
