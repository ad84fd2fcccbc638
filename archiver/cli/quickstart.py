"""``archiver quickstart``: the whole job once, on this machine, with nothing to set up."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option
from archiver.cli.output import note, print_json, say
from archiver.cli.times import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from archiver.archive.restore import Restored
    from archiver.cli.tour import Step
    from archiver.daemon.machine import Machine
    from archiver.evidence.keys import SigningKey
    from archiver.quickstart.place import QuickstartFolder

__all__ = ["quickstart"]


@click.command(
    epilog=examples(
        "archiver quickstart",
        "archiver quickstart --dir ./look",
        "archiver quickstart --from-this-machine",
    )
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    show_default="in the user's data folder",
    help="Put everything into this folder, which is made.",
)
@click.option(
    "--from-this-machine",
    "real",
    is_flag=True,
    help="Read the assistants' conversations in your home instead of the bundled samples.",
)
@json_option
def quickstart(directory: Path | None, *, real: bool, as_json: bool) -> int:
    """See the whole job done once, on this machine.

    Discovers, collects, seals, ships into a folder that stands for the bucket, vouches for the
    device as its admin would, verifies, and restores one conversation. Needs no network, no
    credentials and no policy of yours, and may be repeated: what is new is added, nothing is
    removed.
    """
    from archiver.daemon.machine import Machine  # noqa: PLC0415 - --help needs none of it
    from archiver.quickstart.document import put_policy  # noqa: PLC0415
    from archiver.quickstart.place import QuickstartFolder  # noqa: PLC0415

    began = time.monotonic()
    root = Path(os.path.abspath(directory or _default_folder(real=real)))  # noqa: PTH100 - ".." goes
    folder = QuickstartFolder(root, "this machine" if real else "samples")
    this = Machine.this()
    folder.claim()
    admin = folder.put_admin()
    put_policy(folder, admin.public)
    if real:
        note(
            f"Reads the conversations of AI coding assistants in {this.home}, and copies them to"
            f" {folder.root}. Nothing leaves this machine, and their files are not changed."
        )
        machine = this
    else:
        folder.put_samples()
        machine = Machine(folder.home, this.platform, this.os_user)
    made, restored = _walk(folder, machine, admin, show=not as_json)
    ok = all(step.ok for step in made)
    commands = _commands(folder, restored) if restored and ok else {}
    if as_json:
        print_json(_json(folder, machine, made, restored, commands))
    elif restored and ok:
        _sum_up(folder, machine, restored, commands)
        say(f"It took {time.monotonic() - began:.1f} s.")
    elif ok and any(step.name == "restore" for step in made):
        say("Done. The policy seals what is captured, so nothing was restored here.")
        note(f"  → {_quoted('archiver', 'ls', '--archive', str(folder.archive))} --identity FILE")
    elif ok:
        say(f"Nothing was found to show it with in {machine.home}.")
        note("  → `archiver quickstart` without --from-this-machine brings samples along.")
    else:
        look = _quoted("archiver", *_verify(folder))
        note(f"  → What was read is not lost. See what the archive holds:  {look}")
    return ExitCode.DONE if ok else ExitCode.ATTENTION


def _default_folder(*, real: bool) -> Path:
    import platformdirs  # noqa: PLC0415 - --dir does not need it

    data = Path(platformdirs.user_data_dir("archiver", appauthor=False))
    return data / ("quickstart-this-machine" if real else "quickstart")


def _walk(
    folder: QuickstartFolder, machine: Machine, admin: SigningKey, *, show: bool
) -> tuple[list[Step], Restored | None]:
    from archiver.capture.reader_pool import ReaderPool  # noqa: PLC0415 - --help needs none
    from archiver.cli.session import KNOWN_ASSISTANTS, session  # noqa: PLC0415
    from archiver.cli.tour import Tour  # noqa: PLC0415
    from archiver.daemon.rules import Rules  # noqa: PLC0415
    from archiver.policy.load import load  # noqa: PLC0415
    from archiver.quickstart.document import check_policy  # noqa: PLC0415

    policy = load(folder.policy, known_assistants=KNOWN_ASSISTANTS).policy
    check_policy(policy, folder)
    made = []
    with session(folder.policy, folder.state, machine, readers=ReaderPool(), own=True) as engine:
        tour = Tour(folder, engine, Rules.of(policy), admin)
        for step in tour.walk():
            made.append(step)
            if show:
                say(f"{'ok  ' if step.ok else 'FAIL'}  {step.name:<8}  {step.said}")
    return made, tour.restored


def _verify(folder: QuickstartFolder) -> tuple[str, ...]:
    archive, admin = str(folder.archive), str(folder.admin_public)
    return ("verify", "--read-data", "--archive", archive, "--admin-key", admin)


def _commands(folder: QuickstartFolder, restored: Restored) -> dict[str, str]:
    """Give commands that work when they are pasted, each with what it is for."""
    archive = ("--archive", str(folder.archive))
    row = restored.conversation
    at = shown(max(one.file.observed_at for one in restored.written))
    to = str(folder.root / f"as-of-{at.replace(':', '')}")
    lines = [
        (("ls", *archive), "what is there"),
        (("show", row.id, *archive), "what was said"),
        (("restore", row.id, "--at", at, "--to", to, *archive), "the files as they were then"),
        (_verify(folder), "complete and undamaged, and who says so?"),
        (("status", "--state", str(folder.state)), "what the daemon says of itself"),
    ]
    if folder.reads == "samples":
        change = "change a file in home/ first: the archive keeps both states"
        lines += [
            (("quickstart", "--dir", str(folder.root)), change),
            (("quickstart", "--from-this-machine"), "the same with this machine's conversations"),
        ]
    return {_quoted("archiver", *words): why for words, why in lines}


def _quoted(*words: str) -> str:
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _json(
    folder: QuickstartFolder,
    machine: Machine,
    made: list[Step],
    restored: Restored | None,
    commands: Iterable[str],
) -> dict[str, object]:
    return {
        "dir": folder.root,
        "reads": machine.home,
        "policy": folder.policy,
        "admin_key": folder.admin_public,
        "state": folder.state,
        "archive": folder.archive,
        "restored": restored.folder if restored else None,
        "conversation": restored.conversation.id if restored else None,
        "steps": made,
        "next": list(commands),
    }


def _sum_up(
    folder: QuickstartFolder, machine: Machine, restored: Restored, commands: Mapping[str, str]
) -> None:
    say()
    say("Done. Nothing has left this machine; everything lies here:")
    say(f"  conversations  {machine.home}")
    say(f"  policy         {folder.policy}")
    say(f"  admin's key    {folder.admin_public} (its private half: {folder.admin_key.name})")
    say(f"  spool          {folder.state}")
    say(f"  archive        {folder.archive}")
    say(f"  restored       {restored.folder}")
    say()
    say("What to type next:")
    for command, why in commands.items():
        say(f"  # {why}")
        say(f"  {command}")
    say()
    say(
        "For work, make a policy with `archiver policy init`, check it with `archiver doctor`, and"
        " have it run with `archiver service install`."
    )
