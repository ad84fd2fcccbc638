"""What a new policy changes: all of it, by path, and marked where it promises less."""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from policies import ARGUMENT, SECRET, as_policy, documents

from archiver.model.shipment import ClassTerms
from archiver.policy.changes import Weakened, changes, softer, weakened

if TYPE_CHECKING:
    from archiver.policy.changes import Change

calmly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
ADMINS = [f"admin/{name}+00000000+{'A' * 44}" for name in ("one", "two")]
OFFICERS = [f"age1{letter * 58}" for letter in "qz"]
AT = "tenants[acme]"


def between(document: dict[str, Any], path: str, old: Any, new: Any) -> list[Change]:
    """Give the changes between two values of one key; ``None`` leaves it out."""
    policies = []
    for value in (old, new):
        whole = copy.deepcopy(document)
        table = whole if path.startswith("/") else whole["tenants"][0]
        *parents, last = path.removeprefix("/").split(".")
        for part in parents:
            table = table.setdefault(part, {})
        table.pop(last, None)
        if value is not None:
            table[last] = value
        policies.append(as_policy(whole))
    return list(changes(*policies))


class TestAll:
    """For every pair of policies."""

    @given(document=documents())
    @calmly
    def test_a_policy_does_not_differ_from_itself(self, document: dict[str, Any]) -> None:
        """However it was read."""
        old, new = as_policy(document), as_policy(copy.deepcopy(document))
        assert changes(old, new) == ()
        assert weakened(old, new) == ()

    @given(old=documents(), new=documents())
    @calmly
    def test_policies_that_differ_have_changes(
        self, old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        """Both ways, and no secret of either is told."""
        before, after = as_policy(old), as_policy(new)
        assume(before != after)
        for told in (changes(before, after), changes(after, before)):
            assert told
            text = str([asdict(one) for one in told])
            assert SECRET not in text
            assert ARGUMENT not in text

    @given(document=documents(), data=st.data())
    @calmly
    def test_one_changed_tenant_is_the_only_one_that_is_told_of(
        self, document: dict[str, Any], data: st.DataObject
    ) -> None:
        """By its path, whatever changed in it."""
        assume(document["tenants"])
        other = data.draw(documents().filter(lambda one: bool(one["tenants"])))["tenants"][0]
        number = data.draw(st.integers(0, len(document["tenants"]) - 1))
        changed = copy.deepcopy(document)
        name = changed["tenants"][number]["id"]
        changed["tenants"][number] = other | {"id": name}
        old, new = as_policy(document), as_policy(changed)
        told = changes(old, new)
        assert bool(told) == (old != new)
        assert all(one.path.startswith(f"tenants[{name}].") for one in told)

    @given(document=documents(), data=st.data())
    @calmly
    def test_what_is_weakened_is_marked_among_the_changes(
        self, document: dict[str, Any], data: st.DataObject
    ) -> None:
        """For each class that keeps less there is a change that says so."""
        assume(document["tenants"])
        changed = copy.deepcopy(document)
        for tenant in changed["tenants"]:
            for rule in (tenant["retention"], *tenant["retention"]["classes"]):
                rule["days"] = data.draw(st.integers(1, 3000))
        old, new = as_policy(document), as_policy(changed)
        marked = {one.path for one in changes(old, new) if one.weaker}
        for one in weakened(old, new):
            assert f"tenants[{one.tenant}].retention[{one.before.klass}]" in marked


@pytest.mark.parametrize(
    ("path", "strict", "weak"),
    [
        ("enabled", True, False),
        ("conversations.working_directories", ["~/a", "~/b"], ["~/a"]),
        ("conversations.working_directories", ["~/work/**"], ["~/work/acme"]),
        ("conversations.git_remotes", ["example.com/a/*", "example.com/b/*"], ["example.com/b/*"]),
        ("conversations.exclude", None, ["~/a"]),
        ("conversations.default", True, None),
        ("assistants", None, ["cline"]),
        ("assistants", ["cline", "continue"], ["cline"]),
        ("since", None, "2026-01-31"),
        ("since", "2026-01-31", "2026-02-01"),
        ("store.endpoint", "https://s3.example.com", "http://s3.example.com"),
        ("chunk.max_age_seconds", 900, 3600),
        ("retention.days", "7y", "6y"),
        ("retention.days", None, "7y"),
        ("retention.minimum_days", 30, 29),
        ("retention.minimum_days", 30, None),
        ("evidence.silence_days", 31, 32),
        ("evidence.checkpoint_days", 3, 4),
        ("evidence.admin_keys", ADMINS[:1], ADMINS),
        ("sealing.officers", OFFICERS, None),
        ("/schedule.collect_seconds", 30, 60),
        ("/spool.max_bytes", 1 << 30, 1 << 20),
        ("/spool.free_floor_bytes", 1 << 29, 1 << 30),
        ("/projects", ["~/work"], None),
    ],
)
def test_a_weaker_promise_is_marked_and_a_stronger_one_is_not(
    document: dict[str, Any], path: str, strict: Any, weak: Any
) -> None:
    """Told at its path, in both directions."""
    weaker, stronger = (between(document, path, *pair) for pair in ((strict, weak), (weak, strict)))
    where = path[1:] if path.startswith("/") else f"{AT}.{path.partition('.')[0]}"
    assert any(one.weaker and one.path.startswith(where) for one in weaker)
    assert stronger
    assert [one for one in stronger if one.weaker] == []


@pytest.mark.parametrize("lock", ["governance", "compliance"])
def test_a_lock_that_goes_is_weaker_and_one_that_comes_is_not(
    document: dict[str, Any], lock: str
) -> None:
    """From compliance to governance as well."""
    rules = [{"days": "7y", "lock": one} for one in ("none", "governance", "compliance")]
    at = [one["lock"] for one in rules].index(lock)
    (less,) = between(document, "retention", rules[at], rules[at - 1])
    (more,) = between(document, "retention", rules[at - 1], rules[at])
    assert (less.weaker, more.weaker) == (True, False)
    assert f"is locked less, from {lock} to {rules[at - 1]['lock']}" in less.means


class TestSentences:
    """What is told of a change."""

    def test_shortened_retention_says_from_what_to_what(self, document: dict[str, Any]) -> None:
        """And what it cannot touch."""
        (told,) = between(document, "retention.days", "7y", 180)
        assert told.path == f"{AT}.retention[standard]"
        assert told.means == (
            "class standard is shortened, from 2557 days (7 years) to 180 days;"
            " what is locked already stays locked until its day"
        )

    def test_a_folder_above_another_still_covers_it(self, document: dict[str, Any]) -> None:
        """So nothing is said to be captured no more."""
        (told,) = between(
            document, "conversations.working_directories", ["~/work/acme/**"], ["~/work"]
        )
        assert told.means == "captured from now on: what is held in ~/work"
        assert not told.weaker

    def test_a_folder_with_a_like_name_does_not(self, document: dict[str, Any]) -> None:
        """``~/work/acme`` is not above ``~/work/acme-private``."""
        _, gone = between(
            document, "conversations.working_directories", ["~/w/acme-private"], ["~/w/acme"]
        )
        assert gone.means == "not captured any more: what is held in ~/w/acme-private"
        assert gone.weaker

    def test_a_folder_in_other_words_changes_nothing(self, document: dict[str, Any]) -> None:
        """It is told, because the document differs, and not as weaker."""
        (told,) = between(document, "conversations.working_directories", ["~/w"], ["~/w/**"])
        assert told.means.startswith("nothing else")
        assert not told.weaker

    def test_a_moved_store_says_both_places(self, document: dict[str, Any]) -> None:
        """And that the old one is not copied."""
        (told,) = between(document, "store.bucket", "acme-old", "acme-new")
        assert (told.before, told.after) == (
            "the bucket acme-old on Amazon S3 in us-east-1",
            "the bucket acme-new on Amazon S3 in us-east-1",
        )
        assert "stays there, and is not copied" in told.means

    def test_a_store_that_is_asked_in_another_way_is_the_same_store(
        self, document: dict[str, Any]
    ) -> None:
        """A change all the same: the documents differ in what they do."""
        (told,) = between(document, "store.path_style", None, *[True])
        assert told.means.startswith("the same store and the same keys")
        assert not told.weaker

    def test_another_subject_key_is_told_without_either(self, document: dict[str, Any]) -> None:
        """What it does to pseudonyms is said."""
        (told,) = between(document, "identity.subject_key", SECRET, f"{SECRET}-2")
        assert (told.before, told.after) == (None, None)
        assert told.means.startswith("every person gets another pseudonym")

    def test_an_officer_who_comes_reads_more_and_one_who_goes_still_reads_the_old(
        self, document: dict[str, Any]
    ) -> None:
        """Each by the recipient."""
        come, gone = between(
            document, "sealing.officers", OFFICERS, [OFFICERS[0], "age1" + 58 * "x"]
        )
        assert come.means == f"can read what is sealed from now on: age1{'x' * 58}"
        assert come.weaker
        assert gone.means.endswith(f"but still what was sealed before: {OFFICERS[1]}")
        assert not gone.weaker

    def test_a_last_officer_is_warned_about(self, document: dict[str, Any]) -> None:
        """Beside the one who goes."""
        gone, last = between(document, "sealing.officers", OFFICERS, OFFICERS[:1])
        assert not gone.weaker
        assert last.means.startswith("one officer is left")
        assert last.weaker

    def test_a_tenant_that_goes_is_weaker_and_one_that_comes_is_not(
        self, document: dict[str, Any]
    ) -> None:
        """By its name."""
        other = document["tenants"][0] | {"id": "beta"}
        both = document["tenants"] + [other]
        (gone,) = between(document, "/tenants", both, [other])
        (come,) = between(document, "/tenants", [other], both[::-1])
        assert (gone.path, gone.weaker) == (AT, True)
        assert (come.path, come.weaker) == (AT, False)

    def test_another_order_of_tenants_is_a_change(self, document: dict[str, Any]) -> None:
        """The first that claims gets it."""
        both = [document["tenants"][0], document["tenants"][0] | {"id": "beta"}]
        (told,) = between(document, "/tenants", both, both[::-1])
        assert (told.path, told.before, told.after) == ("tenants", "acme and beta", "beta and acme")

    def test_conversations_that_get_another_class_are_told(self, document: dict[str, Any]) -> None:
        """Weaker where any class keeps less than another did."""
        covers = {"git_remotes": ["example.com/acme/legal"]}
        long = {"class": "legal", "days": "7y", "conversations": covers}
        short = long | {"days": 30}
        come = between(document, "retention", {"days": 180}, {"days": 180, "classes": [long]})
        assert [one.weaker for one in come] == [False, False]
        (_, moved) = between(
            document, "retention", {"days": 180}, {"days": 180, "classes": [short]}
        )
        assert moved.weaker
        assert "perhaps for less long" in moved.means
        gone, moved = between(
            document, "retention", {"days": 180, "classes": [long]}, {"days": 180}
        )
        assert "nothing says any more how long class legal stays" in gone.means
        assert (gone.weaker, moved.weaker) == (True, True)

    def test_a_switch_is_shown_as_it_is_written(self, document: dict[str, Any]) -> None:
        """Not as Python writes it."""
        (told,) = between(document, "conversations.default", *(None, True))
        assert (told.before, told.after) == ("false", "true")


class TestWeakened:
    """The classes that `archiver retention` warns of."""

    def test_shorter_looser_and_gone_are_given(self, document: dict[str, Any]) -> None:
        """With what they were and are; what got stronger is not."""
        covers = {"git_remotes": ["example.com/acme/legal"]}
        legal = {"class": "legal", "days": "7y", "conversations": covers}
        longer = {"class": "longer", "days": 30, "conversations": covers}
        rules = {"days": 400, "lock": "compliance", "classes": [legal, longer]}
        old = copy.deepcopy(document)
        old["tenants"][0]["retention"] = rules
        new = copy.deepcopy(document)
        new["tenants"][0]["retention"] = {
            "days": 400,
            "lock": "governance",
            "classes": [longer | {"days": 31}],
        }
        assert weakened(as_policy(old), as_policy(new)) == (
            Weakened(
                "acme",
                ClassTerms("standard", 400, "compliance"),
                ClassTerms("standard", 400, "governance"),
            ),
            Weakened("acme", ClassTerms("legal", 2557), None),
        )

    def test_a_lock_that_goes_is_softer_even_where_it_stays_for_ever(self) -> None:
        """Because anybody may delete it then."""
        assert softer(ClassTerms("a", 30, "governance"), ClassTerms("a", None))
        assert not softer(ClassTerms("a", 30), ClassTerms("a", None))
