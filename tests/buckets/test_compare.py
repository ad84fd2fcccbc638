"""When a bucket is weaker than its policy, when only different, and when it is the same."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from asking import HOLD, WRITER, ask, share, terms
from hypothesis import given
from hypothesis import strategies as st

from archiver.buckets.compare import compare, weakened
from archiver.buckets.rules import lifecycle_json, lifecycle_rule
from archiver.buckets.statements import NOBODY, policy_document, said
from archiver.buckets.steps import Step, steps
from archiver.buckets.values import Bucket, Default, LifecycleRule, LockRule, Unsupported

if TYPE_CHECKING:
    from archiver.buckets.wanted import Wanted

LOCKED = share(terms(days=30, lock="compliance"))
EXPIRE = "archiver/acme/standard/expire"


def stood(wanted: Wanted) -> Bucket:
    """Give the bucket that is exactly as wanted."""
    return wanted.bucket


def kinds(wanted: Wanted, found: Bucket | None) -> dict[str, str]:
    """Give the kind of each difference, by its aspect."""
    return {one.aspect: one.kind for one in compare(wanted, found)}


def todo(wanted: Wanted, found: Bucket | None) -> tuple[Step, ...]:
    """Give the steps."""
    return steps(wanted, found, compare(wanted, found))


def changed(wanted: Wanted, name: str = EXPIRE, **to: Any) -> Bucket:
    """Give the bucket with one lifecycle rule changed."""
    rules = wanted.bucket.lifecycle
    assert not isinstance(rules, Unsupported)
    return replace(
        wanted.bucket,
        lifecycle=tuple(replace(one, **to) if one.id == name else one for one in rules),
    )


def with_rule(wanted: Wanted, rule: LifecycleRule) -> Bucket:
    """Give the bucket with one lifecycle rule more."""
    assert not isinstance(wanted.bucket.lifecycle, Unsupported)
    return replace(wanted.bucket, lifecycle=(rule, *wanted.bucket.lifecycle))


@pytest.mark.parametrize("kind", ["s3", "r2", "folder"])
def test_a_bucket_as_wanted_differs_in_nothing(kind: str) -> None:
    """And nothing is to be done."""
    wanted = ask(kind=kind)
    assert compare(wanted, stood(wanted)) == ()
    assert todo(wanted, stood(wanted)) == ()


@pytest.mark.parametrize(
    ("change", "aspect"),
    [
        ({"versioning": False}, "versioning"),
        ({"object_lock": False, "default": None}, "object lock"),
        ({"default": None}, "default lock"),
        ({"default": Default("governance", 30)}, "default lock"),
        ({"default": Default("compliance", 29)}, "default lock"),
        ({"public_block": frozenset({"IgnorePublicAcls"})}, "public access block"),
        ({"encryption": ""}, "encryption"),
        ({"versioning": Unsupported("no such thing")}, "versioning"),
    ],
)
def test_less_protection_is_weaker(change: dict[str, Any], aspect: str) -> None:
    """Each is found by itself."""
    wanted = ask(LOCKED)
    assert kinds(wanted, replace(stood(wanted), **change)) == {aspect: "weaker"}


@pytest.mark.parametrize(
    ("change", "aspect"),
    [
        ({"default": Default("compliance", 31)}, "default lock"),
        ({"encryption": "aws:kms"}, "encryption"),
    ],
)
def test_more_protection_is_shown_and_left_alone(change: dict[str, Any], aspect: str) -> None:
    """It is no failure."""
    wanted = ask(LOCKED)
    found = replace(stood(wanted), **change)
    assert kinds(wanted, found) == {aspect: "stronger"}
    assert not weakened(compare(wanted, found))
    assert todo(wanted, found) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"days": 59}, "Loss of data"),
        ({"days": 61}, "stay longer than promised"),
        ({"days": None}, "stay longer than promised"),
        ({"enabled": False}, "stay longer than promised"),
        ({"noncurrent": 1}, "Loss of data"),
        ({"noncurrent": None}, "never removed"),
        ({"prefix": "ai/tenant=acme/"}, "other objects"),
    ],
)
def test_a_changed_rule_of_removal_is_weaker_and_says_why(change: dict[str, Any], why: str) -> None:
    """And it is put right."""
    wanted = ask(LOCKED)
    found = changed(wanted, **change)
    one, *others = compare(wanted, found)
    assert (one.kind, one.aspect, others) == ("weaker", f"lifecycle: {EXPIRE}", [])
    assert why in one.why
    assert [step.do for step in todo(wanted, found)] == ["lifecycle"]


@pytest.mark.parametrize("name", ["archiver/uploads", "archiver/acme/standard/markers"])
@pytest.mark.parametrize(
    "change",
    [
        {"noncurrent": 1},
        {"days": 1, "markers": False},
        {"days": 1, "prefix": "ai/tenant=acme/_manifests/"},
    ],
)
def test_a_rule_under_our_name_that_removes_what_it_should_not_is_weaker(
    name: str, change: dict[str, Any]
) -> None:
    """What nobody looks at is where a removal would be hidden."""
    wanted = ask(LOCKED)
    found = changed(wanted, name, **change)
    assert kinds(wanted, found)[f"lifecycle: {name}"] == "weaker"
    assert [step.do for step in todo(wanted, found)] == ["lifecycle"]


def test_a_rule_under_our_name_is_judged_though_another_does_its_work() -> None:
    """The same rule under a stranger's name is no cover for it."""
    wanted = ask(LOCKED)
    assert not isinstance(wanted.bucket.lifecycle, Unsupported)
    expire = next(one for one in wanted.bucket.lifecycle if one.id == EXPIRE)
    bad = changed(wanted, prefix="ai/tenant=acme/_keys/", days=1)
    found = replace(bad, lifecycle=(*bad.lifecycle, replace(expire, id="copy")))  # type: ignore[misc]
    assert kinds(wanted, found) == {f"lifecycle: {EXPIRE}": "weaker"}


def test_a_rule_that_removes_what_is_held_is_weaker() -> None:
    """The hold came after the rule."""
    found = stood(ask())
    wanted = ask(holds={"acme": (HOLD,)})
    (one,) = compare(wanted, found)
    assert (one.kind, one.why) == (
        "weaker",
        "A hold is in force, and the store would remove what is held.",
    )


def test_without_the_rule_nothing_of_a_held_tenant_is_to_be_done() -> None:
    """A rule that is not there removes nothing."""
    wanted = ask(holds={"acme": (HOLD,)})
    rules = stood(wanted).lifecycle
    assert not isinstance(rules, Unsupported)
    left = tuple(one for one in rules if one.id != EXPIRE)
    assert compare(wanted, replace(stood(wanted), lifecycle=left)) == ()


@pytest.mark.parametrize("enabled", [True, False])
def test_where_nobody_knows_of_holds_the_switch_stays_as_it_is(*, enabled: bool) -> None:
    """And a rule that must be written keeps its state."""
    wanted = ask(holds={"acme": None})
    assert compare(wanted, changed(wanted, enabled=enabled)) == ()
    (step,) = todo(wanted, changed(wanted, enabled=enabled, days=1))
    assert {one.id: one.enabled for one in step.lifecycle}[EXPIRE] is enabled


@pytest.mark.parametrize(
    ("prefix", "days", "harms"),
    [
        ("", 90, True),
        ("ai/", 9999, True),
        ("ai/tenant=acme/", 9999, True),
        ("ai/tenant=acme/_keys/", 9999, True),
        ("ai/tenant=acme/class=standard/", 59, True),
        ("ai/tenant=acme/class=standard/", 60, False),
        ("ai/tenant=acme/class=standard/subject=x", 60, False),
        ("ai/tenant=acme/class=other/", 9999, True),
        ("logs/", 1, False),
    ],
)
def test_a_rule_of_others_that_removes_ours_is_loss_of_data(
    prefix: str, days: int, *, harms: bool
) -> None:
    """It is reported, and a person must act; archiver never takes it away."""
    wanted = ask(LOCKED)
    foreign = LifecycleRule(id="tidy", prefix=prefix, days=days)
    found = with_rule(wanted, foreign)
    assert kinds(wanted, found) == ({"lifecycle: tidy": "weaker"} if harms else {})
    assert todo(wanted, found) == ()
    assert all("Loss of data" in one.why and one.remedy for one in compare(wanted, found))


def test_a_rule_of_others_on_a_date_is_loss_of_data() -> None:
    """Whatever the date is, nobody promised it."""
    wanted = ask(LOCKED)
    rule = lifecycle_rule(
        {
            "ID": "once",
            "Status": "Enabled",
            "Filter": {"Prefix": "ai/tenant=acme/class=standard/"},
            "Expiration": {"Date": "2027-01-01T00:00:00Z"},
        }
    )
    assert kinds(wanted, with_rule(wanted, rule)) == {"lifecycle: once": "weaker"}


def test_a_rule_of_ours_for_a_class_that_went_is_taken_away() -> None:
    """Its chunks stay until somebody says how long."""
    found = stood(ask(share(terms(), terms("audit", 30))))
    wanted = ask(share(terms()))
    assert kinds(wanted, found)["lifecycle: archiver/acme/audit/expire"] == "weaker"
    (step,) = todo(wanted, found)
    assert [one.id for one in step.lifecycle] == [
        one.id
        for one in wanted.bucket.lifecycle  # type: ignore[union-attr]
    ]


def test_rules_for_tenants_of_another_policy_are_not_ours_to_change() -> None:
    """They share the bucket, and have an admin of their own."""
    wanted = ask(LOCKED)
    other = LifecycleRule(
        id="archiver/b/standard/expire", prefix="tenant=b/class=standard/", days=9
    )
    found = replace(changed(wanted, days=1), versioning=True)
    assert not isinstance(found.lifecycle, Unsupported)
    (step,) = todo(wanted, replace(found, lifecycle=(*found.lifecycle, other)))
    assert other in step.lifecycle


@given(seed=st.integers(), form=st.sampled_from(["filter", "old", "and"]))
def test_the_same_rules_in_another_order_and_form_are_the_same(seed: int, form: str) -> None:
    """S3, R2 and Ceph write one rule in three ways."""
    wanted = ask(LOCKED, share(tenant="other"))
    assert not isinstance(wanted.bucket.lifecycle, Unsupported)
    written = [lifecycle_json(one) for one in wanted.bucket.lifecycle]
    for rule in written:
        prefix = rule.pop("Filter")["Prefix"]
        if form == "old":
            rule["Prefix"] = prefix
        else:
            rule["Filter"] = {"And": {"Prefix": prefix}} if form == "and" else {"Prefix": prefix}
    random.Random(seed).shuffle(written)
    found = replace(stood(wanted), lifecycle=tuple(lifecycle_rule(one) for one in written))
    assert compare(wanted, found) == ()


def respelled(statement: dict[str, Any]) -> dict[str, Any]:
    """Write a statement as stores give it back."""
    again = json.loads(json.dumps(statement))
    if again["Principal"] == "*":
        again["Principal"] = {"AWS": "*"}
    elif isinstance(again["Principal"]["AWS"], list) and len(again["Principal"]["AWS"]) == 1:
        again["Principal"]["AWS"] = again["Principal"]["AWS"][0]
    actions = again["Action"]
    again["Action"] = (
        [one.upper().replace("S3:", "s3:") for one in actions]
        if isinstance(actions, list)
        else actions.lower()
    )
    for key in ("Action", "Resource"):
        if isinstance(again[key], list):
            again[key].reverse()
        else:
            again[key] = [again[key]]
    return dict(again)


def test_the_same_statements_in_another_spelling_are_the_same() -> None:
    """Lists of one, order, the case of actions, and the star of a principal do not count."""
    wanted = ask(LOCKED)
    assert not isinstance(wanted.bucket.statements, Unsupported)
    written = policy_document(wanted.bucket.statements)["Statement"]
    found = replace(stood(wanted), statements=tuple(said(respelled(one)) for one in written))
    assert compare(wanted, found) == ()


def test_each_missing_statement_is_weaker_and_those_of_others_stay_word_for_word() -> None:
    """Also where one is there under our name and says something else."""
    wanted = ask(LOCKED)
    foreign = {"Effect": "Allow", "Principal": {"AWS": WRITER}, "Action": "s3:PutObject"}
    other = {"Sid": "ArchiverOnlyTls", "Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    found = replace(stood(wanted), statements=(said(foreign), said(other)))
    assert set(kinds(wanted, found).values()) == {"weaker"}
    assert len(kinds(wanted, found)) == 4
    (step,) = todo(wanted, found)
    written = policy_document(step.statements)["Statement"]
    assert written[0] == foreign
    assert other not in written
    assert len(written) == 5


def test_who_writes_must_be_said_before_writers_are_bound() -> None:
    """Without it nothing is bound, a person is told, and what binds already stands."""
    known = ask(LOCKED)
    unknown = ask(LOCKED, parties=NOBODY)
    assert compare(unknown, stood(known)) == ()
    bare = replace(stood(known), statements=())
    told = {one.aspect: one.remedy for one in compare(unknown, bare)}
    assert "--writer-arn" in told["bucket policy: ArchiverWritersOnlyWrite"]
    (step,) = todo(unknown, bare)
    assert [one.sid for one in step.statements] == ["ArchiverOnlyTls", "ArchiverOnlyNewObjects"]


PUBLIC = {"Sid": "Web", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.mark.parametrize(
    ("statement", "blocked", "kind"),
    [
        (PUBLIC, True, "different"),
        (PUBLIC, False, "weaker"),
        ({**PUBLIC, "Principal": {"AWS": ["*"]}}, False, "weaker"),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": WRITER}, "Action": "s3:*"}, False, "weaker"),
        ({**PUBLIC, "Principal": {"AWS": WRITER}}, False, None),
        ({**PUBLIC, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, False, None),
        ({**PUBLIC, "Effect": "Deny"}, False, None),
    ],
)
def test_a_statement_of_others_that_lets_everybody_in_is_told(
    statement: dict[str, Any], *, blocked: bool, kind: str | None
) -> None:
    """Only the public access block would keep it from showing conversations to the world."""
    wanted = ask(LOCKED)
    there = stood(wanted)
    block = there.public_block if blocked else Unsupported("no such thing")
    assert not isinstance(there.statements, Unsupported)
    found = replace(there, statements=(*there.statements, said(statement)), public_block=block)
    told = {one: other for one, other in kinds(wanted, found).items() if "policy" in one}
    assert list(told.values()) == ([kind] if kind else [])
    assert todo(wanted, found) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"AWS": []}},
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "*"}}},
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::123456789012:*"]}}},
        {"Condition": {"ArnNotLike": {"aws:SourceArn": WRITER}}},
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": WRITER, "aws:SourceArn": WRITER}}},
    ],
)
def test_who_is_not_known_is_not_everybody_nor_nobody(change: dict[str, Any]) -> None:
    """A statement that exempts all, or names none, binds no writer."""
    unknown = ask(LOCKED, parties=NOBODY)
    assert not isinstance(unknown.bucket.statements, Unsupported)
    statements = tuple(
        said(json.loads(one.raw) | change) if one.sid == "ArchiverWritersOnlyWrite" else one
        for one in stood(ask(LOCKED)).statements  # type: ignore[union-attr]
    )
    found = replace(stood(unknown), statements=statements)
    assert kinds(unknown, found) == {"bucket policy: ArchiverWritersOnlyWrite": "weaker"}


def test_a_bucket_that_is_not_there_is_made_first_and_nothing_else() -> None:
    """With Object Lock where it is wanted: some servers know it at no other time."""
    (step,) = todo(ask(LOCKED), None)
    assert (step.do, step.object_lock, bool(step.forever)) == ("create", True, True)
    (plain,) = todo(ask(), None)
    assert (plain.object_lock, plain.forever) == (False, "")


def test_what_protects_comes_before_what_removes() -> None:
    """Versioning before the lock, the lock before the policy, removal at the very end."""
    wanted = ask(LOCKED)
    bare = replace(
        stood(wanted),
        versioning=False,
        object_lock=False,
        default=None,
        public_block=frozenset(),
        encryption="",
        statements=(),
        lifecycle=(),
    )
    assert [one.do for one in todo(wanted, bare)] == [
        "public block",
        "encryption",
        "versioning",
        "object lock",
        "policy",
        "lifecycle",
    ]


@pytest.mark.parametrize("held", [(), (HOLD,)])
def test_a_lifecycle_that_removes_less_comes_first(held: tuple[Any, ...]) -> None:
    """A hold, or a rule that was too short, cannot wait for the rest."""
    wanted = ask(LOCKED, holds={"acme": held})
    found = replace(changed(wanted, days=3, enabled=True), versioning=False)
    assert [one.do for one in todo(wanted, found)] == ["lifecycle", "versioning"]


def test_a_lifecycle_that_removes_earlier_than_the_one_there_comes_last() -> None:
    """Also where there is a rule already."""
    wanted = ask(LOCKED)
    found = replace(changed(wanted, days=99), versioning=False)
    assert [one.do for one in todo(wanted, found)] == ["versioning", "lifecycle"]
    never = replace(changed(wanted, noncurrent=None), versioning=False)
    assert [one.do for one in todo(wanted, never)] == ["versioning", "lifecycle"]


def test_enabling_a_lock_and_a_default_in_compliance_mode_are_asked_about() -> None:
    """Nobody can undo them."""
    wanted = ask(LOCKED)
    found = replace(stood(wanted), object_lock=False, default=None)
    (step,) = todo(wanted, found)
    assert "cannot be disabled" in step.forever
    assert "30 days" in step.forever
    (step,) = todo(wanted, replace(stood(wanted), default=None))
    assert step.forever.startswith("From now on nobody")


@pytest.mark.parametrize(
    ("before", "asks"),
    [({"days": 61}, True), ({"enabled": False}, True), ({"days": 59}, False)],
)
def test_a_removal_that_comes_sooner_is_asked_about(before: dict[str, Any], *, asks: bool) -> None:
    """A policy that was shortened removes what is there, and nobody brings it back."""
    wanted = ask(LOCKED)
    (step,) = todo(wanted, changed(wanted, **before))
    assert ("60 days below ai/tenant=acme/class=standard/" in step.forever) is asks
    assert bool(step.forever) is asks


def test_a_first_removal_is_asked_about_and_the_end_of_a_default_lock() -> None:
    """The policy said for ever until now; a tenant begins to seal."""
    wanted = ask(LOCKED)
    (step,) = todo(wanted, replace(stood(wanted), lifecycle=()))
    assert "60 days" in step.forever
    sealed = ask(replace(LOCKED, sealed=True))
    (step,) = todo(sealed, stood(wanted))
    assert (step.do, step.default) == ("object lock", None)
    assert "compliance for 30 days" in step.forever


def test_a_default_lock_never_becomes_less_in_either_way() -> None:
    """Stricter but shorter than wanted: the stricter mode and the longer time."""
    wanted = ask(share(terms(days=30, lock="governance")))
    (step,) = todo(wanted, replace(stood(wanted), default=Default("compliance", 5)))
    assert step.default == Default("compliance", 30)


LOCK = LockRule(
    id="archiver/acme/standard", prefix="ai/tenant=acme/class=standard/", seconds=86_400
)
RULED = share(terms(days=1, lock="rule"))


@pytest.mark.parametrize(
    "found",
    [
        (),
        (replace(LOCK, enabled=False),),
        (replace(LOCK, seconds=86_399),),
        (replace(LOCK, prefix="ai/tenant=acme/class=standard/subject="),),
    ],
)
def test_a_missing_or_shorter_lock_rule_is_weaker(found: tuple[LockRule, ...]) -> None:
    """And it is set."""
    wanted = ask(RULED, kind="r2")
    there = replace(stood(wanted), lock_rules=found)
    assert kinds(wanted, there) == {"lock rule: archiver/acme/standard": "weaker"}
    (step,) = todo(wanted, there)
    assert step.lock_rules == (LOCK,)


@pytest.mark.parametrize(
    "other",
    [
        replace(LOCK, seconds=None, until="2099-01-01T00:00:00Z"),
        replace(LOCK, prefix="before/tenant=acme/class=standard/"),
        replace(LOCK, seconds=None, other="something new"),
    ],
)
def test_a_lock_rule_under_our_name_that_locks_something_else_stays_beside_ours(
    other: LockRule,
) -> None:
    """Until a date, where the prefix was another one, or by a condition that nobody knows here."""
    wanted = ask(RULED, kind="r2")
    there = replace(stood(wanted), lock_rules=(other,))
    assert kinds(wanted, there) == {"lock rule: archiver/acme/standard": "weaker"}
    (step,) = todo(wanted, there)
    assert step.lock_rules == (replace(other, id="before/archiver/acme/standard"), LOCK)
    assert todo(wanted, replace(there, lock_rules=step.lock_rules)) == ()


def test_a_lock_rule_is_never_shortened_nor_taken_away() -> None:
    """A policy that becomes shorter does not unlock what is locked."""
    wanted = ask(RULED, kind="r2")
    longer = replace(stood(wanted), lock_rules=(replace(LOCK, seconds=99_999),))
    assert kinds(wanted, longer) == {"lock rule: archiver/acme/standard": "stronger"}
    assert todo(wanted, longer) == ()
    without = ask(share(terms(days=1)), kind="r2")
    assert kinds(without, stood(wanted)) == {"lock rule: archiver/acme/standard": "stronger"}
    assert todo(without, stood(wanted)) == ()


def test_the_rule_of_a_hold_goes_with_the_hold_and_the_lock_of_the_class_stays() -> None:
    """Even where the hold's rule was the only one that kept it."""
    held = ask(RULED, kind="r2", holds={"acme": (HOLD,)})
    only = replace(stood(held), lock_rules=(held.bucket.lock_rules[1],))  # type: ignore[index]
    released = ask(RULED, kind="r2", holds={"acme": ()})
    step = next(one for one in todo(released, only) if one.do == "lock rules")
    assert step.lock_rules == (LOCK,)
    unknown = ask(RULED, kind="r2", holds={"acme": None})
    (step,) = todo(unknown, only)
    assert set(step.lock_rules) == {LOCK, *only.lock_rules}  # type: ignore[misc]


def test_a_lock_of_others_over_wrapped_keys_is_told() -> None:
    """Nobody could be erased under it."""
    wanted = ask(RULED, kind="r2")
    foreign = LockRule(id="all", prefix="", seconds=9)
    there = replace(stood(wanted), lock_rules=(foreign, LOCK))
    assert kinds(wanted, there) == {"lock rule: all": "different"}
    assert todo(wanted, there) == ()
