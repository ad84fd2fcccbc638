"""``archiver erase`` with real keys: what nobody can read any more, and what still verifies."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from company import Company

if TYPE_CHECKING:
    from pathlib import Path

WHY = ("--basis", "GDPR Art. 17(1)(b)", "--reason", "request 26-017", "--by", "DPO")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Give a company in which one person said two things in two months, all covered."""
    company = Company(tmp_path)
    company.say("one", "2026-01-31T09:00:00.000Z")
    company.say("two", "2026-02-10T09:00:00.000Z")
    company.sync()
    company.vouch()
    return company


def erase(company: Company, *words: object, typed: str = "") -> Any:
    """Erase somebody of acme."""
    return company.sign("erase", "--tenant", "acme", *WHY, *words, typed=typed)


def test_afterwards_no_officer_reads_a_word_of_it(company: Company) -> None:
    """Not from the bucket, and not from a copy of the chunks that was made before."""
    copy = company.chunks()
    assert company.readable("ada", copy) == company.readable("bob", copy) == list(copy)
    assert len(copy) == 2
    said = erase(company, company.subject, "--yes")
    assert (said.code, company.chunks(), company.wraps()) == (0, {}, [])
    for key, body in copy.items():
        path = company.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    assert company.readable("ada", copy) == company.readable("bob", copy) == []
    shown = company.archiver("ls", "--json", "--identity", company.key("ada"))
    assert shown.json["conversations"] == []


def test_a_second_person_is_untouched_byte_for_byte(company: Company) -> None:
    """And their officers read on."""
    eve = company.colleague("eve")
    eve.say("mine")
    eve.sync()
    company.vouch()
    before = {key: body for key, body in company.objects().items() if eve.subject in key}
    assert len(before) == 2
    assert erase(company, company.subject, "--yes").code == 0
    after = {key: body for key, body in company.objects().items() if eve.subject in key}
    assert after == before
    assert company.chunks() == {}
    assert company.readable("bob", eve.chunks()) == list(eve.chunks())


def test_every_manifest_still_verifies(company: Company) -> None:
    """No manifest changed, all that is left is read, and nothing is taken for lost."""
    eve = company.colleague("eve")
    eve.say("mine")
    eve.sync()
    company.vouch()
    manifests = {key: body for key, body in company.objects().items() if "/_manifests/" in key}
    assert erase(company, company.subject, "--yes").code == 0
    company.vouch()
    after = company.objects()
    assert {key: after[key] for key in manifests} == manifests
    said = company.archiver("verify", "--read-data")
    assert (said.code, "Complete and valid." in said.out) == (0, True), said.out


def test_a_loss_is_not_taken_for_an_erasure(company: Company) -> None:
    """What the order does not name is missed."""
    assert erase(company, company.subject, "--since", "2026-02", "--yes").code == 0
    company.vouch()
    (left,) = company.chunks()
    (company.bucket / left).unlink()
    said = company.archiver("verify", "--json")
    assert said.code == 1
    missing = [one["object"] for one in said.json["findings"] if one["code"] == "chunk-missing"]
    assert missing == [left]


def test_one_month_leaves_the_other_readable(company: Company) -> None:
    """Of the same person."""
    assert erase(company, company.subject, "--since", "2026-02", "--yes").code == 0
    (left,) = company.chunks()
    assert "dt=2026-01-31" in left
    assert company.readable("ada", [left]) == [left]


def test_a_person_is_found_by_name(company: Company) -> None:
    """With the tenant's subject key; upper case or lower is the same."""
    said = erase(company, "--user", "DEV", "--yes")
    assert (said.code, company.chunks()) == (0, {})
    assert company.subject in said.err


def test_what_it_means_is_said_before_and_what_to_do_after(company: Company) -> None:
    """Counts and what is not reached; then the policy's line."""
    said = erase(company, company.subject, "--yes")
    assert "2 sealed chunks and 0 in clear" in said.err
    assert "2 month keys in 2 wraps: destroyed, all versions" in said.err
    assert "Not reached by this: the spool" in said.err
    (line,) = (one for one in said.err.splitlines() if "keys_since" in one)
    (value,) = tomllib.loads(line).values()
    assert abs(datetime.now(UTC) - datetime.fromisoformat(value)) < timedelta(minutes=1)
    assert "order 1 erases it" in said.err
    assert "archiver checkpoint" in said.err


def test_with_the_line_in_the_policy_what_is_said_next_can_be_read(company: Company) -> None:
    """Without it the machine would seal to a key that is destroyed."""
    since = erase(company, company.subject, "--yes", "--json").json[0]["keys_since"]
    company.decide(*company.listed, sealing={"keys_since": since})
    company.say("three", "2026-02-12T09:00:00.000Z")
    company.sync()
    (later,) = company.chunks()
    assert company.readable("ada", [later]) == [later]
    company.vouch()
    said = company.sign("erase", "--continue", "--tenant", "acme")
    assert (said.code, company.readable("ada", [later])) == (0, [later])


def test_the_subject_must_be_typed(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal; where nobody is there, only --yes is consent."""
    before = company.objects()
    said = erase(company, company.subject)
    assert (said.code, "pass --yes" in said.err) == (64, True)
    here = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("archiver.cli.erasures.sys", here)
    said = erase(company, company.subject, typed=f"{company.subject[:-1]}\n")
    assert (said.code, "nothing was ordered" in said.err) == (3, True)
    assert company.objects() == before
    assert erase(company, company.subject, typed=f"{company.subject}\n").code == 0
    assert company.chunks() == {}


def test_a_hold_refuses_it_and_a_release_lets_it_be(company: Company) -> None:
    """With the reason and the next step; nothing is touched."""
    hold = ("--id", "case-1", "--matter", "4711", "--reason", "claim", "--by", "Legal")
    added = company.sign("hold", "add", "--tenant", "acme", *hold, "--user", "dev", "--yes")
    assert added.code == 0, added.err
    before = company.objects()
    said = erase(company, company.subject, "--yes")
    assert (said.code, company.objects() == before) == (3, True)
    assert "the hold case-1 (matter 4711) covers 2 chunks" in said.err
    assert "archiver hold release case-1" in said.err
    end = ("--tenant", "acme", "--reason", "settled", "--by", "Legal", "--yes")
    assert company.sign("hold", "release", "case-1", *end).code == 0
    assert erase(company, company.subject, "--yes").code == 0


def test_what_no_checkpoint_covers_refuses_it(company: Company) -> None:
    """The next step makes it possible."""
    company.say("three", "2026-02-11T09:00:00.000Z")
    company.sync()
    said = erase(company, company.subject, "--yes")
    assert (said.code, "no checkpoint covers 1 chunk" in said.err) == (3, True)
    company.vouch()
    assert erase(company, company.subject, "--yes").code == 0


def test_what_was_left_undone_is_completed(company: Company) -> None:
    """By --continue, from the order alone; and then nothing is left to do."""
    wrap = company.wraps()[0]
    body = company.objects()[wrap]
    assert erase(company, company.subject, "--yes").code == 0
    (company.bucket / wrap).parent.mkdir(parents=True)
    (company.bucket / wrap).write_bytes(body)
    said = company.sign("erase", "--continue", "--tenant", "acme", "--json")
    assert (said.code, company.wraps()) == (0, [])
    said = company.sign("erase", "--continue", "--tenant", "acme")
    assert (said.code, "nothing that was ordered to be erased is left" in said.err) == (0, True)


def test_a_tenant_that_does_not_seal_is_erased_by_removal(tmp_path: Path) -> None:
    """And no key is spoken of."""
    company = Company(tmp_path, seals=False)
    company.say("one")
    company.sync()
    company.vouch()
    assert company.chunks()
    said = erase(company, company.subject, "--yes")
    assert (said.code, company.chunks(), "keys_since" in said.err) == (0, {}, False)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("f" * 31,),
        ("F" * 32,),
        ("f" * 32, "--user", "dev"),
        ("f" * 32, "--since", "2026-13"),
        ("f" * 32, "--since", "2026-02", "--until", "2026-01"),
        ("--continue", "--user", "dev"),
        ("f" * 32, "--by", " "),
        ("f" * 32, "--reason", "x" * 1001),
        ("f" * 32, "--basis", "not UTF-8: \udcff"),
    ],
)
def test_a_wrong_command_line_is_refused(company: Company, words: tuple[str, ...]) -> None:
    """Before anything is read."""
    said = erase(company, *words, "--yes")
    assert (said.code, bool(said.err)) == (64, True)


def test_nobody_there_is_no_success(company: Company) -> None:
    """With what helps to find the right one."""
    said = erase(company, "f" * 32, "--yes")
    assert (said.code, "archiver keys list" in said.err, said.out) == (3, True, "")


def test_a_program_reads_what_was_done(company: Company) -> None:
    """One document."""
    said = erase(company, company.subject, "--yes", "--json")
    ((done,), since) = said.json[0]["erasures"], said.json[0]["keys_since"]
    assert (done["complete"], done["chunks_removed"], done["wraps_destroyed"]) == (True, 2, 2)
    assert since.endswith("Z")
