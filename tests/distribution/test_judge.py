"""Which signed policy is put in force, and by what name another one is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from signedpolicies import ADMIN, OTHER, START, policy_text, signed_policy

from archiver.distribution.judge import Accepted, Same, judge
from archiver.distribution.refusals import Reason, Refusal
from archiver.evidence import note, policies
from archiver.evidence.keys import SigningKey
from archiver.policy.load import understood

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.evidence.policies import SignedPolicy
    from archiver.evidence.verifier import VerifierKey
    from archiver.policy.load import LoadedPolicy

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Last:
    """What was accepted last."""

    number: int
    sha256: str


def last(body: bytes) -> Last:
    """Give what is remembered of an accepted file."""
    signed = policies.read(body)
    return Last(signed.number, signed.sha256)


def check(signed: SignedPolicy) -> LoadedPolicy:
    """Read the policy in it."""
    body = signed.document.encode()
    return understood(
        Path("policy.signed"), body, f".{signed.format}", known_assistants=frozenset()
    )


def judged(
    body: bytes,
    before: Last | None = None,
    *,
    now: datetime = START,
    keys: tuple[VerifierKey, ...] = (ADMIN.public,),
) -> Accepted | Same | Refusal:
    """Judge a file as a machine does that trusts one admin."""
    return judge(body, keys, before, now, verify=policies.signing, check=check)


def reason(outcome: Accepted | Same | Refusal) -> Reason:
    """Give why it was refused; every refusal explains itself."""
    assert isinstance(outcome, Refusal), outcome
    assert all(outcome.problems)
    assert outcome.problems
    assert outcome.advice.endswith(".")
    return outcome.reason


def test_the_first_one_that_a_trusted_admin_signed_is_taken() -> None:
    """Whatever its number is."""
    outcome = judged(signed_policy(7))
    assert isinstance(outcome, Accepted)
    assert (outcome.signed.number, outcome.names) == (7, ("admin/acme",))
    assert outcome.loaded.policy.tenants[0].id == "t7"


def test_a_later_one_is_taken_even_if_numbers_were_left_out() -> None:
    """Numbers grow; they need not be without gaps."""
    assert isinstance(judged(signed_policy(9), last(signed_policy(2))), Accepted)


def test_the_same_again_is_neither_new_nor_refused() -> None:
    """Also when another admin has signed it besides."""
    before = last(signed_policy(2))
    assert judged(signed_policy(2), before) == Same()
    assert judged(signed_policy(2, keys=(ADMIN, OTHER)), before) == Same()


def test_one_trusted_signature_among_strangers_is_enough() -> None:
    """A key that is about to replace another signs beside it."""
    both = signed_policy(1, keys=(OTHER, ADMIN))
    for keys in ((ADMIN.public,), (OTHER.public,), (ADMIN.public, OTHER.public)):
        outcome = judged(both, keys=keys)
        assert isinstance(outcome, Accepted)
        assert outcome.by == tuple(map(str, keys))


@pytest.mark.parametrize(
    "body",
    # Nothing, rubbish, a plain policy in both formats, and what only looks like a note.
    [b"", b"\xff\xfe", b"version = 1\n", policy_text("acme").encode(), b"a\n\n\xe2\x80\x94 x y\n"],
)
def test_what_nobody_signed_is_unsigned(body: bytes) -> None:
    """A plain policy, rubbish, nothing at all."""
    assert reason(judged(body)) is Reason.UNSIGNED


def test_what_a_stranger_signed_is_not_taken() -> None:
    """Nor what a stranger signed under the admin's name."""
    assert reason(judged(signed_policy(1, keys=(OTHER,)))) is Reason.ANOTHER_KEY
    impostor = SigningKey.generate("admin/acme")
    assert reason(judged(signed_policy(1, keys=(impostor,)))) is Reason.ANOTHER_KEY


def test_a_signed_file_that_was_altered_is_told_from_a_strangers() -> None:
    """Also where a second trusted signature on it is good."""
    body = signed_policy(1)
    assert reason(judged(body.replace(b'"t1', b'"t2').replace(b'\\"t1', b'\\"t2'))) is Reason.FORGED
    one = signed_policy(1, policy_text("one")).splitlines(keepends=True)
    two = signed_policy(1, policy_text("two"), keys=(OTHER,)).splitlines(keepends=True)
    mixed = b"".join([*one, two[-1]])
    assert reason(judged(mixed, keys=(ADMIN.public, OTHER.public))) is Reason.FORGED


def test_an_older_one_is_a_downgrade() -> None:
    """However well it is signed; the advice says how to go back."""
    outcome = judged(signed_policy(2), last(signed_policy(3)))
    assert reason(outcome) is Reason.DOWNGRADED
    assert isinstance(outcome, Refusal)
    assert "number 4" in outcome.advice


def test_another_one_of_the_same_number_contradicts() -> None:
    """Two admins that both were at number 3."""
    other = signed_policy(3, policy_text("other"))
    assert reason(judged(other, last(signed_policy(3)))) is Reason.CONTRADICTING


def test_one_whose_time_was_over_is_stale_from_the_very_moment() -> None:
    """An attacker who holds back a delivery cannot bring it when it is over."""
    body = signed_policy(1, life=DAY)
    assert isinstance(judged(body, now=START + DAY - timedelta(milliseconds=1)), Accepted)
    assert reason(judged(body, now=START + DAY)) is Reason.STALE


def test_the_one_in_force_does_not_become_stale_by_being_seen_again() -> None:
    """Its end is told by status, and changes nothing."""
    body = signed_policy(1, life=DAY)
    assert judged(body, last(body), now=START + 9 * DAY) == Same()


def test_one_from_the_future_waits_for_the_clock() -> None:
    """A day of difference is allowed."""
    assert isinstance(judged(signed_policy(1, at=START + DAY)), Accepted)
    body = signed_policy(1, at=START + DAY + timedelta(milliseconds=1))
    assert reason(judged(body)) is Reason.CLOCK


@pytest.mark.parametrize("text", ["{", "{}", '{"version": 2, "tenants": []}'])
def test_a_policy_that_is_not_valid_is_refused_with_all_its_problems(text: str) -> None:
    """The admin's tool checks before it signs; a machine checks again."""
    assert reason(judged(signed_policy(1, text))) is Reason.INVALID


def test_a_downgrade_is_named_before_its_age() -> None:
    """Who sees both needs to know the first."""
    old = signed_policy(1, life=DAY)
    outcome = judged(old, last(signed_policy(3)), now=START + 9 * DAY)
    assert reason(outcome) is Reason.DOWNGRADED


def test_a_signed_text_of_a_later_format_says_so() -> None:
    """It is signed, so an admin meant it: the program is too old."""
    outcome = judged(note.write(b'{"v":2}\n', ADMIN))
    assert reason(outcome) is Reason.INVALID
    assert isinstance(outcome, Refusal)
    assert "newer" in outcome.advice
