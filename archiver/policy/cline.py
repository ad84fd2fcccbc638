"""Cline's remote configuration, as its admins have it: where prompts were uploaded to. Pure.

`parse` takes the document itself (``remote_config_<organisation>.json``) and the bundle that
the SDK keeps (its ``remoteConfig``), by either of the two schemas: the one of VS Code with six
settings of a queue, and the one of the SDK without them. Keys that it does not know are let
be and told by name. What is wrong is told by its path, all at once, and never by its value:
keys to a bucket stand in this document.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from archiver.errors import PolicyInvalid, PolicyUnreadable
from archiver.policy.answers import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QUEUE", "Uploading", "parse"]

QUEUE: Final = (
    "intervalMs",
    "maxRetries",
    "batchSize",
    "maxQueueSize",
    "maxFailedAgeMs",
    "backfillEnabled",
)
"""Settings of Cline's queue, which one of its two schemas has."""

_KINDS: Final = {"s3_access_keys": "s3", "r2_access_keys": "r2", "azure_access_keys": "azure"}
_TEXTS: Final = ("bucket", "accessKeyId", "secretAccessKey", "region", "endpoint", "accountId")
_NEEDED: Final = frozenset({"bucket", "accessKeyId", "secretAccessKey"})
_AT: Final = "enterpriseTelemetry.promptUploading"
_R2_HOST: Final = re.compile(
    r"(?P<account>[0-9a-f]{32})(?:\.(?P<jurisdiction>eu|fedramp|us))?\.r2\.cloudflarestorage\.com"
)
_ADVICE: Final = (
    "Correct what is named, or begin anew with `archiver policy init`. Nothing was written."
)


@dataclass(frozen=True, slots=True)
class Uploading:
    """What Cline was told. ``store`` holds keys of ``[tenants.store]``; ``repr`` shows no secret.

    ``queue`` are the settings of `QUEUE` that were given; ``unused`` the names of settings that
    mean nothing here, ``unknown`` of those that nobody knows.
    """

    enabled: bool
    store: dict[str, str | bool]
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    queue: dict[str, int | bool]
    unused: tuple[str, ...]
    unknown: tuple[str, ...]


def parse(text: str) -> Uploading:
    """Read the configuration; raise `PolicyUnreadable` or `PolicyInvalid`."""
    uploading = _found(_loaded(text))
    problems: list[str] = []
    kind, settings = _settings(uploading, problems)
    at = f"{_AT}.{kind}AccessSettings"
    texts = _texts(settings, at, problems) if not problems else {}
    queue = _queue(settings, at, problems)
    enabled = uploading.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        problems.append(f"{_AT}.enabled: must be true or false")
    store = _store(kind, texts, at, problems) if not problems else {}
    if problems:
        raise _invalid(problems)
    others = {"s3AccessSettings", "r2AccessSettings", "azureAccessSettings"}
    unknown = {*uploading, *settings} - {"enabled", "type", *others, *_TEXTS, *QUEUE}
    return Uploading(
        # What VS Code does where the key is missing; the SDK uploads nothing then.
        enabled=enabled is not False,
        store=store,
        key_id=texts["accessKeyId"],
        secret=texts["secretAccessKey"],
        queue=queue,
        unused=tuple(name for name in texts if name in _unused(store)),
        # A slip may have put a secret where a name belongs.
        unknown=tuple(sorted(name for name in unknown if re.fullmatch(r"[A-Za-z_]{1,40}", name))),
    )


def _loaded(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise PolicyUnreadable(
            f"the configuration is not valid JSON: {error.msg} ({place})",
            advice="Take it as Cline keeps it: `remote_config_<organisation>.json`.",
        ) from None
    except (RecursionError, ValueError):
        raise PolicyUnreadable(
            "the configuration is not valid JSON: nested too deeply, or a number too long",
            advice="Take it as Cline keeps it: `remote_config_<organisation>.json`.",
        ) from None
    return document if isinstance(document, dict) else {}


def _found(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the part that tells of uploads, in the document or in a bundle that holds it."""
    for outer in (document, document.get("remoteConfig")):
        telemetry = outer.get("enterpriseTelemetry") if isinstance(outer, dict) else None
        uploading = telemetry.get("promptUploading") if isinstance(telemetry, dict) else None
        if isinstance(uploading, dict):
            return uploading
    raise _invalid([f"{_AT}: is missing, or no table of keys"])


def _settings(uploading: Mapping[str, Any], problems: list[str]) -> tuple[str, Mapping[str, Any]]:
    given = [kind for kind in _KINDS.values() if f"{kind}AccessSettings" in uploading]
    said = uploading.get("type")
    if said is not None and (not isinstance(said, str) or said not in _KINDS):
        problems.append(f"{_AT}.type: allowed: s3_access_keys, r2_access_keys")
        return "s3", {}
    kind = _KINDS[said] if said else given[0] if len(given) == 1 else ""
    if not kind:
        which = "says of several which counts" if given else "is missing"
        problems.append(f"{_AT}.type: {which}; allowed: s3_access_keys, r2_access_keys")
        return "s3", {}
    if kind == "azure":
        problems.append(f"{_AT}.type: archiver has no store on Azure; it takes S3, R2 or a folder")
        return kind, {}
    settings = uploading.get(f"{kind}AccessSettings")
    if not isinstance(settings, dict):
        others = f"; there are {given[0]}AccessSettings" if given else ""
        problems.append(f"{_AT}.{kind}AccessSettings: is missing, or no table of keys{others}")
        return kind, {}
    return kind, settings


def _texts(settings: Mapping[str, Any], at: str, problems: list[str]) -> dict[str, str]:
    found = {}
    for key in _TEXTS:
        value = settings.get(key)
        if value is None or (value == "" and key not in _NEEDED):
            if key in _NEEDED:
                problems.append(f"{at}.{key}: is missing")
        elif not isinstance(value, str) or not value.strip():
            problems.append(f"{at}.{key}: must be text that is not empty")
        else:
            found[key] = value.strip()
    return found


def _queue(settings: Mapping[str, Any], at: str, problems: list[str]) -> dict[str, int | bool]:
    found: dict[str, int | bool] = {}
    for key in QUEUE:
        value = settings.get(key)
        if value is None:
            continue
        if key == "backfillEnabled" and not isinstance(value, bool):
            problems.append(f"{at}.{key}: must be true or false")
        elif key != "backfillEnabled" and not _is_count(value):
            problems.append(f"{at}.{key}: must be a number, not below 0")
        else:
            found[key] = value if isinstance(value, bool) else int(value)
    return found


def _is_count(value: object) -> bool:
    # The bound keeps out what JSON calls a number and nobody can count to.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def _store(
    kind: str, texts: Mapping[str, str], at: str, problems: list[str]
) -> dict[str, str | bool]:
    """Give the store that is meant; an address counts for more than the name of the kind."""
    host = _host(texts.get("endpoint", ""))
    r2 = _R2_HOST.fullmatch(host)
    store: dict[str, str | bool] = {"kind": "r2" if r2 else kind, "bucket": texts["bucket"]}
    if store["kind"] == "r2":
        store["account_id"] = r2["account"] if r2 else texts.get("accountId", "")
        if r2 and r2["jurisdiction"]:
            store["jurisdiction"] = r2["jurisdiction"]
        elif host and not r2:
            store["endpoint"] = texts["endpoint"]
    else:
        store["region"] = texts.get("region", "us-east-1")
        if host and not host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            store |= {"endpoint": texts["endpoint"], "path_style": True}
    names = {"account_id": "accountId"}
    problems += [
        f"{at}.{names.get(key, key)}: {wrong}"
        for key, value in store.items()
        if (wrong := problem(key, value))
    ]
    if texts.get("endpoint") and not host:
        problems.append(f"{at}.endpoint: {problem('endpoint', '')}")
    return store


def _host(endpoint: str) -> str:
    try:
        return urlsplit(endpoint).hostname or ""
    except ValueError:
        return ""


def _unused(store: Mapping[str, str | bool]) -> frozenset[str]:
    if store["kind"] == "r2":
        return frozenset({"region", *(() if "endpoint" in store else ("endpoint",))})
    return frozenset({"accountId", *(() if "endpoint" in store else ("endpoint",))})


def _invalid(problems: list[str]) -> PolicyInvalid:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return PolicyInvalid(
        f"this configuration of Cline cannot be taken over: {problems[0]}{more}",
        advice=_ADVICE,
        problems=tuple(problems),
    )
