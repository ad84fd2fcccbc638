"""Statements stand one after another, or it is said why they do not."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged, NotSigned
from archiver.evidence import checkpoint, merkle, note, statement
from archiver.evidence.checkpoint import Checkpoint
from archiver.evidence.keys import SigningKey
from archiver.evidence.statement import Break, RollupEntry, Statement, follows, next_statement

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

Days = list[tuple[Statement, str]]


def but(value: Statement, **fields: Any) -> Statement:
    """Give the same statement with other fields."""
    return msgspec.structs.replace(value, **fields)


def test_three_days_stand_after_one_another(days: Days) -> None:
    """And only in their order."""
    (one, one_sha), (two, two_sha), (three, _) = days
    assert follows(None, None, one) is None
    assert follows(one, one_sha, two) is None
    assert follows(two, two_sha, three) is None
    assert [day.size for day, _ in days] == [3, 7, 9]


def test_a_signed_statement_comes_back_as_it_was(admin: SigningKey, days: Days) -> None:
    """With every field in use."""
    for value, _ in days:
        assert statement.opened(statement.sign(value, admin), admin.public) == value


def test_the_checkpoint_inside_is_a_note_that_other_programs_read(
    admin: SigningKey, days: Days
) -> None:
    """Its text is that of tlog-checkpoint."""
    value = days[-1][0]
    text = note.opened(value.checkpoint.encode(), admin.public)
    assert checkpoint.decode(text) == Checkpoint("archiver/acme", 9, bytes.fromhex(value.root))
    assert statement.checkpoint_of(value).size == 9


def test_a_day_without_news_is_said_too(admin: SigningKey, days: Days) -> None:
    """Silence is distinguishable from deletion."""
    last, sha256 = days[-1]
    quiet = next_statement(last, sha256, [], tenant="acme", key=admin, now=NOW + timedelta(days=3))
    assert (quiet.root, quiet.consistency, quiet.rollups) == (last.root, (), ())
    assert follows(last, sha256, quiet) is None


def test_an_empty_tenant_has_a_first_statement(admin: SigningKey) -> None:
    """Of a tree without leaves."""
    empty = next_statement(None, None, [], tenant="acme", key=admin, now=NOW)
    assert follows(None, None, empty) is None
    assert bytes.fromhex(empty.root) == merkle.EMPTY_ROOT


def test_the_windows_of_statements_join(days: Days) -> None:
    """Each begins where the last ended."""
    (one, _), (two, _), _ = days
    assert one.window.since is None
    assert two.window.since == one.window.until


def test_a_wrong_number_is_seen(days: Days) -> None:
    """One too early, one too late, a first that is not the first."""
    (one, one_sha), (two, two_sha), (three, _) = days
    assert follows(one, one_sha, three) is Break.SEQUENCE
    assert follows(two, two_sha, two) is Break.SEQUENCE
    assert follows(None, None, two) is Break.SEQUENCE
    assert follows(one, one_sha, but(two, seq=3)) is Break.SEQUENCE


def test_another_predecessor_is_seen(days: Days) -> None:
    """The chain was forked, or the statement before exchanged."""
    (one, one_sha), (two, _), _ = days
    assert follows(one, "f" * 64, two) is Break.PREVIOUS
    assert follows(one, one_sha, but(two, previous=None)) is Break.PREVIOUS
    assert follows(None, None, but(one, previous="f" * 64)) is Break.PREVIOUS


def test_another_tenant_is_seen(admin: SigningKey, days: Days) -> None:
    """Whether it says so, or its checkpoint does."""
    one, one_sha = days[0]
    other = next_statement(one, one_sha, [], tenant="other", key=admin, now=NOW)
    assert follows(one, one_sha, other) is Break.TENANT
    assert follows(one, one_sha, but(other, tenant="acme")) is Break.CHECKPOINT


def later(admin: SigningKey, before: Statement, leaves: list[bytes], days: Days) -> Statement:
    """Make a statement whose tree has these leaves but calls itself the one after the first."""
    made = next_statement(None, None, leaves, tenant="acme", key=admin, now=NOW + timedelta(days=1))
    added = max(made.size - before.size, 0)
    entry = RollupEntry(key="r", sha256="0" * 64, stored_bytes=1, first=before.size, count=added)
    rollups = (entry,) if added else ()
    return but(made, seq=2, previous=days[0][1], rollups=rollups)


def test_a_smaller_tree_is_seen(admin: SigningKey, days: Days) -> None:
    """A tail was cut off before the admin's own signature."""
    one, one_sha = days[0]
    less = later(admin, one, [bytes(32)] * 2, days)
    assert follows(one, one_sha, less) is Break.SHRUNK


def test_a_rewritten_history_is_seen(admin: SigningKey, days: Days) -> None:
    """Whatever proof stands beside it: none, that of the true tree, that of the false one."""
    one, one_sha = days[0]
    false = [hashlib.sha256(b"%d" % number).digest() for number in range(7)]
    rewritten = later(admin, one, false, days)
    own = tuple(proof.hex() for proof in merkle.consistency_proof(false, one.size))
    for proof in ((), days[1][0].consistency, own):
        this = but(rewritten, consistency=proof)
        assert follows(one, one_sha, this) is Break.INCONSISTENT


def test_the_same_size_with_another_root_is_seen(admin: SigningKey, days: Days) -> None:
    """No growth is no excuse."""
    one, one_sha = days[0]
    this = later(admin, one, [bytes(32)] * one.size, days)
    assert follows(one, one_sha, this) is Break.INCONSISTENT


@pytest.mark.parametrize("change", ["size", "root", "peaks", "checkpoint"])
def test_parts_that_disagree_are_seen(admin: SigningKey, days: Days, change: str) -> None:
    """Two readers must not take two different trees from one statement."""
    (one, one_sha), (two, _), (three, _) = days
    this = but(two, **{change: getattr(three, change)})
    assert follows(one, one_sha, this) is Break.CHECKPOINT
    head = Checkpoint("archiver/other", two.size, bytes.fromhex(two.root))
    foreign = note.write(checkpoint.encode(head), admin).decode()
    assert follows(one, one_sha, but(two, checkpoint=foreign)) is Break.CHECKPOINT
    assert follows(one, one_sha, but(two, checkpoint="no note")) is Break.CHECKPOINT
    for peaks in (two.peaks[:-1], two.peaks[::-1]):
        assert follows(one, one_sha, but(two, peaks=peaks)) is Break.CHECKPOINT


def test_rollups_that_leave_out_or_repeat_leaves_are_seen(days: Days) -> None:
    """A reader of roll-ups must see every leaf once."""
    (one, one_sha), (two, _), _ = days
    [entry] = two.rollups
    halves = [msgspec.structs.replace(entry, count=2), msgspec.structs.replace(entry, first=5)]
    halves[1] = msgspec.structs.replace(halves[1], count=2)
    assert follows(one, one_sha, but(two, rollups=tuple(halves))) is None
    empty = msgspec.structs.replace(entry, count=0)
    for wrong in ((), (halves[0],), (halves[1],), halves[::-1], (entry, entry), (empty, entry)):
        assert follows(one, one_sha, but(two, rollups=tuple(wrong))) is Break.ROLLUPS


def test_a_clock_that_went_backwards_is_seen(days: Days) -> None:
    """The least of the problems, and still one."""
    (one, one_sha), (two, _), _ = days
    early = but(two, created_at="2026-01-31T09:29:59.999Z")
    assert follows(one, one_sha, early) is Break.CLOCK
    assert follows(one, one_sha, but(two, created_at=one.created_at)) is None


def test_a_statement_of_another_admin_is_refused(admin: SigningKey, days: Days) -> None:
    """And one whose checkpoint another signed."""
    other = SigningKey.generate("admin/acme")
    value = days[0][0]
    with pytest.raises(NotSigned):
        statement.opened(statement.sign(value, other), admin.public)
    text = note.read(value.checkpoint.encode()).text
    mixed = but(value, checkpoint=note.write(text, other).decode())
    with pytest.raises(NotSigned):
        statement.opened(statement.sign(mixed, admin), admin.public)


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2, "size": "many"},
        {"v": 0},
        {"size": -1},
        {"size": 2**63},
        {"root": "0" * 63},
        {"peaks": ["x"]},
        {"consistency": ["0" * 63 + "\n"]},
        {"checkpoint": None},
        {"checkpoint": "\ud800"},
        {"registry": ""},
        {"window": {"from": "0001-01-01T00:00:00.000+23:59", "to": "2026-01-31T09:30:00.000Z"}},
        {"window": {"from": None, "to": "2026-02-31T09:30:00.000Z"}},
        {"created_at": "2026-02-31T09:30:00.000Z"},
        {"rollups": [{"key": "x"}]},
    ],
)
def test_a_statement_that_breaks_a_rule_is_damage(days: Days, fields: dict[str, Any]) -> None:
    """Though its admin signed it."""
    text = json.dumps({**json.loads(msgspec.json.encode(days[1][0])), **fields}).encode()
    with pytest.raises(Damaged):
        statement.decode(text + b"\n")


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_any_days_follow_each_other(admin: SigningKey, news: list[int]) -> None:
    """What is made by rule is accepted by rule, with only the last statement at hand."""
    last, sha256, leaves = None, None, []
    for day, count in enumerate(news):
        new = [merkle.leaf_hash(b"%d %d" % (day, one)) for one in range(count)]
        entry = RollupEntry(
            key="r", sha256="0" * 64, stored_bytes=1, first=len(leaves), count=count
        )
        this = next_statement(
            last,
            sha256,
            new,
            tenant="acme",
            key=admin,
            now=NOW + timedelta(days=day),
            rollups=(entry,) if count else (),
        )
        body = statement.sign(this, admin)
        read = statement.opened(body, admin.public)
        assert follows(last, sha256, read) is None
        leaves += new
        tree = merkle.Tree()
        tree.extend(leaves)
        assert (read.size, read.root) == (tree.size, tree.root().hex())
        last, sha256 = read, hashlib.sha256(body).hexdigest()
