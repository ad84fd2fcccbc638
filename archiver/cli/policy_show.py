"""``archiver policy show|diff|schema``: a policy for those who do not write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import default_policy, examples, json_option
from archiver.cli.output import note, print_json, say

if TYPE_CHECKING:
    from archiver.policy.changes import Change
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.words import Passage

__all__ = ["diff", "schema", "show"]

_FILE: Final = click.Path(path_type=Path)
_PLAIN: Final = (".toml", ".json")


@click.command(
    epilog=examples(
        "archiver policy show",
        "archiver policy show new.toml",
        "archiver policy show --json | jq '.policy.tenants[].retention'",
    )
)
@click.argument("file", type=_FILE, required=False, metavar="[FILE]")
@json_option
def show(file: Path | None, *, as_json: bool) -> None:
    """Say in plain words what is captured, where it goes and how long it stays.

    Without FILE it is the policy in force on this machine. No secret is shown. Of a signed
    policy that is named, the signature is not checked: `archiver policy validate` does that.
    """
    from archiver.cli.session import load_policy  # noqa: PLC0415 - --help needs none of it
    from archiver.policy.words import explained, without_secrets  # noqa: PLC0415

    loaded = _read(file) if file else load_policy(default_policy())
    passages = explained(loaded.policy)
    if as_json:
        print_json(
            {
                "path": loaded.path,
                "fingerprint": loaded.fingerprint,
                "policy": without_secrets(loaded.policy),
                "words": passages,
            }
        )
        return
    say(f"{loaded.path} (sha256 {loaded.fingerprint[:16]}…)")
    before: object = loaded
    for passage in passages:
        if passage.tenant != before:
            say()
            say(passage.tenant or "Every tenant")
            before = passage.tenant
        _say_passage(passage)


def _say_passage(passage: Passage) -> None:
    width = len("attributed to")
    say(f"  {passage.about.ljust(width)}  {passage.sentences[0]}")
    for sentence in passage.sentences[1:]:
        say(f"  {'':{width}}  {sentence}")


@click.command(
    epilog=examples(
        "archiver policy diff policy.toml new.toml",
        "archiver policy diff policy.toml new.toml --json | jq '.[] | select(.weaker)'",
    )
)
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@json_option
def diff(old: Path, new: Path, *, as_json: bool) -> int:
    """Say what another policy would change.

    Exits with 0 where both mean the same, else with 1. A change that captures less, keeps for
    less long, locks less or lets more people read is marked with `weaker`.
    """
    from archiver.policy.changes import changes  # noqa: PLC0415 - --help needs none of it

    found = changes(_read(old).policy, _read(new).policy)
    if as_json:
        print_json(found)
    elif found:
        _say_changes(found)
    else:
        say("Both mean the same.")
    return ExitCode.ATTENTION if found else ExitCode.DONE


def _say_changes(found: tuple[Change, ...]) -> None:
    path = None
    for change in found:
        if change.path != path:
            path = change.path
            say(path)
        if change.before is not None:
            say(f"  - {change.before}")
        if change.after is not None:
            say(f"  + {change.after}")
        say(f"  {'! weaker: ' if change.weaker else '= '}{change.means}")
    weaker = sum(change.weaker for change in found)
    note(f"{len(found)} changes, {weaker} of them weaker")


def _read(path: Path) -> LoadedPolicy:
    """Read a policy, plain or signed, whoever signed it."""
    from archiver.cli.session import KNOWN_ASSISTANTS  # noqa: PLC0415 - --help needs none of it
    from archiver.evidence import policies  # noqa: PLC0415
    from archiver.policy.load import load, understood  # noqa: PLC0415
    from archiver.policy.reading import read  # noqa: PLC0415

    if path.suffix.lower() in _PLAIN:
        return load(path, known_assistants=KNOWN_ASSISTANTS)
    signed = policies.read(read(path, policies.MAX_BYTES))
    body = signed.document.encode()
    return understood(path, body, f".{signed.format}", known_assistants=KNOWN_ASSISTANTS)


@click.command(
    epilog=examples(
        "archiver policy schema --to policy.schema.json",
        "archiver policy schema | jq '.\"$defs\" | keys'",
    )
)
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
def schema(to: Path | None) -> None:
    """Print the JSON Schema of the policy, for editors.

    A TOML editor reads it where the policy begins with `#:schema ./policy.schema.json`, one of
    JSON where its first key is "$schema": "./policy.schema.json".
    """
    from archiver.policy.schema import written  # noqa: PLC0415 - --help needs none of it

    text = written()
    if to is None:
        print(text, end="")
        return
    from archiver.durable import files  # noqa: PLC0415

    files.replace(to, text.encode())
    note(f"  → For a TOML editor let the policy begin with: #:schema ./{to.name}")
