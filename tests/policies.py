"""Synthetic policies of every kind, as documents, for tests that must hold for all of them."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from archiver.policy.document import Policy

SECRET: Final = "canary-subject-key"
ARGUMENT: Final = "canary-argument"

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
FOLDERS = st.builds("~/work/{}".format, NAMES) | st.builds("/srv/{}/**".format, NAMES)
REMOTES = st.builds("example.com/{}/*".format, NAMES)
ASSISTANTS = st.lists(
    st.sampled_from(["claude-code", "cline", "continue"]), min_size=1, max_size=3, unique=True
)
OFFICERS = st.builds(
    "age1{}".format, st.text("acdefghjklmnpqrstuvwxyz0234567", min_size=58, max_size=58)
)
ADMINS = st.builds(
    "admin/{}+{}+{}".format,
    NAMES,
    st.text("0123456789abcdef", min_size=8, max_size=8),
    st.text("ABCdef012+/", min_size=44, max_size=44),
)
DAYS = st.integers(30, 3000) | st.sampled_from(["180d", "1y", "7y"])


def _some(of: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(of, max_size=3, unique=True)


def _table(must: dict[str, Any], may: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(must, optional=may)


CREDENTIALS = st.sampled_from(
    [
        {},
        {"profile": "archiver"},
        {"credentials_file": "/etc/archiver/acme.ini"},
        {"credential_process": ["/usr/bin/get-keys", ARGUMENT]},
    ]
)
LOCKS = {"folder": ["none"], "s3": ["none", "governance", "compliance"], "r2": ["none", "rule"]}


@st.composite
def stores(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a store of any kind."""
    prefix = draw(st.sampled_from(["", "ai", "a/b"]))
    kind = draw(st.sampled_from(["folder", "s3", "r2"]))
    if kind == "folder":
        return {"kind": kind, "path": f"/srv/{draw(NAMES)}", "prefix": prefix}
    store = {"kind": kind, "bucket": f"bucket-{draw(NAMES)}", "prefix": prefix}
    store |= draw(CREDENTIALS)
    if kind == "r2":
        return store | {"account_id": draw(st.text("0123456789abcdef", min_size=32, max_size=32))}
    endpoint = {"endpoint": "https://s3.example.com", "path_style": True}
    return store | draw(st.sampled_from([{}, {"region": "eu-central-1"}, endpoint]))


@st.composite
def retentions(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Draw rules of retention that a store of this kind can keep."""

    def terms() -> dict[str, Any]:
        days = draw(st.none() | DAYS)
        if days is None:
            return {}
        return {"days": days, "lock": draw(st.sampled_from(LOCKS[kind]))}

    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    covers = st.fixed_dictionaries(
        {"git_remotes": st.lists(REMOTES, min_size=1, max_size=2)},
        optional={"working_directories": st.lists(FOLDERS, min_size=1, max_size=2)},
    )
    classes = [{"class": name, "conversations": draw(covers), **terms()} for name in names[1:]]
    return {"class": names[0], "classes": classes, **terms()}


@st.composite
def tenants(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a tenant."""
    store = draw(stores())
    tenant = {
        "id": name,
        "enabled": draw(st.booleans()),
        "conversations": draw(
            _table(
                {"git_remotes": st.lists(REMOTES, min_size=1, max_size=3)},
                {"working_directories": _some(FOLDERS), "exclude": _some(FOLDERS)},
            )
        ),
        "store": store,
        "retention": draw(retentions(store["kind"])),
        "identity": draw(
            st.sampled_from(
                [
                    {"source": "os-user", "subject_key": SECRET},
                    {"subject_key_file": "/etc/archiver/acme.key"},
                    {"source": "fixed", "value": "Alex Example", "subject_key": SECRET},
                ]
            )
        ),
        "evidence": {"admin_keys": draw(_some(ADMINS))},
        "sealing": {"officers": draw(_some(OFFICERS))},
    }
    return tenant | draw(
        _table(
            {},
            {
                "assistants": ASSISTANTS,
                "since": st.sampled_from(["2026-01-31", "2025-06-01"]),
                "chunk": st.fixed_dictionaries({"max_age_seconds": st.integers(60, 86_400)}),
            },
        )
    )


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a whole document."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    schedule = _table({}, {"collect_seconds": st.integers(10, 86_400)})
    return {
        "version": 1,
        "tenants": [draw(tenants(name)) for name in names],
        "schedule": draw(schedule),
        "projects": draw(_some(FOLDERS)),
    }


def as_policy(document: dict[str, Any]) -> Policy:
    """Read a document as the reader does."""
    return Policy.model_validate_json(json.dumps(document), by_alias=True, by_name=False)
