"""What a bucket must enforce by itself, as the policy's rules ask for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from asking import HOLD, SUBJECT, WRITER, ask, share, terms
from hypothesis import given
from hypothesis import strategies as st

from archiver.buckets.statements import Parties
from archiver.buckets.values import Default, LifecycleRule, LockRule, Place, Unsupported
from archiver.errors import BucketUnfit

if TYPE_CHECKING:
    from archiver.buckets.wanted import Wanted


def lifecycle(wanted: Wanted) -> dict[str, LifecycleRule]:
    """Give the lifecycle rules by id."""
    assert not isinstance(wanted.bucket.lifecycle, Unsupported)
    return {rule.id: rule for rule in wanted.bucket.lifecycle}


def test_a_class_is_removed_after_its_days_and_the_grace() -> None:
    """And what was replaced, after another grace."""
    rules = lifecycle(ask(share(terms(days=180), grace_days=30)))
    assert rules["archiver/acme/standard/expire"] == LifecycleRule(
        id="archiver/acme/standard/expire",
        prefix="ai/tenant=acme/class=standard/",
        days=210,
        noncurrent=30,
    )


def test_a_class_that_stays_for_ever_has_no_rule() -> None:
    """Only uploads that nobody finished are removed."""
    assert list(lifecycle(ask(share(terms(days=None))))) == ["archiver/uploads"]


@given(
    days=st.lists(st.none() | st.integers(1, 36_500), min_size=1, max_size=5),
    prefix=st.sampled_from(["", "ai", "a/b"]),
    kind=st.sampled_from(["s3", "r2"]),
    held=st.sampled_from([(), (HOLD,), None]),
)
def test_no_rule_ever_reaches_what_is_no_chunk(
    days: list[int | None], prefix: str, kind: str, held: tuple[object, ...] | None
) -> None:
    """Not keys, manifests or orders: every rule that removes or locks lies below a class."""
    classes = [terms(f"c{number}", one) for number, one in enumerate(days)]
    wanted = ask(share(*classes, prefix=prefix), kind=kind, holds={"acme": held})
    folder = f"{prefix}/tenant=acme/" if prefix else "tenant=acme/"
    for rule in lifecycle(wanted).values():
        assert rule.abort or rule.prefix.startswith(f"{folder}class=")
        assert rule.days is None or rule.days > min(one for one in days if one)
    if not isinstance(wanted.bucket.lock_rules, Unsupported):
        for lock in wanted.bucket.lock_rules:
            assert lock.prefix.startswith(f"{folder}class=")


def test_a_hold_switches_the_removal_of_its_tenant_off_and_of_no_other() -> None:
    """The bucket is shared; the hold is not."""
    two = (share(), share(tenant="other"))
    rules = lifecycle(ask(*two, holds={"acme": (HOLD,), "other": ()}))
    assert rules["archiver/acme/standard/expire"].enabled is False
    assert rules["archiver/other/standard/expire"].enabled is True


def test_holds_that_could_not_be_read_switch_nothing_on() -> None:
    """And it is said."""
    wanted = ask(holds={"acme": None})
    assert lifecycle(wanted)["archiver/acme/standard/expire"].enabled is None
    assert any("whether a hold is in force could not be read" in one for one in wanted.remarks)


@pytest.mark.parametrize(
    ("classes", "default"),
    [
        ([terms(lock="compliance", days=10)], Default("compliance", 10)),
        (
            [terms(lock="compliance", days=10), terms("b", 5, "governance")],
            Default("governance", 5),
        ),
        ([terms(lock="compliance", days=10), terms("b", 5)], None),
        ([terms()], None),
    ],
)
def test_the_default_lock_is_the_weakest_that_all_classes_have(
    classes: list[object], default: Default | None
) -> None:
    """None where one has none."""
    assert ask(share(*classes)).bucket.default == default  # type: ignore[arg-type]


def test_a_bucket_with_a_tenant_that_seals_has_no_default_lock() -> None:
    """Else wrapped keys would be locked too, and nobody's could be erased."""
    locked = terms(lock="compliance")
    wanted = ask(share(locked), share(locked, tenant="other", sealed=True))
    assert wanted.bucket.object_lock is True
    assert wanted.bucket.default is None


def test_a_class_with_a_lock_rule_gets_one_on_r2() -> None:
    """Of its days, without the grace."""
    wanted = ask(share(terms(days=2, lock="rule")), kind="r2")
    rule = LockRule(
        id="archiver/acme/standard", prefix="ai/tenant=acme/class=standard/", seconds=172_800
    )
    assert wanted.bucket.lock_rules == (rule,)
    assert any("tamper-evident, not WORM" in one for one in wanted.remarks)


def test_a_hold_is_a_lock_rule_without_an_end_on_r2() -> None:
    """Of one person in every class; of everybody where it names none."""
    one = type(HOLD)(id="case-2", matter="m", reason="r", subject=SUBJECT)
    both = (terms(), terms("audit", 30))
    wanted = ask(share(*both), kind="r2", holds={"acme": (HOLD, one)})
    assert wanted.bucket.lock_rules == (
        LockRule(id="archiver/hold/acme/case-1", prefix="ai/tenant=acme/class="),
        *(
            LockRule(
                id=f"archiver/hold/acme/case-2/{name}",
                prefix=f"ai/tenant=acme/class={name}/subject={SUBJECT}/",
            )
            for name in ("standard", "audit")
        ),
    )


def test_more_holds_than_r2_has_rules_are_refused() -> None:
    """With what to do instead."""
    many = tuple(
        type(HOLD)(id=f"case-{number}", matter="m", reason="r", subject=f"{number:032x}")
        for number in range(1001)
    )
    with pytest.raises(BucketUnfit, match="1001 lock rules") as refused:
        ask(kind="r2", holds={"acme": many})
    assert "Hold whole tenants" in refused.value.advice


@pytest.mark.parametrize(
    ("kind", "lock"), [("s3", "rule"), ("r2", "governance"), ("folder", "compliance")]
)
def test_a_lock_that_a_store_cannot_keep_is_refused(kind: str, lock: str) -> None:
    """Whatever let it through."""
    with pytest.raises(BucketUnfit, match="cannot keep"):
        ask(share(terms(lock=lock)), kind=kind)  # type: ignore[arg-type]


def test_a_folder_enforces_nothing_and_it_is_said() -> None:
    """In one sentence."""
    wanted = ask(kind="folder")
    assert isinstance(wanted.bucket.lifecycle, Unsupported)
    assert "A folder enforces nothing" in wanted.remarks[0]


def statements(wanted: Wanted) -> dict[str, dict[str, object]]:
    """Give the statements of the bucket policy by their Sid."""
    assert not isinstance(wanted.bucket.statements, Unsupported)
    return {one.sid: json.loads(one.raw) for one in wanted.bucket.statements}


def test_the_bucket_policy_demands_tls_and_conditional_writes_of_everybody() -> None:
    """TLS only where the store is reached by it: else it would shut everybody out."""
    found = statements(ask())
    assert found["ArchiverOnlyTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert found["ArchiverOnlyNewObjects"]["Condition"] == {
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    plain = ask(place=Place("s3", "conversations", "http://127.0.0.1:1"))
    assert "ArchiverOnlyTls" not in statements(plain)
    assert any("no policy can demand TLS" in one for one in plain.remarks)


def test_a_writer_may_lock_for_as_long_as_the_longest_class_and_no_longer() -> None:
    """Without any lock in the policy, not at all."""
    both = (terms(lock="governance", days=9), terms("b", 30, "compliance"))
    found = statements(ask(share(*both)))
    bound = found["ArchiverWritersLockNoLonger"]
    assert bound["Condition"] == {
        "NumericGreaterThan": {"s3:object-lock-remaining-retention-days": 30}
    }
    assert bound["Principal"] == {"AWS": [WRITER]}
    assert "s3:PutObjectRetention" not in found["ArchiverWritersOnlyWrite"]["Action"]  # type: ignore[operator]
    assert "s3:PutObjectRetention" in statements(ask())["ArchiverWritersOnlyWrite"]["Action"]  # type: ignore[operator]


def test_all_but_the_admins_can_be_denied_on_amazon_alone() -> None:
    """Elsewhere the key is not known, and nobody would be denied anything."""
    admins = Parties(admins=("arn:aws:iam::123456789012:role/admin",))
    found = statements(ask(parties=admins))["ArchiverWritersOnlyWrite"]
    assert found["Principal"] == "*"
    assert found["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": list(admins.admins)}}
    with pytest.raises(BucketUnfit, match="would deny nobody"):
        admins.check(amazon=False)


def test_what_is_no_arn_is_refused() -> None:
    """A star would bind everybody."""
    with pytest.raises(BucketUnfit, match="is not the ARN"):
        Parties(writers=("*",)).check(amazon=True)


def test_the_names_of_things_follow_the_part_of_aws() -> None:
    """China and the government have their own."""
    found = statements(ask(region="cn-north-1"))["ArchiverOnlyTls"]
    assert found["Resource"][0] == "arn:aws-cn:s3:::conversations"  # type: ignore[index]


def test_amazon_refuses_public_grants_and_others_ignore_them() -> None:
    """Ceph would take every put for a public one."""
    two = frozenset({"IgnorePublicAcls", "RestrictPublicBuckets"})
    assert ask(place=Place("s3", "conversations", "https://example.com")).bucket.public_block == two
    assert ask().bucket.public_block == two | {"BlockPublicAcls", "BlockPublicPolicy"}
