"""The writer's document allows one thing; what it allows is asked of a small judge of its own."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from archiver.credentials.documents import (
    session_policy,
    text_of,
    writer_policy,
    writer_prefixes,
)

DEVICE, SUBJECT = "0123456789abcdef", "f" * 32
CHUNK = f"ai/tenant=acme/class=standard/subject={SUBJECT}/dt=2026-11-21/{DEVICE}-1.jsonl.zst"


def listed(value: Any) -> list[str]:
    """Give a list of one as a list."""
    return [value] if isinstance(value, str) else list(value)


def allows(
    document: dict[str, Any], action: str, key: str | None, *, conditional: bool = True
) -> bool:
    """Judge as AWS does: a deny goes before every allow."""
    resource = "arn:aws:s3:::b" + (f"/{key}" if key is not None else "")
    allowed = False
    for one in document["Statement"]:
        if "Action" in one:
            fits = any(fnmatch.fnmatchcase(action, name) for name in listed(one["Action"]))
        else:
            fits = not any(fnmatch.fnmatchcase(action, name) for name in listed(one["NotAction"]))
        there = any(fnmatch.fnmatchcase(resource, name) for name in listed(one["Resource"]))
        wanted = one.get("Condition", {}).get("Null", {}).get("s3:if-none-match")
        met = wanted is None or (wanted == "true") is not conditional
        if fits and there and met:
            if one["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def test_a_writer_puts_new_objects_and_does_nothing_else() -> None:
    """Every other action is refused, also one that nobody thought of."""
    document = writer_policy("b", "ai", "acme")
    assert allows(document, "s3:PutObject", CHUNK)
    assert not allows(document, "s3:PutObject", CHUNK, conditional=False)
    for action in ("s3:GetObject", "s3:DeleteObject", "s3:PutObjectRetention", "s3:NewInvention"):
        assert not allows(document, action, CHUNK)
    for action in ("s3:ListBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"):
        assert not allows(document, action, None)


def test_it_holds_whatever_else_the_writer_is_granted() -> None:
    """By another policy of its user, or of the bucket."""
    document = writer_policy("b", "ai", "acme")
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b*"}
    document["Statement"].append(everything)
    assert allows(document, "s3:PutObject", CHUNK)
    for action in ("s3:GetObject", "s3:NewInvention"):
        assert not allows(document, action, CHUNK)


@pytest.mark.parametrize(
    "key",
    [
        CHUNK.removeprefix("ai/"),
        CHUNK.replace("acme", "acme2"),
        "ai/tenant=acme/_registry/1.note",
        "ai/tenant=acme/_checkpoints/1.note",
        "ai/tenant=acme/_orders/1.note",
    ],
)
def test_a_writer_reaches_neither_other_tenants_nor_what_admins_sign(key: str) -> None:
    """A device that is taken over forges no order."""
    assert not allows(writer_policy("b", "ai", "acme"), "s3:PutObject", key)


def test_locks_are_granted_where_the_policy_locks() -> None:
    """S3 asks for s3:PutObjectRetention with such a put."""
    document = writer_policy("b", "ai", "acme", locks=True)
    assert allows(document, "s3:PutObjectRetention", CHUNK)
    assert not allows(document, "s3:BypassGovernanceRetention", CHUNK)


@pytest.mark.parametrize(
    "document",
    [
        writer_policy("b", "ai", "acme", locks=True),
        session_policy("b", writer_prefixes("ai", "acme"), locks=True),
        session_policy("b", writer_prefixes("ai", "acme", classes=("standard",)), locks=True),
    ],
)
def test_nothing_but_chunks_and_probes_can_be_locked(document: dict[str, Any]) -> None:
    """A wrapped key under a lock could not be erased, and no device is to bring that about."""
    for key in (CHUNK, "ai/tenant=acme/_probe/0123456789abcdef"):
        assert allows(document, "s3:PutObject", key)
        assert allows(document, "s3:PutObjectRetention", key)
    for folder in (
        "_keys/subject=x/2026-11/w.age",
        f"_manifests/{DEVICE}/1",
        f"_devices/{DEVICE}-1",
    ):
        assert allows(document, "s3:PutObject", f"ai/tenant=acme/{folder}")
        assert not allows(document, "s3:PutObjectRetention", f"ai/tenant=acme/{folder}")


def test_no_other_grant_lets_a_writer_lock_wrapped_keys() -> None:
    """The document denies it by itself."""
    document = writer_policy("b", "ai", "acme", locks=True)
    document["Statement"].append(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b*"}
    )
    assert not allows(document, "s3:PutObjectRetention", "ai/tenant=acme/_keys/subject=x/w.age")


@pytest.mark.parametrize("part", ["aws", "aws-cn", "aws-us-gov"])
def test_every_part_of_aws_has_names_of_its_own(part: str) -> None:
    """A document with another's names fits nothing."""
    for document in (
        writer_policy("b", "ai", "acme", locks=True, partition=part),
        session_policy("b", writer_prefixes("ai", "acme"), locks=True, partition=part),
    ):
        for one in document["Statement"]:
            assert all(name.startswith(f"arn:{part}:s3:::b") for name in listed(one["Resource"]))


def test_a_device_and_a_subject_narrow_it_down() -> None:
    """As far as prefixes can: chunks by subject, papers by device."""
    prefixes = writer_prefixes("ai", "acme", classes=("standard",), subject=SUBJECT, device=DEVICE)
    document = writer_policy("b", "ai", "acme", prefixes=prefixes)
    assert allows(document, "s3:PutObject", CHUNK)
    assert allows(document, "s3:PutObject", f"ai/tenant=acme/_manifests/{DEVICE}/1.note")
    assert allows(document, "s3:PutObject", f"ai/tenant=acme/_devices/{DEVICE}-1.note")
    for key in (
        CHUNK.replace(SUBJECT, "e" * 32),
        CHUNK.replace("standard", "legal"),
        "ai/tenant=acme/_manifests/fedcba9876543210/1.note",
        "ai/tenant=acme/_devices/fedcba9876543210-1.note",
        f"ai/tenant=acme/_keys/subject={'e' * 32}/x.age",
    ):
        assert not allows(document, "s3:PutObject", key)


def test_a_session_s_policy_stays_within_what_sts_takes() -> None:
    """2,048 characters, with three classes and a long prefix."""
    classes = ("standard", "legal-hold", "regulated")
    prefixes = writer_prefixes("p" * 40, "t" * 20, classes=classes, subject=SUBJECT, device=DEVICE)
    assert len(text_of(session_policy("b" * 40, prefixes, locks=True))) <= 2048


def test_a_session_puts_new_objects_and_does_nothing_else() -> None:
    """What it does not allow is denied."""
    document = session_policy("b", writer_prefixes("ai", "acme"))
    assert allows(document, "s3:PutObject", CHUNK)
    assert not allows(document, "s3:PutObject", CHUNK, conditional=False)
    assert not allows(document, "s3:GetObject", CHUNK)
    assert not allows(document, "s3:PutObject", "ai/tenant=acme/_orders/1.note")
