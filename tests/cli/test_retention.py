"""``archiver retention`` as an admin meets it: plan, apply, report, and every way to be wrong."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from company import Company

from archiver.cli.retentiontables import plan_json, show_plan
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import rfc3339
from archiver.retention.due import Verdict
from archiver.retention.plan import Group, Plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealedworld import Said

YEAR = {"retention": {"days": 365}}


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Give a company that keeps everything for a year, and has two chunks, covered."""
    company = Company(tmp_path, rules=YEAR)
    company.say("one", "2026-01-31T09:00:00.000Z")
    company.say("two", "2026-02-10T09:00:00.000Z")
    company.sync()
    company.vouch()
    return company


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[Company, float], None]:
    """Give what lets days pass on the admin's machine; the admin signs, as daily."""

    def pass_days(company: Company, days: float) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(days=days)

        for module in ("retentions", "checkpoints", "holds"):
            monkeypatch.setattr(f"archiver.cli.{module}.datetime", Later)
        assert company.sign("checkpoint", "--force").code == 0

    return pass_days


def chunks(company: Company) -> set[str]:
    """Give the chunks that are there."""
    return {key for key in company.objects() if isinstance(parse_key(key), ChunkKey)}


def apply(company: Company, *words: object, typed: str = "") -> Said:
    """Let expire what is due."""
    return company.sign("retention", "apply", *words, typed=typed)


def test_a_plan_says_when_what_is_due(company: Company) -> None:
    """As a table for people and as JSON for programs; nothing is changed."""
    before = company.objects()
    said = company.archiver("retention", "plan")
    assert said.code == 0, said.err
    header, row = said.out.splitlines()
    assert header.split() == ["TENANT", "CLASS", "WHAT", "DUE", "IN", "CHUNKS", "STORED", "WHEN"]
    assert row.split()[:2] == ["acme", "standard"]
    assert "not yet due" in row
    assert "acme: 0 chunks (0 B) are due." in said.err
    (one,) = company.archiver("retention", "plan", "--json").json
    (klass,) = one["classes"]
    assert (klass["class"], klass["days"], klass["due"]) == ("standard", 365, 0)
    assert klass["next_due"][:10] in row
    assert company.objects() == before


def test_a_plan_as_of_a_later_day_shows_what_will_be_due(company: Company) -> None:
    """At the end of that day."""
    (now,) = company.archiver("retention", "plan", "--json").json
    day = now["classes"][0]["next_due"][:10]
    (then,) = company.archiver("retention", "plan", "--json", "--as-of", day).json
    assert then["classes"][0]["due"] == 2
    eve = (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()
    (before,) = company.archiver("retention", "plan", "--json", "--as-of", eve).json
    assert before["classes"][0]["due"] == 0


def test_a_table_shows_a_year_and_folds_the_rest() -> None:
    """With the dates of the rest; a program gets every month."""
    at = datetime(2030, 1, 10, tzinfo=UTC)
    this = Plan(at, {}, {}, None, 0)
    for month in range(20):
        due = at + timedelta(days=30.5 * month)
        name = ("standard", Verdict.COMING, f"{due:%Y-%m}")
        this.groups[name] = Group(1, 1024, rfc3339(at), due, due)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        show_plan([("acme", this)])
    _, *rows = out.getvalue().splitlines()
    assert len(rows) == 13
    assert " later " in rows[-1]
    assert "8       8.0 KiB" in rows[-1]
    assert rows[-1].endswith("to 2031-08-12")
    assert len(plan_json("acme", this)["groups"]) == 20


def test_a_plan_of_a_copy_takes_its_terms_from_the_policy(company: Company) -> None:
    """And believes the admins that stand there."""
    copy = ("--archive", company.bucket, "--config", company.policy)
    (one,) = company.archiver("retention", "plan", "--json", *copy).json
    assert one["groups"][0]["chunks"] == 2


def test_what_is_due_expires(company: Company, later: Callable[..., None]) -> None:
    """Ordered, removed, and accounted for; what is not due is not touched."""
    company.archiver("verify")
    later(company, 366)
    others = {key: body for key, body in company.objects().items() if "/class=" not in key}
    said = apply(company, "--yes", "--by", "records office")
    assert said.code == 0, said.err
    assert "acme: 2 chunks" in said.err
    assert "are due and can go." in said.err
    assert "acme: order 1 lets 2 chunks expire." in said.err
    assert "archiver checkpoint" in said.err
    assert chunks(company) == set()
    after = {key: body for key, body in company.objects().items() if "/_orders/" not in key}
    assert after == others
    found = company.archiver("verify", "--json").json["findings"]
    assert "chunk-missing" not in {one["code"] for one in found}


def test_before_its_time_nothing_expires(company: Company, later: Callable[..., None]) -> None:
    """Not a day before."""
    later(company, 364)
    said = apply(company, "--yes")
    assert (said.code, "acme: nothing is due." in said.err) == (0, True)
    assert len(chunks(company)) == 2


def test_it_asks_first_and_takes_no_for_an_answer(
    company: Company, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody is there to ask, only --yes is consent."""
    later(company, 366)
    before = company.objects()
    said = apply(company)
    assert (said.code, "pass --yes" in said.err) == (64, True)
    here = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True), stderr=io.StringIO())
    monkeypatch.setattr("archiver.cli.output.sys", here)
    said = apply(company, typed="n\n")
    assert said.code == 130
    assert company.objects() == before


def test_a_shortened_policy_is_warned_of_and_needs_its_own_yes(
    company: Company, later: Callable[..., None]
) -> None:
    """With counts."""
    later(company, 40)
    company.decide(*company.listed, retention={"days": 30})
    said = company.archiver("retention", "plan")
    assert "2 chunks of the class standard" in said.err
    said = apply(company, "--yes")
    assert (said.code, "--accept-shortened" in said.err) == (3, True)
    assert "2 chunks of acme are due only because the policy was shortened" in said.err
    assert len(chunks(company)) == 2
    assert apply(company, "--yes", "--accept-shortened").code == 0
    assert chunks(company) == set()


def test_record_only_signs_and_removes_nothing(
    company: Company, later: Callable[..., None]
) -> None:
    """The next run without it does."""
    later(company, 366)
    said = apply(company, "--yes", "--record-only", "--json")
    assert (said.code, said.json[0]["orders"], len(chunks(company))) == (0, [1], 2)
    said = apply(company, "--yes", "--json")
    assert (said.json[0]["completed"]["removed"], chunks(company)) == (2, set())


def test_a_hold_outlives_expiry(company: Company, later: Callable[..., None]) -> None:
    """Released, it goes."""
    later(company, 366)
    why = ("--matter", "4711", "--reason", "claim", "--by", "Legal", "--yes")
    held = ("--until", "2026-02-01")
    assert company.sign("hold", "add", "--tenant", "acme", "--id", "c", *why, *held).code == 0
    said = apply(company, "--yes")
    assert said.code == 0
    assert "1 chunks stay: held." in said.err
    (left,) = chunks(company)
    assert "dt=2026-01-31" in left
    end = ("--tenant", "acme", "--reason", "settled", "--by", "Legal", "--yes")
    assert company.sign("hold", "release", "c", *end).code == 0
    assert apply(company, "--yes").code == 0
    assert chunks(company) == set()


def test_what_is_not_covered_waits(company: Company, later: Callable[..., None]) -> None:
    """The exit code says so, and the advice is a checkpoint."""
    company.say("three", "2026-02-11T09:00:00.000Z")
    company.sync()
    there = chunks(company)
    before = {key for key in company.objects() if "_checkpoints" in key}
    later(company, 366)  # covers it: so take that checkpoint away, and what remembers it
    for key in {key for key in company.objects() if "_checkpoints" in key} - before:
        (company.bucket / key).unlink()
    for path in (company.first / "admin-state" / "admin").glob("*.json"):
        path.unlink()
    said = company.archiver("retention", "plan", "--as-of", "2099-01-01")
    assert "1 chunks stay: not covered." in said.err
    assert "→ Run `archiver checkpoint`" in said.err
    assert chunks(company) == there


def test_what_somebody_altered_stays_and_needs_somebody(
    company: Company, later: Callable[..., None]
) -> None:
    """Exit code 1, and its key."""
    later(company, 366)
    key = min(chunks(company))
    (company.bucket / key).write_bytes(b"altered")
    said = apply(company, "--yes", "--json")
    assert (said.code, chunks(company)) == (1, {key})
    assert said.json[0]["keys"] == {"not what its manifest lists": [key]}
    assert "archiver verify --read-data" in said.err


def test_a_report_for_the_auditor(company: Company, later: Callable[..., None]) -> None:
    """Terms, what is there, what went by which order, and what is held."""
    later(company, 366)
    why = ("--matter", "4711", "--reason", "claim", "--by", "Legal", "--yes")
    company.sign("hold", "add", "--tenant", "acme", "--id", "c", *why, "--until", "2026-02-01")
    apply(company, "--yes", "--by", "records office")
    said = company.archiver("retention", "report")
    assert said.code == 0, said.err
    classes, _, gone = (line for line in said.out.splitlines()[1:4])
    assert classes.split()[:5] == ["acme", "standard", "365", "none", "1"]
    assert classes.endswith("1 held")
    assert "records office" in said.out
    assert "hold c (matter 4711)" in said.out
    assert "checkpoint 3 of" in said.out or "checkpoint 2 of" in said.out
    assert gone.split()[:3] == ["TENANT", "ORDER", "KIND"]
    (one,) = company.archiver("retention", "report", "--json").json
    (row,) = one["gone"]
    assert (row["order"], row["kind"], row["what"], row["why"]) == (
        2, "expiry", "standard", "365 days",
    )  # fmt: skip
    assert (row["by"], row["chunks"]) == ("records office", 1)
    assert one["classes"][0]["refused"] == {"held": 1}
    assert [held["id"] for held in one["holds"]] == ["c"]
    assert one["policy"]
    assert one["covered_at"]


def test_a_report_tells_what_was_erased(company: Company) -> None:
    """By subject, with the legal basis."""
    why = ("--basis", "Art. 17", "--reason", "26-1", "--by", "DPO", "--yes")
    assert company.sign("erase", "--tenant", "acme", company.subject, *why).code == 0
    (one,) = company.archiver("retention", "report", "--json").json
    (row,) = one["gone"]
    assert (row["kind"], row["what"], row["why"]) == ("erasure", company.subject, "Art. 17")
    assert one["classes"][0]["chunks"] == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("plan", "--as-of", "tomorrow"), 64, "is not a time"),
        (("plan", "--tenant", "nobody"), 64, "No such tenant"),
        (("plan", "--config", "/nonexistent.toml"), 78, "/nonexistent.toml"),
        (("plan", "--admin-key", "nonsense"), 3, ""),
        (("apply",), 64, "--admin-key"),
        (("apply", "--admin-key", "/nonexistent.key"), 3, "cannot be read"),
        (("apply", "--admin-key", "/nonexistent.key", "--by", " "), 64, "says nothing"),
        (("report", "--archive", "/nonexistent"), 3, "/nonexistent"),
    ],
)
def test_wrong_input_is_told(
    company: Company, words: tuple[str, ...], code: int, told: str
) -> None:
    """With the code that it always has, and nothing is changed."""
    before = company.objects()
    said = company.archiver("retention", *words)
    assert (said.code, told in said.err) == (code, True), said.err
    assert company.objects() == before


def test_negative_days_are_refused_by_the_policy(company: Company) -> None:
    """Before anything is read."""
    company.decide(*company.listed, retention={"days": -1})
    said = company.archiver("retention", "plan")
    assert (said.code, "1 to 36500 days" in said.err) == (78, True)


def test_a_tenant_that_the_policy_does_not_name_is_no_guess(company: Company) -> None:
    """A copy without its policy has no terms."""
    document = json.loads(company.policy.read_text())
    document["tenants"][0]["id"] = "other"
    company.policy.write_text(json.dumps(document))
    said = company.archiver("retention", "plan", "--archive", company.bucket)
    assert (said.code, "does not name the tenant acme" in said.err) == (78, True)


def test_a_clock_behind_the_last_checkpoint_stops_it(
    company: Company, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It decides what is due."""
    later(company, 366)
    monkeypatch.setattr("archiver.cli.retentions.datetime", datetime)
    said = apply(company, "--yes")
    assert (said.code, "this clock says earlier" in said.err) == (3, True)
    assert "Set the clock" in said.err
    assert len(chunks(company)) == 2


def test_a_process_that_is_killed_is_completed(
    company: Company, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the order and the first removal."""

    def die(point: str) -> None:
        if point == "retention.ordered":
            raise KeyboardInterrupt

    later(company, 366)
    monkeypatch.setattr("archiver.durable.files.observer", die)
    assert apply(company, "--yes").code == 130
    assert len(chunks(company)) == 2
    monkeypatch.setattr("archiver.durable.files.observer", lambda _point: None)
    said = apply(company, "--yes")
    assert "what earlier orders had left: 2 chunks" in said.err
    assert (said.code, chunks(company)) == (0, set())
