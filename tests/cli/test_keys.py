"""``archiver keys``: officers' keys, and the month keys that they open."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laptop import month_keys, read_archive
from sealedworld import CANARY, CHAT, World

from archiver.vault import age
from archiver.vault.layout import parse_vault_key
from archiver.vault.months import officers_id
from archiver.vault.officers import read_identities

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a company with one developer who said something in each of two months."""
    world = World(tmp_path)
    world.say("in January")
    world.say("in February", at="2026-02-01T09:00:00.000Z")
    world.sync()
    return world


def identity(world: World, name: str) -> str:
    """Give an officer's private key."""
    (found,) = read_identities(world.key(name).read_bytes())
    return found


class TestGenerateOfficer:
    """A key pair for the one who may read."""

    def test_the_recipient_is_printed_and_the_private_half_is_in_the_file_only(
        self, world: World
    ) -> None:
        """With what to do with it; the file is its user's only."""
        path = world.root / "new.key"
        said = world.archiver("keys", "generate", "officer", "--to", path)
        assert said.code == 0
        (private,) = read_identities(path.read_bytes())
        assert said.out == f"{age.recipient_of(private)}\n"
        assert private not in said.out + said.err
        assert f'officers = ["{said.out.strip()}"' in said.err
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name != "posix"

    def test_a_key_never_replaces_a_file(self, world: World) -> None:
        """Whoever lost it would lose everything sealed to it."""
        before = world.key("ada").read_bytes()
        said = world.archiver("keys", "generate", "officer", "--to", world.key("ada"))
        assert (said.code, said.out) == (3, "")
        assert "already" in said.err
        assert world.key("ada").read_bytes() == before

    def test_a_passphrase_comes_from_standard_input_and_locks_the_file(self, world: World) -> None:
        """There is no option that takes one; what reads the file asks for it."""
        path = world.root / "locked.key"
        words = ("keys", "generate", "officer", "--to", path, "--passphrase")
        assert world.archiver(*words).code == 64
        assert not path.exists()
        said = world.archiver(*words, typed="correct horse\n")
        assert said.code == 0
        assert path.read_bytes().startswith(age.HEADER)
        world.officers["eve"] = said.out.strip()
        world.decide("eve")
        world.say("later")
        world.sync()
        listing = ("keys", "list", "--json", "--identity", path)
        opened = world.archiver(*listing, typed="correct horse\n").json["keys"]
        assert [one["access"] for one in opened].count("opens") == 1
        assert world.archiver(*listing, typed="wrong\n").code == 3
        assert world.archiver(*listing).code == 64


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudoterminals")
class TestAtATerminal:
    """Somebody is there to be asked."""

    def test_a_new_passphrase_is_asked_for_twice_and_not_echoed(self, world: World) -> None:
        """Two that differ are asked for again."""
        path = world.root / "typed.key"
        words = ("keys", "generate", "officer", "--to", path, "--passphrase")
        code, seen = at_a_terminal(world, words, ["one", "other", "horse", "horse"])
        assert code == 0
        assert "horse" not in seen
        words = ("keys", "list", "--identity", path)
        code, seen = at_a_terminal(world, words, ["horse"])
        assert (code, "Passphrase of" in seen, "closed" in seen) == (0, True, True)

    @pytest.mark.parametrize(("answer", "code"), [("n", 130), ("y", 0)])
    def test_an_export_asks_what_it_means(self, world: World, answer: str, code: int) -> None:
        """A no writes nothing."""
        path = world.root / "month.key"
        words = ("keys", "export", "--month", "2026-01", "--identity", world.key("ada"))
        said, seen = at_a_terminal(world, (*words, "--to", path), [answer])
        assert "for ever, also after an erasure" in " ".join(seen.split())
        assert (said, path.exists()) == (code, answer == "y")


def at_a_terminal(world: World, words: Sequence[object], typed: list[str]) -> tuple[int, str]:
    """Run a command line at a terminal of its own; give its exit code and what was seen."""
    import pty  # noqa: PLC0415 - not there on Windows

    process, terminal = pty.fork()
    if process == 0:
        os.environ |= {"HOME": str(world.home), "ARCHIVER_CONFIG": str(world.policy)}
        os.environ["PYTHONPATH"] = str(REPOSITORY)
        os.execv(sys.executable, [sys.executable, "-m", "archiver", *map(str, words)])
    seen = b""
    with os.fdopen(terminal, "r+b", buffering=0) as screen, contextlib.suppress(OSError):
        while data := screen.read(4096):
            seen += data
            if data.rstrip().endswith(b":") and typed:
                screen.write(typed.pop(0).encode() + b"\n")
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), seen.decode()


class TestList:
    """What the vault holds."""

    def test_each_month_key_stands_with_its_officers(self, world: World) -> None:
        """Without any private key; nothing is tried."""
        said = world.archiver("keys", "list", "--json")
        assert said.code == 0
        first, second = said.json["keys"]
        assert [first["month"], second["month"]] == ["2026-01", "2026-02"]
        known = officers_id(world.officers.values())
        assert first["officers"] == [known]
        assert (first["current"], first["access"]) == (True, "untried")
        table = world.archiver("keys", "list").out.splitlines()
        assert len(table) == 3
        assert f"{known}*" in table[1]
        assert first["key_id"] in table[1]

    def test_an_identity_says_which_it_opens(self, world: World) -> None:
        """An officer's all, a stranger's none."""
        world.hire("eve")
        for name, access in (("bob", "opens"), ("eve", "closed")):
            said = world.archiver("keys", "list", "--json", "--identity", world.key(name))
            assert said.code == 0
            assert {one["access"] for one in said.json["keys"]} == {access}

    def test_filters_narrow_it(self, world: World) -> None:
        """By month, by person; a month that is none is a mistake."""
        said = world.archiver("keys", "list", "--json", "--month", "2026-02")
        assert [one["month"] for one in said.json["keys"]] == ["2026-02"]
        nobody = world.archiver("keys", "list", "--subject", "0" * 32)
        assert (nobody.code, nobody.out) == (0, "The vault has no month key that fits.\n")
        assert world.archiver("keys", "list", "--month", "2026-13").code == 64

    def test_a_damaged_wrap_is_told_by_its_name(self, world: World) -> None:
        """Exit code 1: somebody altered it."""
        wrap = world.wraps()[0]
        (world.bucket / wrap).write_bytes(b"noise")
        said = world.archiver("keys", "list", "--json", "--identity", world.key("ada"))
        assert said.code == 1
        assert said.json["damaged"] == [wrap]
        assert said.json["keys"][0]["access"] == "damaged"

    def test_keys_that_the_policys_officers_cannot_open_are_counted(self, world: World) -> None:
        """With the command that changes it."""
        world.hire("eve")
        world.decide("ada", "eve")
        said = world.archiver("keys", "list")
        assert "2 keys are not wrapped for the officers" in said.err
        assert "keys rewrap" in said.err


class TestRewrap:
    """An officer joins, or leaves."""

    def test_who_joined_can_open_what_was_before(self, world: World) -> None:
        """New wraps beside the old ones, which stay, byte for byte."""
        world.hire("eve")
        world.decide("ada", "eve")
        before = world.objects()
        said = world.archiver("keys", "rewrap", "--identity", world.key("ada"))
        assert said.code == 0
        assert said.out == "2 keys wrapped anew, 0 were wrapped for them already.\n"
        assert "2 wraps for other officers stay" in said.err
        after = world.objects()
        assert {key: after[key] for key in before} == before
        assert len(after) == len(before) + 2
        assert len(month_keys(world.bucket, identity(world, "eve"))) == 2
        read_archive(world.bucket, whole=False, identity=identity(world, "eve"))
        report = world.archiver("verify", "--json", "--read-data").json
        codes = [one["code"] for one in report["findings"]]
        assert sorted(codes) == ["key-not-listed", "key-not-listed", "registry-missing"]

    def test_run_again_it_adds_nothing(self, world: World) -> None:
        """So a command that was broken off is just repeated."""
        world.hire("eve")
        world.decide("ada", "eve")
        words = ("keys", "rewrap", "--json", "--identity", world.key("ada"))
        assert len(world.archiver(*words).json["added"]) == 2
        again = world.archiver(*words)
        assert (again.code, again.json["added"], len(again.json["had"])) == (0, [], 2)
        assert sorted(again.json["before"]) == sorted(
            key for key in world.wraps() if officers_id_of(key) != policys(world)
        )

    def test_who_cannot_open_a_key_cannot_wrap_it(self, world: World) -> None:
        """Exit code 1, each key by name, and nothing is stored."""
        world.hire("eve")
        world.decide("ada", "eve")
        before = world.objects()
        said = world.archiver("keys", "rewrap", "--identity", world.key("eve"))
        assert said.code == 1
        assert said.err.count("not for this officer") == 2
        assert world.objects() == before
        assert world.archiver("keys", "rewrap").code == 64

    def test_recipients_may_come_from_a_file_and_the_archive_from_a_folder(
        self, world: World
    ) -> None:
        """As for age -R; a line that is none is named by its number."""
        world.hire("eve")
        listed = world.root / "officers.txt"
        listed.write_text(f"# the new board\n{world.officers['eve']}\n")
        folder = ("--archive", world.bucket, "--identity", world.key("bob"))
        said = world.archiver("keys", "rewrap", *folder, "--officers-file", listed)
        assert said.code == 0, said.err
        assert len(month_keys(world.bucket, identity(world, "eve"))) == 2
        assert "--officers-file" in world.archiver("keys", "rewrap", *folder).err
        listed.write_text("# none\nage1nonsense\n")
        wrong = world.archiver("keys", "rewrap", *folder, "--officers-file", listed)
        assert (wrong.code, "line 2" in wrong.err) == (3, True)

    def test_a_damaged_wrap_does_not_count_as_one(self, world: World) -> None:
        """Where a sound one is beside it, the key is wrapped anew."""
        world.hire("eve")
        world.decide("ada", "eve")
        words = ("keys", "rewrap", "--json", "--identity", world.key("ada"), "--month", "2026-01")
        (added,) = world.archiver(*words).json["added"]
        (world.bucket / added).write_bytes(b"noise")
        said = world.archiver(*words)
        assert (said.code, said.json["damaged"]) == (1, [added])
        assert len(said.json["added"]) == 1
        assert len(month_keys_of(world, "eve")) == 1


class TestRotation:
    """Devices use new keys when the officers change."""

    def test_chunks_after_a_change_are_sealed_to_a_new_key(self, world: World) -> None:
        """Same month, other key; each officer opens what is his."""
        world.hire("eve")
        world.decide("bob", "eve")
        world.say("after the change")
        world.sync()
        keys = world.archiver("keys", "list", "--json").json["keys"]
        january = [one for one in keys if one["month"] == "2026-01"]
        assert len({one["key_id"] for one in january}) == 2
        assert sorted(one["current"] for one in january) == [False, True]
        counts = {}
        for name in ("ada", "bob", "eve"):
            shown = world.archiver("show", CHAT, "--json", "--identity", world.key(name))
            counts[name] = len(shown.json["turns"])
        assert counts == {"ada": 2, "bob": 3, "eve": 1}


class TestExport:
    """Months in clear, for somebody who shall read them."""

    def test_the_file_opens_its_month_and_no_other(self, world: World) -> None:
        """By archiver's own commands, without the officer's key."""
        path = world.root / "january.key"
        said = world.archiver(
            "keys", "export", "--identity", world.key("ada"), "--month", "2026-01",
            "--to", path, "--yes",
        )  # fmt: skip
        assert said.code == 0, said.err
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name != "posix"
        shown = world.archiver("show", CHAT, "--json", "--identity", path)
        assert [turn["text"] for turn in shown.json["turns"]] == [f"{CANARY} in January"]

    def test_it_asks_first_and_a_no_writes_nothing(self, world: World) -> None:
        """Who has the file reads it for ever; without a terminal only --yes is a yes."""
        path = world.root / "month.key"
        words = ("keys", "export", "--identity", world.key("ada"), "--month", "2026-01")
        said = world.archiver(*words, "--to", path)
        assert (said.code, path.exists()) == (64, False)

    def test_a_conversation_names_its_months(self, world: World) -> None:
        """Both here, and not that in which only another conversation lies."""
        other = world.transcript.with_name("another.jsonl")
        said = {"type": "user", "timestamp": "2026-03-01T09:00:00.000Z", "message": "x"}
        other.write_text(json.dumps(said) + "\n")
        world.sync()
        assert len(world.wraps()) == 3
        path = world.root / "case.key"
        words = ("keys", "export", "--identity", world.key("ada"), "--to", path, "--yes")
        assert world.archiver(*words, "--conversation", CHAT).code == 0
        assert len(read_identities(path.read_bytes())) == 2
        assert world.archiver("show", CHAT, "--json", "--identity", path).code == 0

    def test_what_is_meant_must_be_said(self, world: World) -> None:
        """No key of everything by a slip, and none without an officer's."""
        to = ("--to", world.root / "all.key", "--yes")
        assert world.archiver("keys", "export", "--identity", world.key("ada"), *to).code == 64
        assert world.archiver("keys", "export", "--month", "2026-01", *to).code == 64
        assert not (world.root / "all.key").exists()

    def test_who_cannot_open_a_key_exports_none(self, world: World) -> None:
        """Nor is a file written, or another one replaced."""
        world.hire("eve")
        path = world.root / "x.key"
        words = ("keys", "export", "--month", "2026-01", "--yes", "--to")
        said = world.archiver(*words, path, "--identity", world.key("eve"))
        assert (said.code, path.exists()) == (3, False)
        nothing = world.archiver(
            "keys", "export", "--month", "2020-01", "--yes", "--to", path,
            "--identity", world.key("ada"),
        )  # fmt: skip
        assert (nothing.code, path.exists()) == (3, False)
        path.write_text("mine")
        said = world.archiver(*words, path, "--identity", world.key("ada"))
        assert (said.code, path.read_text()) == (3, "mine")


def officers_id_of(key: str) -> str:
    """Give the officers id in a wrap's name."""
    parsed = parse_vault_key(key)
    assert parsed is not None
    return parsed.officers


def policys(world: World) -> str:
    """Give the id of the officers in the policy."""
    tenant = json.loads(world.policy.read_text())["tenants"][0]
    return officers_id(tenant["sealing"]["officers"])


def month_keys_of(world: World, name: str) -> set[str]:
    """Give the ids of the keys that an officer opens, as `archiver keys list` tells it."""
    said = world.archiver("keys", "list", "--json", "--identity", world.key(name))
    return {one["key_id"] for one in said.json["keys"] if one["access"] == "opens"}
