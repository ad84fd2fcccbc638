"""Where credentials come from is said once, whole, and without a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.daemon.rules import settings_of
from archiver.policy.document import Policy
from archiver.stores.settings import Role, S3Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    Problems = Callable[[dict[str, Any]], tuple[str, ...]]

STORE = "tenants[0].store"
ROLE = "arn:aws:iam::123456789012:role/team/archiver"
R2 = {"kind": "r2", "bucket": "acme-archive", "account_id": "0123456789abcdef" * 2}


def with_store(document: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Put keys into the tenant's store."""
    document["tenants"][0]["store"].update(said)
    return document


@pytest.mark.parametrize(
    ("said", "where", "word"),
    [
        ({"profile": "a", "credentials_file": "/k"}, ".credentials_file", "profile"),
        ({"profile": "a", "credential_process": ["x"]}, ".credential_process", "profile"),
        (
            {"credentials_file": "/k", "role_arn": ROLE, "web_identity_token_file": "/t"},
            ".web_identity_token_file",
            "credentials_file",
        ),
        ({"credential_process": []}, ".credential_process", "program"),
        ({"credential_process": "get keys"}, ".credential_process", "list"),
        ({"web_identity_token_file": "/t"}, ".web_identity_token_file", "role_arn"),
        ({"external_id": "x"}, ".external_id", "role_arn"),
        ({"session_seconds": 900}, ".session_seconds", "role_arn"),
        ({"sts_endpoint": "https://sts.example.com"}, ".sts_endpoint", "role_arn"),
        ({"role_arn": "archiver"}, ".role_arn", "ARN"),
        ({"role_arn": "arn:aws:iam::123456789012:user/x"}, ".role_arn", "ARN"),
        ({"role_arn": ROLE, "session_seconds": 60}, ".session_seconds", "900"),
        ({"role_arn": ROLE, "session_seconds": 90_000}, ".session_seconds", "43200"),
        ({"role_arn": ROLE, "sts_endpoint": "https://u:p@h"}, ".sts_endpoint", "password"),
        (
            {"role_arn": ROLE, "external_id": "x", "web_identity_token_file": "/t"},
            ".external_id",
            "web identity",
        ),
    ],
)
def test_a_source_that_is_half_or_twice_said_is_refused_by_its_path(
    document: dict[str, Any], problems: Problems, said: dict[str, Any], where: str, word: str
) -> None:
    """One line, at the key to correct."""
    (found,) = problems(with_store(document, **said))
    assert found.startswith(f"{STORE}{where}: ")
    assert word in found


def test_r2_has_no_roles(document: dict[str, Any], problems: Problems) -> None:
    """And takes a file, a profile or a command."""
    document["tenants"][0]["store"] = {**R2, "role_arn": ROLE}
    (found,) = problems(document)
    assert found.startswith(f"{STORE}.role_arn: unknown key")


def settings(document: dict[str, Any]) -> S3Settings:
    """Give what opens the store of the only tenant."""
    tenant = Policy.model_validate_json(json.dumps(document)).tenants[0]
    found = settings_of(tenant)
    assert isinstance(found, S3Settings)
    return found


def test_what_is_said_reaches_the_store(document: dict[str, Any]) -> None:
    """With the tenant, whose kept keys are used where nothing is said."""
    found = settings(document)
    assert (found.tenant, found.role, found.profile) == ("acme", None, None)
    said = {"role_arn": ROLE, "external_id": "agreed", "credential_process": ["get", "$(x)"]}
    found = settings(with_store(document, **said))
    assert found.credential_process == ("get", "$(x)")
    assert found.role == Role(ROLE, "agreed", 3600)
    document["tenants"][0]["store"] = {**R2, "credential_process": ["get"]}
    found = settings(document)
    assert (found.kind, found.tenant, found.credential_process) == ("r2", "acme", ("get",))
