"""``archiver policy init``: a few questions, and a policy that works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from archiver.cli.options import examples, yes_option
from archiver.cli.output import note, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.cli.interview import Interview
    from archiver.policy.suggest import Suggestion

__all__ = ["init"]

_LOCKS: Final = ("none", "governance", "compliance", "rule")
_SOURCES: Final = ("git-email", "os-user", "fixed")

_OPTIONS: Final = (
    click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 show_default="the user's policy.toml", help="Write the policy there."),
    click.option("--tenant", metavar="ID", help="The client, team or person it is for."),
    click.option("--git-remote", "git_remotes", multiple=True, metavar="PATTERN",
                 help="Claim what was held in repositories of it. May be repeated."),
    click.option("--working-directory", "working_directories", multiple=True, metavar="PATTERN",
                 help="Claim what was held in a folder. May be repeated."),
    click.option("--exclude", multiple=True, metavar="PATTERN",
                 help="Never claim what was held in a folder. May be repeated."),
    click.option("--default", is_flag=True, help="Claim what no other tenant claims."),
    click.option("--store", type=click.Choice(["folder", "s3", "r2"]), help="Where it goes."),
    click.option("--path", metavar="FOLDER", help="The folder of a store that is one."),
    click.option("--bucket", metavar="NAME", help="The bucket."),
    click.option("--prefix", metavar="TEXT", help="What every key starts with."),
    click.option("--region", metavar="NAME", help="The region of a bucket on S3."),
    click.option("--endpoint", metavar="URL", help="An S3 service other than Amazon's."),
    click.option("--account-id", metavar="ID", help="The Cloudflare account of a bucket on R2."),
    click.option("--jurisdiction", type=click.Choice(["eu", "fedramp", "us"]),
                 help="Of a bucket on R2 that has one."),
    click.option("--days", metavar="DAYS",
                 help="180d, 1y, 3y, 6y, 7y, indefinite, or a number of days."),
    click.option("--lock", type=click.Choice(_LOCKS), help="How the store keeps it till then."),
    click.option("--identity", "source", type=click.Choice(_SOURCES),
                 help="What people are named by."),
    click.option("--user", metavar="TEXT", help="The user, for --identity fixed."),
    click.option("--subject-key-file", metavar="FILE",
                 help="Where the secret behind pseudonyms is, or is made."),
    click.option("--officer", "officers", multiple=True, metavar="RECIPIENT",
                 help="Who may open it. May be repeated."),
    click.option("--admin-key", "admin_keys", multiple=True, metavar="KEY",
                 help="The public key of an admin. May be repeated."),
)  # fmt: skip


def _answers(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "archiver policy init",
        "archiver policy init --to policy.toml --tenant acme --git-remote 'github.com/acme/*' \\\n"
        "      --store s3 --bucket acme-conversations --region eu-central-1 --days 7y",
    )
)
@_answers
@yes_option
def init(*, to: Path | None, yes: bool, **given: Any) -> None:
    """Make a policy that works, by a few questions.

    Each question has a default, and each answer can come by an option; without a terminal, or
    with --yes, nothing is asked. No key to a store is asked for, and none stands in the policy.
    """
    from archiver.cli.drafting import (  # noqa: PLC0415 - --help needs none of it
        doctor_for,
        prepared,
        put,
        usual_place,
    )
    from archiver.cli.interview import Interview  # noqa: PLC0415
    from archiver.cli.surroundings import seen_here  # noqa: PLC0415
    from archiver.policy.draft import Draft  # noqa: PLC0415
    from archiver.policy.suggest import Suggestion  # noqa: PLC0415

    interview = Interview.of(given, yes=yes)
    claimed = given["git_remotes"] or given["working_directories"] or given["default"]
    found = Suggestion() if claimed else seen_here()
    tenant = _tenant(interview, found)
    place = to or usual_place()
    claims = _claims(interview, found, tenant)
    store = _store(interview, tenant)
    draft = Draft(
        tenant=tenant,
        **claims,
        store=store,
        **_retention(interview, str(store["kind"])),
        **_identity(interview, tenant),
        **_people(interview, tenant),
    )
    put(prepared(draft, place, yes=yes))
    note("Next:")
    if store["kind"] != "folder":
        say(f"archiver credentials set {tenant}")
    say(doctor_for(place))


def _tenant(interview: Interview, found: Suggestion) -> str:
    from archiver.policy.suggest import tenant_name  # noqa: PLC0415 - --help needs none of it
    from archiver.policy.whereabouts import os_user  # noqa: PLC0415

    return interview.text(
        "tenant",
        "Tenant",
        tenant_name(found, os_user()),
        "A short name of whom it is for: it stands in every key of the archive.",
    )


def _claims(interview: Interview, found: Suggestion, tenant: str) -> dict[str, Any]:
    for pattern, count in (*found.git_remotes[:5], *found.working_directories[:5]):
        note(f"  {count:5} conversations in {pattern}")
    remotes = interview.several(
        "git_remotes",
        "Git remotes",
        () if interview.given["working_directories"] else _most(found.git_remotes),
        "Conversations held in repositories of these remotes are captured; commas between several.",
    )
    folders = _most(found.working_directories) or (f"~/work/{tenant}/**",)
    claimed = remotes or interview.given["default"]
    folders = interview.several(
        "working_directories",
        "Folders",
        () if claimed else folders,
        "Conversations held in these folders, or below them, are captured as well.",
    )
    everything = interview.agrees(
        "default",
        "Capture everything else on a machine, too?",
        "What no tenant claims is left alone, unless this one takes it: private ones included.",
    )
    exclude = interview.several(
        "exclude", "Never in", (), "Folders that are left alone, whatever was said before."
    )
    return {
        "git_remotes": remotes,
        "working_directories": folders,
        "default": everything,
        "exclude": exclude,
    }


def _most(found: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    return tuple(pattern for pattern, _ in found[:1])


def _store(interview: Interview, tenant: str) -> dict[str, str | int | bool]:
    kind = interview.choice(
        "store",
        "Store",
        ("folder", "s3", "r2"),
        "Where it goes: a folder (a share, say), Amazon S3 or its like, Cloudflare R2.",
    )
    ask = interview.text
    answers: dict[str, str | int | bool] = {"kind": kind}
    if kind == "folder":
        why = (
            "Absolute, or below ~. It is made when it is missing; the folder that it is in is not."
        )
        answers["path"] = ask("path", "Folder", f"~/archiver-{tenant}", why)
    else:
        why = "The bare name of the bucket. `archiver bucket plan` says how it should be set up."
        answers["bucket"] = ask("bucket", "Bucket", f"{tenant}-conversations", why)
    if kind == "s3":
        answers["region"] = ask("region", "Region", "us-east-1", "Where the bucket is.")
        why = "The address of an S3 service other than Amazon's."
        answers["endpoint"] = ask("endpoint", "Endpoint", "", why)
        answers["path_style"] = bool(answers["endpoint"])
    if kind == "r2":
        why = "The 32 digits that stand on the dashboard, in the addresses of its buckets."
        answers["account_id"] = ask("account_id", "Account", "", why)
        answers["jurisdiction"] = interview.given.get("jurisdiction") or ""
        if not answers["account_id"]:
            raise click.UsageError("A bucket on R2 needs --account-id, which nobody can guess.")
    answers["prefix"] = ask(
        "prefix", "Prefix", "", "What every key starts with; for a bucket of several uses."
    )
    return {key: value for key, value in answers.items() if value}


def _retention(interview: Interview, kind: str) -> dict[str, Any]:
    from archiver.policy.retention import LOCKS  # noqa: PLC0415 - --help needs none of it

    days = interview.text(
        "days",
        "Keep for",
        "indefinite",
        "180d, 1y, 3y, 6y, 7y, indefinite, or days. Counsel says how long it must and may stay.",
    )
    locks = LOCKS[kind] if days != "indefinite" else ("none",)
    lock = interview.choice(
        "lock",
        "Lock",
        locks,
        "Whether the store itself refuses to delete before that. S3: governance (an administrator"
        " may), compliance (nobody may); R2: rule. The bucket must be made for it.",
    )
    return {"days": int(days) if days.isdecimal() else days, "lock": lock}


def _identity(interview: Interview, tenant: str) -> dict[str, Any]:
    from archiver.cli.drafting import default_key_file, with_tilde  # noqa: PLC0415 - not for --help
    from archiver.policy.whereabouts import os_user  # noqa: PLC0415

    source = interview.choice(
        "source", "Name people by", _SOURCES, "What a conversation is attributed to."
    )
    user = None
    if source == "fixed":
        user = interview.text("user", "User", os_user(), "The same on every machine.")
    path = interview.text(
        "subject_key_file",
        "Subject key",
        with_tilde(default_key_file(tenant)),
        "Names of stored files hold a pseudonym; this secret makes it. It is made if need be.",
    )
    return {"source": source, "user": user, "subject_key_file": path}


def _people(interview: Interview, tenant: str) -> dict[str, Any]:
    officers = interview.several(
        "officers",
        "Officers",
        (),
        "Who alone may open it; with nobody it is not encrypted. List two. Each makes a key with"
        " `archiver keys generate officer --to officer.key`, which prints what to give here.",
    )
    admin_keys = interview.several(
        "admin_keys",
        "Admin keys",
        (),
        "Who approves machines and signs for the whole. Made, away from any machine that is"
        f" captured, with `archiver keys generate admin --name {tenant} --to admin.key`.",
    )
    return {"officers": officers, "admin_keys": admin_keys}
