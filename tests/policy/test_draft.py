"""The text of a first policy: valid whatever was answered, and the same policy as was meant."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from policies import ADMINS, ASSISTANTS, FOLDERS, LOCKS, NAMES, OFFICERS, REMOTES, as_policy, stores

from archiver.policy.draft import Draft, document, quoted

calmly = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Draw a whole set of answers."""
    store = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in draw(stores()).items()
        if value
    }
    days = draw(st.sampled_from(["indefinite", "7y", 30]))
    user = draw(st.none() | st.sampled_from(["Alex Example", 'A "quoted" \\ Ünicode # name']))
    return Draft(
        tenant=draw(NAMES),
        subject_key_file="/etc/archiver/acme.key",
        store=store,
        enabled=draw(st.booleans()),
        assistants=tuple(draw(st.just([]) | ASSISTANTS)),
        since=draw(st.none() | st.just("2026-01-31")),
        working_directories=tuple(draw(st.lists(FOLDERS, max_size=2))),
        git_remotes=tuple(draw(st.lists(REMOTES, min_size=1, max_size=2))),
        exclude=tuple(draw(st.lists(FOLDERS, max_size=2))),
        default=draw(st.booleans()),
        days=days,
        lock="none" if days == "indefinite" else draw(st.sampled_from(LOCKS[store["kind"]])),
        source="fixed" if user else draw(st.sampled_from(["git-email", "os-user"])),
        user=user,
        officers=tuple(draw(st.lists(OFFICERS, max_size=2, unique=True))),
        admin_keys=tuple(draw(st.lists(ADMINS, max_size=2))),
        projects=tuple(draw(st.lists(FOLDERS, max_size=2))),
        schedule=draw(st.sampled_from([{}, {"ship_seconds": 30}])),
        notes=tuple(draw(st.just(()) | st.just(("One.", "Two.")))),
    )


@given(draft=drafts())
@calmly
def test_every_answer_stands_in_the_policy_that_is_read(draft: Draft) -> None:
    """And nothing else than what was answered."""
    policy = as_policy(tomllib.loads(document(draft)))
    (tenant,) = policy.tenants
    written = json.loads(tenant.model_dump_json(by_alias=True, exclude_defaults=True))
    meant: dict[str, Any] = {
        "id": draft.tenant,
        "conversations": {
            key: value
            for key in ("working_directories", "git_remotes", "exclude", "default")
            if (value := _plain(getattr(draft, key)))
        },
    }
    assert {key: written[key] for key in meant} == meant
    assert written.get("enabled", True) == draft.enabled
    assert written.get("assistants", []) == list(draft.assistants)
    assert written.get("since") == draft.since
    assert (
        as_policy(
            {
                "version": 1,
                "tenants": [
                    meant | {"store": _table(draft.store), "identity": written["identity"]}
                ],
            }
        )
        .tenants[0]
        .store
        == tenant.store
    )
    days = {"indefinite": None, "7y": 2557, 30: 30}[draft.days]
    assert (tenant.retention.days, tenant.retention.lock) == (days, draft.lock)
    assert (tenant.identity.source, tenant.identity.value) == (draft.source, draft.user)
    assert tenant.sealing.officers == draft.officers
    assert tenant.evidence.admin_keys == draft.admin_keys
    assert policy.projects == draft.projects
    assert policy.schedule.ship_seconds == draft.schedule.get("ship_seconds", 60)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _table(store: Any) -> dict[str, Any]:
    return {key: _plain(value) for key, value in store.items()}


@example(value="\x7f\x00\u2028")
@given(value=TEXT | st.integers() | st.booleans() | st.lists(TEXT, max_size=3).map(tuple))
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    """Quotes, backslashes, line ends and marks of comments included."""
    assert tomllib.loads(f"x = {quoted(value)}  # why")["x"] == _plain(value)


def test_what_was_not_answered_stands_there_to_be_used() -> None:
    """Each line that is commented out can be used as it is, but for the keys of people."""
    draft = Draft(
        tenant="acme",
        subject_key_file="~/acme.key",
        store={"kind": "folder", "path": "/srv/acme"},
        git_remotes=("example.com/acme/*",),
    )
    lines = document(draft).splitlines()
    used = [
        line.removeprefix("# ") if line.startswith("# ") and " = [" in line else line
        for line in lines
    ]
    used = [line for line in used if not line.startswith(("officers", "admin_keys"))]
    (tenant,) = as_policy(tomllib.loads("\n".join(used))).tenants
    assert tenant.conversations.working_directories == ("~/work/acme/**",)
    assert tenant.assistants == ("claude-code", "cline")


def test_a_store_that_needs_keys_says_where_they_are_kept() -> None:
    """A folder needs none, and says nothing."""
    store = {"kind": "s3", "bucket": "acme"}
    said = "archiver credentials set acme"
    draft = Draft(tenant="acme", subject_key_file="~/acme.key", store=store)
    assert said in document(draft)
    folder = Draft(tenant="acme", subject_key_file="~/k", store={"kind": "folder", "path": "/s"})
    assert said not in document(folder)
