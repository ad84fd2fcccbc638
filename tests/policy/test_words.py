"""A policy in plain words: all of it, and no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from policies import ARGUMENT, SECRET, as_policy, documents

from archiver.policy.words import HIDDEN, Passage, explained, without_secrets

if TYPE_CHECKING:
    from archiver.policy.document import Policy

calmly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)


def about(policy: Policy, topic: str, tenant: str | None = "acme") -> str:
    """Give what is said of one thing."""
    (found,) = (one for one in explained(policy) if (one.tenant, one.about) == (tenant, topic))
    return " ".join(found.sentences)


def said(passages: tuple[Passage, ...]) -> str:
    """Give every word."""
    return "\n".join(sentence for one in passages for sentence in one.sentences)


@pytest.fixture
def tenant(document: dict[str, Any]) -> dict[str, Any]:
    """Give the one tenant of the document, to be changed."""
    found: dict[str, Any] = document["tenants"][0]
    return found


class TestAll:
    """For every policy."""

    @given(document=documents())
    @calmly
    def test_whatever_a_policy_names_is_named(self, document: dict[str, Any]) -> None:
        """Each tenant, folder, remote, store, class, officer, admin and date, at its tenant."""
        passages = explained(as_policy(document))
        for tenant in document["tenants"]:
            own = said(tuple(one for one in passages if one.tenant == tenant["id"]))
            claims, retention = tenant["conversations"], tenant["retention"]
            assert own
            for remote in claims["git_remotes"]:
                assert remote in own
            for folder in (*claims.get("working_directories", ()), *claims.get("exclude", ())):
                assert folder.removesuffix("/**") in own
            for klass in (retention, *retention["classes"]):
                assert f"Class {klass['class']}, " in own
            store = tenant["store"]
            for key in ("path", "bucket", "account_id", "endpoint", "prefix", "region"):
                assert store.get(key, "") in own
            for officer in tenant["sealing"]["officers"]:
                assert officer in own
            for admin in tenant["evidence"]["admin_keys"]:
                assert "+".join(admin.split("+")[:2]) in own
            assert tenant.get("since", "") in own
            for assistant in tenant.get("assistants", ()):
                assert assistant in own

    @given(document=documents())
    @calmly
    def test_no_secret_is_told(self, document: dict[str, Any]) -> None:
        """Neither in words nor to programs: no key, and no argument of a command."""
        policy = as_policy(document)
        for text in (said(explained(policy)), json.dumps(without_secrets(policy))):
            assert SECRET not in text
            assert ARGUMENT not in text

    @given(document=documents())
    @calmly
    def test_programs_get_a_policy_that_says_the_same(self, document: dict[str, Any]) -> None:
        """With every default filled in, so that it reads as the very same policy."""
        policy = as_policy(document)
        shown = json.dumps(without_secrets(policy)).replace(HIDDEN, SECRET)
        again = as_policy(json.loads(shown))
        assert without_secrets(again) == without_secrets(policy)
        assert said(explained(again)) == said(explained(policy))

    @given(document=documents())
    @calmly
    def test_every_tenant_is_told_the_same_things(self, document: dict[str, Any]) -> None:
        """None is left out where a policy says little."""
        policy = as_policy(document)
        topics = [one.about for one in explained(policy)]
        assert topics == [
            *[
                "captured",
                "not captured",
                "attributed to",
                "sent to",
                "readable by",
                "kept",
                "signed by",
            ]
            * len(policy.tenants),
            "on a machine",
        ]
        assert all(one.sentences for one in explained(policy))


class TestSentences:
    """What an officer reads."""

    def test_who_is_captured(self, document: dict[str, Any], tenant: dict[str, Any]) -> None:
        """And what is not, as plainly."""
        tenant["assistants"] = ["cline", "continue"]
        tenant["since"] = "2026-01-31"
        tenant["conversations"] = {
            "working_directories": ["~/work/acme/**"],
            "git_remotes": ["example.com/acme/*"],
            "exclude": ["~/work/acme/private"],
        }
        policy = as_policy(document)
        assert about(policy, "captured") == (
            "Conversations with cline and continue, held in ~/work/acme or below or held in a"
            " repository of example.com/acme/*."
        )
        assert about(policy, "not captured") == (
            "What was held in ~/work/acme/private or below. Conversations with any other"
            " assistant. Conversations that last changed before 2026-01-31 (UTC). Conversations"
            " that were held anywhere else."
        )

    def test_a_disabled_tenant_says_so_first(
        self, document: dict[str, Any], tenant: dict[str, Any]
    ) -> None:
        """Nobody reads on and believes that it is captured."""
        tenant["enabled"] = False
        assert about(as_policy(document), "captured").startswith(
            "Nothing: this tenant is disabled."
        )
        assert "Nothing is captured" in about(as_policy(document), "on a machine", None)

    def test_the_default_tenant_takes_what_nobody_claims(
        self, document: dict[str, Any], tenant: dict[str, Any]
    ) -> None:
        """And nothing that was claimed."""
        tenant["conversations"] = {"default": True}
        policy = as_policy(document)
        assert "that no other tenant claims" in about(policy, "captured")
        assert "anywhere else" not in about(policy, "not captured")

    def test_without_officers_nothing_is_encrypted(self, document: dict[str, Any]) -> None:
        """It says who can read it then."""
        assert about(as_policy(document), "readable by").startswith("Whoever may read the store")

    def test_one_officer_is_warned_about(
        self, document: dict[str, Any], tenant: dict[str, Any]
    ) -> None:
        """Two are not."""
        one, two = (f"age1{letter * 58}" for letter in "qz")
        tenant["sealing"] = {"officers": [one]}
        assert "If that one key is lost" in about(as_policy(document), "readable by")
        tenant["sealing"] = {"officers": [one, two]}
        told = about(as_policy(document), "readable by")
        assert told.startswith("Only any one of these 2 officers")
        assert "lost" not in told

    @pytest.mark.parametrize(
        ("store", "lock", "means"),
        [
            ({}, "none", "whoever may delete in the store can delete it earlier"),
            ({}, "governance", "only an administrator with a special right"),
            ({}, "compliance", "nobody can delete it, not even the owner of the account"),
            ({"kind": "r2", "account_id": "0" * 32}, "rule", "takes the rule away"),
        ],
    )
    def test_each_lock_says_what_it_is_worth(
        self,
        document: dict[str, Any],
        tenant: dict[str, Any],
        store: dict[str, Any],
        lock: str,
        means: str,
    ) -> None:
        """In words that nobody has to look up, and for how long."""
        tenant["store"] |= store
        tenant["retention"] = {"days": "7y", "lock": lock}
        told = about(as_policy(document), "kept")
        assert "it stays 2557 days (7 years) from when it was sent" in told
        assert means in told

    def test_for_ever_is_said(self, document: dict[str, Any]) -> None:
        """And that nothing expires, so no word of expiry."""
        told = about(as_policy(document), "kept")
        assert told.startswith("Class standard, everything: it stays for ever")
        assert "expired" not in told

    def test_a_further_class_says_whose_it_is(
        self, document: dict[str, Any], tenant: dict[str, Any]
    ) -> None:
        """Before the class of everything else, because it decides first."""
        covers = {"git_remotes": ["example.com/acme/legal"], "assistants": ["cline"]}
        legal = {"class": "legal", "days": "6y", "conversations": covers}
        tenant["retention"] = {"days": 180, "classes": [legal], "minimum_days": 90}
        told = about(as_policy(document), "kept")
        first, _, rest = told.partition("Class standard, everything else: it stays 180 days")
        assert first.startswith(
            "Class legal, conversations held in a repository of example.com/acme/legal and held"
            " with cline: it stays 2192 days (6 years)"
        )
        assert "No class may be set to anything but at least 90 days." in rest

    def test_nobody_who_signs_is_said(self, document: dict[str, Any]) -> None:
        """And what cannot be proved then."""
        assert "cannot prove" in about(as_policy(document), "signed by")

    def test_a_role_and_a_command_are_named(
        self, document: dict[str, Any], tenant: dict[str, Any]
    ) -> None:
        """The program, not what it is told."""
        tenant["store"] |= {
            "credential_process": ["/usr/bin/get-keys", ARGUMENT],
            "role_arn": "arn:aws:iam::123456789012:role/archiver",
        }
        told = about(as_policy(document), "sent to")
        assert "the program /usr/bin/get-keys, for sessions of the role arn:aws:iam" in told
        assert ARGUMENT not in told
