"""Sealed to officers: what leaves the machine, what stays on it, and who can open which."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from laptop import (
    Laptop,
    assert_verified,
    line,
    month_keys,
    patched,
    read_archive,
    tenant_rules,
)
from msgspec.structs import replace
from vaults import Officer

from archiver.daemon import engine as engines
from archiver.durable import files
from archiver.evidence import note
from archiver.format import manifests as form
from archiver.format.times import rfc3339
from archiver.model.answers import Answer
from archiver.sealing import docket
from archiver.sealing.purge import purge_tenant
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.memory import MemoryStore
from archiver.vault import age
from archiver.vault.layout import parse_vault_key
from archiver.vault.months import officers_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.model.shipment import Manifest

CANARY = "zyzzyva-0c7d"
CHAT = f"{CANARY}-conversation"
MONTH = {"timestamp": "2026-01-31T09:00:00.000Z"}


def sealing_to(*officers: Officer, **more: Any) -> dict[str, Any]:
    """Give what a tenant's policy says of its officers."""
    return {"sealing": {"officers": [one.recipient for one in officers]}, **more}


@pytest.fixture
def sealed(tmp_path: Path, officer: Officer, other: Officer) -> Iterator[Laptop]:
    """Give a laptop whose tenant has two officers."""
    bucket = tmp_path / "bucket"
    laptop = Laptop(tmp_path, tenants=[tenant_rules("acme", bucket, **sealing_to(officer, other))])
    yield laptop
    laptop.halt()


def keys_since(laptop: Laptop, at: str, *officers: Officer) -> None:
    """Put a policy in force that uses no month key from before ``at``."""
    rules = sealing_to(*officers)
    rules["sealing"]["keys_since"] = at
    laptop.tenants[0] |= rules
    laptop.apply()


def speak(laptop: Laptop, *numbers: int, chat: str = CHAT, **more: object) -> None:
    """Append lines that name the canary, and look."""
    said = {**MONTH, "cwd": f"/home/dev/{CANARY}", "noise": CANARY, **more}
    laptop.append(laptop.claude(chat), b"".join(line(number, **said) for number in numbers))
    laptop.look()


def objects(bucket: Path) -> dict[str, bytes]:
    """Give every stored object."""
    return {
        path.relative_to(bucket).as_posix(): path.read_bytes()
        for path in sorted(bucket.rglob("*"))
        if path.is_file()
    }


def in_clear(body: bytes) -> bytes:
    """Give all that anybody can read in an object: its bytes, unpacked and base64 decoded."""
    found = [body]
    if body.startswith(b"\x28\xb5\x2f\xfd"):
        found.append(zstandard.ZstdDecompressor().decompress(body))
    found += [
        base64.b64decode(text[: len(text) // 4 * 4])
        for text in re.findall(rb"[A-Za-z0-9+/]{24,}", body)
    ]
    return b"\n".join(found)


def manifests(bucket: Path) -> list[Manifest]:
    """Read the manifests of a bucket in their order."""
    return [
        form.decode(note.read(path.read_bytes()).text)
        for path in sorted(bucket.rglob("_manifests/*/*.note"))
    ]


def everything_in(state: Path) -> bytes:
    """Give every byte that lies in a state folder."""
    return b"\n".join(path.read_bytes() for path in state.rglob("*") if path.is_file())


def listed_keys(bucket: Path) -> list[str]:
    """Give the id of the month key of every listed chunk, in the order of the chunks."""
    return [one.seal.key_id for each in manifests(bucket) for one in each.chunks if one.seal]


class TestWhatLeaves:
    """Nobody learns from the bucket what was said, or in which conversation."""

    def test_no_object_holds_a_word_a_conversation_or_an_assistant(self, sealed: Laptop) -> None:
        """Not in its bytes, not in its name, not in what can be unpacked of it."""
        speak(sealed, 1, 2)
        sealed.ship()
        stored = objects(sealed.bucket)
        assert len(stored) == 4  # the enrolment, the wrap, the chunk, the manifest
        for key, body in stored.items():
            for word in (CANARY, "claude", "sentence", "orders-api", "toolu"):
                assert word not in key
                assert word.encode() not in in_clear(body), (key, word)

    def test_unsealed_the_same_search_finds_them(self, laptop: Laptop) -> None:
        """So it would have seen them above."""
        speak(laptop, 1)
        laptop.ship()
        found = [
            key for key, body in objects(laptop.bucket).items() if CANARY.encode() in in_clear(body)
        ]
        assert any("class=" in key for key in found)
        assert any("_manifests" in key for key in found)

    def test_a_manifest_names_the_key_and_gives_its_index_to_the_officers_only(
        self, sealed: Laptop, officer: Officer
    ) -> None:
        """Counts, times and sizes stay in clear."""
        speak(sealed, 1, 2)
        sealed.ship()
        (manifest,) = manifests(sealed.bucket)
        (entry,) = manifest.chunks
        assert (entry.records, entry.conversations) == (2, ())
        assert entry.seal is not None
        ((key_id, identity),) = month_keys(sealed.bucket, officer.identity).items()
        assert entry.seal.key_id == key_id
        index = age.decrypt(base64.b64decode(entry.seal.index), (identity,))
        assert json.loads(index) == [{"assistant": "claude-code", "id": CHAT, "records": 2}]

    def test_a_chunk_has_the_month_key_as_its_only_recipient(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """An officer's own key opens no chunk, or erasing a month would erase nothing."""
        speak(sealed, 1)
        sealed.ship()
        (chunk,) = sealed.bucket.rglob("*.jsonl.zst.age")
        body = chunk.read_bytes()
        # Beside it only what age calls grease: a line that is nobody's, so that readers skip it.
        recipients = re.findall(rb"^-> (\S+)", body.split(b"\n---")[0], re.MULTILINE)
        assert [one for one in recipients if not one.endswith(b"-grease")] == [b"X25519"]
        for one in (officer, other):
            with pytest.raises(Exception, match="other keys"):
                age.decrypt(body, (one.identity,))

    def test_the_wrap_is_stored_before_any_chunk_that_needs_it(
        self, sealed: Laptop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While the store takes no wrap it gets no chunk either, and nothing is lost."""
        fault = Fault("put", Refuse(Answer.CREDENTIALS), nth=1, key=lambda key: "_keys/" in key)
        store = MemoryStore(FaultPlan((fault,)))
        monkeypatch.setattr(engines, "store_of", lambda _rules: store)
        speak(sealed, 1)
        sealed.ship()
        assert [key for key in store.objects if key.endswith(".zst.age")] == []
        sealed.ship()
        order = [key for key in store.objects if "_keys/" in key or key.endswith(".zst.age")]
        assert ["_keys/" in key for key in order] == [True, False]


class TestWhatStays:
    """The machine that writes cannot read."""

    def test_its_state_holds_no_private_key(self, sealed: Laptop, officer: Officer) -> None:
        """Neither the text of one nor its bytes, at any time; the public half is there."""
        for number in range(3):
            speak(sealed, number)
            sealed.seal()
        before = everything_in(sealed.state)
        sealed.ship()
        after = everything_in(sealed.state)
        ((_, identity),) = month_keys(sealed.bucket, officer.identity).items()
        for held in (before, after):
            assert b"AGE-SECRET-KEY" not in held.upper()
            assert secret_bytes(identity) not in held
            assert age.recipient_of(identity).encode() in held

    def test_a_sealed_chunk_that_waits_is_closed_already(self, sealed: Laptop) -> None:
        """The file that waits is the object that is shipped."""
        speak(sealed, 1)
        sealed.seal()
        (waits,) = (sealed.state / "sealed").rglob("*.jsonl.zst.age")
        body = waits.read_bytes()
        assert body.startswith(age.HEADER)
        sealed.ship()
        (stored,) = sealed.bucket.rglob(waits.name)
        assert stored.read_bytes() == body
        assert list((sealed.state / "sealed" / "acme").iterdir()) == []


class TestWhoOpens:
    """Officers, who come and go."""

    def test_either_officer_opens_everything(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """Alone, without the other and without the device."""
        speak(sealed, 1, 2)
        sealed.ship()
        speak(sealed, 3, timestamp="2026-02-01T09:00:00.000Z")
        sealed.ship()
        for one in (officer, other):
            (said,) = read_archive(sealed.bucket, identity=one.identity).logs.values()
            assert len(said) == 3
            assert len(month_keys(sealed.bucket, one.identity)) == 2

    def test_a_stranger_opens_nothing(self, sealed: Laptop) -> None:
        """Another key is no key."""
        speak(sealed, 1)
        sealed.ship()
        assert month_keys(sealed.bucket, age.generate()[0]) == {}

    def test_one_month_has_one_key_through_restarts_and_in_any_order_of_officers(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """The device remembers the public half; who stands first changes nothing."""
        speak(sealed, 1)
        sealed.ship()
        sealed.crash()
        sealed.tenants[0] |= sealing_to(other, officer)
        sealed.apply()
        speak(sealed, 2, timestamp="2026-01-05T00:00:00.000Z")
        sealed.ship()
        assert len(set(listed_keys(sealed.bucket))) == 1
        assert len(list(sealed.bucket.rglob("_keys/*/*/*.age"))) == 1

    def test_changed_officers_get_a_new_key_for_what_comes_after(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """Who left reads what was before, who came what is after, who stayed both."""
        joined = Officer(*age.generate())
        speak(sealed, 1)
        sealed.ship()
        sealed.tenants[0] |= sealing_to(other, joined)
        sealed.apply()
        speak(sealed, 2)
        sealed.ship()
        first, second = listed_keys(sealed.bucket)
        assert first != second
        held = [set(month_keys(sealed.bucket, one.identity)) for one in (officer, other, joined)]
        assert held == [{first}, {first, second}, {second}]
        wraps = [parse_vault_key(key) for key in objects(sealed.bucket) if "_keys/" in key]
        assert {key.officers for key in wraps if key} == {
            officers_id([officer.recipient, other.recipient]),
            officers_id([other.recipient, joined.recipient]),
        }
        (log,) = read_archive(sealed.bucket, identity=other.identity).logs.values()
        assert [one.position for one in log] == [0, 1]

    def test_after_keys_since_a_new_key_seals_what_comes_and_old_chunks_keep_theirs(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """What was sealed before goes on as it is; through restarts there is one new key."""
        speak(sealed, 1)
        sealed.seal()
        keys_since(sealed, rfc3339(sealed.clock()), officer, other)
        for number in (2, 3):
            speak(sealed, number)
            sealed.ship()
            sealed.crash()
        first, *later = listed_keys(sealed.bucket)
        assert len(set(later)) == 1
        assert first not in later
        (log,) = read_archive(sealed.bucket, identity=officer.identity).logs.values()
        assert [one.position for one in log] == [0, 1, 2]
        assert_verified(sealed.bucket)

    def test_a_key_that_was_made_while_the_clock_was_ahead_counts_no_more(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """It says that it is younger than the erasure; what it seals could be opened by nobody."""
        sealed.clock.sleep(30 * 86_400)
        speak(sealed, 1)
        sealed.ship()
        sealed.clock.sleep(-30 * 86_400)
        keys_since(sealed, rfc3339(sealed.clock()), officer, other)
        speak(sealed, 2)
        sealed.ship()
        first, second = listed_keys(sealed.bucket)
        assert first != second

    def test_a_time_that_is_still_to_come_makes_a_new_key_when_it_comes(
        self, sealed: Laptop, officer: Officer, other: Officer
    ) -> None:
        """The erasure may be announced before it is done."""
        announced = rfc3339(sealed.clock() + timedelta(days=1))
        keys_since(sealed, announced, officer, other)
        speak(sealed, 1)
        sealed.ship()
        speak(sealed, 2)
        sealed.ship()
        sealed.clock.sleep(2 * 86_400)
        speak(sealed, 3)
        sealed.ship()
        before, still, after = listed_keys(sealed.bucket)
        assert before == still
        assert after != before

    def test_a_sealed_archive_verifies_without_any_key(self, sealed: Laptop) -> None:
        """Signatures, chains and hashes are over what is stored."""
        speak(sealed, 1)
        sealed.ship()
        assert_verified(sealed.bucket)


class TestAfterDamage:
    """A machine that cannot open a chunk can still account for it."""

    @pytest.mark.parametrize("shipped", [False, True], ids=["wrap-waits", "wrap-is-stored"])
    def test_a_damaged_spool_gives_up_chunks_that_the_officers_still_open(
        self, sealed: Laptop, officer: Officer, *, shipped: bool
    ) -> None:
        """The docket beside each says what its row said, and carries the wrap that was not sent."""
        if shipped:
            speak(sealed, 0)
            sealed.ship()
        speak(sealed, 1, 2)
        sealed.seal()
        sealed.halt()
        (sealed.state / "spool.db").write_bytes(b"this is no database")
        for journal in sealed.state.glob("spool.db-*"):
            journal.unlink()
        sealed.start()
        assert sealed.opened is not None
        assert (bool(sealed.opened.set_aside), sealed.opened.recovered) == (True, 1)
        sealed.ship()
        found = read_archive(sealed.bucket, whole=False, identity=officer.identity)
        first = min(found.logs.values(), key=lambda log: log[0].observed_at)
        assert len(first) == 2 + shipped

    @pytest.mark.parametrize("hurt", ["damaged", "of another chunk"])
    def test_a_chunk_whose_docket_is_no_good_is_kept_in_quarantine(
        self, sealed: Laptop, hurt: str
    ) -> None:
        """It cannot be listed, so it is not shipped; its bytes stay."""
        speak(sealed, 1)
        sealed.seal()
        (chunk,) = (sealed.state / "sealed").rglob("*.zst.age")
        told = docket.read(chunk)
        if hurt == "damaged":
            docket.path_of(chunk).write_bytes(b"{")
        else:
            docket.write(chunk, replace(told, entry=replace(told.entry, sha256="0" * 64)))
        sealed.halt()
        (sealed.state / "spool.db").write_bytes(b"this is no database")
        for journal in sealed.state.glob("spool.db-*"):
            journal.unlink()
        sealed.start()
        assert (sealed.state / "quarantine" / "sealed" / chunk.name).exists()
        assert not chunk.exists()

    def test_a_purge_of_what_waits_goes_on_in_an_archive_that_is_whole(
        self, sealed: Laptop, officer: Officer
    ) -> None:
        """The device cannot count what it sealed; the docket can. Nothing stays behind."""
        speak(sealed, 1, 2)
        sealed.ship()
        speak(sealed, 3)
        sealed.seal()
        speak(sealed, 4)
        purge_tenant(sealed.engine.spool, "acme")
        assert list((sealed.state / "sealed" / "acme").iterdir()) == []
        assert sealed.engine.spool.backlog("acme").pending_chunks == 0
        sealed.apply()
        sealed.look()
        sealed.ship()
        found = read_archive(sealed.bucket, whole=False, identity=officer.identity)
        (log,) = found.logs.values()
        assert [one.position for one in log] == list(range(len(log)))
        last = found.states(f"{CHAT}.jsonl")[-1]
        assert last == sealed.claude(CHAT).read_bytes()

    @pytest.mark.parametrize("point", ["seal.packed", "seal.written", "seal.committed"])
    def test_a_crash_while_sealing_leaves_one_chunk_and_its_docket(
        self, sealed: Laptop, officer: Officer, point: str
    ) -> None:
        """No orphan of either stays, and the archive is as if nothing had happened."""
        speak(sealed, 1)

        def died(here: str) -> None:
            if here == point:
                raise SystemExit

        with patched(files, "observer", died), pytest.raises(SystemExit):
            sealed.seal()
        sealed.crash()
        sealed.seal()
        names = sorted(path.name for path in (sealed.state / "sealed" / "acme").iterdir())
        assert len(names) == 2
        assert names[1] == f"{names[0]}{docket.SUFFIX}"
        sealed.ship()
        assert len(read_archive(sealed.bucket, identity=officer.identity).chunks) == 1


def test_a_tenant_with_a_recipient_that_is_none_is_left_out_and_the_others_work(
    tmp_path: Path, officer: Officer
) -> None:
    """Better nothing captured than something that an officer cannot open; it is said by name."""
    mistyped = officer.recipient[:-1] + ("q" if officer.recipient[-1] != "q" else "p")
    bad = tenant_rules("bad", tmp_path / "bad", sealing={"officers": [officer.recipient, mistyped]})
    bad["conversations"] = {"working_directories": ["/b/**"]}
    good = tenant_rules("acme", tmp_path / "bucket", **sealing_to(officer))
    laptop = Laptop(tmp_path, tenants=[bad, good])
    speak(laptop, 1, cwd="/b/x", chat="cb")
    speak(laptop, 2, cwd="/a/x", chat="ca")
    laptop.ship()
    (problem,) = laptop.rules().problems
    assert problem.startswith("tenant bad: ")
    assert mistyped not in problem
    assert not (tmp_path / "bad").exists()
    found = read_archive(tmp_path / "bucket", identity=officer.identity)
    assert {one.conversation for one in found.records()} == {"ca"}
    laptop.halt()


def secret_bytes(identity: str) -> bytes:
    """Give the 32 bytes that the text of an age identity stands for (bech32)."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    number = 0
    data = identity.lower().rpartition("1")[2][:-6]
    for letter in data:
        number = number << 5 | alphabet.index(letter)
    return (number >> (len(data) * 5 - 256)).to_bytes(32, "big")
