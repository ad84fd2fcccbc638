"""A time from an authority: asked for once, checked before it is stored, and by strangers after."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from authority import TimestampAuthority, authority

from archiver.errors import ArchiverError, Damaged, EvidenceError, NotSigned, UnusableKey
from archiver.format.keys import Series, SeriesKey, parse_key
from archiver.witness.timestamps import Authority, stamped, times_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet import Fleet

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


@pytest.fixture(scope="module")
def _tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimestampAuthority]:
    with authority(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa


@pytest.fixture
def tsa(_tsa: TimestampAuthority) -> TimestampAuthority:
    """Give an authority that answers as it should."""
    _tsa.answer = None
    _tsa.asked = 0
    return _tsa


def newest(fleet: Fleet) -> tuple[SeriesKey, bytes]:
    """Give the last checkpoint as it is stored."""
    name = fleet.names("_checkpoints/")[-1]
    key = parse_key(name)
    assert isinstance(key, SeriesKey)
    return key, fleet.store.objects[name].body


async def stamp(fleet: Fleet, tsa: TimestampAuthority) -> bool:
    """Have it timestamped."""
    return await stamped(fleet.place, *newest(fleet), Authority(tsa.url, tsa.roots))


async def times(fleet: Fleet, roots: bytes) -> dict[int, datetime | ArchiverError]:
    """Check what is there."""
    key, body = newest(fleet)
    return await times_of(fleet.place, {key.seq: body}, roots)


async def test_a_checkpoint_is_timestamped_once(covered: Fleet, tsa: TimestampAuthority) -> None:
    """The time is the authority's; asking again asks nobody."""
    assert await stamp(covered, tsa)
    assert not await stamp(covered, tsa)
    assert tsa.asked == 1
    found = await times(covered, tsa.roots)
    at = found[1]
    assert isinstance(at, datetime)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


async def test_a_verification_knows_what_it_is(covered: Fleet, tsa: TimestampAuthority) -> None:
    """A timestamp is part of an archive."""
    await stamp(covered, tsa)
    (name,) = covered.names("_timestamps/")
    key = parse_key(name)
    assert isinstance(key, SeriesKey)
    assert (key.series, key.seq, str(key)) == (Series.TIMESTAMPS, 1, name)
    assert (await covered.report()).findings == ()


async def test_openssl_alone_checks_it(
    covered: Fleet, tsa: TimestampAuthority, tmp_path: Path
) -> None:
    """As FORMAT.md says; nothing of archiver is needed."""
    await stamp(covered, tsa)
    (tmp_path / "note").write_bytes(newest(covered)[1])
    (tmp_path / "tsr").write_bytes(covered.store.objects[covered.names("_timestamps/")[0]].body)
    words = ("-data", "note", "-in", "tsr", "-CAfile", str(tsa.roots_file))
    done = await asyncio.create_subprocess_exec("openssl", "ts", "-verify", *words, cwd=tmp_path)
    assert await done.wait() == 0


async def test_a_timestamp_of_other_bytes_is_told(covered: Fleet, tsa: TimestampAuthority) -> None:
    """Somebody moved it, or put another checkpoint in place."""
    await stamp(covered, tsa)
    found = await times_of(covered.place, {1: b"other"}, tsa.roots)
    assert isinstance(found[1], NotSigned)


async def test_a_timestamp_under_another_root_is_told(
    covered: Fleet, tsa: TimestampAuthority, tmp_path: Path
) -> None:
    """Anybody can run an authority."""
    await stamp(covered, tsa)
    with authority(tmp_path / "other") as other:
        found = await times(covered, other.roots)
    assert isinstance(found[1], NotSigned)


async def test_an_altered_timestamp_is_told(covered: Fleet, tsa: TimestampAuthority) -> None:
    """Wherever it was flipped; what is not signed, such as the status text, says no other time."""
    await stamp(covered, tsa)
    (name,) = covered.names("_timestamps/")
    right = (await times(covered, tsa.roots))[1]
    refused = 0
    whole = covered.store.objects[name].body
    for at in range(0, len(whole), 97):
        body = bytearray(whole)
        body[at] ^= 4
        covered.put(name, bytes(body))
        found = (await times(covered, tsa.roots))[1]
        assert isinstance(found, ArchiverError) or found == right
        refused += found != right
    assert refused > 5
    covered.put(name, whole[:-7])
    assert isinstance((await times(covered, tsa.roots))[1], Damaged)


class TestNothingIsStored:
    """Of an answer that does not hold."""

    @pytest.mark.parametrize("answer", [b"", b"nonsense", b"\x30\x03\x02\x01\x02", b"0" * 300_000])
    async def test_of_what_is_no_answer(
        self, covered: Fleet, tsa: TimestampAuthority, answer: bytes
    ) -> None:
        """Empty, a page of text, a refusal, or too much."""
        tsa.answer = answer
        with pytest.raises((Damaged, NotSigned)):
            await stamp(covered, tsa)
        assert covered.names("_timestamps/") == []

    async def test_of_an_answer_to_another_question(
        self, covered: Fleet, tsa: TimestampAuthority
    ) -> None:
        """An old one about the same bytes: its number is not ours."""
        await stamp(covered, tsa)
        (name,) = covered.names("_timestamps/")
        tsa.answer = covered.store.objects[name].body
        covered.drop(name)
        with pytest.raises(NotSigned, match="Nonce"):
            await stamp(covered, tsa)
        assert covered.names("_timestamps/") == []

    async def test_when_nobody_answers(self, covered: Fleet, tsa: TimestampAuthority) -> None:
        """The checkpoint stands; the next run asks again."""
        for url in ("http://127.0.0.1:9/", "ftp://127.0.0.1/", "http://[bad/"):
            with pytest.raises(EvidenceError, match="gave no answer"):
                await stamped(covered.place, *newest(covered), Authority(url, tsa.roots))
        assert await stamp(covered, tsa)

    async def test_without_a_root_certificate(
        self, covered: Fleet, tsa: TimestampAuthority
    ) -> None:
        """Nothing could be checked."""
        with pytest.raises(UnusableKey):
            await stamped(covered.place, *newest(covered), Authority(tsa.url, b"none"))
        assert covered.names("_timestamps/") == []
