"""What a policy may say: every rule, the path that an error names, and what stays secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from archiver.policy import document as module
from archiver.policy.document import Identity, Policy, Retention, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    Problems = Callable[[Any], tuple[str, ...]]

TENANT = "tenants[0]"


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set what stands at a dotted path below the first tenant, or at the top after a ``/``."""
    table: Any = document if path.startswith("/") else document["tenants"][0]
    *parents, last = path.removeprefix("/").split(".")
    for part in parents:
        table = table.setdefault(part, {})
    table[last] = value
    return document


def test_an_omitted_key_keeps_its_default(document: dict[str, Any]) -> None:
    """What the shortest document leaves out has the defaults that the README names."""
    policy = Policy.model_validate_json(json.dumps(document))
    tenant = policy.tenants[0]
    assert (tenant.enabled, tenant.assistants, tenant.since) == (True, None, None)
    chunk = tenant.chunk
    assert (chunk.max_bytes, chunk.max_age_seconds, chunk.level) == (8_388_608, 3600, 3)
    assert (tenant.retention.days, tenant.retention.klass) == (None, "standard")
    assert tenant.identity.source == "git-email"
    assert tenant.store.kind == "s3"
    assert (tenant.store.region, tenant.store.path_style) == ("us-east-1", False)
    assert (policy.schedule.collect_seconds, policy.schedule.ship_seconds) == (30, 60)
    assert (policy.schedule.housekeeping_seconds, policy.schedule.quiet_seconds) == (3600, 10)
    assert (policy.spool.max_bytes, policy.spool.free_floor_bytes) == (4 << 30, 512 << 20)
    assert policy.projects == ()


def test_one_key_of_a_section_leaves_its_other_defaults_alone(document: dict[str, Any]) -> None:
    """Setting ``level`` changes neither size nor age."""
    policy = Policy.model_validate_json(json.dumps(changed(document, "chunk.level", 9)))
    assert policy.tenants[0].chunk.model_dump() == {
        "max_bytes": 8_388_608,
        "max_age_seconds": 3600,
        "level": 9,
    }


@pytest.mark.parametrize(
    "path",
    [
        "chunk",
        "chunk.level",
        "since",
        "assistants",
        "/schedule",
        "/spool.max_bytes",
        "store.region",
    ],
)
def test_null_is_not_a_way_to_say_default(
    document: dict[str, Any], problems: Problems, path: str
) -> None:
    """A null is refused at its key, once, instead of overriding the default."""
    found = problems(changed(document, path, None))
    where = path[1:] if path.startswith("/") else f"{TENANT}.{path}"
    assert found == (f"{where}: null is not allowed; leave the key out to get its default",)


@pytest.mark.parametrize(
    ("path", "value", "where", "allowed"),
    [
        ("/version", 2, "version", "1"),
        ("/version", "1", "version", "1"),
        ("/version", True, "version", "1"),
        ("/tenants", {}, "tenants", "list"),
        ("/schedule", 5, "schedule", "table"),
        ("/schedule.collect_seconds", 9, "schedule.collect_seconds", "10"),
        ("/schedule.collect_seconds", "30", "schedule.collect_seconds", "whole number"),
        ("/schedule.collect_seconds", 30.5, "schedule.collect_seconds", "whole number"),
        ("/schedule.quiet_seconds", -1, "schedule.quiet_seconds", "0"),
        ("/schedule.bandwidth_bytes_per_second", 1, "schedule.bandwidth_bytes_per_second", "1024"),
        ("/spool.max_bytes", 10, "spool.max_bytes", "1048576"),
        ("/spool.free_floor_bytes", 0, "spool.free_floor_bytes", "67108864"),
        ("/spool.free_floor_bytes", 64 * 1024**2 - 1, "spool.free_floor_bytes", "67108864"),
        ("/projects", ["work/x"], "projects[0]", "~/"),
        ("id", "Acme", f"{TENANT}.id", "a-z"),
        ("id", "acme/evil", f"{TENANT}.id", "a-z"),
        ("id", "a" * 65, f"{TENANT}.id", "64"),
        ("enabled", "yes", f"{TENANT}.enabled", "true or false"),
        ("enabled", 1, f"{TENANT}.enabled", "true or false"),
        ("since", "yesterday", f"{TENANT}.since", "2026-01-31"),
        ("since", 20260131, f"{TENANT}.since", "2026-01-31"),
        ("since", "2026-01-31T00:00:00", f"{TENANT}.since", "2026-01-31"),
        ("assistants", [], f"{TENANT}.assistants", "empty"),
        ("assistants", "cline", f"{TENANT}.assistants", "list"),
        ("assistants", ["cline", "klein"], f"{TENANT}.assistants[1]", "claude-code, cline"),
        ("chunk.max_bytes", 1024**2 - 1, f"{TENANT}.chunk.max_bytes", "1048576"),
        ("chunk.max_bytes", 8 * 1024**2 + 1, f"{TENANT}.chunk.max_bytes", "8388608"),
        ("chunk.max_age_seconds", 0, f"{TENANT}.chunk.max_age_seconds", "1"),
        ("chunk.level", 20, f"{TENANT}.chunk.level", "19"),
        ("retention.days", 0, f"{TENANT}.retention.days", "1"),
        ("retention.class", "Gold!", f"{TENANT}.retention.class", "a-z"),
        ("sealing.keys_since", "2026-01-31", f"{TENANT}.sealing.keys_since", "12:00:00Z"),
        ("sealing.keys_since", "2026-01-31T12:00", f"{TENANT}.sealing.keys_since", "offset"),
        ("identity", {}, f"{TENANT}.identity", "subject_key_file"),
        ("identity.subject_key", "short", f"{TENANT}.identity.subject_key", "16"),
        ("identity.source", "dns", f"{TENANT}.identity.source", "git-email"),
        ("identity.source", "fixed", f"{TENANT}.identity.value", "fixed"),
        ("identity.value", "someone", f"{TENANT}.identity.value", "fixed"),
        ("identity.subject_key_file", "/etc/key", f"{TENANT}.identity", "exactly one"),
        ("conversations", {}, f"{TENANT}.conversations", "capture nothing"),
        ("conversations", {"exclude": ["~/x"]}, f"{TENANT}.conversations", "capture nothing"),
        ("conversations", {"default": False}, f"{TENANT}.conversations", "capture nothing"),
        ("store", "s3", f"{TENANT}.store", "table"),
        ("store", {"bucket": "x"}, f"{TENANT}.store.kind", "folder, s3, r2"),
        ("store.kind", "gcs", f"{TENANT}.store.kind", "folder, s3, r2"),
        ("store.bucket", "s3://acme", f"{TENANT}.store.bucket", "bare name"),
        ("store.bucket", "no_such", f"{TENANT}.store.bucket", "3 to 63"),
        ("store.region", "EU central", f"{TENANT}.store.region", "eu-central-1"),
        ("store.endpoint", "localhost:9000", f"{TENANT}.store.endpoint", "https://host"),
        ("store.endpoint", "https://h/bucket", f"{TENANT}.store.endpoint", "without a path"),
        ("store.endpoint", "https://h:port", f"{TENANT}.store.endpoint", "https://host"),
        ("store.endpoint", "https://u:p@h", f"{TENANT}.store.endpoint", "credentials_file"),
        ("store.credentials_file", "keys.ini", f"{TENANT}.store.credentials_file", "absolute"),
        ("store.profile", "a\nb", f"{TENANT}.store.profile", "control characters"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_at_its_path(
    document: dict[str, Any], problems: Problems, path: str, value: Any, where: str, allowed: str
) -> None:
    """One line: the path as the admin writes it, then what is allowed."""
    (found,) = problems(changed(document, path, value))
    place, _, rule = found.partition(": ")
    assert place == where
    assert allowed in rule


@pytest.mark.parametrize(
    "prefix", ["/a", "a/", "a//b", "../a", "a/./b", "tenant=x", "a/dt=2026-01-01", "CLASS=a", "a b"]
)
def test_a_prefix_that_would_confuse_a_key_is_refused(
    document: dict[str, Any], problems: Problems, prefix: str
) -> None:
    """No empty or dotted parts, no partition of our own, nothing that needs quoting."""
    (found,) = problems(changed(document, "store.prefix", prefix))
    assert found.startswith(f"{TENANT}.store.prefix: ")


@pytest.mark.parametrize("prefix", ["", "a", "team=red/Archive-1", "class/dt", "a.b/c_d"])
def test_a_plain_prefix_is_taken_as_it_is(document: dict[str, Any], prefix: str) -> None:
    """Other Hive partitions in front of ours do not clash."""
    policy = Policy.model_validate_json(json.dumps(changed(document, "store.prefix", prefix)))
    assert policy.tenants[0].store.prefix == prefix


@pytest.mark.parametrize(
    "pattern", ["", "work/acme", "~root/x", "~/a/../b", "/a**/b", "*/acme", "/", "~/a\n"]
)
@pytest.mark.parametrize("key", ["working_directories", "exclude"])
def test_a_folder_pattern_that_could_mislead_is_refused(
    document: dict[str, Any], problems: Problems, key: str, pattern: str
) -> None:
    """Relative, dotted or half-wild patterns would cover something else than they seem to."""
    (found,) = problems(changed(document, f"conversations.{key}", ["~/fine", pattern]))
    assert found.startswith(f"{TENANT}.conversations.{key}[1]: must ")


@pytest.mark.parametrize("pattern", ["~", "~/a", "/srv/*/x", "C:\\Work\\**", "**/acme", "//nas/x"])
def test_folder_patterns_of_every_system_are_taken_everywhere(
    document: dict[str, Any], pattern: str
) -> None:
    """One document serves a fleet of Linux, macOS and Windows."""
    changed(document, "conversations.working_directories", [pattern])
    claims = Policy.model_validate_json(json.dumps(document)).tenants[0].conversations
    assert claims.working_directories == (pattern,)


@pytest.mark.parametrize(
    "pattern", ["acme", "/srv/git/acme", "https://me:pw@x/@y", "C:/repo", "**"]
)
def test_a_remote_pattern_without_a_host_is_refused(
    document: dict[str, Any], problems: Problems, pattern: str
) -> None:
    """A remote pattern is a host and a path."""
    (found,) = problems(changed(document, "conversations.git_remotes", [pattern]))
    assert found.startswith(f"{TENANT}.conversations.git_remotes[0]: must be host/path")


def test_a_folder_store_must_be_absolute_or_at_home(
    document: dict[str, Any],
    problems: Problems,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A daemon is started from anywhere; ``~`` is put in its place."""
    (found,) = problems(changed(document, "store", {"kind": "folder", "path": "archive"}))
    assert found.startswith(f"{TENANT}.store.path: must be an absolute path")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    changed(document, "store.path", "~/archive")
    policy = Policy.model_validate_json(json.dumps(document))
    store = policy.tenants[0].store
    assert isinstance(store, module.FolderStore)
    assert store.path == tmp_path / "archive"


def test_an_address_of_r2_in_an_s3_store_names_the_remedy(
    document: dict[str, Any], problems: Problems
) -> None:
    """The commonest mix-up gets its own advice."""
    address = f"https://{'0' * 32}.r2.cloudflarestorage.com"
    (found,) = problems(changed(document, "store.endpoint", address))
    assert found.startswith(f"{TENANT}.store.endpoint: ")
    assert 'kind = "r2"' in found


def test_an_address_of_aws_in_an_r2_store_names_the_remedy(
    document: dict[str, Any], problems: Problems
) -> None:
    """And so does the other direction."""
    address = "https://s3.eu-central-1.amazonaws.com"
    store = {"kind": "r2", "bucket": "acme", "account_id": "0" * 32, "endpoint": address}
    (found,) = problems(changed(document, "store", store))
    assert found.startswith(f"{TENANT}.store.endpoint: ")
    assert 'kind = "s3"' in found


def test_an_r2_store_needs_the_account(document: dict[str, Any], problems: Problems) -> None:
    """An account id is 32 hex digits; jurisdictions are named."""
    store = {"kind": "r2", "bucket": "acme", "account_id": "me", "jurisdiction": "moon"}
    account, jurisdiction = problems(changed(document, "store", store))
    assert account.startswith(f"{TENANT}.store.account_id: must be the 32 digits")
    assert jurisdiction.startswith(f"{TENANT}.store.jurisdiction: allowed: 'eu', 'fedramp'")


@pytest.mark.parametrize(
    ("path", "guess"),
    [
        ("/tenant", "tenants"),
        ("/schedule.collect_second", "collect_seconds"),
        ("/spool.max_size_bytes", "max_bytes"),
        ("enable", "enabled"),
        ("conversations.working_directory", "working_directories"),
        ("store.buckets", "bucket"),
        ("chunk.max_byte", "max_bytes"),
        ("retention.klass", "class"),
        ("identity.subject_keys", "subject_key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    document: dict[str, Any], problems: Problems, path: str, guess: str
) -> None:
    """In every section, tagged stores included; all allowed keys are listed."""
    (found,) = problems(changed(document, path, 1))
    where = path[1:] if path.startswith("/") else f"{TENANT}.{path}"
    assert found.startswith(f"{where}: unknown key; did you mean `{guess}`? allowed: ")
    assert guess in found.partition("allowed: ")[2].split(", ")


def test_an_unknown_key_like_no_other_lists_what_is_allowed(
    document: dict[str, Any], problems: Problems
) -> None:
    """Without a guess the sentence is still whole, and odd keys are quoted."""
    (found,) = problems(changed(document, "retention.zz top\n", 1))
    assert found == (
        f'{TENANT}.retention."zz top\\n": unknown key; allowed: '
        "class, classes, days, grace_days, lock, maximum_days, minimum_days"
    )


@pytest.mark.parametrize("kind", ["folder", "r2"])
def test_an_unknown_key_of_a_store_lists_the_keys_of_that_kind(
    document: dict[str, Any], problems: Problems, kind: str
) -> None:
    """A folder has no region, and the list says so."""
    found = problems(changed(document, "store", {"kind": kind, "region": "auto"}))
    (line,) = (line for line in found if "unknown key" in line)
    keys = {
        "folder": "kind, path, prefix",
        "r2": "account_id, bucket, credential_process, credentials_file",
    }
    assert line.startswith(f"{TENANT}.store.region: unknown key; allowed: {keys[kind]}")


@pytest.mark.parametrize("key", ["access_key_id", "secret_access_key", "Session_Token", "token"])
def test_store_credentials_in_a_policy_are_refused_and_not_repeated(
    document: dict[str, Any], problems: Problems, key: str
) -> None:
    """The remedy is named; the secret is not."""
    (found,) = problems(changed(document, f"store.{key}", "canary-secret"))
    assert found == (
        f"{TENANT}.store.{key}: secrets never stand in a policy; "
        "keep them with `archiver credentials set`"
    )


def test_a_tenant_id_is_used_once(document: dict[str, Any], problems: Problems) -> None:
    """Two tenants of one id would share their keys and sequence numbers."""
    document["tenants"].append(document["tenants"][0])
    (found,) = problems(document)
    assert found == "tenants[1].id: tenants[0] has the same id; allowed: one that no other has"


def test_only_one_enabled_tenant_is_the_default(
    document: dict[str, Any], problems: Problems
) -> None:
    """A disabled one may be the default as well: it will not get anything."""
    first = document["tenants"][0] | {"conversations": {"default": True}}
    others = [first | {"id": "off", "enabled": False}, first | {"id": "second"}]
    (found,) = problems(document | {"tenants": [first, *others]})
    assert found.startswith("tenants[2].conversations.default: tenants[0] is the default already")
    fine = document | {"tenants": [first, others[0]]}
    assert len(Policy.model_validate_json(json.dumps(fine)).tenants) == 2


def test_all_problems_are_told_at_once(document: dict[str, Any], problems: Problems) -> None:
    """An admin does not want to learn of them one by one."""
    changed(document, "enabled", "yes")
    changed(document, "store.bukket", "x")
    changed(document, "/schedule.ship_seconds", 0)
    changed(document, "since", None)
    assert [line.partition(":")[0] for line in problems(document)] == [
        f"{TENANT}.since",
        f"{TENANT}.enabled",
        f"{TENANT}.store.bukket",
        "schedule.ship_seconds",
    ]


def test_missing_keys_are_named(problems: Problems) -> None:
    """An empty document and an empty tenant say what they lack."""
    assert problems({}) == (
        "version: is missing, and has no default",
        "tenants: is missing, and has no default",
    )
    assert [line.partition(":")[0] for line in problems({"version": 1, "tenants": [{}]})] == [
        "tenants[0].id",
        "tenants[0].conversations",
        "tenants[0].store",
        "tenants[0].identity",
    ]


@pytest.mark.parametrize("value", [[], "x", 7, True])
def test_a_document_that_is_no_table_is_refused(problems: Problems, value: Any) -> None:
    """Where there is no path, the document itself is named."""
    assert problems(value) == ("the document: must be a table of keys",)


@pytest.mark.parametrize(
    "path",
    [
        "id",
        "enabled",
        "since",
        "assistants",
        "store",
        "store.kind",
        "store.bucket",
        "store.endpoint",
        "store.prefix",
        "store.path_style",
        "store.secret_access_key",
        "conversations.git_remotes",
        "conversations.exclude",
        "chunk.level",
        "retention.class",
        "identity",
        "identity.source",
        "identity.subject_key_file",
        "/version",
        "/projects",
        "/schedule",
    ],
)
def test_no_error_repeats_a_value(document: dict[str, Any], problems: Problems, path: str) -> None:
    """A slip may put a secret anywhere."""
    canary = "CANARY://user:s3cr3t@x"
    for value in (canary, [canary], {"x": canary}):
        told = " ".join(problems(changed(json.loads(json.dumps(document)), path, value)))
        assert "CANARY" not in told
        assert "s3cr3t" not in told


def test_the_subject_key_is_in_no_text_of_the_policy(document: dict[str, Any]) -> None:
    """Neither in a repr nor in the error that pydantic itself writes."""
    policy = Policy.model_validate_json(json.dumps(document))
    assert policy.tenants[0].identity.subject_key == "synthetic-subject-key"
    assert "synthetic-subject-key" not in repr(policy)
    with pytest.raises(ValidationError) as caught:
        Identity(source="fixed", subject_key="synthetic-subject-key")
    assert "synthetic-subject-key" not in str(caught.value)


def test_values_are_frozen_and_comparable(document: dict[str, Any]) -> None:
    """Equal documents are equal and hash alike; nothing can be set."""
    first, second = (Policy.model_validate_json(json.dumps(document)) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    with pytest.raises(ValidationError):
        first.tenants[0].enabled = False


def test_a_retention_class_is_called_class_in_the_document() -> None:
    """``klass`` in Python, because ``class`` is a keyword there; never in the document."""
    retention = Retention.model_validate_json('{"class": "legal.hold"}')
    assert retention.klass == "legal.hold"
    assert retention == Retention(klass="legal.hold")
    assert retention.model_dump(by_alias=True)["class"] == "legal.hold"
    assert "klass" not in retention.model_dump(by_alias=True)


def test_an_empty_list_of_tenants_is_a_way_to_stop_everything() -> None:
    """A policy without tenants is valid and captures nothing."""
    assert Policy(version=1, tenants=()).tenants == ()


def test_sections_can_be_made_in_python(document: dict[str, Any]) -> None:
    """The quickstart writes no document: it builds one of these."""
    from_json = Policy.model_validate_json(json.dumps(document)).tenants[0]
    from_python = Tenant(
        id="acme",
        conversations=module.Claims(working_directories=("~/work/acme",)),
        store=module.S3Store(bucket="acme-archive"),
        identity=Identity(subject_key="synthetic-subject-key"),
    )
    assert from_json == from_python
