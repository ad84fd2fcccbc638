"""A policy in plain words, for somebody who answers for it and does not write it. Pure.

The promise: every tenant, class, store, officer and admin key of the policy is named, and what
is not captured is said as plainly as what is. No secret appears: a key that stands in the
policy itself is said to stand there, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archiver.policy.phrases import (
    admin_name,
    credentials_of,
    days,
    every,
    folder,
    in_words,
    seconds,
    size,
    stays,
    store_in_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.policy.document import Claims, Identity, Policy, Tenant
    from archiver.policy.retention import Covers

__all__ = ["HIDDEN", "Passage", "explained", "without_secrets"]

HIDDEN = "(secret, not shown)"
"""What stands in place of a secret."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What a policy says of one thing. ``tenant`` is ``None`` for what is said of a machine."""

    tenant: str | None
    about: str
    sentences: tuple[str, ...]


def explained(policy: Policy) -> tuple[Passage, ...]:
    """Say all of a policy, tenant by tenant in the order in which they claim."""
    return (
        *(passage for tenant in policy.tenants for passage in _tenant(tenant)),
        Passage(None, "on a machine", tuple(_machine(policy))),
    )


def without_secrets(policy: Policy) -> dict[str, Any]:
    """Give a policy as values for a program, every default filled in, secrets hidden."""
    document: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    for tenant in document["tenants"]:
        if "subject_key" in tenant["identity"]:
            tenant["identity"]["subject_key"] = HIDDEN
        if command := tenant["store"].get("credential_process"):
            command[1:] = [HIDDEN] * len(command[1:])
    return document


def _tenant(tenant: Tenant) -> Iterator[Passage]:
    for about, sentences in (
        ("captured", _captured(tenant)),
        ("not captured", _not_captured(tenant)),
        ("attributed to", _attributed(tenant.identity)),
        ("sent to", _sent(tenant)),
        ("readable by", _readable(tenant)),
        ("kept", _kept(tenant)),
        ("signed by", _signed(tenant)),
    ):
        yield Passage(tenant.id, about, tuple(sentences))


def _captured(tenant: Tenant) -> Iterator[str]:
    if not tenant.enabled:
        yield (
            "Nothing: this tenant is disabled. Nothing is captured, and nothing is sent. If it"
            " were enabled, what follows would hold."
        )
    yield f"Conversations with {_with(tenant.assistants)}, {_claimed(tenant.conversations)}."


def _with(assistants: tuple[str, ...] | None) -> str:
    return in_words(assistants) if assistants else "every assistant that archiver knows"


def _claimed(claims: Claims) -> str:
    parts = [f"held in {folder(one)} or below" for one in claims.working_directories]
    parts += [f"held in a repository of {one}" for one in claims.git_remotes]
    parts += ["that no other tenant claims"] * claims.default
    return in_words(parts, "or")


def _not_captured(tenant: Tenant) -> Iterator[str]:
    claims = tenant.conversations
    if claims.exclude:
        yield f"What was held in {in_words(map(folder, claims.exclude), 'or')} or below."
    if tenant.assistants:
        yield "Conversations with any other assistant."
    if tenant.since:
        yield f"Conversations that last changed before {tenant.since} (UTC)."
    if claims.default:
        yield "What another tenant claims, also while that one is disabled."
    else:
        yield "Conversations that were held anywhere else."


def _attributed(identity: Identity) -> Iterator[str]:
    yield {
        "git-email": "The e-mail address that git has for the folder; where it has none, the name"
        " of the account on the computer.",
        "os-user": "The name of the account on the computer.",
        "fixed": f"{identity.value}, on every machine that has this policy.",
    }[identity.source]
    where = identity.subject_key_file
    made = f"the secret key in {where}" if where else "a secret key that stands in the policy"
    yield f"The names of stored files hold a pseudonym in place of it, made with {made}."


def _sent(tenant: Tenant) -> Iterator[str]:
    yield f"{_capital(store_in_words(tenant.store))}."
    if credentials := credentials_of(tenant.store):
        yield f"The keys to it come from {credentials}; none stand in the policy."
    chunk = tenant.chunk
    yield (
        f"At the latest {seconds(chunk.max_age_seconds)} after it was written, or once"
        f" {size(chunk.max_bytes)} of it have come together (compressed at level {chunk.level})."
    )


def _readable(tenant: Tenant) -> Iterator[str]:
    officers = tenant.sealing.officers
    if not officers:
        yield (
            "Whoever may read the store: nothing is encrypted before it is sent, because the"
            " policy names no officers."
        )
        return
    count = "this officer" if len(officers) == 1 else f"any one of these {len(officers)} officers"
    yield f"Only {count}, each with a private key of their own: {in_words(officers)}."
    yield "A machine cannot read back what it sent, nor can whoever runs the store."
    if len(officers) == 1:
        yield "If that one key is lost, nobody can read any of it ever again."
    if tenant.sealing.keys_since:
        yield f"Keys that were made before {tenant.sealing.keys_since.isoformat()} seal no more."


def _kept(tenant: Tenant) -> Iterator[str]:
    rules = tenant.retention
    for rule, terms in zip(rules.classes, rules.terms[1:], strict=True):
        yield f"Class {terms.klass}, {_covered(rule.conversations)}: {stays(terms)}."
    rest = "everything else" if rules.classes else "everything"
    yield f"Class {rules.klass}, {rest}: {stays(rules.terms[0])}."
    if any(terms.days is not None for terms in rules.terms):
        yield (
            f"Within {days(rules.grace_days)} after its end archiver writes down that it expired;"
            " then the store may remove it. A legal hold stops this."
        )
    if rules.minimum_days or rules.maximum_days:
        least = f"at least {days(rules.minimum_days)}" if rules.minimum_days else ""
        most = f"at most {days(rules.maximum_days)}" if rules.maximum_days else ""
        yield f"No class may be set to anything but {in_words(filter(None, (least, most)))}."


def _covered(covers: Covers) -> str:
    parts = []
    if covers.working_directories:
        parts.append(f"held in {in_words(map(folder, covers.working_directories), 'or')} or below")
    if covers.git_remotes:
        parts.append(f"held in a repository of {in_words(covers.git_remotes, 'or')}")
    if covers.assistants:
        parts.append(f"held with {in_words(covers.assistants, 'or')}")
    return f"conversations {in_words(parts)}"


def _signed(tenant: Tenant) -> Iterator[str]:
    evidence = tenant.evidence
    yield "Every machine, with a key of its own, for what it sent."
    if evidence.admin_keys:
        names = in_words(map(admin_name, evidence.admin_keys), "or")
        yield f"For the whole: {names}, who approve machines and sign for all of it."
        yield (
            f"`archiver verify` reports it when nobody signed for {days(evidence.checkpoint_days)}"
            f", and a machine that says nothing for {days(evidence.silence_days)}."
        )
    else:
        yield (
            "Nobody signs for the whole: the policy names no admin keys, so `archiver verify`"
            " cannot prove that the archive is complete."
        )


def _machine(policy: Policy) -> Iterator[str]:
    if not any(tenant.enabled for tenant in policy.tenants):
        yield "Nothing is captured: no tenant is enabled."
    schedule, spool = policy.schedule, policy.spool
    yield (
        f"archiver looks {every(schedule.collect_seconds)}, reads a file once it was left alone"
        f" for {seconds(schedule.quiet_seconds)}, sends {every(schedule.ship_seconds)}, and tidies"
        f" up {every(schedule.housekeeping_seconds)}."
    )
    rate = schedule.bandwidth_bytes_per_second
    yield f"It sends at most {size(rate)} a second." if rate else "It sends as fast as it can."
    yield (
        f"What is not sent yet waits on the disk, at most {size(spool.max_bytes)}, and while"
        f" {size(spool.free_floor_bytes)} are free; then capture stops, says so, and goes on by"
        " itself. Nothing is thrown away."
    )
    if policy.projects:
        found = in_words(map(folder, policy.projects))
        yield f"It looks for assistants that keep their files inside projects in {found}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
