"""Rules of retention: words for days, bounds, locks that end, one set of terms for a class."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.model.shipment import ClassTerms
from archiver.policy.document import Policy
from archiver.policy.retention import LOCKS, PRESETS, Retention

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "tenants[0].retention"
LEGAL = {"class": "legal", "conversations": {"git_remotes": ["example.com/acme/legal"]}}


@pytest.fixture
def refused(
    document: dict[str, Any], problems: Callable[[Any], tuple[str, ...]]
) -> Callable[..., tuple[str, ...]]:
    """Give the problems of a policy with these rules of retention."""

    def ask(**rules: Any) -> tuple[str, ...]:
        document["tenants"][0]["retention"] = rules
        return problems(document)

    return ask


def retention(**rules: Any) -> Retention:
    """Read rules as they stand in a document."""
    return Retention.model_validate_json(json.dumps(rules))


class TestDays:
    """How long."""

    @pytest.mark.parametrize(("word", "days"), PRESETS.items())
    def test_a_preset_is_a_word_for_days(self, word: str, days: int | None) -> None:
        """The same rules come of the word and of the number."""
        assert retention(days=word).days == days
        assert retention(days=word) == (retention(days=days) if days else retention())

    @pytest.mark.parametrize("years", [1, 3, 6, 7])
    @given(start=st.dates(min_value=date(1970, 1, 1), max_value=date(2200, 1, 1)))
    def test_a_preset_is_never_shorter_than_the_calendars_years(
        self, years: int, start: date
    ) -> None:
        """Whatever leap days lie between; and never two days longer than needed."""
        day = min(start.day, 28) if (start.month, start.day) == (2, 29) else start.day
        end = start.replace(year=start.year + years, day=day)
        days = PRESETS[f"{years}y"]
        assert days is not None
        assert (end - start).days <= days <= (end - start).days + 3

    def test_left_out_it_is_for_ever(self) -> None:
        """And so it is by the word."""
        assert retention().days is None
        assert retention(days="indefinite").days is None

    @pytest.mark.parametrize("days", [-1, 0, -36_500, 36_501])
    def test_days_out_of_range_are_refused_with_the_range(
        self, refused: Callable[..., tuple[str, ...]], days: int
    ) -> None:
        """Not the number that was written, but those that may be."""
        (found,) = refused(days=days)
        assert (
            found == f"{AT}.days: must be 1 to 36500 days; left out or `indefinite` means for ever"
        )

    def test_the_longest_and_the_shortest_are_taken(self) -> None:
        """The bounds belong to the range."""
        assert (retention(days=1).days, retention(days=36_500).days) == (1, 36_500)

    @pytest.mark.parametrize("days", ["7 years", "", "365", "1Y", "forever"])
    def test_a_word_that_is_none_lists_the_words(
        self, refused: Callable[..., tuple[str, ...]], days: str
    ) -> None:
        """And does not repeat what was written."""
        (found,) = refused(days=days)
        words = "180d, 1y, 3y, 6y, 7y, indefinite"
        assert found == f"{AT}.days: allowed: a number of days, or one of {words}"

    @pytest.mark.parametrize("days", [True, 30.5, [], {}])
    def test_days_are_a_whole_number(
        self, refused: Callable[..., tuple[str, ...]], days: object
    ) -> None:
        """True is no number, whatever Python says."""
        (found,) = refused(days=days)
        assert found == f"{AT}.days: must be a whole number"

    @pytest.mark.parametrize("key", ["minimum_days", "maximum_days", "grace_days"])
    def test_negative_bounds_are_refused(
        self, refused: Callable[..., tuple[str, ...]], key: str
    ) -> None:
        """Each is a number of days as well."""
        (found,) = refused(**{key: -1})
        assert found == f"{AT}.{key}: must be greater than or equal to 1"


class TestBounds:
    """What the admin allows, for every class."""

    def test_a_class_may_lie_on_both_bounds(self) -> None:
        """They are the shortest and the longest that are allowed."""
        rules = retention(days=30, minimum_days=30, maximum_days=30)
        assert rules.terms == (ClassTerms("standard", 30),)

    def test_too_short_is_refused_with_the_bound(
        self, refused: Callable[..., tuple[str, ...]]
    ) -> None:
        """At the class that is too short, not at the bound."""
        assert refused(days=29, minimum_days=30) == (
            f"{AT}.days: must be at least minimum_days, 30",
        )

    def test_too_long_is_refused_with_the_bound(
        self, refused: Callable[..., tuple[str, ...]]
    ) -> None:
        """A number beyond it, and for ever, which is beyond every number."""
        told = (f"{AT}.days: must be at most maximum_days, 30",)
        assert refused(days=31, maximum_days=30) == told
        assert refused(maximum_days=30) == told
        assert refused(days="indefinite", maximum_days=30) == told

    def test_bounds_hold_for_further_classes(self, refused: Callable[..., tuple[str, ...]]) -> None:
        """Each by its number in the list."""
        legal = LEGAL | {"days": 10}
        assert refused(days=40, minimum_days=30, classes=[legal]) == (
            f"{AT}.classes[0].days: must be at least minimum_days, 30",
        )

    def test_bounds_that_leave_no_room_are_refused(
        self, refused: Callable[..., tuple[str, ...]]
    ) -> None:
        """Before any class is blamed for it."""
        assert refused(days=30, minimum_days=31, maximum_days=30) == (
            f"{AT}.minimum_days: is more than maximum_days",
        )

    def test_for_ever_is_never_too_short(self) -> None:
        """A shortest bound alone allows it."""
        assert retention(minimum_days=30).days is None


class TestLocks:
    """A lock has an end."""

    @pytest.mark.parametrize("lock", ["governance", "compliance", "rule"])
    def test_a_lock_without_an_end_is_refused(
        self, refused: Callable[..., tuple[str, ...]], lock: str
    ) -> None:
        """Nobody could ever undo it."""
        told = (f"{AT}.lock: a lock needs `days`: without an end nobody could ever undo it",)
        assert refused(lock=lock) == told
        assert refused(lock=lock, days="indefinite") == told

    def test_a_further_class_needs_an_end_of_its_own(
        self, refused: Callable[..., tuple[str, ...]]
    ) -> None:
        """The tenant's days are not its days."""
        (found,) = refused(days=30, classes=[LEGAL | {"lock": "governance"}])
        assert found.startswith(f"{AT}.classes[0].lock: a lock needs `days`")

    def test_an_unknown_lock_lists_the_locks(self, refused: Callable[..., tuple[str, ...]]) -> None:
        """All four."""
        (found,) = refused(days=30, lock="worm")
        assert found.startswith(f"{AT}.lock: allowed: 'none', 'governance', 'compliance'")
        assert "'rule'" in found

    @pytest.mark.parametrize(
        ("store", "lock"),
        [
            ({"kind": "folder", "path": "/srv/archive"}, "governance"),
            ({"kind": "folder", "path": "/srv/archive"}, "rule"),
            ({"kind": "s3", "bucket": "acme"}, "rule"),
            ({"kind": "r2", "bucket": "acme", "account_id": "0" * 32}, "compliance"),
        ],
    )
    def test_a_lock_that_the_store_cannot_keep_is_refused(
        self,
        document: dict[str, Any],
        problems: Callable[[Any], tuple[str, ...]],
        store: dict[str, Any],
        lock: str,
    ) -> None:
        """In every class: the put would be refused, or the promise would be empty."""
        tenant = document["tenants"][0]
        tenant["store"] = store
        tenant["retention"] = {"days": 30, "lock": lock}
        (own,) = problems(document)
        assert own.startswith(f'{AT}.lock: "{lock}" ')
        tenant["retention"] = {"classes": [LEGAL | {"days": 30, "lock": lock}]}
        (further,) = problems(document)
        assert further == own.replace(".lock: ", ".classes[0].lock: ")
        for allowed in LOCKS[store["kind"]]:
            assert f'"{allowed}"' in own

    def test_each_lock_is_taken_by_a_store_that_keeps_it(self, document: dict[str, Any]) -> None:
        """Object Lock on S3, a rule on R2."""
        stores: dict[str, dict[str, Any]] = {
            "s3": {"kind": "s3", "bucket": "acme"},
            "r2": {"kind": "r2", "bucket": "acme", "account_id": "0" * 32},
            "folder": {"kind": "folder", "path": "/srv/archive"},
        }
        tenant = document["tenants"][0]
        for kind, locks in LOCKS.items():
            tenant["store"] = stores[kind]
            for lock in locks:
                tenant["retention"] = {"days": 30, "lock": lock}
                (read,) = Policy.model_validate_json(json.dumps(document)).tenants
                assert read.retention.lock == lock


class TestClasses:
    """Each has one set of terms."""

    def test_the_tenants_own_class_comes_first(self) -> None:
        """Then the others, as they stand."""
        rules = retention(
            days="7y",
            lock="compliance",
            classes=[LEGAL | {"days": 3650}, LEGAL | {"class": "scratch", "days": "180d"}],
        )
        assert rules.terms == (
            ClassTerms("standard", 2557, "compliance"),
            ClassTerms("legal", 3650),
            ClassTerms("scratch", 180),
        )
        assert rules.of("scratch") == ClassTerms("scratch", 180)
        assert rules.of("gone") is None

    def test_two_rules_of_one_class_are_refused(
        self, refused: Callable[..., tuple[str, ...]]
    ) -> None:
        """Two further ones, and one that is called as the tenant's own."""
        told = "another rule has the same class; allowed: one each"
        assert refused(classes=[LEGAL, LEGAL]) == (f"{AT}.classes[1].class: {told}",)
        assert refused(classes=[LEGAL | {"class": "standard"}]) == (
            f"{AT}.classes[0].class: {told}",
        )

    def test_a_class_for_nothing_is_refused(self, refused: Callable[..., tuple[str, ...]]) -> None:
        """It would be a rule that never holds."""
        (found,) = refused(classes=[{"class": "legal", "conversations": {}}])
        allowed = "working_directories, git_remotes, assistants"
        assert found == f"{AT}.classes[0].conversations: covers nothing; allowed: {allowed}"

    def test_a_class_is_for_known_assistants(self, refused: Callable[..., tuple[str, ...]]) -> None:
        """As a tenant is."""
        (found,) = refused(classes=[LEGAL | {"conversations": {"assistants": ["klein"]}}])
        assert found.startswith(f"{AT}.classes[0].conversations.assistants[0]: unknown assistant")

    def test_keys_that_are_missing_are_named(self, refused: Callable[..., tuple[str, ...]]) -> None:
        """A further class has no default name, and none of its conversations."""
        assert refused(classes=[{}]) == (
            f"{AT}.classes[0].class: is missing, and has no default",
            f"{AT}.classes[0].conversations: is missing, and has no default",
        )


@given(
    days=st.one_of(st.none(), st.integers(1, 36_500)),
    low=st.one_of(st.none(), st.integers(1, 36_500)),
    high=st.one_of(st.none(), st.integers(1, 36_500)),
    lock=st.sampled_from(["none", "governance", "compliance", "rule"]),
)
def test_what_is_taken_lies_within_its_bounds_and_ends_where_it_is_locked(
    days: int | None, low: int | None, high: int | None, lock: str
) -> None:
    """And what is refused does not."""
    given_days = {"days": days, "minimum_days": low, "maximum_days": high}
    rules = {key: value for key, value in given_days.items() if value is not None} | {"lock": lock}
    endless = float("inf")
    fits = (
        (low or 1) <= (high or endless)
        and (low or 1) <= (days or endless) <= (high or endless)
        and (lock == "none" or days is not None)
    )
    try:
        taken = retention(**rules).terms == (ClassTerms("standard", days, lock),)
    except ValueError:
        taken = False
    assert taken == fits


def test_the_rules_of_a_policy_are_its_tenants(document: dict[str, Any]) -> None:
    """Read with the rest of the document."""
    document["tenants"][0]["retention"] = {"days": "3y", "class": "records"}
    (tenant,) = Policy.model_validate_json(json.dumps(document)).tenants
    assert tenant.retention.terms == (ClassTerms("records", 1096),)
