"""The first policy of a tenant, as text for a person to read and to change. Pure.

`archiver policy init` and `import-cline` write the same document. Its comments say what each
key is for; what was not asked for stands there as a comment, ready to be used. A draft has no
field for a key to a store, nor for the secret that makes pseudonyms: both lie elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Draft", "document", "quoted"]

Value = str | int | bool | tuple[str, ...]

_WIDTH: Final = 44
"""Where comments begin, if the line before is not longer."""

_STORES: Final = {
    "folder": "a folder: a disk, or a share that is always mounted",
    "s3": "Amazon S3, or any service that speaks its protocol",
    "r2": "Cloudflare R2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was answered. ``store`` holds the keys of ``[tenants.store]`` as they are written.

    ``notes`` are lines of comment for the head of the document.
    """

    tenant: str
    subject_key_file: str
    store: Mapping[str, Value]
    enabled: bool = True
    assistants: tuple[str, ...] = ()
    since: str | None = None
    working_directories: tuple[str, ...] = ()
    git_remotes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    default: bool = False
    days: str | int = "indefinite"
    klass: str = "standard"
    lock: str = "none"
    source: str = "git-email"
    user: str | None = None
    officers: tuple[str, ...] = ()
    admin_keys: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    schedule: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def document(draft: Draft) -> str:
    """Write the draft as TOML."""
    parts = (
        _head(draft),
        _tenant(draft),
        _conversations(draft),
        _store(draft),
        _retention(draft),
        _identity(draft),
        _sealing(draft),
        _evidence(draft),
        _schedule(draft),
    )
    return "\n".join(line for part in parts for line in part).strip() + "\n"


def quoted(value: Value) -> str:
    """Write one value as TOML does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(quoted, value))}]"
    # A string of JSON is one of TOML, but for this one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(key: str, value: Value, why: str = "", mark: str = "") -> str:
    text = f"{mark}{key} = {quoted(value)}"
    return f"{text.ljust(_WIDTH - 2)}  # {why}" if why else text


def _may(key: str, value: Value, why: str = "", *, example: Value) -> str:
    """Write a key, or where nothing was answered the same line as a comment."""
    return _line(key, value, why) if value else _line(key, example, why, "# ")


def _head(draft: Draft) -> Iterator[str]:
    yield "# The policy of archiver: what is captured for whom, where it goes, how long it stays."
    yield "# No secret stands in it, so every user of a machine may read it."
    yield "#   archiver policy show       what it says, in plain words"
    yield "#   archiver policy validate   whether it is right"
    yield "# An editor checks it as you type: run `archiver policy schema --to policy.schema.json`"
    yield "# beside it, and let its first line be: #:schema ./policy.schema.json"
    if draft.notes:
        yield "#"
        yield from (f"# {note}" for note in draft.notes)
    yield "version = 1"
    yield ""
    yield "# Folders to search for the files of assistants that write inside projects, as aider."
    yield _may("projects", draft.projects, example=("~/projects/*",))
    yield ""


def _tenant(draft: Draft) -> Iterator[str]:
    yield "[[tenants]]"
    yield _line("id", draft.tenant, "in every key, as tenant=…, and in every command")
    yield _line("enabled", draft.enabled, "false stops capture and shipping at once")
    known = ("claude-code", "cline")
    yield _may("assistants", draft.assistants, "left out: all that archiver knows", example=known)
    why = "conversations that changed last before it are left alone"
    yield _may("since", draft.since or "", why, example="2026-01-01")
    yield ""


def _conversations(draft: Draft) -> Iterator[str]:
    yield "[tenants.conversations]  # whose a conversation is: any one of these is enough"
    folders = (f"~/work/{draft.tenant}/**",)
    yield _may(
        "working_directories", draft.working_directories, "where it was held", example=folders
    )
    remotes = (f"github.com/{draft.tenant}/*",)
    yield _may("git_remotes", draft.git_remotes, "of the repository there", example=remotes)
    private = (f"~/work/{draft.tenant}/private/**",)
    yield _may("exclude", draft.exclude, "never, whatever the others say", example=private)
    yield _may("default", draft.default, "all that no other tenant claims", example=True)
    yield ""


def _store(draft: Draft) -> Iterator[str]:
    yield f"[tenants.store]  # {_STORES[str(draft.store['kind'])]}"
    for key, value in draft.store.items():
        yield _line(key, value)
    if draft.store["kind"] != "folder":
        yield f"# The keys to it never stand here: archiver credentials set {draft.tenant}"
    yield ""


def _retention(draft: Draft) -> Iterator[str]:
    yield "[tenants.retention]  # days count from when a chunk was sent"
    yield _line("days", draft.days, "180d, 1y, 3y, 6y, 7y, indefinite, or a number of days")
    yield _line("class", draft.klass, "in every key, as class=…")
    yield _line("lock", draft.lock, "none; governance or compliance on S3; rule on R2")
    yield ""


def _identity(draft: Draft) -> Iterator[str]:
    yield "[tenants.identity]  # to whom it is attributed"
    yield _line("source", draft.source, "git-email, os-user, fixed")
    if draft.user is not None:
        yield _line("value", draft.user, "the user, on every machine")
    yield "# Makes the pseudonyms. The same file on every machine, or one person has several."
    yield _line("subject_key_file", draft.subject_key_file)
    yield ""


def _sealing(draft: Draft) -> Iterator[str]:
    yield "[tenants.sealing]  # who may open it; nobody here: it is not encrypted"
    yield "# As `archiver keys generate officer` prints them. List two: a lost key opens nothing."
    yield _may("officers", draft.officers, example=("age1…", "age1…"))
    yield ""


def _evidence(draft: Draft) -> Iterator[str]:
    yield "[tenants.evidence]  # who approves machines and signs for the whole archive"
    yield f"# As `archiver keys generate admin --name {draft.tenant} --to admin.key` prints it."
    yield _may("admin_keys", draft.admin_keys, example=("admin/…",))
    yield ""


def _schedule(draft: Draft) -> Iterator[str]:
    if draft.schedule:
        yield "[schedule]  # how often the daemon does what, in seconds"
        yield from (_line(key, value) for key, value in draft.schedule.items())
