"""The same answers from a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from signedpolicies import ADMIN, OTHER, Answers, serving, signed_policy

from archiver.distribution import apart
from archiver.distribution.apart import fetch_apart, verify_apart
from archiver.distribution.fetch import Fetched
from archiver.errors import Damaged, PolicyUnreachable
from archiver.evidence import policies

if TYPE_CHECKING:
    from pathlib import Path

KEYS = (ADMIN.public, OTHER.public)


def test_it_verifies_what_is_verified_here() -> None:
    """Whatever was signed by whom."""
    bodies = (
        signed_policy(1),
        signed_policy(1, keys=(OTHER, ADMIN)),
        signed_policy(1).replace(b"t1", b"t2"),
    )
    for body in bodies:
        assert verify_apart(body, KEYS) == policies.signing(body, KEYS)
    with pytest.raises(Damaged) as caught:
        verify_apart(b"rubbish", KEYS)
    assert caught.value.advice


def test_a_machine_that_starts_no_process_verifies_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lack of memory makes no policy unsigned."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "run", refuse)
    body = signed_policy(1)
    assert verify_apart(body, KEYS) == policies.signing(body, KEYS)


def test_a_process_that_dies_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is verified here then."""
    monkeypatch.setattr(apart, "_command", lambda _: (sys.executable, "-c", "raise SystemExit(1)"))
    assert verify_apart(signed_policy(1), KEYS).by == (str(ADMIN.public),)


def test_a_folder_that_calls_itself_archiver_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may have been started in any folder, a stranger's repository for instance."""
    package = tmp_path / "archiver" / "distribution"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    lie = f'{{"signing": {{"by": ["{ADMIN.public}"], "wrong": []}}}}'
    (package / "apart.py").write_text(f"print({lie!r})")
    monkeypatch.chdir(tmp_path)
    assert verify_apart(signed_policy(1, keys=(OTHER,)), (ADMIN.public,)).by == ()


async def test_it_fetches_what_is_fetched_here() -> None:
    """Body, ETag, 304 and errors."""
    with serving(Answers(signed_policy(1), etag='"1"')) as server:
        assert await fetch_apart(server.url, None) == Fetched(server.body, '"1"')
        assert await fetch_apart(server.url, '"1"') == Fetched(None, '"1"')
        server.status, server.etag = 503, None
        with pytest.raises(PolicyUnreachable, match="503"):
            await fetch_apart(server.url, None)


async def test_a_process_that_cannot_ask_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, or broken."""
    monkeypatch.setattr(apart, "_command", lambda _: (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(PolicyUnreachable) as caught:
        await fetch_apart("http://127.0.0.1:1/policy.signed", None)
    assert caught.value.advice


async def test_a_stop_ends_the_process_that_asks() -> None:
    """The daemon must be gone within five seconds, whatever a server does."""
    with serving(Answers(b"x" * 16 * 600, seconds=0.1)) as server:
        task = asyncio.create_task(fetch_apart(server.url, None))
        await asyncio.to_thread(server.begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
