"""The reading commands on a sealed archive: who opens what, and what the others are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sealedworld import CANARY, CHAT, World

if TYPE_CHECKING:
    from pathlib import Path

READ = ("--read-records",)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a company with two officers and one developer who said two things."""
    world = World(tmp_path)
    world.say("sentence one")
    world.sync()
    world.say("sentence two")
    world.sync()
    return world


def codes(report: Any) -> list[str]:
    """Give the codes of what a verification found, but that nobody vouches here."""
    return [one["code"] for one in report["findings"] if one["code"] != "registry-missing"]


class TestWithAnOfficersKey:
    """Either officer, alone."""

    @pytest.mark.parametrize("name", ["ada", "bob"])
    def test_everything_is_there(self, world: World, name: str) -> None:
        """Listed, shown, restored byte for byte, and every record verified."""
        mine = ("--identity", world.key(name))
        listed = world.archiver("ls", "--json", *mine).json["conversations"]
        assert [(one["conversation"], one["records"]) for one in listed] == [(CHAT, 2)]
        shown = world.archiver("show", CANARY, "--json", *mine)
        assert [one["text"] for one in shown.json["turns"]] == [
            f"{CANARY} sentence one",
            f"{CANARY} sentence two",
        ]
        done = world.archiver("restore", CANARY, "--to", world.root / "case", *mine)
        assert done.code == 0
        (file,) = (world.root / "case").rglob("*.jsonl")
        assert file.read_bytes() == world.transcript.read_bytes()
        report = world.archiver("verify", "--json", *READ, *mine).json
        assert (report["records"], report["read"], codes(report)) == (2, 2, [])

    def test_several_identities_may_be_given(self, world: World) -> None:
        """One that does not fit is no obstacle."""
        world.hire("eve")
        both = ("--identity", world.key("eve"), "--identity", world.key("bob"))
        assert CHAT in world.archiver("ls", *both).out


class TestWithoutAKey:
    """Whoever has the bucket and no key."""

    def test_ls_says_how_much_is_sealed_and_how_to_open_it(self, world: World) -> None:
        """Exit code 0: the archive is as it should be."""
        said = world.archiver("ls")
        assert (said.code, CHAT in said.out) == (0, False)
        assert "2 chunks are sealed to keys that were not given." in said.err
        assert "--identity FILE" in said.err

    @pytest.mark.parametrize("words", [("show",), ("restore", "--to", "case"), ("verify",)])
    def test_no_conversation_is_found_and_the_reason_is_told(
        self, world: World, words: tuple[str, ...]
    ) -> None:
        """Its very name is sealed; exit code 3, and how to open it."""
        name = ("--conversation", CHAT) if words[0] == "verify" else (CHAT,)
        said = world.archiver(words[0], *name, *words[1:])
        assert (said.code, said.out) == (3, "")
        assert "sealed" in said.err
        assert "--identity" in said.err

    def test_verify_reads_every_byte_and_leaves_the_records_closed(self, world: World) -> None:
        """Chains, hashes and signatures need no key; what was not opened is noted."""
        report = world.archiver("verify", "--json", "--read-data").json
        assert (report["read"], codes(report)) == (2, [])
        deep = world.archiver("verify", "--json", *READ).json
        assert set(codes(deep)) == {"chunk-closed"}
        assert deep["counts"]["invalid"] == deep["counts"]["missing"] == 0

    def test_a_flipped_byte_is_found_without_any_key(self, world: World) -> None:
        """Over the ciphertext."""
        chunk = next(world.bucket.rglob("*.zst.age"))
        body = bytearray(chunk.read_bytes())
        body[-1] ^= 1
        chunk.write_bytes(body)
        said = world.archiver("verify", "--json", "--read-data")
        assert said.code == 1
        assert codes(said.json) == ["chunk-altered"]


class TestWithAnothersKey:
    """An officer of another company, or a file that holds no key."""

    def test_nothing_opens_and_nothing_is_invented(self, world: World) -> None:
        """As without a key; verify says for whom it is not."""
        world.hire("eve")
        hers = ("--identity", world.key("eve"))
        said = world.archiver("ls", *hers)
        assert (said.code, CHAT in said.out) == (0, False)
        assert "2 chunks are sealed" in said.err
        assert world.archiver("show", CHAT, *hers).code == 3
        assert set(codes(world.archiver("verify", "--json", *READ, *hers).json)) == {"chunk-closed"}

    @pytest.mark.parametrize("body", [b"", b"hello\n", b"\xff\xfe", b"AGE-SECRET-KEY-1QQQ\n"])
    def test_a_file_without_a_key_is_refused_without_being_quoted(
        self, world: World, body: bytes
    ) -> None:
        """Exit code 3; so is one that is not there, or a folder."""
        path = world.root / "bad.key"
        path.write_bytes(body)
        said = world.archiver("ls", "--identity", path)
        assert (said.code, said.out) == (3, "")
        assert "QQQ" not in said.err
        assert world.archiver("ls", "--identity", world.root / "none.key").code == 3
        assert world.archiver("ls", "--identity", world.root).code != 0


class TestErased:
    """One person's month, whose wraps were destroyed."""

    def test_it_is_told_apart_from_what_is_only_closed(self, world: World) -> None:
        """Nobody opens it any more, the officers neither; other months stay."""
        world.say("in February", at="2026-02-01T09:00:00.000Z")
        world.sync()
        for wrap in (world.bucket).rglob("_keys/*/2026-01/*.age"):
            wrap.unlink()
        mine = ("--identity", world.key("ada"))
        said = world.archiver("ls", "--json", *mine)
        assert [one["records"] for one in said.json["conversations"]] == [1]
        assert "2 chunks can be opened by nobody" in said.err
        report = world.archiver("verify", "--json", "--read-data").json
        assert codes(report) == ["key-missing"]


class TestPartlySealed:
    """Officers were listed later: what is older lies there in clear."""

    def test_what_is_missing_from_what_is_shown_is_told(self, tmp_path: Path) -> None:
        """Nobody takes the older half for the whole."""
        world = World(tmp_path)
        world.decide()
        world.say("in clear")
        world.sync()
        world.decide("ada", "bob")
        world.say("sealed")
        world.sync()
        for command in ("show", "restore"):
            to = ("--to", tmp_path / "case") if command == "restore" else ()
            said = world.archiver(command, CHAT, *to)
            assert said.code == 0
            assert "1 chunks are sealed to keys that were not given." in said.err
        both = world.archiver("show", CHAT, "--json", "--identity", world.key("ada"))
        assert [one["text"] for one in both.json["turns"]] == [
            f"{CANARY} in clear",
            f"{CANARY} sealed",
        ]
        assert "sealed to keys" not in both.err
