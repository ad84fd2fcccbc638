"""Keys as text, in the forms in which people and tools hand them over.

* INI, as ``~/.aws/credentials`` has it: one section, ``aws_access_key_id`` and so on, and
  ``expires_at`` (RFC 3339) where the keys are temporary;
* JSON, as ``aws sts assume-role``, a ``credential_process`` and Cloudflare's API print it;
* lines: key id, secret and, for temporary keys, the session token.

No error holds anything of the text: parsers quote the line that they stumble over.
"""

from __future__ import annotations

import configparser
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from archiver.credentials.keys import Keys, check
from archiver.credentials.refusals import refused
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_ini", "as_json", "read_ini", "read_text"]

_ID, _SECRET, _TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
_ENDS: Final = ("expires_at", "aws_session_expiration", "x_security_token_expires")
"""Ours, and how aws-vault and saml2aws write it."""

_ADVICE: Final = (
    "Write it as `[default]`, then one line each `aws_access_key_id = …` and"
    " `aws_secret_access_key = …`; or correct `credentials_file` in the policy."
)
_HANDED_OVER: Final = (
    "Give AWS's JSON, an INI file as ~/.aws/credentials, or lines: key id, secret, and the"
    " session token of temporary keys."
)
_LINES: Final = (2, 3)


def read_ini(text: str, where: str, *, section: str | None = "default") -> Keys:
    """Read the keys of a section, ``None``: of the only one; raise `StoreError` (CREDENTIALS).

    ``where`` names the text for humans.
    """
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    problem, table = "", {}
    try:
        parser.read_string(text)
        name = section or "".join(parser.sections()[:1])
        table = dict(parser[name]) if parser.has_section(name) else {}
    except configparser.Error:
        # Raised below, outside of this block: so it drags no context along.
        problem = f"{where} is not an INI file"
    missing = [name for name in (_ID, _SECRET) if not table.get(name)]
    if not problem and missing:
        problem = f"{where} has no {' and no '.join(missing)} under [{section or 'default'}]"
    if problem:
        raise refused(problem, code="CredentialsFile", advice=_ADVICE)
    ends = next((table[name] for name in _ENDS if table.get(name)), None)
    return Keys(
        table[_ID],
        table[_SECRET],
        table.get(_TOKEN) or None,
        expires_at=_moment(ends, where),
        issued_at=_moment(table.get("issued_at"), where),
    )


def read_text(text: str, where: str = "standard input") -> Keys:
    """Read keys in any of the forms; raise `StoreError` (CREDENTIALS)."""
    stripped = text.strip().removeprefix("\ufeff")
    if stripped.startswith("{"):
        return check(_read_json(stripped, where))
    if stripped.startswith("["):
        return check(read_ini(stripped, where, section=None))
    lines = [line.strip() for line in stripped.splitlines()]
    if len(lines) not in _LINES:
        raise refused(f"{where} holds no keys", code="NoKeys", advice=_HANDED_OVER)
    key_id, secret, *token = lines
    return check(Keys(key_id, secret, token[0] if token else None))


def _read_json(text: str, where: str) -> Keys:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        found = found.get("Credentials") or found.get("result") or found
    problem = f"{where} is JSON without AccessKeyId and SecretAccessKey"
    if not isinstance(found, dict):
        raise refused(problem, code="NoKeys", advice=_HANDED_OVER)
    table: Mapping[str, Any] = {name[:1].upper() + name[1:]: one for name, one in found.items()}
    said = [table.get(name) for name in ("AccessKeyId", "SecretAccessKey")]
    more = [table.get(name) for name in ("SessionToken", "Expiration", "IssuedAt")]
    if not all(isinstance(one, str) for one in said) or not all(
        isinstance(one, str | None) for one in more
    ):
        raise refused(problem, code="NoKeys", advice=_HANDED_OVER)
    token, ends, issued = more
    return Keys(
        str(said[0]),
        str(said[1]),
        token or None,
        expires_at=_moment(ends, where),
        issued_at=_moment(issued, where),
    )


def _moment(text: str | None, where: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise refused(
        f"{where} says when the keys end in a form that is no RFC 3339 time",
        code="CredentialsFile",
        advice="Write it as 2026-01-31T09:30:00Z, or leave it out.",
    )


def as_ini(keys: Keys) -> str:
    """Write keys as `read_ini` reads them."""
    lines = ["[default]", f"{_ID} = {keys.key_id}", f"{_SECRET} = {keys.secret}"]
    if keys.token:
        lines.append(f"{_TOKEN} = {keys.token}")
    if keys.expires_at:
        lines.append(f"expires_at = {rfc3339(keys.expires_at)}")
    if keys.issued_at:
        lines.append(f"issued_at = {rfc3339(keys.issued_at)}")
    return "\n".join(lines) + "\n"


def as_json(keys: Keys) -> str:
    """Write keys as a ``credential_process`` prints them, and as `read_text` reads them."""
    table: dict[str, Any] = {
        "Version": 1,
        "AccessKeyId": keys.key_id,
        "SecretAccessKey": keys.secret,
    }
    if keys.token:
        table["SessionToken"] = keys.token
    if keys.expires_at:
        table["Expiration"] = rfc3339(keys.expires_at)
    if keys.issued_at:
        table["IssuedAt"] = rfc3339(keys.issued_at)
    return json.dumps(table, indent=2) + "\n"
