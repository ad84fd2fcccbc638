"""What ``archiver policy sign`` and ``validate`` do, apart from how it is printed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.cli.admin import admin_of
from archiver.cli.options import policy_folders
from archiver.cli.reading import trust_in
from archiver.cli.session import KNOWN_ASSISTANTS
from archiver.distribution.judge import Accepted, opened, verified
from archiver.distribution.refusals import Refusal
from archiver.durable import files
from archiver.errors import Damaged, PolicyInvalid, PolicyRefused, UnusableKey
from archiver.evidence import policies
from archiver.evidence.policies import MAX_BYTES, SignedPolicy
from archiver.evidence.verifier import VerifierKey
from archiver.policy.load import LoadedPolicy, find, understood
from archiver.policy.reading import read
from archiver.policy.source import load_source

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["Signed", "Valid", "signed_file", "usual_file", "validated_file"]

_PLAIN: Final = (".toml", ".json")


@dataclass(frozen=True, slots=True)
class Signed:
    """A file that was signed. ``previous`` is the number of the one that it replaced.

    ``secrets`` are the tenants whose subject key stands in it.
    """

    path: Path
    number: int
    previous: int | None
    created_at: str
    expires_at: str | None
    fingerprint: str
    signed_by: tuple[str, ...]
    keys: tuple[str, ...]
    enabled: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Valid:
    """A policy that is valid; what is ``None`` or empty belongs to a signed one."""

    enabled: tuple[str, ...]
    fingerprint: str
    number: int | None = None
    created_at: str | None = None
    expires_at: str | None = None
    signed_by: tuple[str, ...] = ()


def signed_file(
    file: Path,
    keys: tuple[Path, ...],
    to: Path,
    *,
    number: int | None,
    life: timedelta | None,
) -> Signed:
    """Check ``file``, sign it as ``to``; raise `PolicyError` or `UnusableKey`."""
    if file.suffix.lower() not in _PLAIN:
        raise UnusableKey(
            f"{file} is not what is signed", advice="Name the policy itself, a .toml or .json file."
        )
    body = read(file)
    loaded = understood(file, body, known_assistants=KNOWN_ASSISTANTS)
    previous = _number_in(to)
    number = _next_number(to, previous, number)
    signers = tuple(admin_of(path, Path()).key for path in dict.fromkeys(keys))
    now = datetime.now(UTC)
    document = body.decode("utf-8-sig")
    made = policies.next_policy(
        document,
        "json" if file.suffix.lower() == ".json" else "toml",
        number=number,
        now=now,
        expires_at=now + life if life else None,
    )
    written = policies.sign(made, *signers)
    public = tuple(one.public for one in signers)
    _check_own(written, public)
    secrets = tuple(one.id for one in loaded.policy.tenants if one.identity.subject_key)
    files.replace(to, written)
    if not secrets:
        to.chmod(0o644)  # every user of a machine must be able to read what is delivered
    return Signed(
        path=to,
        number=number,
        previous=previous,
        created_at=made.created_at,
        expires_at=made.expires_at,
        fingerprint=hashlib.sha256(document.encode()).hexdigest(),
        signed_by=tuple(key.name for key in public),
        keys=tuple(map(str, public)),
        enabled=_enabled(loaded),
        secrets=secrets,
    )


def validated_file(path: Path, keys: tuple[str, ...]) -> Valid:
    """Check a policy, plain or signed; raise `PolicyError`."""
    if path.suffix.lower() in _PLAIN:
        loaded = understood(path, read(path), known_assistants=KNOWN_ASSISTANTS)
        return Valid(_enabled(loaded), loaded.fingerprint)
    body = read(path, MAX_BYTES)
    told = verified(body, _trusted(keys), policies.signing)
    if isinstance(told, Refusal):
        found: Accepted | Refusal = told
    else:
        found = opened(*told, body, lambda signed: _understood(path, signed))
    if isinstance(found, Refusal):
        raise PolicyRefused(
            f"{path} is not a policy that would be taken",
            advice=found.advice,
            problems=found.problems,
        )
    signed = found.signed
    return Valid(
        _enabled(found.loaded),
        found.loaded.fingerprint,
        signed.number,
        signed.created_at,
        signed.expires_at,
        found.names,
    )


def usual_file() -> Path:
    """Give the policy that stands where this machine looks for it, or the place for one."""
    folders = policy_folders()
    places = folders.signed if find(folders.sources) else folders.plain
    return find(places) or places[-1]


def _trusted(keys: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    if trust := trust_in(keys):
        return trust.admins
    source = find(policy_folders().sources)
    if source is None:
        raise PolicyRefused(
            "it is not known whose signature to ask for",
            advice="Give --admin-key-public the line that `archiver keys generate admin` printed.",
            problems=("no --admin-key-public was given, and this machine has no source.toml",),
        )
    try:
        return tuple(VerifierKey.parse(text) for text in load_source(source).keys)
    except Damaged as error:
        raise PolicyInvalid(f"{source}: {error}", advice=error.advice) from None


def _understood(path: Path, signed: SignedPolicy) -> LoadedPolicy:
    body = signed.document.encode()
    return understood(path, body, f".{signed.format}", known_assistants=KNOWN_ASSISTANTS)


def _number_in(to: Path) -> int | None:
    """Give the number of the file that is replaced; never replace anything else."""
    if not to.exists():
        return None
    try:
        return policies.read(read(to, MAX_BYTES)).number
    except Damaged as error:
        raise PolicyRefused(
            f"{to} stands there and is no signed policy",
            advice="Name another file with --to, or move that one away.",
        ) from error


def _next_number(to: Path, previous: int | None, number: int | None) -> int:
    """Give the number to sign with; raise `PolicyRefused` where machines would refuse it."""
    number = number or (previous or 0) + 1
    if previous is not None and number <= previous:
        raise PolicyRefused(
            f"{to} has number {previous} already, and numbers only grow",
            advice=f"Leave --number out, or give {previous + 1} or more.",
            problems=(f"--number {number}: machines that have {previous} would refuse it",),
        )
    return number


def _check_own(written: bytes, keys: tuple[VerifierKey, ...]) -> None:
    found = policies.signing(written, keys)
    if found.by != tuple(map(str, keys)):
        raise UnusableKey(
            "a key does not verify what it has signed",
            advice="Restore the key from a copy. Nothing was written.",
        )


def _enabled(loaded: LoadedPolicy) -> tuple[str, ...]:
    return tuple(tenant.id for tenant in loaded.policy.tenants if tenant.enabled)
